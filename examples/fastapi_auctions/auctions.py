"""Auctions that end by themselves and survive a crash: the `otp` half of the service.

Each auction is a process with a clock of its own. The book records a bid before it counts, so an auction that crashes
reads its lot from the book and continues for the remaining time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import otp
from otp import (
    CallExit,
    Children,
    DynamicSupervisor,
    From,
    GenServer,
    NoReply,
    Ok,
    Registry,
    Reply,
    Request,
    Stop,
    Supervisor,
    impl,
)


@dataclass(frozen=True)
class Lot:
    """The state of an auction: the best bid so far, and its end on `otp.monotonic()`."""

    item: str
    ends_at: float
    price: int = 0
    bidder: str | None = None


@dataclass(frozen=True)
class Look(Request[Lot]):
    """Ask an auction for its lot."""


@dataclass(frozen=True)
class Bid(Request[bool]):
    """Offer a price; the reply is whether it is the best one now."""

    bidder: str
    price: int


class Book(GenServer[dict[str, Lot]]):
    """The last recorded state of every lot, including those of finished auctions."""

    @impl
    def init(self, arg: Any):
        return Ok({})

    @impl
    def handle_call(self, request: Any, caller: From, state: dict[str, Lot]):
        match request:
            case Lot(item=item):
                return Reply(request, {**state, item: request})
            case ("lot", item):
                return Reply(state.get(item), state)
            case "all":
                return Reply(list(state.values()), state)


class Auction(GenServer[Lot]):
    """A running auction; it ends with reason `"normal"`, so it is not restarted."""

    @impl
    async def init(self, arg: Lot):
        lot = await GenServer.call("book", ("lot", arg.item)) or arg
        otp.send_after(max(0.0, lot.ends_at - otp.monotonic()), self.pid, "time is up")
        return Ok(lot)

    @impl
    async def handle_call(self, request: Any, caller: From, state: Lot):
        match request:
            case Look():
                return Reply(state, state)
            case Bid(bidder, price) if price > state.price:
                lot = await GenServer.call("book", replace(state, price=price, bidder=bidder))
                return Reply(True, lot)
            case Bid():
                return Reply(False, state)

    @impl
    def handle_info(self, message: Any, state: Lot):
        return Stop("normal", state) if message == "time is up" else NoReply(state)


class House(Supervisor):
    """A supervisor of the book and the auctions, which restart with the book."""

    @impl
    def init(self, arg: Any):
        return Children(
            [
                Book.child_spec(name="book"),
                Registry.child_spec(keys="unique", name="lots"),
                DynamicSupervisor.child_spec(name="auctions", max_children=1000),
            ],
            strategy="rest_for_one",
        )


async def open_auction(item: str, seconds: float) -> Lot:
    """Start an auction; raises `otp.AlreadyStarted` if this item is being auctioned."""
    lot = Lot(item, otp.monotonic() + seconds)
    await DynamicSupervisor.start_child(
        "auctions", Auction.child_spec(lot, name=Registry.via("lots", item), restart="transient")
    )
    return await GenServer.call("book", lot)


async def bid(item: str, bidder: str, price: int) -> bool:
    """Bid for an item; raises `otp.NoProcess` if it is not being auctioned."""
    return await GenServer.call(Registry.via("lots", item), Bid(bidder, price))


async def look(item: str) -> tuple[Lot, bool] | None:
    """Return the lot of an item and whether its auction is running, or `None`."""
    try:
        return await GenServer.call(Registry.via("lots", item), Look()), True
    except CallExit:
        lot = await GenServer.call("book", ("lot", item))
        return None if lot is None else (lot, False)
