"""Nodes with direct links, whose carriers the test plays: what has arrived, and the switches that they send."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from otp.distribution import NodeId
from otp.distribution.carriers.direct_links import DirectLinks

__all__ = ["SECRET", "A", "B", "Side", "linked"]

A: Final = NodeId("a", 1)
B: Final = NodeId("b", 1)
SECRET: Final = b"only members know it"


class Side:
    """The links of a node, what has arrived, and the switches that its carrier was to send."""

    def __init__(self, me: NodeId, secret: bytes = SECRET) -> None:
        self.got: asyncio.Queue[Any] = asyncio.Queue()
        self.switches: asyncio.Queue[tuple[NodeId, bytes]] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        self.links = DirectLinks(
            me, loop, lambda *frame: self.got.put_nowait(frame), lambda *sent: self.switches.put_nowait(sent), secret
        )
        self.tried = asyncio.Event()  # an address of another node has answered, or refused
        handle = self.links._dialler._handle
        self.links._dialler._handle = lambda *dialled: (handle(*dialled), self.tried.set())
        self.closed: asyncio.Queue[NodeId] = asyncio.Queue()
        self.links.on_closed = self.closed.put_nowait
        self.announced: str = self.links.listen("127.0.0.1") or ""


async def linked() -> tuple[Side, Side, bytes]:
    """Return two nodes with a link, and its number, which neither carrier has delivered."""
    a, b = Side(A), Side(B)
    b.links.dial(A, a.announced)  # without effect: the smaller one dials
    a.links.dial(B, b.announced)
    a.links.dial(B, b.announced)
    (to_b, number), (to_a, same) = await a.switches.get(), await b.switches.get()
    assert (B, A, number) == (to_b, to_a, same)
    return a, b, number
