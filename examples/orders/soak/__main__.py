"""Soak the service: `python -m examples.orders.soak --seconds 180 --seed 1`, or `make soak SECONDS=180 SEED=1`.

Prints what happened, and exits with 1 and a sentence for each promise that was broken. Ctrl-C ends it early: what
happened so far is judged. A second one ends it at once. Either way, all programs that it started are stopped.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import quantiles
from typing import Any

import httpx
from tools.postgres import NotInstalled

from .faults import Faults
from .load import Load
from .measurements import Sample, growth, measure
from .promises import broken_by_connections, broken_by_growth, broken_by_log, broken_by_programs, broken_by_requests
from .stage import Stage, open_stage

DRAINS_WITHIN = 60.0
"""Seconds: the lease of a worker that was killed, the longest pause before an order is tried again, and some more."""


def say(text: str) -> None:
    print(text, flush=True)


async def soak(seconds: float, rate: float, seed: int, loop_name: str, logs: Path) -> list[str]:
    """Run all of it and return a sentence for each broken promise."""
    running = {asyncio.current_task()}

    def interrupt() -> None:
        for task in running:
            assert task is not None
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, interrupt)
    samples: list[Sample] = []
    async with open_stage(logs, loop_name) as stage:
        load, faults = Load(stage.service_url, rate, seed), Faults(stage, seed, say)
        parts = {asyncio.create_task(part) for part in (load.run(), measure(stage, samples), faults.run(seconds))}
        outside, running = running, parts
        ended, others = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        running = outside
        interrupted = any(task.cancelled() for task in ended)
        failed = [error for task in ended if not task.cancelled() and (error := task.exception())]
        for task in others:
            task.cancel()
        if others:
            await asyncio.wait(others)
        await load.close()
        restarts = await count_restarts(stage)
        left = await drain(stage)
        async with stage.connect() as connection:
            rows = await connection.fetch("SELECT id, status, payment FROM outcomes")
            outcomes = {row["id"]: {"status": row["status"], "payment": row["payment"]} for row in rows}
        async with httpx.AsyncClient(base_url=stage.provider_url, trust_env=False) as client:
            charges: dict[str, Any] = (await client.get("/charges", timeout=60)).json()
        faults.stops.append(await stage.service.stop())
    results = load.results
    broken = [
        *(f"expected the soak to go on, got {type(error).__name__}: {error}" for error in failed),
        *faults.problems,
        *broken_by_requests(results, outcomes, left, charges),
        *broken_by_connections(results.lost, stage.begun, len(faults.stops)),
        *broken_by_programs(stage.service.ends, faults.stops),
        *broken_by_log(stage.service.log),
    ]
    if interrupted:
        say("interrupted")
    say(f"""
faults        {faults.made.total()}: {listed(faults.made)}
orders        {len(results.accepted)} accepted, {len(outcomes)} with an outcome, {len(charges)} charged
answers       {listed(results.answers)}; {len(results.lost)} connections closed without one
stops         {len(faults.stops)} by SIGTERM, the longest took {max(faults.stops):.1f} s
restarts      {restarts} by the supervisors of the last run""")
    if len(results.seconds) > 1:
        milliseconds = [1000 * cut for cut in quantiles(results.seconds, n=100)]
        say(f"latency       p50 {milliseconds[49]:.0f} ms, p99 {milliseconds[98]:.0f} ms, restarts included")
    if samples:
        grown = growth(samples)
        say(f"""\
memory        {grown.resident[0]:.0f} MB, at the end of the last {grown.seconds:.0f} s {grown.resident[1]:.0f} MB
descriptors   {grown.descriptors[0]:.0f} without those of clients, at the end {grown.descriptors[1]:.0f}
sockets       {listed(grown.peers[0])}; at the end {listed(grown.peers[1])}
connections   {max(sample.connections or 0 for sample in samples)} to PostgreSQL at most""")
        broken += broken_by_growth(samples, grown)
    return broken


def listed(counted: Counter[Any]) -> str:
    return ", ".join(f"{what} {count}" for what, count in sorted(counted.items())) or "none"


async def count_restarts(stage: Stage) -> int:
    if stage.service.has_ended():
        return 0
    async with stage.visit() as visitor:
        return (await visitor.view.metrics()).restarts


async def drain(stage: Stage) -> int:
    """Wait until every order is done; return how many are not."""
    loop = asyncio.get_running_loop()
    until = loop.time() + DRAINS_WITHIN
    async with stage.connect() as connection:
        while True:
            left: int = await connection.fetchval("SELECT count(*) FROM orders WHERE NOT done")
            if not left or loop.time() > until:
                return left
            await asyncio.sleep(0.5)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m examples.orders.soak", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=3600, help="how long it makes faults (default: an hour)")
    parser.add_argument("--rate", type=float, default=10, help="orders a second (default: 10)")
    parser.add_argument("--seed", type=int, default=random.randrange(10_000), help="chooses the faults")
    parser.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop")
    chosen = parser.parse_args()
    logs = Path(tempfile.mkdtemp(prefix="soak-"))
    os.environ["XDG_RUNTIME_DIR"] = str(logs)  # the door of its service is not among those of the user
    say(f"soak: {chosen.seconds:g} s, {chosen.rate:g} orders/s, {chosen.loop}, seed {chosen.seed}, logs in {logs}")
    begun = time.monotonic()
    try:
        broken = asyncio.run(soak(chosen.seconds, chosen.rate, chosen.seed, chosen.loop, logs))
    except NotInstalled as missing:
        broken = [f"expected all servers to be installed: {missing}"]
    except asyncio.CancelledError:
        say("interrupted")
        return 130
    for sentence in broken:
        say(f"broken: {sentence}")
    if not broken:
        shutil.rmtree(logs)
    judged = "failed" if broken else "every promise held"
    say(f"soak: {judged} after {time.monotonic() - begun:.0f} s, seed {chosen.seed}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
