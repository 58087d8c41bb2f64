"""The measured tree: 300 nested processes, and a driver that crashes them.

superlearner run benchmarks/web_world.py:World    (BENCHMARK_WORKERS workers, 274 by default)
superlearner run benchmarks/web_world.py:Crowd    (the driver, and BENCHMARK_CROWD idle servers, 100,000 by default)

`POST /api/v1/processes/driver/message` with `["rate", 20]` (a cast) makes it kill 20 workers a second; the call
`"stats"` returns the loop's lag and writes the kills with their times as JSON to the file `BENCHMARK_KILLS`, since API
answers are bounded and this list is not.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

import otp
from otp import Children, Continue, DynamicSupervisor, GenServer, NoReply, Ok, Reply, Supervisor, impl

WORKERS = int(os.environ.get("BENCHMARK_WORKERS", "274"))  # with supervisors, the root and the driver 300
SUPERVISORS = max(24, WORKERS // 100)
LAG_EVERY = 0.002


class Worker(GenServer[int]):
    """A worker to be killed."""

    @impl
    def init(self, arg):
        return Ok(arg)

    @impl
    def handle_cast(self, request, state):
        return NoReply(state)


class Branch(Supervisor):
    """A supervisor with as many workers as its siblings have."""

    @impl
    def init(self, arg):
        workers = [Worker.child_spec(n, id=f"w{n}", name=f"w{n}") for n in range(arg, WORKERS, SUPERVISORS)]
        return Children(workers, max_restarts="infinity")


class Lag:
    """A meter of the loop's lag in ms, which measures as the prototype does."""

    def __init__(self) -> None:
        self.found: deque[float] = deque(maxlen=50_000)
        self.asking = asyncio.get_running_loop().create_task(self._ask())

    async def _ask(self) -> None:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(LAG_EVERY)
            self.found.append((time.perf_counter() - begun - LAG_EVERY) * 1000)

    def quantiles(self) -> dict[str, float]:
        """Return the median, the 99th percentile and the maximum."""
        lags = sorted(self.found) or [0.0]
        return {"lag_p50": lags[len(lags) // 2], "lag_p99": lags[int(len(lags) * 0.99)], "lag_worst": lags[-1]}


class Done(NamedTuple):
    """State of the driver: lag, rate, and kills with their times (wall clock, ms)."""

    lag: Lag
    rate: float = 0.0
    kills: tuple[tuple[str, float], ...] = ()


class Driver(GenServer[Done]):
    """A server that kills workers at a steady rate and measures its loop."""

    @impl
    def init(self, arg):
        return Ok(Done(Lag()))

    @impl
    def handle_cast(self, request, state):
        match request:
            case ["rate", rate] | ("rate", rate):
                if rate and not state.rate:
                    otp.send(self.pid, "kill")
                return NoReply(state._replace(rate=rate))
            case "forget":
                state.lag.found.clear()
                return NoReply(Done(state.lag, state.rate))

    @impl
    def handle_call(self, request, caller, state):
        match request:
            case "stats":
                Path(os.environ["BENCHMARK_KILLS"]).write_text(json.dumps(state.kills))
                return Reply(state.lag.quantiles(), state)

    @impl
    def handle_info(self, message: Any, state):
        match message:
            case "kill" if state.rate:
                otp.send_after(1 / state.rate, self.pid, "kill")
                name = f"w{otp.random.randrange(WORKERS)}"
                now = time.time() * 1000
                otp.exit(otp.whereis(name), "kill")
                return NoReply(state._replace(kills=(*state.kills, (name, now))))
            case _:
                return NoReply(state)


class World(Supervisor):
    """The root of the tree."""

    @impl
    def init(self, arg):
        branches = [Branch.child_spec(n, id=f"branch{n}") for n in range(SUPERVISORS)]
        return Children([*branches, Driver.child_spec(name="driver")])


class Filler(GenServer[int]):
    """A server that starts the crowd, a thousand processes at a time."""

    @impl
    def init(self, arg):
        return Ok(arg, then=Continue("fill"))

    @impl
    async def handle_continue(self, term, left):
        for number in range(min(1_000, left)):
            await DynamicSupervisor.start_child("crowd", Worker.child_spec(number))
        left -= min(1_000, left)
        return NoReply(left, then=Continue("fill")) if left else NoReply(left)


class Crowd(Supervisor):
    """A supervisor of very many idle processes."""

    @impl
    def init(self, arg):
        size = int(os.environ.get("BENCHMARK_CROWD", "100000"))
        crowd = DynamicSupervisor.child_spec(None, id="crowd", name="crowd")
        return Children([crowd, Filler.child_spec(size, id="filler"), Driver.child_spec(name="driver")])
