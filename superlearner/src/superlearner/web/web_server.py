"""The web server as a supervised process: kill it from its own page and it comes back.

uvicorn runs inside one of our processes, on a duplicate of the application's listening socket. Signals, the event loop
and the socket belong to the application. uvicorn's tasks run outside of any process (in a separate context), so a
request in progress survives the end of the process that accepted it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Generator, Iterable
from contextvars import Context
from functools import partial
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp

import otp
from otp import GenServer, NoReply, Ok, Stop, impl
from superlearner.base.listening import BACKLOG, Listener
from superlearner.settings.settings import Settings
from superlearner.web.connections import WebConnections, with_end
from superlearner.web.http_connection import HttpConnection
from superlearner.web.socket_connection import LARGEST_MESSAGE, SocketConnection

__all__ = ["Incarnation", "WebServer", "WebState", "stop_accepting"]

GRACE_S: Final = 2

ACCEPTED_AT_ONCE: Final = 16
"""Connections accepted per turn of the loop.

asyncio uses the same number for the length of the queue. When descriptors run out, it tries that often in a turn and
reports each failure."""

FAREWELL_S: Final = 0.2
"""Seconds that idle connections stay open when another server already listens.

HTTP/1.1 cannot tell a client to stop sending except by `Connection: close` in an answer: a request on its way to a
closed
connection is lost, and most clients do not repeat it (RFC 9112, section 9.5)."""


async def stop_accepting(sockets: Iterable[socket.socket]) -> None:
    """Accept no more connections, and let asyncio open those that it has accepted.

    If the server closed before, asyncio would drop them without closing them.
    """
    for one in sockets:
        asyncio.get_running_loop().remove_reader(one)
    await asyncio.sleep(0)  # its task creates the transport
    await asyncio.sleep(0)  # asyncio calls `connection_made`
    await asyncio.sleep(0)  # the task ends


class Incarnation(uvicorn.Server):
    """A run of the server, without polling and signal handlers."""

    def __init__(self, app: ASGIApp, listener: Listener, root_path: str, connections: WebConnections) -> None:
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
                ws_per_message_deflate=False,  # frames are compressed once for all viewers: see `shared_frames`
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                proxy_headers=False,  # the application handles them, with its list of trusted proxies
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
        """Start to listen and accept connections. Raises uvicorn's error if that fails."""
        loop = asyncio.get_running_loop()
        self.task = loop.create_task(self._life(), context=Context())
        await asyncio.shield(self._ready)

    def end(self, *, succeeded: bool = False) -> None:
        """Start to shut down: no new connections, `GRACE_S` for running answers.

        Args:
            succeeded: another server listens; requests that still arrive are answered with `Connection: close`.
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
        """Start as uvicorn does, with a limit for TLS handshakes; report that."""
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
        """Wait for the end, instead of polling for it ten times a second."""
        await self.on_tick(0)
        await self._end.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Shut down as uvicorn does, and leave no connection open; with a successor, idle connections first wait."""
        await stop_accepting(sockets or ())
        if self._succeeded:
            for server in self.servers:
                server.close()
            await asyncio.sleep(FAREWELL_S)
        if not self.server_state.connections and not self.server_state.tasks:  # uvicorn would wait a tenth of a second
            for server in self.servers:
                server.close()
            return
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):  # what has not ended within `GRACE_S`
            connection.transport.abort()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Install no handlers: signals belong to the application."""
        yield


class WebState:
    """The state that outlives a web server process."""

    def __init__(self, app: ASGIApp, listener: Listener, settings: Callable[[], Settings], root_path: str = "") -> None:
        self.app = app
        self.listener = listener
        self.root_path = root_path
        self.connections = WebConnections(settings)
        self.incarnations: list[Incarnation] = []
        """Servers that have not ended, oldest first."""

    async def begin(self) -> Incarnation:
        """Start a new server; end all older ones once it listens."""
        older = list(self.incarnations)
        server = Incarnation(self.app, self.listener, self.root_path, self.connections)
        self.incarnations.append(server)
        try:
            await server.open()
        except BaseException:  # its process may be killed while it opens: then nothing else would end it
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
        """End all servers."""
        for server in self.incarnations:
            server.end()


class WebServer(GenServer[Incarnation]):
    """The process; its state is the server.

    If it is killed, the next process shuts that server down.
    """

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
