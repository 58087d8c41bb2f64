"""The view of a remote node: all requests go to its `ViewServer`, over any connection."""

# Requests and terms have no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, Protocol

from otp.kernel.values.errors import CallExit
from otp.kernel.values.pids import Pid
from otp.observer.failures import ViewError, from_failure
from otp.observer.feed import Ended, Item
from otp.observer.methods import Method
from otp.observer.node_view import NodeView
from otp.observer.stream import CREDIT, EventStream
from otp.observer.terms import from_term, to_term

__all__ = ["Link", "RemoteView"]


class Link(Protocol):
    """The connection between a `RemoteView` and the `ViewServer` of a node, as provided by `otp.distribution`."""

    @property
    def node(self) -> str:
        """The name of the remote node."""
        ...

    async def request(self, request: Any) -> Any:
        """Call the server with a plain term and return its reply.

        Waits as long as the reply takes; raises `CallExit` when the connection or the server ends.
        """
        ...

    def pid(self, node: str, creation: int, number: int) -> Pid:
        """Return the local pid that stands for a remote process."""
        ...

    def reader(self) -> Pid:
        """Return the process whose end closes the streams opened now, as the server can monitor it.

        That is the running process; outside one, a process that lives as long as the link.
        """
        ...


class RemoteView(NodeView):
    """The `NodeView` of a node at the remote end of a link.

    All methods raise what they would raise there, and also `NotPermitted` for what the server does not allow,
    `ViewError` if it has too much to do, and `CallExit` if the connection ends.

    >>> import otp
    >>> from otp.observer import Link, LocalView, NodeView, RemoteView
    >>> def view_of(node: otp.Node, link: Link | None) -> NodeView:
    ...     return LocalView(node) if link is None else RemoteView(link)
    """

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    async def permissions(self) -> frozenset[str]:
        """Return what the remote server allows."""
        return frozenset((await _ask(self._link, "hello", {}))["permissions"])

    @property
    def name(self) -> str:
        """The name of the node."""
        return self._link.node

    async def _ask(self, method: Method, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return await _ask(self._link, method.name, method.pack(args, kwargs))

    def _open(self, method: Method, args: tuple[Any, ...], kwargs: dict[str, Any]) -> EventStream:
        return RemoteStream(self._link, method.name, method.pack(args, kwargs))


class RemoteStream(EventStream):
    """A stream that is read through a `ViewServer`, a number of events at a time."""

    ended: Ended | None

    def __init__(self, link: Link, method: str, arguments: dict[str, Any]) -> None:
        super().__init__()
        self._link = link
        self._method = method
        self._arguments = arguments
        self._stream = 0
        self._received = 0

    async def _open(self) -> None:
        arguments = {**self._arguments, "reader": self._link.reader()}
        self._stream = await _ask(self._link, self._method, arguments)

    async def _more(self) -> Sequence[Item]:
        given = {"stream": self._stream, "received": self._received, "credit": CREDIT}
        items, ended = await _ask(self._link, "next", given)
        self._received += len(items)
        if ended is not None:
            self.ended = ended
            await self._close()
        return items

    async def _close(self) -> None:
        with contextlib.suppress(CallExit, ViewError):  # a connection that ended has closed it
            await _ask(self._link, "close", {"stream": self._stream})


async def _ask(link: Link, method: str, arguments: dict[str, Any]) -> Any:
    match await link.request((method, to_term(arguments))):
        case ("ok", value):
            return from_term(value, link.pid)
        case answer:
            raise from_failure(answer, link.pid)
