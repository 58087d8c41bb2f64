"""Large-scale behaviour: a million servers, fairness, the cost of observation.

python benchmarks/soak.py million|fairness|ring|trace [--seconds 60] [--servers 1000000]

Prints one JSON object. Uses the defaults of `otp.run`; PYTHONPATH=otp/src.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import otp
from benchmarks.protocol import resident_bytes
from otp import DynamicSupervisor, GenServer, NoReply, Ok, Reply, Supervisor, impl

MS = 1000.0


class Cell(GenServer[int]):
    """A server that holds an int."""

    @impl
    def init(self, arg):
        return Ok(arg)

    @impl
    def handle_call(self, request, caller, state):
        return Reply(state, state)

    @impl
    def handle_cast(self, request, state):
        return NoReply(state + 1)


def spread_of(values: list[float], name: str, factor: float = MS) -> dict[str, float]:
    """Return p50, p99 and the worst value, in milliseconds."""
    ordered = sorted(values) or [0.0]
    return {
        f"{name}_p50_ms": round(ordered[len(ordered) // 2] * factor, 3),
        f"{name}_p99_ms": round(ordered[int(len(ordered) * 0.99)] * factor, 3),
        f"{name}_worst_ms": round(ordered[-1] * factor, 3),
    }


async def lateness(into: list[float], every: float, until: float) -> None:
    """Record how late a timer fires until the given time."""
    loop = asyncio.get_running_loop()
    while loop.time() < until:
        due = loop.time() + every
        await asyncio.sleep(every)
        into.append(loop.time() - due)


# A million servers


async def million(servers: int, seconds: float) -> dict[str, Any]:
    """Start many servers, then cast to them and kill some while watching a timer."""
    random = otp.random
    pool = await DynamicSupervisor.start_link(max_restarts="infinity")
    spec = Cell.child_spec(0)
    before, begun = resident_bytes(), time.perf_counter()
    cells = [await DynamicSupervisor.start_child(pool, spec) for _ in range(servers)]
    result: dict[str, Any] = {
        "servers": servers,
        "start_seconds": round(time.perf_counter() - begun, 2),
        "rss_growth_gib": round((resident_bytes() - before) / 2**30, 3),
        "bytes_per_server": round((resident_bytes() - before) / servers),
        "seconds": seconds,
    }
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    late: list[float] = []
    watcher = asyncio.create_task(lateness(late, 0.005, end))
    ticks, kills = round(seconds * 100), 10_000 * servers // 1_000_000
    cast_count = killed = 0
    cpu, first = time.process_time(), loop.time()
    for tick in range(1, ticks + 1):  # every 10 ms: 10 casts and its part of the kills
        for _ in range(10):
            GenServer.cast(random.choice(cells), "add")
        while killed < kills * tick // ticks:
            otp.exit(random.choice(cells), "kill")  # may hit a dead process
            killed += 1
        cast_count += 10
        await asyncio.sleep(max(0.0, first + tick / 100 - loop.time()))
    await watcher
    counts = await DynamicSupervisor.count_children(pool)
    result |= {
        "casts": cast_count,
        "kills": killed,
        "alive_at_the_end": counts.active,
        "cpu_share": round((time.process_time() - cpu) / (loop.time() - first), 3),
        **spread_of(late, "load_lateness"),
    }
    otp.exit(pool, "kill")  # faster than stopping a million children one by one
    return result


# Fairness


async def fairness(seconds: float) -> dict[str, Any]:
    """Run a timer and a TCP echo beside ping-pong pairs, callers and flooders."""
    messages = [0]

    async def player() -> None:
        partner = await otp.receive()
        while True:
            otp.send(partner, 1)
            await otp.receive()
            messages[0] += 1

    async def caller(server: otp.Pid) -> None:
        while True:
            await GenServer.call(server, "value")
            messages[0] += 1

    async def flooder(server: otp.Pid) -> None:
        while True:
            for _ in range(100):
                GenServer.cast(server, "add")
            messages[0] += 100
            await GenServer.call(server, "value")

    load: list[otp.Pid] = []
    for _ in range(20):
        one, other = otp.spawn(player), otp.spawn(player)
        otp.send(one, other)
        otp.send(other, one)
        load += [one, other]
    for _ in range(10):
        server = await Cell.start(0)
        load += [server, otp.spawn(caller, server), otp.spawn(flooder, server)]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
    late: list[float] = []
    echoes: list[float] = []

    async def beside(until: float) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < until:
            due = loop.time() + 0.001
            await asyncio.sleep(0.001)
            late.append(loop.time() - due)
            sent = loop.time()
            writer.write(b"x")
            await reader.read(1)
            echoes.append(loop.time() - sent)

    first, begun = messages[0], time.perf_counter()
    await asyncio.create_task(beside(asyncio.get_running_loop().time() + seconds))
    rate = (messages[0] - first) / (time.perf_counter() - begun)
    writer.close()
    listening.close()
    for pid in load:
        otp.exit(pid, "kill")
    return {
        "messages_per_second": round(rate),
        **spread_of(late, "drain_lateness"),
        **spread_of(echoes, "drain_echo"),
    }


# The cost of observation


async def cpu_of(work: Callable[[], Awaitable[None]]) -> float:
    begun = time.process_time()
    await work()
    return time.process_time() - begun


async def compared(
    work: Callable[[], Awaitable[None]], prepare: Callable[[bool], None], rounds: int = 15
) -> tuple[float, float]:
    """Return the median CPU times of `work` without and with observation, in turns."""
    found: dict[bool, list[float]] = {False: [], True: []}
    for number in range(2 * rounds + 2):
        observed = bool(number % 2)
        prepare(observed)
        took = await cpu_of(work)
        if number > 1:
            found[observed].append(took)
    prepare(False)
    return statistics.median(found[False]), statistics.median(found[True])


async def ring(_seconds: float) -> dict[str, Any]:
    """Measure starts, ends and restarts with and without the lifecycle ring."""
    from otp.behaviours.supervisor import server as supervisor_server
    from otp.kernel.ends import death
    from otp.kernel.tables import tracing

    log = logging.getLogger("otp.supervisor")
    feeders = [
        (tracing.Tracer, "emit", lambda *_arguments: 0),
        (tracing.Tracer, "record", lambda *_arguments: 0),
        (death, "exit_values", lambda *_arguments: None),
        (supervisor_server, "report_ended", lambda *_arguments: None),
        (
            supervisor_server,
            "report_restarted",
            lambda *_arguments: log.isEnabledFor(logging.INFO),
        ),  # the log is not part of the ring
    ]
    real = [getattr(place, name) for place, name, _ in feeders]

    def prepare(observed: bool) -> None:
        for (place, name, nothing), function in zip(feeders, real, strict=True):
            setattr(place, name, function if observed else nothing)

    me = otp.self()

    async def nothing() -> None:
        pass

    async def tell() -> None:
        otp.send(me, 1)

    async def spawn_and_end() -> None:
        for _ in range(5):
            for _ in range(999):
                otp.spawn(nothing)
            otp.spawn(tell)
            await otp.receive()

    await Supervisor.start_link_children([Cell.child_spec(0, name="kid")], max_restarts=10**9, max_seconds=5)

    async def crash_and_replace() -> None:
        for _ in range(500):
            victim = otp.whereis("kid")
            otp.exit(victim, "kill")
            while otp.whereis("kid") in (None, victim):
                await asyncio.sleep(0)

    result: dict[str, Any] = {}
    for name, work in (("spawn", spawn_and_end), ("restart", crash_and_replace)):
        without, with_ring = await compared(work, prepare)
        result[f"ring_{name}_percent"] = round(100 * (with_ring / without - 1), 1)
    prepare(True)
    return result


async def trace(_seconds: float) -> dict[str, Any]:
    """Measure calls and casts without a reader, and with a reader of every message."""
    server = await Cell.start(0)
    node = otp.process_info(otp.self()).pid.runtime
    read = [0]
    subscriptions: list[otp.trace.Subscription] = []

    def count(_event: object) -> None:
        read[0] += 1

    def prepare(observed: bool) -> None:
        while subscriptions:
            subscriptions.pop().close()
        if observed:
            kinds = otp.trace.MESSAGE_KINDS | otp.trace.LIFECYCLE
            subscriptions.append(otp.trace.subscribe(node, count, kinds=kinds))

    async def messages() -> None:
        for _ in range(1000):
            await GenServer.call(server, "value")
        for _ in range(1000):
            GenServer.cast(server, "add")
        await GenServer.call(server, "value")

    without, with_reader = await compared(messages, prepare)
    return {
        "trace_factor": round(with_reader / without, 2),
        "trace_events_per_message": round(read[0] / (16 * 2001), 2),
        "trace_ns_per_event": round((with_reader - without) / (read[0] / 16) * 1e9),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("million", "fairness", "ring", "trace"))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--servers", type=int, default=1_000_000)
    options = parser.parse_args()
    if options.part == "million":
        result = otp.run(million, options.servers, options.seconds)
    else:
        result = otp.run({"fairness": fairness, "ring": ring, "trace": trace}[options.part], min(options.seconds, 10.0))
    json.dump(result, sys.stdout)
    print()


if __name__ == "__main__":
    main()
