"""A small program whose recording has one digest on every Python. Run by `test_virtual_hour.py`."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Any

import otp
from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor, impl
from otp.testing import Scheduler, advance
from otp.trace import load


class Till(GenServer[int]):
    @impl
    def init(self, arg: int) -> Any:
        return Ok(arg)

    @impl
    async def handle_call(self, request: Any, caller: Any, state: int) -> Any:
        await asyncio.sleep(0.25)
        return Reply(state, state + 1)

    @impl
    def handle_cast(self, request: Any, state: int) -> Any:
        raise ValueError(request)

    @impl
    def handle_info(self, message: Any, state: int) -> Any:
        return NoReply(state + 10)


class Shop(Supervisor):
    @impl
    def init(self, arg: Any) -> Any:
        tills = [Till.child_spec(n, id=n, name=f"till {n}") for n in range(3)]
        return Children(tills, strategy="rest_for_one", max_restarts=50)


async def main() -> None:
    await Shop.start_link(None, name="shop")
    async with asyncio.TaskGroup() as group:
        for n in range(3):
            group.create_task(GenServer.call(f"till {n}", ("sell", n)))
    for second in range(20):
        name = f"till {otp.random.randrange(3)}"
        watch = otp.monitor(name)
        GenServer.cast(name, f"jammed at {second}")
        otp.send_after(0.5, "shop", "tick")
        await otp.receive(watch)
        await advance(1)
        otp.send(name, {"paper", "ink", "change"})


if __name__ == "__main__":
    logging.disable()
    Scheduler(seed=int(sys.argv[2]), record=sys.argv[1]).run(main)
    recording = load(sys.argv[1])
    print(len(recording.events), recording.digest)
