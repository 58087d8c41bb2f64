"""Open orders: one process each, under a dynamic supervisor.

transient: an order that ends normally is done; one that crashes or is killed restarts from its number, which is all
that it needs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import otp
from otp import GenServer, NoReply, Ok, Stop, impl

__all__ = ["Order", "OrderState"]

STEP_S = 2.0
STEPS = ("placed", "packed", "paid", "delivered")


class OrderState(NamedTuple):
    """An order: its number and its progress."""

    number: int
    step: str
    goods: int


class Order(GenServer[OrderState]):
    """An order: it is packed, paid and delivered, and then ends; a step takes 2 s."""

    @impl
    def init(self, number: int) -> Ok[OrderState]:
        otp.send_after(STEP_S, self.pid, "next_step")
        return Ok(OrderState(number, STEPS[0], 0))

    @impl
    async def handle_info(self, message: Any, order: OrderState) -> NoReply[OrderState] | Stop:
        if message != "next_step":
            return NoReply(order)
        try:
            order = await advanced(order)
        except otp.CallExit:
            pass  # that department is restarting: the order tries again later
        if order.step == STEPS[-1]:
            return Stop("normal", order)
        otp.send_after(STEP_S, self.pid, "next_step")
        return NoReply(order)


async def advanced(order: OrderState) -> OrderState:
    """Return the order after its next step."""
    match order.step:
        case "placed":
            goods = await GenServer.call("robot", ("fetch", 1 + order.number % 3))
            return order._replace(step="packed", goods=goods)
        case "packed":
            await GenServer.call("cart", ("sell", 10 * order.goods))
            return order._replace(step="paid")
        case _:
            return order._replace(step="delivered")
