"""A connection to the backend of a node in this process, with real bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import otp
from otp import GenServer
from superlearner.backend import start
from superlearner.nodes.remote import NodeGone

__all__ = ["LocalLink", "remote"]


class LocalLink:
    """A connection over calls."""

    def __init__(self, pid: otp.Pid) -> None:
        self.pid = pid

    async def ask(self, request: bytes) -> object:
        try:
            return await GenServer.call(self.pid, request, timeout="infinity")
        except otp.CallExit:
            raise NodeGone("the node has ended") from None

    def cast(self, request: bytes) -> None:
        GenServer.cast(self.pid, request)


@asynccontextmanager
async def remote(platform: Any, node: otp.Node, *, owner: str | None = None) -> AsyncIterator[Any]:
    """Yield `node` as if it were in another process."""
    services = await start(node)
    found = await platform.nodes.attach_remote(node.name, LocalLink(services["backend"]), owner=owner)
    try:
        yield found
    finally:
        platform.nodes.detach(node.name)
