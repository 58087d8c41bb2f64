"""The cost of the course: the verdict of every exercise, the workbench, and a class of thirty.

python -m benchmarks.course [--quick] [--anyway]

Everything goes over HTTP to a platform with the default settings, as from the page. The client shares the machine with
the platform. Memory is the share of each program in what it maps (PSS), with its guard. Linux only. Writes
`docs/course-performance.md`, unless the machine is busy with other work; `--quick`, and `--anyway` on a busy machine,
only print the page.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from tools.chromium import ARGUMENTS, chromium

from benchmarks.busy_platform import Platform, platform
from benchmarks.load import begin
from benchmarks.machine import machine, sentence
from benchmarks.peer_nodes import memory, quantile
from benchmarks.peers import ROOT
from benchmarks.sandboxes import once, parent_of, until_warm, used_below
from superlearner.course.course import Course
from superlearner.course.lesson import Exercise

PAGE: Final = ROOT / "docs" / "course-performance.md"
PAGE_OF: Final = 12
"""The session whose page is read."""
P50: Final = 0.2
P95: Final = 0.5
"""Seconds that a verdict may take."""
ROUNDS: Final = 20
LEARNERS: Final = 30
AT_ONCE: Final = 10
GROUPS: Final = 5
IDLE_S: Final = 10.0
"""Time for which idle workbenches are measured, in seconds."""
BUSY: Final = """\
import asyncio, time
end = time.monotonic() + 20
while time.monotonic() < end:
    turn = time.monotonic() + 0.02
    while time.monotonic() < turn:
        pass
    await asyncio.sleep(0.02)
"""
"""A cell that takes half of a core, if it gets it."""
SHIFTS: Final = """() => { window.moved = 0;
  new PerformanceObserver((list) => { for (const one of list.getEntries()) window.moved += one.value; })
    .observe({ type: "layout-shift", buffered: true }); }"""


def seconds(work: Any, *given: Any) -> float:
    """Return how long a call took."""
    begun = time.perf_counter()
    work(*given)
    return time.perf_counter() - begun


def checked(there: Platform, exercise: str, source: str) -> None:
    """Check an answer that is right.

    Raises:
        RuntimeError: it did not pass.
    """
    verdict = once(there, "POST", f"/course/exercises/{exercise}/check", {"source": source})
    if not verdict["ok"]:
        raise RuntimeError(f"{exercise}: expected a pass, got {verdict}")


@dataclass(frozen=True)
class Verdicts:
    """The times of the checks of one exercise, in seconds."""

    session: int
    id: str
    seconds: Sequence[float]

    @property
    def p50(self) -> float:
        """The median."""
        return quantile(self.seconds, 0.5)

    @property
    def p95(self) -> float:
        """The time that one check of twenty exceeds."""
        return quantile(self.seconds, 0.95)

    @property
    def is_late(self) -> bool:
        """Return whether a check takes longer than promised."""
        return self.p50 > P50 or self.p95 > P95


def verdicts(rounds: int) -> tuple[list[Verdicts], list[float]]:
    """Measure the checks of all reference solutions: each `rounds` times alone, and some ten at once."""
    course = Course()
    answers = {
        one.id: (lesson.number, course.solution(one.id)) for lesson in course.lessons for one in lesson.blocks(Exercise)
    }
    with platform("World") as there, ThreadPoolExecutor(AT_ONCE) as at_once:
        checked(there, "s12.generic", answers["s12.generic"][1])
        until_warm(there)
        took: dict[str, list[float]] = {id: [] for id in answers}
        for _ in range(rounds):
            for id, (_, answer) in answers.items():
                took[id].append(seconds(checked, there, id, answer))
        together: list[float] = []
        for id in list(answers)[:: len(answers) // min(rounds, GROUPS)]:
            waiting = [at_once.submit(seconds, checked, there, id, answers[id][1]) for _ in range(AT_ONCE)]
            together += [one.result() for one in waiting]
    return [Verdicts(session, id, took[id]) for id, (session, _) in answers.items()], together


def workbenches() -> dict[str, float]:
    """Measure the start of a workbench, a class of idle ones, and a new cell while all compute."""
    with platform("World", SUPERLEARNER_SANDBOXES=str(LEARNERS + 1)) as there, ThreadPoolExecutor(LEARNERS) as at_once:
        first = started(there, "first")
        run(there, first["node"], "1 + 1")
        until_warm(there)
        took: list[float] = []
        for number in range(7):
            until_warm(there)
            took.append(seconds(started, there, f"warm{number}"))
            once(there, "DELETE", f"/sandboxes/warm{number}")
        made = list(at_once.map(lambda number: started(there, f"w{number}"), range(LEARNERS)))
        for one in made:
            run(there, one["node"], "print('here')")
        roots = [parent_of(one["os_pid"]) for one in made]
        each = [memory(root) for root in roots]
        together = memory(*roots)
        until_warm(there)
        before, begun = sum(map(used_below, roots)), time.monotonic()
        time.sleep(IDLE_S)
        idle = 100 * (sum(map(used_below, roots)) - before) / (time.monotonic() - begun)
        busy = [at_once.submit(run, there, one["node"], BUSY) for one in made[1:]]
        time.sleep(2)
        output = [seconds(run, there, first["node"], "print('first output')") for _ in range(40)]
        for one in busy:
            one.result()
        every = list(at_once.map(lambda one: seconds(run, there, one["node"], "sum(range(10**6))\nprint(1)"), made))
    return {
        "workbench_s": quantile(took, 0.5), "workbench_mib": quantile(each, 0.5), "idle_gb": together * 2**20 / 1e9,
        "idle_cpu": idle, "busy_p95": quantile(output, 0.95), "every_p95": quantile(every, 0.95),
    }  # fmt: skip


def started(there: Platform, id: str) -> dict[str, Any]:
    """Start a workbench."""
    return once(there, "POST", "/sandboxes", {"sandbox_id": id, "template": "workbench"})


def run(there: Platform, node: str, source: str) -> None:
    """Run a cell."""
    once(there, "POST", f"/nodes/eval?node={node}", {"source": source, "keep": True, "timeout_ms": 30_000})


def shift() -> float | None:
    """Return the layout shift of the page of the session, read from top to bottom; None without Chromium."""
    if (found := chromium()) is None:
        return None
    from playwright.sync_api import sync_playwright

    with platform("World") as there, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.add_init_script(f"({SHIFTS})()")
        page.goto(f"http://{there.host}:{there.port}/learn/{PAGE_OF}")
        page.locator("lesson-exercise").first.wait_for(state="attached")
        while not page.evaluate("scrollY + innerHeight >= document.documentElement.scrollHeight - 2"):
            page.mouse.wheel(0, 800)
            page.wait_for_timeout(50)
        moved = page.evaluate("window.moved")
        browser.close()
    return moved


ROWS: Final = (
    ("verdict on a right answer, all exercises, p50, s", "verdict_p50", f"≤ {P50}", 2),
    ("the same, p95, s", "verdict_p95", f"≤ {P95}", 2),
    (f"{AT_ONCE} verdicts at once, p95, s", "together_p95", "≤ 2", 2),
    ("start of a workbench, warm, median of 7, s", "workbench_s", "≤ 0.3", 2),
    ("memory of a workbench with its guard, median, MiB", "workbench_mib", "≤ 40", 1),
    (f"memory of {LEARNERS} idle ones, GB", "idle_gb", "≤ 1.5", 2),
    (f"processor time of {LEARNERS} idle ones, % of a core", "idle_cpu", "≤ 5", 1),
    (f"output of a new cell while {LEARNERS - 1} others want half a core each, p95, s", "busy_p95", "≤ 1", 2),
    (f"{LEARNERS} cells started at once, each some 10 ms of work, p95, s", "every_p95", "≤ 1", 2),
    ("layout shift of the page, read to its end", "shift", "< 0.02", 3),
)


def lines(at: dict[str, Any], every: Sequence[Verdicts], found: Mapping[str, float | None]) -> Iterator[str]:
    """Yield the lines of the page."""
    yield "# What the course costs\n"
    yield (
        f"A platform with the default settings and its client on {sentence(at)}. The page is written by "
        f"`make bench-course`. A verdict is the check of a reference solution over HTTP, in a program of its own: "
        f"{len(every)} exercises, each checked {len(every[0].seconds)} times, one after the other.\n"
    )
    yield "| | measured | promised |"
    yield "|---|---:|---:|"
    for words, key, promised, digits in ROWS:
        value = found[key]
        yield f"| {words} | {'not measured' if value is None else f'{value:.{digits}f}'} | {promised} |"
    yield "\n## The slowest exercise of each session\n"
    yield "| session | exercises | slowest | p50, s | p95, s |"
    yield "|---:|---:|---|---:|---:|"
    for session in sorted({one.session for one in every}):
        here = [one for one in every if one.session == session]
        slowest = max(here, key=lambda one: one.p95)
        yield f"| {session} | {len(here)} | `{slowest.id}` | {slowest.p50:.2f} | {slowest.p95:.2f} |"
    late = [f"`{one.id}` ({one.p50:.2f}, {one.p95:.2f})" for one in every if one.is_late]
    missed = f"These take longer (p50, p95): {', '.join(late)}." if late else "No exercise takes longer."
    yield f"\nA verdict may take {P50} s at p50, and {P95} s at p95. {missed}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.course", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="check each answer once, and only print the page")
    parser.add_argument("--anyway", action="store_true", help="measure on a busy machine, and only print the page")
    options = parser.parse_args()
    if not begin(anyway=options.anyway):
        return 1
    at = machine(sys.executable)
    every, together = verdicts(1 if options.quick else ROUNDS)
    alone = [time for one in every for time in one.seconds]
    found: dict[str, float | None] = {
        "verdict_p50": quantile(alone, 0.5), "verdict_p95": quantile(alone, 0.95),
        "together_p95": quantile(together, 0.95), **workbenches(), "shift": shift(),
    }  # fmt: skip
    text = "\n".join(lines(at, every, found)) + "\n"
    print(text)
    if not options.quick and not options.anyway:
        PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
