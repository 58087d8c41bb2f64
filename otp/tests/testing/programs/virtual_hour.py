"""An hour of a thousand servers under a tree of supervisors, of which one crashes every second.

Prints the number of events, their digest, the restarts and the seconds of work it took. Run by `test_virtual_hour.py`.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

import otp
from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor, impl
from otp.testing import Scheduler
from otp.trace import load

SHELVES, SERVERS, SECONDS = 20, 50, 3_600


class Item(GenServer[int]):
    @impl
    def init(self, arg: int) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: int) -> Any:
        return Reply(state, state + 1)

    @impl
    def handle_cast(self, request: Any, state: int) -> Any:
        if request == "break":
            raise ValueError(f"broken at {state}")
        return NoReply(state + 1)


class Shelf(Supervisor):
    @impl
    def init(self, number: int) -> Any:
        items = [Item.child_spec(0, id=n, name=f"item {number}.{n}") for n in range(SERVERS)]
        return Children(items, max_restarts=1_000, max_seconds=60)


class Store(Supervisor):
    @impl
    def init(self, arg: Any) -> Any:
        return Children([Shelf.child_spec(n, id=n) for n in range(SHELVES)])


async def hour() -> int:
    store = await Store.start_link(None)
    for second in range(SECONDS):
        shelf, item = otp.random.randrange(SHELVES), otp.random.randrange(SERVERS)
        GenServer.cast(f"item {shelf}.{item}", "use")
        GenServer.cast(f"item {shelf}.{item}", "break")
        otp.send_after(1, otp.self(), "a second")
        await otp.receive()
        await GenServer.call(f"item {shelf}.{item}", "how often used?")
        assert second < otp.monotonic() <= second + 1
    return (await Supervisor.count_children(store)).active


def main(path: str) -> None:
    logging.disable()
    began = time.process_time()
    active = Scheduler(seed=7, record=path).run(hour)
    took = time.process_time() - began
    recording = load(path)
    restarts = sum(b'"kind":"child_restarted"' in line for line in recording.events.lines)
    print(len(recording.events), recording.digest, active, restarts, round(took, 2))


if __name__ == "__main__":
    main(sys.argv[1])
