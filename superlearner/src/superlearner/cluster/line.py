"""The connection from the platform to the backend of a member."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import otp
from otp import GenServer, Node
from superlearner.cluster.ways import BACKEND
from superlearner.control.protection import protection_of
from superlearner.nodes.remote import NodeGone

__all__ = ["MemberLink"]

Name = tuple[str, str]


class MemberLink:
    """A `superlearner.nodes.remote.Link` to a member.

    The distribution belongs to the platform's node, so each request is a process there, whichever node asks.

    Args:
        node: the platform's node.
        member: the name of the member.
        service: the service that answers there.
    """

    def __init__(self, node: Node, member: str, service: str = BACKEND) -> None:
        self._node = node
        self._backend: Name = service, member

    async def ask(self, request: object) -> object:
        """Send a request and wait for its answer. Raises `NodeGone`."""
        if not self._is_open:
            raise NodeGone("the platform is stopping")
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        process = self._spawn(_call, self._backend, request, answer)
        try:
            return await answer
        except asyncio.CancelledError:
            otp.exit(process, "kill")
            raise

    def cast(self, request: object) -> None:
        """Send a request and ignore its answer; a platform that is stopping sends none."""
        if self._is_open:
            self._spawn(_cast, self._backend, request)

    @property
    def _is_open(self) -> bool:
        """Return whether the platform's node still starts processes."""
        return self._node.life == "open"

    def _spawn(self, function: Callable[..., object], *args: Any) -> otp.Pid:
        """Start a process of the platform."""
        return (protection_of(self._node) or self._node).spawn(function, *args)


async def _call(backend: Name, request: object, answer: asyncio.Future[object]) -> None:
    try:
        found = await GenServer.call(backend, request, timeout=None)
        if not answer.done():
            answer.set_result(found)
    except otp.CallExit:
        pass
    finally:
        if not answer.done():
            answer.set_exception(NodeGone("the member has ended, or the connection to it is lost"))


def _cast(backend: Name, request: object) -> None:
    GenServer.cast(backend, request)
