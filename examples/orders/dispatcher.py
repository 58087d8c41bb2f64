"""The dispatcher: starts a worker for each order that is due, a few at a time."""

from __future__ import annotations

import logging
from typing import Any

import otp
from otp import DynamicSupervisor, GenServer, NoReply, Ok, impl

from . import ledger
from .worker import Worker

AT_ONCE = 8
PAUSE = 1.0  # seconds between two checks; a notification or the end of a worker causes one at once
LONGEST_PAUSE = 5.0

log = logging.getLogger("orders")


class Dispatcher(GenServer[float]):
    """A server that keeps no orders: they are in the ledger, and the supervisor counts the workers.

    Its state is the pause until the next check, which grows while there is no database.
    """

    @impl
    def init(self, arg: Any):
        return Ok(PAUSE, timeout=0)

    @impl
    async def handle_cast(self, request: Any, state: float):
        return await self.dispatch(state)

    @impl
    async def handle_info(self, message: Any, state: float):  # a Timeout, or the Down of a worker
        return await self.dispatch(state)

    async def dispatch(self, pause: float) -> NoReply[float]:
        try:
            await start_workers()
        except ledger.UNAVAILABLE as error:
            log.warning("no orders can be claimed: %s", error or type(error).__name__)
            pause = min(2 * pause, LONGEST_PAUSE)
        else:
            pause = PAUSE
        return NoReply(pause, timeout=pause)


async def start_workers() -> None:
    running = await DynamicSupervisor.count_children("workers")
    if running.active < AT_ONCE:
        for order in await ledger.claim(AT_ONCE - running.active):
            worker = await DynamicSupervisor.start_child("workers", Worker.child_spec(order, restart="temporary"))
            otp.monitor(worker)
