"""Nodes of one machine with a direct carrier each, and what has happened at them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

from otp.distribution import NodeId
from otp.distribution.carriers.direct import DirectCarrier

__all__ = ["SECRET", "WAYS", "A", "B", "Side", "linked"]

A: Final = NodeId("a", 1)
B: Final = NodeId("b", 1)
SECRET: Final = b"only members know it"
WAYS: Final = {"unix": "127.0.0.1", "sealed": "127.0.0.1:0"}
"""The addresses to listen on for frames over a Unix socket, and over a port of the loopback interface."""


class Side:
    """A node: what has arrived, the nodes that it has linked with, its hints, and the nodes that count as ended."""

    def __init__(self, me: NodeId, folder: Path, secret: bytes = SECRET, group: str = "g", **options: Any) -> None:
        self.me = me
        self.got: asyncio.Queue[Any] = asyncio.Queue()
        self.hints: asyncio.Queue[Any] = asyncio.Queue()
        self.linked: asyncio.Queue[NodeId] = asyncio.Queue()
        self.closed: asyncio.Queue[NodeId] = asyncio.Queue()
        self.strangers: asyncio.Queue[NodeId] = asyncio.Queue()
        self.tried = asyncio.Event()  # an address that was shown by another node has answered, or refused
        self.dropped: asyncio.Queue[Any] = asyncio.Queue()
        self.carrier = DirectCarrier(group, secret, folder=folder, **options)
        self.carrier.on_closed = self.closed.put_nowait
        self.carrier.on_stranger = self.strangers.put_nowait
        establish, drop = self.carrier._establish, self.carrier._drop
        self.carrier._establish = lambda begun, node, *rest: (
            establish(begun, node, *rest), self.linked.put_nowait(node)
        )  # fmt: skip
        self.carrier._drop = lambda begun, why="": (drop(begun, why), self.dropped.put_nowait(why))

    async def start(self) -> Side:
        await self.carrier.start(
            self.me, lambda *frame: self.got.put_nowait(frame), lambda *hint: self.hints.put_nowait(hint)
        )
        dialler = self.carrier._dialler
        handle = dialler._handle
        dialler._handle = lambda target, *rest: (handle(target, *rest), target.linked and self.tried.set())
        return self

    @property
    def address(self) -> str:
        return self.carrier.address

    def link(self, node: NodeId) -> Any:
        return self.carrier._links.get(node)

    async def close(self) -> None:
        await self.carrier.close()


async def linked(folder: Path, way: str = "unix") -> tuple[Side, Side]:
    """Return two nodes with a link, which the first one has dialled."""
    a, b = [await Side(node, folder, listen=WAYS[way]).start() for node in (A, B)]
    await a.carrier.connect(b.address)
    assert (B, A) == (await a.linked.get(), await b.linked.get())
    return a, b
