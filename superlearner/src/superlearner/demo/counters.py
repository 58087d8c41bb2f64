"""Six counters in the cluster: each runs on one member, and on another one when that member leaves or is lost."""

from __future__ import annotations

import logging
from typing import Any, Final

import otp
from otp import AlreadyStarted, Children, Continue, GenServer, NoReply, Ok, Reply, StartError, Supervisor, impl
from otp.cluster import Cluster, DistributedSupervisor

__all__ = ["COUNTERS", "NAMES", "CounterStarter", "CounterTree", "DemoCounter"]

COUNTERS: Final = "counters"
"""The name of the distributed supervisor."""
START: Final = "start"
NAMES: Final = ("c1", "c2", "c3", "c4", "c5", "c6")

log = logging.getLogger(__name__)


class DemoCounter(GenServer[int]):
    """A counter: any cast adds 1. When its member leaves, it takes its count along.

    >>> import otp
    >>> async def main():
    ...     counter = await DemoCounter.start_link(0)
    ...     GenServer.cast(counter, "add")
    ...     return await GenServer.call(counter, "count")
    >>> otp.run(main)
    1
    """

    @impl
    def init(self, arg: int) -> Ok[int]:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: int) -> Reply[int]:
        return Reply(state, state)

    @impl
    def handle_cast(self, request: Any, state: int) -> NoReply[int]:
        return NoReply(state + 1)

    @impl
    def handle_info(self, message: Any, state: int) -> NoReply[int]:
        return NoReply(state + 1)

    @impl
    def handoff(self, state: int) -> int:
        return state

    @impl
    def take_over(self, arg: int, term: int) -> Ok[int]:
        return Ok(term)


class CounterStarter(GenServer[None]):
    """Starts the counters that do not run in the cluster yet, and moves those whose place is this member.

    If any does not run, it waits for the settle delay first: members that start together would each start all of them,
    before they see each other.
    """

    @impl
    def init(self, arg: object) -> Ok[None]:
        if all(DistributedSupervisor.whereis(COUNTERS, name) for name in NAMES):
            return Ok(None, then=Continue(START))
        otp.send_after(Cluster.here().settle, otp.self(), START)
        return Ok(None)

    @impl
    async def handle_continue(self, term: Any, state: None) -> NoReply[None]:
        await _start_missing()
        return NoReply(state)

    @impl
    async def handle_info(self, message: Any, state: None) -> NoReply[None]:
        if message == START:
            await _start_missing()
        return NoReply(state)


async def _start_missing() -> None:
    for name in NAMES:
        try:
            await DistributedSupervisor.start_child(COUNTERS, DemoCounter.child_spec(0, id=name, name=name))
        except AlreadyStarted:
            pass  # it runs on another member
        except StartError as error:
            log.warning("counter %s did not start: %s", name, error)
    await DistributedSupervisor.rebalance(COUNTERS)


class CounterTree(Supervisor):
    """A supervisor of this member's part of the distributed supervisor, and of the process that starts the counters."""

    @impl
    def init(self, arg: object) -> Children:
        return Children(
            [
                DistributedSupervisor.child_spec(name=COUNTERS, placement="least_loaded"),
                CounterStarter.child_spec(None, id="counter_starter"),
            ],
            strategy="rest_for_one",
            max_restarts=1000,
            max_seconds=1,
        )
