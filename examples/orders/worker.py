"""Workers: each charges for one order and ends."""

from __future__ import annotations

from typing import Any

import otp
from otp import Continue, GenServer, Ok, Stop, impl

from . import cache, ledger, payments
from .ledger import Order

LONGEST_PAUSE = 10.0


class Worker(GenServer[Order]):
    """A process for one order. If it crashes, the order's lease expires and another worker takes it."""

    @impl
    def init(self, arg: Order):
        otp.process_flag("trap_exit", True)  # an order in progress is finished when the service stops
        return Ok(arg, then=Continue("charge"))

    @impl
    async def handle_continue(self, term: Any, state: Order):
        outcome = await payments.charge(state)
        if outcome is None:
            await ledger.postpone(state, min(0.5 * 2**state.attempts, LONGEST_PAUSE))
        else:
            await ledger.finish(state, outcome)
            await cache.store_outcome(state.id, outcome)
        return Stop("normal", state)
