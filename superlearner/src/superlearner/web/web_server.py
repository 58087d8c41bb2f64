"""The web server as a supervised process: kill it from its own page and it comes back.

uvicorn runs inside a process of ours, on a duplicate of the application's listening socket. Signals, the event loop
and the socket belong to the application. What uvicorn starts runs outside of any process (in a context of its own), so
that a request that is being answered survives the end of the process that accepted it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Generator
from contextvars import Context
from functools import partial
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp

import otp
from otp import GenServer, NoReply, Ok, Stop, impl
from superlearner.base.listening import BACKLOG, Listener
from superlearner.settings.settings import Settings
from superlearner.web.connections import Connections
from superlearner.web.http_connection import HttpConnection
from superlearner.web.server_sent import with_end
from superlearner.web.socket_connection import LARGEST_MESSAGE, SocketConnection

__all__ = ["Incarnation", "WebServer", "WebState"]

GRACE_S: Final = 2

ACCEPTED_AT_ONCE: Final = 16
"""Connections that are accepted in one turn of the loop. asyncio takes the same number for the length of the queue; and
where descriptors are short, it tries that often in a turn and reports each."""

FAREWELL_S: Final = 0.2
"""How long connections between two requests stay open when another server listens already.

HTTP/1.1 has no word for "send no more here" but an answer's `Connection: close`: a request that was on its way when its
connection was closed is lost, and most clients do not send it again (RFC 9112, section 9.5)."""


class Incarnation(uvicorn.Server):
    """One life of the server. It polls nothing and handles no signal."""

    def __init__(self, app: ASGIApp, listener: Listener, root_path: str, connections: Connections) -> None:
        http: Any = partial(HttpConnection, connections=connections)
        ws: Any = partial(SocketConnection, connections=connections)
        self._end = asyncio.Event()
        self._succeeded = False
        super().__init__(
            uvicorn.Config(
                with_end(app, self._end),
                http=http,
                ws=ws,
                ws_max_size=LARGEST_MESSAGE,
                ws_per_message_deflate=False,  # costs CPU for small frames and gains nothing on loopback
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                proxy_headers=False,  # the application looks at them, and knows whose word is taken
                root_path=root_path,
                timeout_graceful_shutdown=GRACE_S,
                reset_contextvars=True,
            )
        )
        self._listener = listener
        self._connections = connections
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Accept connections; returns when it does. Raises what uvicorn raised."""
        loop = asyncio.get_running_loop()
        self.task = loop.create_task(self._life(), context=Context())
        await asyncio.shield(self._ready)

    def end(self, *, succeeded: bool = False) -> None:
        """Begin to end: no new connections, answers in progress get `GRACE_S` seconds.

        Args:
            succeeded: Another server listens; requests that come meanwhile are answered, with `Connection: close`.
        """
        self._succeeded = succeeded
        self._end.set()

    async def ended(self) -> None:
        """Wait until it has ended."""
        if self.task is not None:
            await asyncio.wait([self.task])

    async def _life(self) -> None:
        try:
            await self.serve(sockets=[self._listener.duplicate()])
        except BaseException as error:
            if not self._ready.done():
                self._ready.set_exception(error)
            raise

    async def startup(self, sockets: Any = None) -> None:
        """As uvicorn's, with a limit for handshakes of TLS, of which it knows none; then say so."""
        loop = asyncio.get_running_loop()
        tls = self._listener.tls
        wait = self._connections.settings.head_timeout

        def connection() -> asyncio.Protocol:
            make: Any = self.config.http_protocol_class
            return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state, _loop=loop)

        self.servers = [
            await loop.create_server(
                connection,
                sock=one,
                backlog=ACCEPTED_AT_ONCE,
                ssl=tls,
                ssl_handshake_timeout=None if tls is None else wait,
                ssl_shutdown_timeout=None if tls is None else wait,
            )
            for one in sockets or ()
        ]
        for one in sockets or ():
            one.listen(BACKLOG)
        self.started = True
        if not self._ready.done():
            self._ready.set_result(None)

    async def main_loop(self) -> None:
        """Wait for the end instead of looking for it ten times a second."""
        await self.on_tick(0)
        await self._end.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's; with a successor, connections between two requests get a moment to hear of it."""
        if self._succeeded:
            for server in self.servers:
                server.close()
            await asyncio.sleep(FAREWELL_S)
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals belong to the application."""
        yield


class WebState:
    """What outlives one web server process: the app, the socket, and the incarnations that have not ended."""

    def __init__(self, app: ASGIApp, listener: Listener, settings: Callable[[], Settings], root_path: str = "") -> None:
        self.app = app
        self.listener = listener
        self.root_path = root_path
        self.connections = Connections(settings)
        self.incarnations: list[Incarnation] = []
        """Those that have not ended, oldest first; more than one while older ones finish their answers."""

    async def begin(self) -> Incarnation:
        """Open a new one, and end all older ones when it listens, so that there is always somebody who does."""
        older = list(self.incarnations)
        server = Incarnation(self.app, self.listener, self.root_path, self.connections)
        self.incarnations.append(server)
        try:
            await server.open()
        except BaseException:  # its process may be killed while it opens: then nobody else would end it
            server.end()
            raise
        finally:
            if server.task is None:
                self.incarnations.remove(server)
            else:
                server.task.add_done_callback(lambda _: self.incarnations.remove(server))
        for one in older:
            one.end(succeeded=True)
        return server

    def end(self) -> None:
        """End all of them."""
        for server in self.incarnations:
            server.end()


class WebServer(GenServer[Incarnation]):
    """The process. Its state is the incarnation; a killed one leaves it behind, and the next one ends it in order."""

    @impl
    async def init(self, web: WebState) -> Ok[Incarnation]:
        otp.process_flag("trap_exit", True)
        server = await web.begin()
        me = self.pid
        assert server.task is not None
        server.task.add_done_callback(lambda task: otp.send(me, ("server_ended", task)))
        return Ok(server)

    @impl
    def handle_info(self, message: Any, server: Incarnation) -> NoReply[Incarnation] | Stop:
        match message:
            case ("server_ended", task) if task is server.task:
                error = None if task.cancelled() else task.exception()
                return Stop(("web_server_ended", repr(error)))
            case otp.ExitSignal(_, reason):
                return Stop(reason)
            case _:
                return NoReply(server)

    @impl
    async def terminate(self, reason: Any, server: Incarnation) -> None:
        server.end()
        await server.ended()
