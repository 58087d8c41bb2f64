"""The cost of tracing one process for the others.

The process gets 50,000 messages a second while the others work at full speed.

python -m benchmarks.tracing [--seconds 0.5] [--rounds 9] [--rate 50000] [--every]

Rounds with and without a trace alternate; the figure is the median ratio of the others' operations per second
of processor time. `--every` adds a reader of all messages of the node, for comparison. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from typing import Any

import otp
from otp import GenServer, NoReply, Ok, Reply, impl
from superlearner.observing.tracing import Traces

CALLERS, CASTERS = 5, 5
TICK = 0.005


class Plain(GenServer[int]):
    """A server that answers calls and counts casts."""

    @impl
    def init(self, arg: Any) -> Ok[int]:
        return Ok(0)

    @impl
    def handle_call(self, request: Any, caller: otp.From, count: int) -> Reply[int]:
        return Reply(request, count)

    @impl
    def handle_cast(self, request: Any, count: int) -> NoReply[int]:
        return NoReply(count + 1)


class World:
    """A server that is flooded at a rate, and others at work; `done` and `sent` count."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.done = 0
        self.sent = 0

    async def flood(self, server: otp.Pid) -> None:
        """Cast in bursts of 5 ms at a rate per second of processor time."""
        begun = time.process_time()
        while True:
            await asyncio.sleep(0)
            due = int((time.process_time() - begun) / TICK) * int(self.rate * TICK)
            for _ in range(due - self.sent):
                GenServer.cast(server, ("add", 1))
            self.sent = max(due, self.sent)

    async def call(self, server: otp.Pid) -> None:
        """Call an idle server repeatedly."""
        while True:
            for _ in range(20):
                await GenServer.call(server, 1)
            self.done += 20
            await asyncio.sleep(0)

    async def cast(self, server: otp.Pid) -> None:
        """Send bursts of casts, each followed by a call that waits for them."""
        while True:
            for _ in range(20):
                GenServer.cast(server, 1)
            await GenServer.call(server, 2)
            self.done += 21
            await asyncio.sleep(0)

    async def rounds(self, seconds: float, rounds: int, every: bool) -> dict[str, Any]:
        """Alternate rounds and compare them."""
        target = await Plain.start(None)
        for _ in range(CALLERS):
            otp.spawn(self.call, await Plain.start(None))
        for _ in range(CASTERS):
            otp.spawn(self.cast, await Plain.start(None))
        otp.spawn(self.flood, target)
        await self.measure(seconds)
        traces = Traces()
        found: dict[str, list[float]] = {"trace": [], "every": []}
        seen: dict[str, int] = {}
        for _ in range(rounds):
            before = await self.measure(seconds)
            trace = traces.start(otp.node(), [target])
            sent = self.sent
            during = await self.measure(seconds)
            traces.stop(trace)
            seen = {
                "sent": self.sent - sent,
                "kept_or_displaced": len(trace.messages) + trace.displaced,
                "counted": trace.over_rate,
            }
            after = await self.measure(seconds)
            found["trace"].append(100 * (1 - 2 * during / (before + after)))
            if every:
                reader = otp.trace.subscribe(
                    otp.node(), lambda _event: None, kinds={"sent", "received", "dropped"}, pids=[target]
                )
                during = await self.measure(seconds)
                reader.close()
                found["every"].append(100 * (1 - during / after))
        loss = {f"{name}_loss_percent": round(statistics.median(values), 1) for name, values in found.items() if values}
        worst = {"trace_loss_worst_percent": round(max(found["trace"]), 1)}
        return {"messages_per_second": round(self.rate), **loss, **worst, "last_round": seen}

    async def measure(self, seconds: float) -> float:
        """Return the others' operations per second of processor time."""
        done, used = self.done, time.process_time()
        while time.process_time() < used + seconds:
            await asyncio.sleep(0)
        return (self.done - done) / (time.process_time() - used)


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tracing", description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--rate", type=int, default=50_000)
    parser.add_argument("--every", action="store_true")
    options = parser.parse_args()
    world = World(options.rate)
    print(json.dumps(otp.run(world.rounds, options.seconds, options.rounds, options.every)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
