"""The cost of peers: start, memory, connection, containment, effect on others.

python -m benchmarks.peer_nodes [--rounds 15] [--seconds 3] [--many 30]

Compared kinds take turns within one run; figures are medians, with the lowest and the highest. Linux only: memory is
read from `/proc`. Writes the tables of `docs/peer-performance.md`.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import re
import select
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import otp
from benchmarks.busy_platform import Platform, ask, platform
from benchmarks.figures import write_figures
from benchmarks.machine import machine
from otp import GenServer
from otp.distribution import Distribution, ViewLink
from otp.observer import Missed, RemoteView, TraceSpec
from otp.peer import Limits, Peer, Spares, Walls, start
from otp.peer.meter import descendants
from superlearner.nodes.remote.protocol import PROTOCOL, Hello, written

BOOTS: Final = (Path(__file__).parent / "peer_boots.py").read_text(encoding="utf-8")
NODE: Final = "measured@127.0.0.1"
PLAIN: Final = ("otp.peer.inner", "otp.peer.walls.raising")
OBSERVED: Final = ("superlearner.backend", "superlearner.backend.headless", "otp.peer.linking", *PLAIN)
CALLS: Final = 3000
CASTS: Final = 20_000
AHEAD: Final = 500
"""Casts between two calls that wait for them."""

EVENTS: Final = 20_000
HARM: Final = {
    "spin": ("an endless loop in a callback, `hold_s=1`", Limits(hold_s=1.0)),
    "fill": ("takes memory by the megabyte, `memory_mb=128`", Limits(memory_mb=128)),
    "leave": ("`os._exit(3)`", Limits()),
    "fork": ("a fork bomb, `processes=32`, `hold_s=1`", Limits(hold_s=1.0)),
}


async def started(boot: str, name: str = NODE, **options: Any) -> Peer:
    return await start(name, f"peer_boots:{boot}", files={"peer_boots.py": BOOTS}, **options)


async def until_warm(spares: Spares) -> None:
    """Wait until the spare peers have imported, which their guards report."""
    guards = [spare.guard for spare in spares._ready]
    while len(select.select(guards, [], [], 0)[0]) < len(guards):
        await asyncio.sleep(0.01)


def spread(values: Sequence[float], unit: str, digits: int = 0) -> str:
    """Return median, lowest and highest."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:,.{digits}f} {unit} | {low:,.{digits}f} to {high:,.{digits}f}"


def quantile(values: Sequence[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


# Start and memory


def memory(*roots: int) -> float:
    """Return the MiB of programs and descendants, shared memory counted once (PSS)."""
    total = 0
    for root in roots:
        for pid in descendants(root):
            found = re.search(r"^Pss:\s+(\d+) kB$", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
            total += int(found[1]) if found else 0
    return total / 1024


def guard_of(peer: Peer) -> int:
    found = re.search(r"^PPid:\s+(\d+)$", Path(f"/proc/{peer.os_pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


async def send_hello(peer: Peer) -> Distribution:
    """Send the platform's first request, which makes its operations available."""
    distribution = await peer.connect(None, timeout=30)
    await GenServer.call(("backend", peer.name), written(Hello(PROTOCOL, "measured", "0", {})), 30)
    return distribution


async def starts(rounds: int) -> list[str]:
    """Measure each kind of start, in turns."""
    took: dict[tuple[str, str, str], list[float]] = {}
    held: dict[str, list[float]] = {"alone": [], "observed": []}
    with Spares(1, PLAIN) as plain, Spares(1, OBSERVED) as observed:
        for _ in range(rounds):
            for what, boot, reserve in (("alone", "idle", plain), ("observed", "observed", observed)):
                for walls in (None, Walls()):
                    for spares in (None, reserve):
                        await until_warm(reserve)
                        begun = time.monotonic()
                        peer = await started(boot, walls=walls, spares=spares)
                        link = await send_hello(peer) if boot == "observed" else None
                        key = (what, "cold" if spares is None else "warm", "behind walls" if walls else "without walls")
                        took.setdefault(key, []).append(1000 * (time.monotonic() - begun))
                        if walls and spares is None:
                            held[what].append(memory(guard_of(peer)))
                        if link is not None:
                            await link.stop()
                        await peer.stop()
    lines = ["| start of a peer | median | range |", "| --- | --: | --: |"]
    words = {"alone": "", "observed": ", with the platform's pages"}
    for (what, warmth, walls), values in sorted(took.items()):
        lines.append(f"| {warmth}, {walls}{words[what]} | {spread(values, 'ms')} |")
    for what, values in held.items():
        with_it = "" if what == "alone" else ", with the platform's pages"
        lines.append(f"| memory of an idle one with its guard, cold{with_it} | {spread(values, 'MiB')} |")
    return lines


# The connection


async def line(rounds: int) -> list[str]:
    """Measure calls, casts and trace events over the connection, and local calls."""
    peer = await started("connected", walls=Walls(), limits=Limits(cpu_s=None))
    distribution = await peer.connect()
    here = await Echo.start()
    there = ("echo", NODE)
    found: dict[str, list[float]] = {}

    def add(what: str, value: float) -> None:
        found.setdefault(what, []).append(value)

    for _ in range(rounds):
        far, near = await _calls(there), await _calls(here)
        for name, took in (("far", far), ("near", near)):
            add(f"{name} p50", quantile(took, 0.5))
            add(f"{name} p99", quantile(took, 0.99))
        begun = time.monotonic()
        for number in range(CASTS):
            GenServer.cast(there, ("add", number))
            if number % AHEAD == AHEAD - 1:
                await GenServer.call(there, "count", 30)
        add("casts", CASTS / (time.monotonic() - begun))
    otp.send(("flood", NODE), "go")
    view = RemoteView(ViewLink(distribution, NODE))
    for _ in range(rounds):
        arrived, missed, seconds = await _traced(view)
        add("events", arrived / seconds)
        add("happened", (arrived + missed) / seconds)
    await distribution.stop()
    await peer.kill()
    ratio = [far / near for far, near in zip(found["far p50"], found["near p50"], strict=True)]
    return [
        "| over the connection with a peer behind walls | median of the rounds | range |",
        "| --- | --: | --: |",
        f"| call and reply, p50 | {spread(found['far p50'], 'µs')} |",
        f"| call and reply, p99 | {spread(found['far p99'], 'µs')} |",
        f"| p50 relative to a call within a node | {spread(ratio, 'times')} |",
        f"| casts, {AHEAD} ahead of a call | {spread(found['casts'], 'a second')} |",
        f"| trace events received from a flooded process | {spread(found['events'], 'a second')} |",
        f"| trace events there, including missed ones | {spread(found['happened'], 'a second')} |",
    ]


async def _calls(server: Any) -> list[float]:
    took: list[float] = []
    for _ in range(CALLS):
        begun = time.perf_counter()
        await GenServer.call(server, 1)
        took.append(1e6 * (time.perf_counter() - begun))
    return took


async def _traced(view: RemoteView) -> tuple[int, int, float]:
    """Return the numbers of received and missed events, and the seconds."""
    spec = TraceSpec(pids=("busy",), kinds=("received",), limit=100_000, rate=100_000, buffer=10_000)
    arrived = missed = 0
    async with view.trace(spec) as stream:
        begun = time.monotonic()
        async for event in stream:
            if isinstance(event, Missed):
                missed += event.count
            else:
                arrived += 1
            if arrived >= EVENTS:
                break
        return arrived, missed, time.monotonic() - begun


class Echo(GenServer[None]):
    """The local server for comparison."""

    @otp.impl
    def init(self, arg: Any) -> otp.Ok[None]:
        return otp.Ok(None)

    @otp.impl
    def handle_call(self, request: Any, caller: otp.From, state: None) -> otp.Reply[None]:
        return otp.Reply(request, state)


# Containment


async def contained(rounds: int) -> list[str]:
    """Measure the time from the act to the end of everything that it started."""
    lines = [
        "| misbehaving program, behind walls | time until it is gone | range | reason |",
        "| --- | --: | --: | --- |",
    ]
    for boot, (words, limits) in HARM.items():
        took: list[float] = []
        reasons: list[str] = []
        for _ in range(rounds):
            said = bytearray()
            try:
                peer = await started(boot, walls=Walls(), limits=limits, on_output=said.extend)
                reasons.append((await peer.ended()).reason)
            except otp.StartError as error:
                reasons.append(error.reason[2])
            ended = time.monotonic()
            acted = re.search(rb"act ([\d.]+)", said)
            assert acted is not None, reasons[-1]
            took.append(ended - float(acted[1]))
        lines.append(f"| {words} | {spread(took, 's', 2)} | {statistics.mode(reasons)} |")
    return lines


# Effect on others


async def beside(rounds: int, seconds: float) -> list[str]:
    """Measure a platform's answers and loop lag with and without a spinning peer."""
    found: dict[str, dict[str, list[float]]] = {"quiet": {}, "spinning": {}}
    with platform("World") as there:
        await asyncio.to_thread(_asked, there, seconds)  # the first requests import modules
        for _ in range(rounds):
            for state, measured in found.items():
                peer = await started("spin", walls=Walls(), limits=Limits(hold_s=None)) if state == "spinning" else None
                for name, value in (await asyncio.to_thread(_asked, there, seconds)).items():
                    measured.setdefault(name, []).append(value)
                if peer is not None:
                    await peer.kill()
    lines = [
        "| a platform of 300 processes | without | range | beside a busy peer | range | median change |",
        "| --- | --: | --: | --: | --: | --: |",
    ]
    words = {"p50": "`GET /processes`, p50", "p99": "`GET /processes`, p99", "cpu": "CPU time of one",
             "lag_p50": "loop lag, p50", "lag_p99": "loop lag, p99"}  # fmt: skip
    for name, text in words.items():
        quiet, spinning = found["quiet"][name], found["spinning"][name]
        change = statistics.median(100 * (b / a - 1) for a, b in zip(quiet, spinning, strict=True) if a)
        lines.append(f"| {text} | {spread(quiet, 'ms', 2)} | {spread(spinning, 'ms', 2)} | {change:+.0f} % |")
    return lines


def _asked(there: Platform, seconds: float) -> dict[str, float]:
    from benchmarks.web import cpu_seconds

    connection = there.connect()
    there.driver("forget", "cast")
    took: list[float] = []
    used, end = cpu_seconds(there.pid), time.monotonic() + seconds
    while (begun := time.monotonic()) < end:
        ask(connection, "GET", "/processes")
        took.append(1000 * (time.monotonic() - begun))
        time.sleep(0.02)
    connection.close()
    cpu = 1000 * (cpu_seconds(there.pid) - used) / len(took)
    late = there.driver("stats", "call")
    return {"p50": quantile(took, 0.5), "p99": quantile(took, 0.99), "cpu": cpu, **late}


async def many(count: int) -> list[str]:
    """Start many at once, without spare peers."""
    me = otp.self()

    async def one(number: int) -> None:
        otp.send(me, await started("idle", f"peer{number}@127.0.0.1", walls=Walls(), limits=Limits(start_s=60)))
        await otp.receive()

    begun = time.monotonic()
    tasks = [otp.spawn(one, number) for number in range(count)]
    peers = [await otp.receive() for _ in range(count)]
    took = time.monotonic() - begun
    held = memory(*(guard_of(peer) for peer in peers))
    begun = time.monotonic()
    for peer, task in zip(peers, tasks, strict=True):
        otp.spawn(_stopped, me, peer)
        otp.send(task, "over")
    reasons = {await otp.receive() for _ in peers}
    assert reasons == {"shut down"}, reasons
    return [
        f"{count} peers at once behind walls, cold: all are ready after {took:.1f} s, have {held:,.0f} MiB together "
        f"({held / count:.1f} each, with their guards), and have shut down {time.monotonic() - begun:.1f} s "
        "after the request."
    ]


async def _stopped(me: otp.Pid, peer: Peer) -> None:
    otp.send(me, (await peer.stop(60)).reason)


Part = tuple[Callable[..., Awaitable[list[str]]], tuple[Any, ...]]


def _parts(rounds: int, seconds: float, count: int) -> Iterator[Part]:
    yield starts, (rounds,)
    yield line, (max(3, rounds // 3),)
    yield contained, (max(3, rounds // 3),)
    yield beside, (rounds, seconds)
    yield many, (count,)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peer_nodes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--many", type=int, default=30)
    parser.add_argument("--only", help="one part, and nothing is written")
    options = parser.parse_args()
    logging.getLogger("otp").setLevel(logging.CRITICAL)  # the peers crash on purpose
    here = machine(sys.executable)
    lines: list[str] = []
    for part, arguments in _parts(options.rounds, options.seconds, options.many):
        if options.only in (None, part.__name__):
            lines += ["", *otp.run(part, *arguments)]
            print("\n".join(lines[-12:]), file=sys.stderr)
    if options.only is None:
        head = (f"{here['processor']}, {here['cores']} cores, Python {here['python']}; {options.rounds} rounds. Load "
                f"of the machine before {here['load']:.1f}, after {os.getloadavg()[0]:.1f}.")  # fmt: skip
        write_figures("peer-performance.md", [head, *lines])
    return 0


if __name__ == "__main__":
    sys.exit(main())
