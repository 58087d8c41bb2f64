"""What a cluster of real members costs, beside two Erlang nodes and asyncio with msgpack in the same run.

python -m benchmarks.cluster [--quick] [--false-positives SECONDS] [--peers PYTHON]

Members are programs of their own on loopback, with the default settings. Erlang is measured if `erl` is installed.
Writes `docs/cluster-performance.md`; with `--quick` it only prints.

`--peers` names an interpreter with `ray`, `distributed` and `msgspec`; Ray and Dask are then measured as well.

`--false-positives` is how long members are watched while all cores are busy: by default 600 s, with `--quick` 5 s.
None may be lost.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import selectors
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tools.certificate_authority import Authority
from tools.delaying_forwarder import forwarding

import otp
from benchmarks.cluster_floor import IN_FLIGHT, LARGE, count_in_flight, time_calls, time_echoes
from benchmarks.machine import machine, sentence
from benchmarks.peers import ROOT
from otp import Down, GenServer
from otp.cluster import Cluster, Tls

PAGE: Final = ROOT / "docs" / "cluster-performance.md"
ERLANG: Final = Path(__file__).with_name("cluster.erl")
TWELVE: Final = 12
THREE: Final = 3
IDLE_S: Final = 10
"""Seconds for which the processor time of idle members is measured."""
MONITORS: Final = 10_000
BESIDE: Final = 4
"""Large calls in flight while small ones are measured."""
TWELVE_MIB: Final = 12 * 2**20
ROUNDS_BESIDE: Final = 5
FAR_S: Final = 0.2
"""The round trip to a distant member, in seconds."""
CASTS: Final = 25
"""Large casts with which the throughput of TLS is measured."""


@contextmanager
def peers(cookie: str, names: list[str], size: int, *certificates: str) -> Iterator[list[subprocess.Popen[str]]]:
    """Run members, and end them."""
    environment = {**os.environ, "OTP_COOKIE": cookie}
    begun = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.cluster_peer", name, str(size), *certificates],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True,
        )
        for name in names
    ]  # fmt: skip
    try:
        yield begun
    finally:
        for one in begun:
            one.kill()
            one.wait()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def two_members(calls: int, casts: int) -> dict[str, float]:
    """Measure calls, casts and the end of a member, between two members."""
    cookie = secrets.token_hex(16)
    with peers(cookie, ["b@127.0.0.1"], 2) as (peer,):
        assert line(peer).startswith("ready ")
        os.environ["OTP_COOKIE"] = cookie
        return otp.run(_measure, peer, calls, casts, node="a@127.0.0.1")


async def _measure(peer: subprocess.Popen[str], calls: int, casts: int) -> dict[str, float]:
    cluster = await Cluster.join()
    await cluster.wait_size(2)
    echo = "echo", "b@127.0.0.1"

    async def call(request: Any) -> Any:
        return await GenServer.call(echo, request, timeout=60)

    times = await time_calls(call, calls)
    begun = time.perf_counter()
    for number in range(casts):
        GenServer.cast(echo, number)
        if number % 500 == 0:
            await cluster.distribution.drained("b@127.0.0.1")
    assert await GenServer.call(echo, "casts", timeout=60) == casts
    rate = casts / (time.perf_counter() - begun)
    flying, large = await count_in_flight(call, 5 * calls), await time_echoes(call)
    small = await _time_beside(echo)
    lost = await _lose(peer, echo)
    await cluster.leave()
    return {
        "call_p50_us": statistics.median(times) * 1e6,
        "call_p99_us": times[int(len(times) * 0.99)] * 1e6,
        "casts_per_s": rate,
        "in_flight_per_s": flying,
        "echo_s": large,
        "small_p99_ms": small[int(len(small) * 0.99)] * 1e3,
        **lost,
    }


async def _time_beside(echo: tuple[str, str]) -> list[float]:
    """Return the seconds of small calls to a server while another server gets large ones, sorted."""
    times: list[float] = []
    left = BESIDE * ROUNDS_BESIDE

    async def call_large() -> None:  # in its own process: a small call does not overtake large ones of its sender
        nonlocal left
        for _ in range(ROUNDS_BESIDE):
            await GenServer.call(echo, b"x" * TWELVE_MIB, timeout=60)
            left -= 1

    for _ in range(BESIDE):
        otp.spawn_link(call_large)
    while left:
        begun = time.perf_counter()
        await GenServer.call(("other", echo[1]), "small", timeout=60)
        times.append(time.perf_counter() - begun)
    return sorted(times)


def two_far_members() -> dict[str, float]:
    """Measure TLS: an echo over a long round trip, and the throughput on loopback."""
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        here, there = authority.member("a"), authority.member("b")
        cookie = secrets.token_hex(16)
        found: dict[str, float] = {}
        for measure in (_measure_far, _measure_throughput):
            with peers(cookie, ["b@127.0.0.1"], 2, there.ca, there.cert, there.key) as (peer,):
                os.environ["OTP_COOKIE"] = cookie
                port = int(line(peer).rpartition(":")[2])
                found |= otp.run(measure, port, here, node="a@127.0.0.1")
        return found


async def _measure_far(port: int, tls: Tls) -> dict[str, float]:
    async with forwarding(str(port), FAR_S / 2) as far:
        cluster = await _join_at(far, tls)
        begun = time.perf_counter()
        await GenServer.call(("echo", "b@127.0.0.1"), b"x" * 2**20, timeout=60)
        took = time.perf_counter() - begun
        await cluster.leave()
        return {"far_echo_s": took}


async def _measure_throughput(port: int, tls: Tls) -> dict[str, float]:
    cluster = await _join_at(port, tls)
    large, echo = b"x" * TWELVE_MIB, ("echo", "b@127.0.0.1")
    begun = time.perf_counter()
    for _ in range(CASTS):
        await cluster.distribution.drained(echo[1])
        GenServer.cast(echo, large)
    assert await GenServer.call(echo, "casts", timeout=60) == CASTS
    took = time.perf_counter() - begun
    await cluster.leave()
    return {"tls_mib_per_s": CASTS * len(large) / 2**20 / took}


async def _join_at(port: int, tls: Tls) -> Cluster:
    cluster = await Cluster.join(listen="127.0.0.1:0", connect=f"tls/127.0.0.1:{port}", discovery=None, tls=tls)
    await cluster.wait_size(2)
    return cluster


async def _lose(peer: subprocess.Popen[str], echo: tuple[str, str]) -> dict[str, float]:
    """Kill a member whose processes are monitored; measure from the first `Down` to the last."""
    pids = await GenServer.call(echo, ("idle", MONITORS), timeout=60)
    for pid in pids:
        otp.monitor(pid)
    loop, held = asyncio.get_running_loop(), [0.0]
    last = [loop.time()]

    def look() -> None:
        now = loop.time()
        held[0] = max(held[0], now - last[0] - 0.001)
        last[0] = now
        loop.call_later(0.001, look)

    await GenServer.call(echo, "all monitors have arrived")
    last[0] = loop.time()
    look()
    killed = time.perf_counter()
    peer.kill()
    await otp.receive(Down)
    first = time.perf_counter()
    for _ in range(MONITORS - 1):
        await otp.receive(Down)
    return {
        "detected_s": first - killed,
        "monitors_s": time.perf_counter() - first,
        "held_ms": held[0] * 1000,
    }


def formation() -> dict[str, float]:
    """Measure how long members that start together need to see each other, and their memory."""
    begun = time.time()
    with peers(secrets.token_hex(16), [f"n{n}@127.0.0.1" for n in range(TWELVE)], TWELVE) as members:
        formed: list[float] = []
        for one in members:
            assert line(one).startswith("ready ")
            formed.append(float(line(one).partition(" ")[2]))
        sizes = [_resident_mib(one.pid) for one in members]
        before = [_cpu_s(one.pid) for one in members]
        time.sleep(IDLE_S)
        used = sum(_cpu_s(one.pid) for one in members) - sum(before)
    idle = used / IDLE_S / TWELVE / (TWELVE - 1)
    return {"formed_s": max(formed) - begun, "member_mib": max(sizes), "idle_percent": idle * 100}


def second_terminal(times: int) -> dict[str, float]:
    """Measure from the start of a second member until both see two, with the default settings."""
    found: list[float] = []
    for _ in range(times):
        cookie = secrets.token_hex(16)
        with peers(cookie, ["a@127.0.0.1"], 2) as (first,):
            assert line(first).startswith("ready ")
            begun = time.time()
            with peers(cookie, ["b@127.0.0.1"], 2) as (second,):
                assert line(second).startswith("ready ")
                formed = [float(line(one).partition(" ")[2]) for one in (first, second)]
            found.append(max(formed) - begun)
    found.sort()
    return {"second_median_s": statistics.median(found), "second_p95_s": found[int(len(found) * 0.95)]}


@contextmanager
def busy_cores() -> Iterator[int]:
    """Run two endless loops a core, and end them; yields their number."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        yield len(loops)
    finally:
        for one in loops:
            one.kill()
            one.wait()


def false_positives(seconds: float) -> dict[str, float]:
    """Count the members that others take for gone while all cores are busy; none of them is."""
    downs: list[str] = []
    with peers(secrets.token_hex(16), [f"n{n}@127.0.0.1" for n in range(THREE)], THREE) as members:
        for one in members:
            assert line(one).startswith("ready ")
            assert line(one).startswith("formed ")
        with busy_cores() as loops, selectors.DefaultSelector() as outputs:
            for one in members:
                assert one.stdout is not None
                outputs.register(one.stdout, selectors.EVENT_READ)
            end = time.monotonic() + seconds
            while (left := end - time.monotonic()) > 0:
                for key, _ in outputs.select(left):
                    said = os.read(key.fd, 65_536).decode()
                    assert said, "a member has ended"
                    downs += said.splitlines()
    for one in downs:
        print(one, file=sys.stderr)
    return {"watched_s": seconds, "busy_loops": loops, "false_positives": len(downs)}


def _cpu_s(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _resident_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def erlang(calls: int, casts: int) -> dict[str, float] | None:
    """Measure the same between two Erlang nodes; None without Erlang."""
    if shutil.which("escript") is None:
        return None
    done = subprocess.run(
        ["escript", str(ERLANG), str(calls), str(casts), str(MONITORS)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def measure_peer(python: str, name: str, calls: int, casts: int) -> dict[str, float]:
    """Measure the same workloads with another program; `floor` is asyncio alone."""
    command = [python, "-m", f"benchmarks.cluster_{name}", str(calls), str(casts)]
    return json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--peers", metavar="PYTHON", help="also measure Ray and Dask, with this interpreter")
    parser.add_argument("--false-positives", type=float, metavar="SECONDS", help="how long to watch (600, quick: 5)")
    options = parser.parse_args()
    watched = options.false_positives or (5 if options.quick else 600)
    calls, casts = (1_000, 20_000) if options.quick else (10_000, 200_000)
    at = machine(sys.executable)
    rounds: list[dict[str, dict[str, float]]] = []
    for _ in range(1 if options.quick else 3):
        found = {"members": two_members(calls, casts), "asyncio": measure_peer(sys.executable, "floor", calls, casts)}
        if (of_erlang := erlang(calls, casts)) is not None:
            found["Erlang"] = of_erlang
        if options.peers:  # fewer casts, because they are slow
            found["Ray"] = measure_peer(options.peers, "ray", calls // 5, casts // 100)
            found["Dask"] = measure_peer(options.peers, "dask", calls // 5, casts // 100)
        rounds.append(found)
        print(json.dumps(found), file=sys.stderr)
    peers_of = {name: _medians([one[name] for one in rounds]) for name in rounds[0]}
    ours = peers_of.pop("members")
    ours |= two_far_members() | formation() | second_terminal(3 if options.quick else 20)
    ours |= false_positives(watched)
    text = "\n".join(page(at, ours, peers_of)) + "\n"
    print(text)
    if not options.quick:
        PAGE.write_text(text, encoding="utf-8")
    return 0


def _medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}


def page(at: dict[str, Any], ours: dict[str, float], others: dict[str, dict[str, float]]) -> Iterator[str]:
    yield "# What a cluster costs\n"
    yield (
        f"Members are programs of their own on loopback, with the default settings, on {sentence(at)}. "
        "The page is written by `make bench-cluster`. The same run measures asyncio with msgpack over one TCP "
        "connection (`benchmarks/cluster_floor.py`), two nodes of `erl -sname` (`benchmarks/cluster.erl`), and "
        "an actor each of Ray and Dask; figures are medians of the rounds.\n"
    )
    yield f"| | members | promised |{''.join(f' {name} | ratio |' for name in others)}"
    yield f"|---|---:|---:|{'---:|---:|' * len(others)}"
    rows = (
        ("call to another member, p50, µs", "call_p50_us", "≤ 350, ≤ 1.2 × asyncio", 0),
        ("call to another member, p99, µs", "call_p99_us", "", 0),
        ("casts a second over one link", "casts_per_s", "≥ 40,000, ≥ 0.6 × asyncio", 0),
        (f"calls a second with {IN_FLIGHT:,} in flight", "in_flight_per_s", "≥ 0.6 × asyncio", 0),
        (f"echo of {LARGE // 2**20} MiB, s", "echo_s", "≤ 1.3 × asyncio", 3),
        (f"small call beside {BESIDE} echoes of 12 MiB, p99, ms", "small_p99_ms", "≤ 5", 1),
        (f"echo of 1 MiB over TLS at a round trip of {FAR_S * 1000:.0f} ms, s", "far_echo_s", "≤ 1.5", 2),
        ("throughput over TLS, MiB/s", "tls_mib_per_s", "≥ 100", 0),
        (f"{MONITORS:,} monitors of a member that is killed: first to last `Down`, s", "monitors_s", "≤ 0.05", 3),
        ("the longest time the loop was held meanwhile, ms", "held_ms", "≤ 50", 1),
        ("from `kill -9` to the first `Down`, s", "detected_s", "", 2),
        (f"{TWELVE} members started together see each other, s", "formed_s", "≤ 3", 2),
        ("a second member is started: both see two, median of 20, s", "second_median_s", "≤ 2", 2),
        ("the same, p95, s", "second_p95_s", "≤ 3", 2),
        (f"memory of one of {TWELVE} members, MiB", "member_mib", "≤ 60", 0),
        (f"what each of {TWELVE - 1} idle connections costs a member, % of a core", "idle_percent", "≤ 0.06", 3),
        (
            f"{THREE} members watched for {ours['watched_s']:.0f} s beside {ours['busy_loops']:.0f} endless loops: "
            "taken for gone, none of which was",
            "false_positives",
            "0",
            0,
        ),
    )
    for words, key, promised, digits in rows:
        cells = [words, f"{ours[key]:,.{digits}f}", promised]
        for peer in others.values():
            other = peer.get(key)
            cells += ["", ""] if not other else [f"{other:,.{digits}f}", f"{ours[key] / other:.2f}"]
        yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
