"""A shop that runs all day, with a reason for every restart strategy.

    shop              one_for_one    the departments find each other by name, so none keeps another's pid
    ├── checkout_sup  rest_for_one   each one holds a number that the one before it gave out
    │   ├── ledger
    │   ├── cart
    │   └── mailer
    ├── warehouse_sup one_for_all    two halves of one stock: neither is right without the other
    │   ├── shelves
    │   └── robot
    ├── orders        dynamic        a process per open order; it comes and goes
    ├── customers                    places an order every 1.5 s
    └── stocktaking   temporary      a task for one evening: it is never restarted

Kill `ledger` and `cart` and `mailer` restart, too; kill `mailer` and nothing else restarts. Kill either half of the
warehouse and both restart. Kill an order and it restarts from its number; let it finish and it is gone.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import otp
from otp import Children, ChildSpec, DynamicSupervisor, GenServer, NoReply, Ok, Supervisor, impl
from superlearner.demo.checkout import CheckoutSup
from superlearner.demo.orders import Order
from superlearner.demo.warehouse import WarehouseSup

__all__ = ["Customers", "Shop", "stocktaking"]

ORDER_EVERY_S = 1.5
MAX_OPEN_ORDERS = 8
STOCKTAKING_S = 20.0
DEPARTMENTS: Final = ("checkout_sup", "warehouse_sup", "orders")
"""The departments that are supervisors."""

STOP_S: Final = 5.0
"""Seconds to wait for a department of a killed shop."""


class Customers(GenServer[int]):
    """Places an order every 1.5 s; the state is the number of the next one."""

    @impl
    def init(self, arg: object) -> Ok[int]:
        otp.send_after(ORDER_EVERY_S, self.pid, "next_customer")
        return Ok(1)

    @impl
    async def handle_info(self, message: Any, number: int) -> NoReply[int]:
        if message != "next_customer":
            return NoReply(number)
        otp.send_after(ORDER_EVERY_S, self.pid, "next_customer")
        if otp.whereis("orders") is None:
            return NoReply(number)  # the order department is restarting; the customer comes back
        try:
            await DynamicSupervisor.start_child("orders", Order.child_spec(number, restart="transient"))
        except (otp.StartError, otp.CallExit):
            return NoReply(number)  # full, or gone at this very moment: the customer tries again
        return NoReply(number + 1)


async def start_stocktaking() -> otp.Pid:
    """Start the evening's stocktaking; runs in the supervisor, as every start function does."""
    pid = otp.spawn_link(stocktaking)
    otp.register("stocktaking", pid)
    return pid


async def stocktaking() -> None:
    """Count the stock once, for 20 s, then end."""
    otp.send_after(STOCKTAKING_S, otp.self(), "closing_time")
    await otp.receive(otp.Is("closing_time"))
    if otp.whereis("shelves") is not None:
        await GenServer.call("shelves", "count")


async def wait_for_old_departments() -> None:
    """Wait until the departments of a killed shop have stopped.

    A killed supervisor stops no children. Those that are supervisors stop by themselves, and hold their names until
    then.
    """
    for name in DEPARTMENTS:
        old = otp.whereis(name)
        shop = None if old is None else otp.process_info(old, "parent")
        if old is not None and shop is not None and not otp.is_alive(shop):
            with suppress(TimeoutError):
                await otp.wait_down(old, STOP_S)


class Shop(Supervisor):
    """one_for_one: departments call each other by name, and can wait for a restart."""

    @impl
    async def init(self, arg: object) -> Children:
        await wait_for_old_departments()
        orders = DynamicSupervisor.child_spec(
            name="orders", id="orders", max_children=MAX_OPEN_ORDERS, max_restarts=10, max_seconds=5
        )
        return Children(
            [
                CheckoutSup.child_spec(None, id="checkout_sup", name="checkout_sup"),
                WarehouseSup.child_spec(None, id="warehouse_sup", name="warehouse_sup"),
                orders,
                Customers.child_spec(None, id="customers", name="customers"),
                # temporary: an interrupted count is worthless, and tomorrow there is a new one
                ChildSpec("stocktaking", start=(start_stocktaking,), restart="temporary"),
            ],
            strategy="one_for_one",
            max_restarts=3,
            max_seconds=5,
        )
