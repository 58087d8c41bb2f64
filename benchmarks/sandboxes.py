"""The cost of sandboxes: their start, thirty at once, a spinning one.

python -m benchmarks.sandboxes [--rounds 30] [--cold 3] [--seconds 4] [--many 30]

Uses the API of a platform of its own with 300 processes. The first start on a platform is cold; a start is warm if a
spare program has already imported its modules. In turns a sandbox is idle, it spins, and an unrelated program spins
instead, four seconds for each measurement; the platform is compared round by round, so that other work on the machine
affects all cases alike. Blocks of one second are too short: their p99 is the second worst of 170 answers. Linux only:
memory is read from `/proc`. Takes three quarters of an hour and writes the tables of `docs/sandbox-performance.md`.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from benchmarks.busy_platform import API, Platform, ask, platform
from benchmarks.figures import write_figures
from benchmarks.machine import machine
from benchmarks.peer_nodes import memory, quantile, spread
from benchmarks.web import cpu_seconds
from otp.peer.meter import descendants

SPINNER: Final = """\
import time
import otp
from otp import Children, GenServer, NoReply, Ok, Supervisor

class Spinner(GenServer):
    def init(self, arg):
        return Ok(False)
    def handle_cast(self, request, spins):
        otp.send(self.pid, "turn")
        return NoReply(request == "spin")
    def handle_info(self, message, spins):
        if spins:
            end = time.monotonic() + 0.02
            while time.monotonic() < end:
                pass
            otp.send(self.pid, "turn")
        return NoReply(spins)

class Main(Supervisor):
    def init(self, arg):
        return Children([Spinner.child_spec(0, name="spinner")])
"""
"""A tree that uses all processor time but still answers, so no limit ends it."""

WARM: Final = 7
"""Warm starts."""

QUIET_S: Final = 0.3
BUSY: Final = 0.2
"""Share of a core below which programs are idle: a sandbox uses 0.01, and the tree under load 0.07."""

BESIDE: Final = ("rests", "spins", "stranger")

PAUSE_S: Final = 0.005
"""Pause between two requests."""

UNSURE: Final = 0.05


def once(there: Platform, method: str, path: str, body: Any = None) -> Any:
    """Make one request with the owner's token, which custom code requires."""
    connection = there.connect()
    token = (there.folder / "token").read_text().strip()
    try:
        return ask(connection, method, path, body, token)["data"]
    finally:
        connection.close()


def created(there: Platform, id: str, **more: Any) -> tuple[int, float]:
    """Create a sandbox; return its process and the seconds until its tree ran."""
    wanted = {"demo": "demo_one_for_one"} if "source" not in more else {}
    begun = time.monotonic()
    made = once(there, "POST", "/sandboxes", {"sandbox_id": id, **wanted, **more})
    return made["os_pid"], time.monotonic() - begun


def until_warm(there: Platform) -> None:
    """Wait until the spare programs have finished their imports: until the platform's programs are idle."""
    until_it(False, there.pid)


def used_below(pid: int) -> float:
    """Return the processor time in seconds of a program and its descendants."""
    return sum(cpu_seconds(one) for one in descendants(pid))


def until_it(spins: bool, pid: int) -> None:
    """Wait until a sandbox spins, or is idle."""
    while True:
        before = used_below(pid)
        time.sleep(QUIET_S)
        if (used_below(pid) - before > QUIET_S * BUSY) is spins:
            return


def starts(cold: int) -> Iterator[str]:
    """Measure the first start on a platform, then starts from spare programs."""
    first: list[float] = []
    warm: list[float] = []
    for turn in range(cold):
        with platform("World") as there:
            first.append(1000 * created(there, "first")[1])
            for number in range(WARM if turn == 0 else 0):
                until_warm(there)
                warm.append(1000 * created(there, f"s{number}")[1])
                once(there, "DELETE", f"/sandboxes/s{number}")
    yield "| start of a sandbox | median | range |"
    yield "| --- | --: | --: |"
    yield f"| cold, {cold} platforms | {spread(first, 'ms')} |"
    yield f"| warm, {WARM} in a row | {spread(warm, 'ms')} |"


def many(count: int) -> Iterator[str]:
    """Start many at once, and measure the loop of the platform meanwhile."""
    with platform("World") as there, ThreadPoolExecutor(count) as at_once:
        once(there, "GET", "/processes")  # the first request imports modules
        there.driver("forget", "cast")
        begun = time.monotonic()
        made = list(at_once.map(lambda number: created(there, f"s{number}"), range(count)))
        took = time.monotonic() - begun
        late = there.driver("stats", "call")
        each = [memory(parent_of(pid)) for pid, _ in made]
        together = memory(*(pid for pid in descendants(there.pid)[1:] if parent_of(pid) == there.pid))
    yield f"| {count} sandboxes at once | |"
    yield "| --- | --: |"
    yield f"| all run after | {took:.1f} s |"
    middle, span = spread(each, "MiB", 1).split(" | ")
    yield f"| memory of each with its guard, median | {middle} ({span}) |"
    yield f"| memory of all, including the reserve | {together:,.0f} MiB |"
    yield f"| loop lag of the platform, p50 | {late['lag_p50']:.1f} ms |"
    yield f"| p99 | {late['lag_p99']:.1f} ms |"
    yield f"| worst | {late['lag_worst']:.0f} ms |"


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])


def beside(rounds: int, seconds: float) -> Iterator[str]:
    """Measure the platform beside an idle sandbox, the same one busy, and an unrelated busy program.

    Each round has all three, in rotating order, so that slow changes affect all alike. The unrelated program has the
    core and the priority of the sandbox, so its effect is that of the machine. The platform and its client share one
    core in all rounds, and the sandbox has another.

    Args:
        rounds: how many.
        seconds: of each thing measured.
    """
    found: dict[str, dict[str, list[float]]] = {}
    shares: list[float] = []
    ours = os.sched_getaffinity(0)
    with platform("World") as there:
        pid, _ = created(there, "one", source=SPINNER)
        until_warm(there)
        keep_apart(there)
        measured(there, seconds)  # the first requests import
        for turn in range(rounds):
            for who in (*BESIDE[turn % 3 :], *BESIDE[: turn % 3]):
                cast = {"message": "spin" if who == "spins" else "rest", "message_type": "cast"}
                once(there, "POST", "/processes/spinner/message?node=sandbox-one@127.0.0.1", cast)
                until_it(who == "spins", pid)
                with stranger(like=pid) if who == "stranger" else contextlib.nullcontext():
                    had, begun = used_below(pid), time.monotonic()
                    for name, value in measured(there, seconds).items():
                        found.setdefault(name, {}).setdefault(who, []).append(value)
                if who == "spins":
                    shares.append(100 * (used_below(pid) - had) / (time.monotonic() - begun))
    os.sched_setaffinity(0, ours)
    cores = "Platform and client have one core, the sandbox another."
    yield f"{cores} The busy one used {statistics.median(shares):.0f} % of a core (median of {rounds} rounds).\n"
    yield (
        "| the platform | idle sandbox | range | busy sandbox | range "
        "| change | 95 % interval | control | 95 % interval |"
    )
    yield "| --- | --: | --: | --: | --: | --: | --: | --: | --: |"
    for name, values in found.items():
        rests, spins = (spread(values[who], "ms", 2) for who in ("rests", "spins"))
        ours, theirs = (change(values["rests"], values[who]) for who in ("spins", "stranger"))
        yield f"| {name} | {rests} | {spins} | {ours} | {theirs} |"


def change(before: Sequence[float], after: Sequence[float]) -> str:
    """Return the median of the changes, round by round, and its confidence interval."""
    changes = [100 * (b / a - 1) for a, b in zip(before, after, strict=True)]
    low, high = interval_of_median(changes)
    return f"{statistics.median(changes):+.0f} % | {low:+.0f} to {high:+.0f} %"


@contextlib.contextmanager
def stranger(*, like: int) -> Generator[None]:
    """Run an unrelated spinning program, with cores and priority like another one."""
    program = subprocess.Popen([sys.executable, "-I", "-c", "while True: pass"])
    try:
        os.sched_setaffinity(program.pid, os.sched_getaffinity(like))
        os.setpriority(os.PRIO_PROCESS, program.pid, os.getpriority(os.PRIO_PROCESS, like))
        yield
    finally:
        program.kill()
        program.wait()


def keep_apart(there: Platform) -> None:
    """Pin the platform and this program to one core, its children to the others."""
    first, *others = sorted(os.sched_getaffinity(0))
    for pid in (os.getpid(), *descendants(there.pid)):
        cores = [first] if pid in (os.getpid(), there.pid) else others
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(thread), cores)


def interval_of_median(values: Sequence[float]) -> tuple[float, float]:
    """Return the median's 95 % confidence interval; the range of fewer than six.

    Each value is above or below the median with equal probability in any distribution, so the ranks follow from the
    binomial distribution (the sign test).

    >>> interval_of_median(range(1, 21))
    (6, 15)
    """
    ordered, count = sorted(values), len(values)
    below, rank = 0.0, 0
    while (below := below + math.comb(count, rank) / 2**count) <= UNSURE / 2:
        rank += 1
    at = max(rank - 1, 0)
    return ordered[at], ordered[count - 1 - at]


def measured(there: Platform, seconds: float) -> dict[str, float]:
    """Measure the loop's lag without requests, and sequential response times; in ms."""
    there.driver("forget", "cast")
    time.sleep(seconds)
    late = there.driver("stats", "call")
    values = {"loop lag, p50": late["lag_p50"], "loop lag, p99": late["lag_p99"]}
    for path in ("/health/ready", f"{API}/processes"):
        used = cpu_seconds(there.pid)
        took = asked(there, path, seconds)
        values[f"`GET {path}`, p50"] = quantile(took, 0.5)
        values[f"`GET {path}`, p99"] = quantile(took, 0.99)
        values[f"`GET {path}`, CPU time"] = 1000 * (cpu_seconds(there.pid) - used) / len(took)
    return values


def asked(there: Platform, path: str, seconds: float) -> list[float]:
    """Return response times in ms."""
    connection = there.connect()
    took: list[float] = []
    end = time.monotonic() + seconds
    while (begun := time.monotonic()) < end:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        assert response.status == 200, (path, response.status)
        took.append(1000 * (time.monotonic() - begun))
        time.sleep(PAUSE_S)
    connection.close()
    return took


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sandboxes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="of three blocks: it rests, it spins, a stranger spins")
    parser.add_argument("--cold", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each block: its p99 is of 150 answers a second")
    parser.add_argument("--many", type=int, default=30)
    options = parser.parse_args()
    here = machine(sys.executable)
    parts = (starts(options.cold), many(options.many), beside(options.rounds, options.seconds))
    lines: list[str] = []
    for part in parts:
        lines.append("")
        for line in part:
            print(line, file=sys.stderr)
            lines.append(line)
    head = (f"{here['processor']}, {here['cores']} cores, Python {here['python']}. Load of the machine before "
            f"{here['load']:.1f}, after {os.getloadavg()[0]:.1f}.")  # fmt: skip
    write_figures("sandbox-performance.md", [head, *lines])
    return 0


if __name__ == "__main__":
    sys.exit(main())
