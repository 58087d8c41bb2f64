"""`Visitor`: the client of a service's door."""

# What travels has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from otp import standstill
from otp.doors.place import Place, place_of
from otp.kernel.ends.mailbox import receive
from otp.kernel.steps.calling import call
from otp.kernel.steps.node import Node
from otp.kernel.values.errors import CallExit, Error
from otp.kernel.values.messages import Is, NodeDown, NodeUp
from otp.kernel.values.pids import Pid
from otp.observer.remote_view import RemoteView

if TYPE_CHECKING:
    from otp.distribution import Distribution
    from otp.distribution.carriers.stream import StreamCarrier

__all__ = ["DoorError", "Facts", "Visitor", "WrongToken", "connect"]

CONNECT_S: Final = 10.0
HELLO_S: Final = 30.0
"""Longer than usual: the service may import a backend first."""
LONGEST: Final = 300


class DoorError(Error):
    """A door that cannot be used; the text says why."""


class WrongToken(DoorError):
    """A door with another token than the given one."""


@dataclass(frozen=True, slots=True)
class Facts:
    """A service's description of itself: checked for its form, otherwise untrusted.

    Args:
        node, creation: the name and creation of the node behind the door.
        permissions: what a visitor may do.
        os_pid, python: the process id of the service, and its Python version.
        backend: the process that answers the pages of a platform; None without one.
        why: the reason why it has no backend.
    """

    node: str
    creation: int
    permissions: tuple[str, ...]
    os_pid: int
    python: str
    backend: Pid | None
    why: str | None


class Visitor:
    """A client: `async with Visitor(address, token) as visitor:` connects until it is left or the service ends.

    Args:
        address: the address given to `otp.observe`, as `place_of` parses it.
        token: the secret of the door.

    Raises `DoorError` if nothing listens there, `WrongToken` for another token, `ImportError` without msgspec.

    >>> import asyncio, otp
    >>> from otp.doors import Visitor
    >>> async def main():
    ...     async with otp.Node("shop") as node, otp.observe(node, backend=None) as door:
    ...         async with Visitor(door.record.address, door.record.token) as visitor:
    ...             return (await visitor.view.info()).name, visitor.facts.why
    >>> asyncio.run(main())
    ('shop', 'the service offers no backend')
    """

    def __init__(self, address: str, token: str) -> None:
        self._place = place_of(address)
        self._token = token
        self._node: Node | None = None
        self._distribution: Distribution | None = None
        self._up: asyncio.Future[str]
        self._gone = asyncio.Event()
        self.silent_since: float | None = None
        """The loop's time of the last sign of life, if the connection was lost because of the silence after it."""

        self.last_word: str | None = None
        """The reason why the service closed its door, if it gave one: untrusted."""
        self.collect: Callable[[], Awaitable[object]] | None = None
        """Called when the service closes its door, which waits for it briefly; its backend still answers."""
        self.facts: Facts
        self.view: RemoteView

    def __repr__(self) -> str:
        return f"<Visitor of {self._place}>"

    async def __aenter__(self) -> Visitor:
        try:
            await self._begin()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Disconnect; the service ends all that the visitor started."""
        node, self._node = self._node, None
        distribution, self._distribution = self._distribution, None
        if distribution is not None:
            await distribution.stop()
        if node is not None:
            await node.close()
        self._gone.set()

    async def gone(self) -> None:
        """Wait until the service, or the connection with it, has ended."""
        await self._gone.wait()

    async def _begin(self) -> None:
        try:
            from otp.distribution import Distribution, NodeId, Session, SessionTransport, ViewLink
            from otp.distribution.carriers.stream import StreamCarrier
            from otp.doors.visit import PORTER, SETTINGS, VIEW
        except ModuleNotFoundError as error:
            if error.name != "msgspec":
                raise
            raise ImportError("otp.doors needs msgspec; try: pip install msgspec") from None
        connection = await connect(self._place)
        self._up = asyncio.get_running_loop().create_future()
        node = self._node = await Node(f"visitor-{secrets.token_hex(6)}", hidden=True).__aenter__()
        session = Session(NodeId(node.name, secrets.randbits(31) + 1), self._token.encode(), SETTINGS)
        carrier = StreamCarrier.over_socket(connection)
        transport = SessionTransport(carrier, session, on_refused=self._refused)
        self._distribution = distribution = Distribution(node, transport, confined=True)
        node.spawn(self._watch, distribution, carrier)
        await distribution.start()
        try:
            async with standstill.timeout(CONNECT_S):
                there = await self._up
            porter = await distribution.whereis(PORTER, there)
            self.facts = _facts(await call(porter, "hello", HELLO_S), self._place)
        except TimeoutError:
            raise DoorError(
                f"{self._place} is not a socket of otp.observe(), or its service is blocked: "
                f"no reply within {CONNECT_S:g} s"
            ) from None
        except CallExit:
            if distribution.last_loss == "timeout":
                raise DoorError(f"the service at {self._place} stopped answering: its event loop may be held") from None
            raise DoorError(f"the service at {self._place} ended, or does not use otp.observe()") from None
        node.spawn(self._receive_last_word, porter)
        self.view = RemoteView(ViewLink(distribution, there, VIEW))

    async def _watch(self, distribution: Distribution, carrier: StreamCarrier) -> None:
        """Run a process that reports the node at the other end, and its end."""
        distribution.monitor_nodes()
        up = await receive(Is(NodeUp))
        if not self._up.done():
            self._up.set_result(up.node)
        await receive(Is(NodeDown))
        if distribution.last_loss == "timeout":
            self.silent_since = carrier.heard_at  # the session knows it to a heartbeat only
        self._gone.set()

    async def _receive_last_word(self, porter: Pid | None) -> None:
        """Run a process that waits for the last word of the service; one of an older version refuses at once."""
        from otp.doors.visit import COLLECTED, LAST_WORD

        with contextlib.suppress(CallExit):
            match await call(porter, LAST_WORD, "infinity"):
                case ("ok", str() | None as word):
                    self.last_word = None if word is None else word[:LONGEST]
                    if self.collect is not None:
                        await self.collect()
                    await call(porter, COLLECTED)
                case _:
                    pass

    def _refused(self, _why: str) -> None:
        if not self._up.done():
            self._up.set_exception(WrongToken(f"the door {self._place} has another token"))


async def connect(place: Place) -> socket.socket:
    """Return a connection to a door. Raises `DoorError` if nothing listens there."""
    connection = socket.socket(place.family, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        async with standstill.timeout(CONNECT_S):
            await asyncio.get_running_loop().sock_connect(connection, place.for_socket)
    except OSError as error:
        connection.close()
        # asyncio's own text repeats the address; the negative numbers of a resolver have a text of their own
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or "no answer"
        raise DoorError(f"nothing listens at {place} ({why}); is the service running, with otp.observe()?") from None
    except BaseException:
        connection.close()
        raise
    return connection


def _facts(answer: Any, place: Place) -> Facts:
    """Return the checked description of a service. Raises `DoorError`."""
    match answer:
        case ("ok", {
            "protocol": 1, "node": str(node), "creation": int(creation), "permissions": tuple(permissions),
            "os_pid": int(os_pid), "python": str(python), "backend": backend, "why": why,
        }) if isinstance(backend, Pid | None) and isinstance(why, str | None):  # fmt: skip
            if node and len(node) <= LONGEST and len(permissions) <= 3 and all(isinstance(p, str) for p in permissions):
                told = None if why is None else why[:LONGEST]
                return Facts(node, creation, permissions, os_pid, python[:40], backend, told)
        case _:
            pass
    with contextlib.suppress(Exception):
        answer = type(answer).__name__
    raise DoorError(f"{place} sent an invalid reply; try the same version of otp on both sides")
