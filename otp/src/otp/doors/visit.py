"""A visit: a connection through a door, and the hidden node with everything that serves it.

The hidden node exists for this one visitor. It ends with the connection, and with it all that the visitor started:
streams, traces, a backend. The visitor is confined to it, whatever else runs in the service.
"""

# What travels has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import platform
import secrets
import socket
from dataclasses import dataclass, field
from typing import Any, Final

from otp import standstill
from otp.behaviours.server.behaviour import impl
from otp.behaviours.server.gen_server import GenServer
from otp.distribution import Distribution, NodeId, Session, SessionTransport, Settings
from otp.distribution.carriers.stream import StreamCarrier
from otp.kernel.ends.mailbox import receive, reply
from otp.kernel.steps.calling import call
from otp.kernel.steps.node import Node
from otp.kernel.steps.signals import wait_down
from otp.kernel.values.messages import Is, NodeDown
from otp.kernel.values.pids import Pid
from otp.kernel.values.results import NoReply, Ok, Reply
from otp.observer.methods import Permission
from otp.observer.view_server import ViewOf, ViewServer

__all__ = ["PORTER", "PROTOCOL", "SETTINGS", "VIEW", "Behind", "receive_visitor"]

PROTOCOL: Final = 1
PORTER: Final = "door"
VIEW: Final = "view"
LAST_WORD: Final = "last_word"
"""The request that is answered when the door closes."""
COLLECTED: Final = "collected"
"""The request of a visitor that has read what it needs."""
CLOSING: Final = "closing"
COLLECT_S: Final = 2.0
"""Seconds that a closing door waits for its visitors; its backend still answers them."""
HANDSHAKE_S: Final = 10.0
"""Time in which a visitor has to prove that it has the token."""
SETTINGS: Final = Settings(heartbeat=2.0, dead=15.0)
"""The session's limits: a service may hold its loop for a while; the stream shows the end of its process."""

log: Final = logging.getLogger("otp.doors")


@dataclass(slots=True)
class Behind:
    """The service behind a door: the node, permissions, the secret, and the backend, if any."""

    node: Node
    permissions: tuple[Permission, ...]
    cookie: bytes
    backend: str | None
    porters: set[Pid] = field(default_factory=set[Pid])
    last_word: str | None = None
    """The reason why the door closes."""

    async def announce_end(self) -> None:
        """Tell all visitors why the door closes, and wait until they have collected what happened last."""
        told = (call(porter, CLOSING, COLLECT_S) for porter in self.porters)
        await asyncio.gather(*told, return_exceptions=True)


async def receive_visitor(behind: Behind, connection: socket.socket) -> None:
    """Serve a visitor that has the token; return when the visit has ended."""
    async with Node(f"door-{secrets.token_hex(6)}", hidden=True) as hidden:

        def refused(why: str) -> None:
            log.warning("a visitor was refused: %s", why)
            hidden.begin_close()

        porter = await hidden.start(Porter, (hidden, behind))
        view = await hidden.start(ViewServer, ViewOf(behind.node, behind.permissions))
        me = NodeId(hidden.name, secrets.randbits(31) + 1)
        transport = SessionTransport(
            StreamCarrier.over_socket(connection), Session(me, behind.cookie, SETTINGS), on_refused=refused
        )
        services = {PORTER: porter, VIEW: view}
        distribution = Distribution(hidden, transport, services=services, confined=True)
        visitor = hidden.spawn(_until_gone, distribution)
        behind.porters.add(porter)
        try:
            async with distribution:
                await wait_down(visitor)
        finally:
            behind.porters.discard(porter)


async def _until_gone(distribution: Distribution) -> None:
    distribution.monitor_nodes()
    try:
        async with standstill.timeout(HANDSHAKE_S):
            await receive()
    except TimeoutError:
        return
    await receive(Is(NodeDown))


class Porter(GenServer[Any]):
    """The server that describes the door's service, and starts a backend on request."""

    @impl
    def init(self, arg: tuple[Node, Behind]) -> Ok[Any]:
        """Begin with the service behind the door."""
        return Ok((arg, None, None, None))

    @impl
    async def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        """Answer `"hello"` with what a visitor may ask, and later why the door closes; refuse anything else."""
        (hidden, behind), facts, waits, closing = state
        if request == LAST_WORD:
            if closing is not None:  # it has asked a moment too late
                return Reply(("ok", behind.last_word), state)
            return NoReply(((hidden, behind), facts, caller, None))
        if request == CLOSING and facts is not None:
            if waits is not None:
                reply(waits, ("ok", behind.last_word))
            return NoReply(((hidden, behind), facts, None, caller))
        if request == COLLECTED and closing is not None:
            reply(closing, "ok")
        if request in (CLOSING, COLLECTED):
            return Reply("ok", state)
        if request != "hello":
            return Reply(("error", "expected 'hello'"), state)
        if facts is None:
            pid, why = await _backend(hidden, behind)
            facts = {
                "protocol": PROTOCOL,
                "node": behind.node.name,
                "creation": behind.node.creation,
                "permissions": behind.permissions,
                "os_pid": os.getpid(),
                "python": platform.python_version(),
                "backend": pid,
                "why": why,
            }
        return Reply(("ok", facts), ((hidden, behind), facts, waits, closing))


async def _backend(hidden: Node, behind: Behind) -> tuple[Pid | None, str | None]:
    """Start the backend on the hidden node; return its pid, or the reason why it did not start."""
    if behind.backend is None:
        return None, "the service offers no backend"
    module, _, function = behind.backend.partition(":")
    package = module.partition(".")[0]
    try:
        # A first import takes a second: not in the thread of the loop, which the service needs.
        found = await asyncio.to_thread(importlib.import_module, module)
        return await getattr(found, function)(hidden, behind.node, behind.permissions), None
    except ImportError as error:
        return None, f"{package} cannot be imported in the service: {error}"[:300]
    except Exception as error:
        log.exception("%s could not be started for a visitor", behind.backend)
        return None, f"{behind.backend} could not be started: {error!r}"[:300]
