"""What sandboxes cost: their start, thirty at once, and what one that spins does to the platform.

python -m benchmarks.sandboxes [--rounds 5] [--cold 3] [--seconds 3] [--many 30]

Over the API of a platform of its own with 300 processes. A start is cold if it is the first of a platform, warm if a
program is in reserve and has imported. What is compared takes turns within one run. Linux only: memory is read from
`/proc`. Writes the table of `docs/sandboxes.md`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from benchmarks.busy_platform import API, Platform, ask, platform
from benchmarks.machine import machine
from benchmarks.peer_nodes import memory, quantile, spread
from benchmarks.web import cpu_seconds
from otp.peer.meter import descendants

PAGE: Final = Path(__file__).parent.parent / "docs" / "sandboxes.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
SPINNER: Final = """\
import otp
from otp import Children, GenServer, NoReply, Ok, Supervisor

class Spinner(GenServer):
    def init(self, arg):
        return Ok(arg)
    def handle_cast(self, request, state):
        otp.send_after(0.2, self.pid, "spin")  # who asked for it gets an answer first
        return NoReply(state)
    def handle_info(self, message, state):
        while True:
            pass

class Main(Supervisor):
    def init(self, arg):
        return Children([Spinner.child_spec(0, name="spinner")])
"""
QUIET_S: Final = 0.5
PAUSE_S: Final = 0.02
"""Between two requests."""


def once(there: Platform, method: str, path: str, body: Any = None) -> Any:
    """One request of the owner: code of one's own takes the token of the platform that was just started."""
    connection = there.connect()
    token = (there.folder / "token").read_text().strip()
    try:
        return ask(connection, method, path, body, token)["data"]
    finally:
        connection.close()


def created(there: Platform, id: str, **more: Any) -> tuple[int, float]:
    """A new one: its process, and seconds until its tree ran."""
    wanted = {"demo": "demo_one_for_one"} if "source" not in more else {}
    begun = time.monotonic()
    made = once(there, "POST", "/sandboxes", {"sandbox_id": id, **wanted, **more})
    return made["os_pid"], time.monotonic() - begun


def until_warm(there: Platform) -> None:
    """Wait until nothing that the platform has started takes processor's time: what is in reserve has imported."""
    before = -1.0
    while (now := used_below(there.pid) - cpu_seconds(there.pid)) > before:
        before = now
        time.sleep(QUIET_S)


def used_below(pid: int) -> float:
    """Seconds of processor's time that a program and all below it have had."""
    return sum(cpu_seconds(one) for one in descendants(pid))


def until_spinning(pid: int) -> None:
    """Wait until a program takes at least a third of a core, which none does that waits."""
    while True:
        before = used_below(pid)
        time.sleep(QUIET_S)
        if used_below(pid) - before > QUIET_S / 3:
            return


def starts(cold: int, rounds: int) -> Iterator[str]:
    """The first of a platform, then those that find one in reserve."""
    first: list[float] = []
    warm: list[float] = []
    for turn in range(cold):
        with platform("World") as there:
            first.append(1000 * created(there, "first")[1])
            for number in range(rounds if turn == 0 else 0):
                until_warm(there)
                warm.append(1000 * created(there, f"s{number}")[1])
                once(there, "DELETE", f"/sandboxes/s{number}")
    yield "| start of a sandbox, until its tree runs | median | lowest to highest |"
    yield "| --- | --: | --: |"
    yield f"| cold, {cold} platforms | {spread(first, 'ms')} |"
    yield f"| warm, {rounds} in a row | {spread(warm, 'ms')} |"


def many(count: int) -> Iterator[str]:
    """All at once; the loop of the platform is measured meanwhile."""
    with platform("World") as there, ThreadPoolExecutor(count) as at_once:
        once(there, "GET", "/processes")  # the first request imports
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
    yield f"| memory of one with its guard, median | {middle} ({span}) |"
    yield f"| memory of all, and of what is in reserve | {together:,.0f} MiB |"
    yield f"| loop of the platform late by, p50 | {late['lag_p50']:.1f} ms |"
    yield f"| p99 | {late['lag_p99']:.1f} ms |"
    yield f"| worst | {late['lag_worst']:.0f} ms |"


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])


def beside(rounds: int, seconds: float) -> Iterator[str]:
    """What the platform answers beside a sandbox that is idle, and beside one that spins."""
    paths = ("/health/ready", f"{API}/processes")
    found: dict[tuple[str, str, str], list[float]] = {}
    shares: list[float] = []
    with platform("World") as there:
        for path in paths:
            asked(there, path, seconds)  # the first requests import
        for turn in range(rounds):
            for state in ("idle", "spins"):
                id = f"{state}{turn}"
                pid, _ = created(there, id, source=SPINNER, limits={"held_s": 60})
                until_warm(there)
                if state == "spins":
                    node = f"sandbox-{id}@127.0.0.1"
                    cast = {"message": "spin", "message_type": "cast"}
                    once(there, "POST", f"/processes/spinner/message?node={node}", cast)
                    until_spinning(pid)
                had, begun = used_below(pid), time.monotonic()
                for path in paths:
                    took = asked(there, path, seconds)
                    for name, part in (("p50", 0.5), ("p99", 0.99)):
                        found.setdefault((path, name, state), []).append(quantile(took, part))
                if state == "spins":
                    shares.append(100 * (used_below(pid) - had) / (time.monotonic() - begun))
                once(there, "DELETE", f"/sandboxes/{id}?force=true")
    yield f"The one that spins had {statistics.median(shares):.0f} % of a core (median of {rounds} rounds).\n"
    yield (
        "| the platform, one request after the other | beside an idle sandbox | lowest to highest "
        "| beside one that spins | lowest to highest | change, median of the pairs |"
    )
    yield "| --- | --: | --: | --: | --: | --: |"
    for path in paths:
        for name in ("p50", "p99"):
            idle, spins = found[path, name, "idle"], found[path, name, "spins"]
            change = statistics.median(100 * (b / a - 1) for a, b in zip(idle, spins, strict=True))
            yield f"| `GET {path}`, {name} | {spread(idle, 'ms', 1)} | {spread(spins, 'ms', 1)} | {change:+.0f} % |"


def asked(there: Platform, path: str, seconds: float) -> list[float]:
    """How long the answers took, in ms."""
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
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cold", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--many", type=int, default=30)
    options = parser.parse_args()
    here = machine(sys.executable)
    parts = (starts(options.cold, options.rounds), many(options.many), beside(options.rounds, options.seconds))
    lines: list[str] = []
    for part in parts:
        lines.append("")
        for line in part:
            print(line, file=sys.stderr)
            lines.append(line)
    head = (f"{here['processor']}, {here['cores']} cores, Python {here['python']}. Load of the machine before "
            f"{here['load']:.1f}, after {os.getloadavg()[0]:.1f}.")  # fmt: skip
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.partition(BEGIN)[0], page.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{head}\n" + "\n".join(lines) + f"\n{END}{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
