"""The warehouse: one_for_all, because two workers share one stock.

Goods are either on the shelves or in the robot's hands. If only the robot restarted, empty-handed, goods would be
lost; if only the shelves restarted, full, goods would be duplicated. So both restart, together.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import otp
from otp import Children, From, GenServer, NoReply, Ok, Reply, Supervisor, impl

__all__ = ["Robot", "Shelves", "WarehouseSup"]

STOCK = 100
REFILL_EVERY_S = 3.0


class Shelves(GenServer[int]):
    """Goods on the shelves. Calls: `("take", n)` (as many as there are), `("put", n)`, `"count"`."""

    @impl
    def init(self, stock: int) -> Ok[int]:
        return Ok(stock)

    @impl
    def handle_call(self, request: Any, caller: From, stock: int) -> Reply[int]:
        match request:
            case ("take", int(n)):
                taken = min(n, stock)
                return Reply(taken, stock - taken)
            case ("put", int(n)):
                return Reply("ok", stock + n)
            case "count":
                return Reply(stock, stock)
            case _:
                raise ValueError(f"shelves do not understand {request!r}")


class Hands(NamedTuple):
    """The goods that the robot carries, and the number of its trips."""

    goods: int
    trips: int


class Robot(GenServer[Hands]):
    """Carries goods to the orders, and refills the shelves. The call `("fetch", n)`."""

    @impl
    def init(self, arg: object) -> Ok[Hands]:
        otp.send_after(REFILL_EVERY_S, self.pid, "refill")
        return Ok(Hands(0, 0))

    @impl
    async def handle_call(self, request: Any, caller: From, hands: Hands) -> Reply[Hands]:
        match request:
            case ("fetch", int(n)):
                taken = await GenServer.call("shelves", ("take", n))
                return Reply(taken, Hands(hands.goods + taken, hands.trips + 1))
            case _:
                raise ValueError(f"a robot does not understand {request!r}")

    @impl
    async def handle_info(self, message: Any, hands: Hands) -> NoReply[Hands]:
        if message != "refill":
            return NoReply(hands)
        otp.send_after(REFILL_EVERY_S, self.pid, "refill")
        if hands.goods:
            await GenServer.call("shelves", ("put", hands.goods))
        return NoReply(Hands(0, hands.trips + 1))


class WarehouseSup(Supervisor):
    """one_for_all: shelves and robot are consistent only together."""

    @impl
    def init(self, arg: object) -> Children:
        return Children(
            [
                Shelves.child_spec(STOCK, id="shelves", name="shelves"),
                Robot.child_spec(None, id="robot", name="robot"),
            ],
            strategy="one_for_all",
            max_restarts=3,
            max_seconds=5,
        )
