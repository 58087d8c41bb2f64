"""The cost of a session of the course: verdicts, the workbench, and a class of thirty.

python -m benchmarks.course [--quick]

Everything goes over HTTP to a platform with the default settings, as from the page. The client shares the machine with
the platform. Memory is the share of each program in what it maps (PSS), with its guard. Linux only. Writes
`docs/course-performance.md`; with `--quick` it only prints.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from tools.chromium import ARGUMENTS, chromium

from benchmarks.busy_platform import Platform, platform
from benchmarks.machine import machine, sentence
from benchmarks.peer_nodes import memory, quantile
from benchmarks.peers import ROOT
from benchmarks.sandboxes import once, parent_of, until_warm, used_below
from superlearner.course.course import Course
from superlearner.course.lesson import Exercise

PAGE: Final = ROOT / "docs" / "course-performance.md"
SESSION: Final = 12
LEARNERS: Final = 30
AT_ONCE: Final = 10
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


def verdicts(rounds: int) -> dict[str, float]:
    """Measure the check of each exercise's reference solution, one after the other and ten at once."""
    course = Course()
    answers = [(one.id, course.solution(one.id)) for one in course.lesson(SESSION).blocks(Exercise)]
    with platform("World") as there, ThreadPoolExecutor(AT_ONCE) as at_once:
        for answer in answers:
            checked(there, *answer)
        until_warm(there)
        alone: list[float] = []
        for _ in range(rounds):
            for answer in answers:
                alone.append(seconds(checked, there, *answer))
        together: list[float] = []
        for place in range(rounds):
            answer = answers[place % len(answers)]
            together += at_once.map(lambda one: seconds(checked, there, *one), [answer] * AT_ONCE)
    return {
        "verdict_p50": quantile(alone, 0.5), "verdict_p95": quantile(alone, 0.95),
        "together_p95": quantile(together, 0.95), "checked": len(alone), "checked_together": len(together),
    }  # fmt: skip


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
        page.goto(f"http://{there.host}:{there.port}/learn/{SESSION}")
        page.locator("lesson-exercise").first.wait_for(state="attached")
        while not page.evaluate("scrollY + innerHeight >= document.documentElement.scrollHeight - 2"):
            page.mouse.wheel(0, 800)
            page.wait_for_timeout(50)
        moved = page.evaluate("window.moved")
        browser.close()
    return moved


ROWS: Final = (
    ("verdict on a right answer, p50, s", "verdict_p50", "≤ 0.2", 2),
    ("the same, p95, s", "verdict_p95", "≤ 0.5", 2),
    (f"{AT_ONCE} verdicts at once, p95, s", "together_p95", "≤ 2", 2),
    ("start of a workbench, warm, median of 7, s", "workbench_s", "≤ 0.3", 2),
    ("memory of a workbench with its guard, median, MiB", "workbench_mib", "≤ 40", 1),
    (f"memory of {LEARNERS} idle ones, GB", "idle_gb", "≤ 1.5", 2),
    (f"processor time of {LEARNERS} idle ones, % of a core", "idle_cpu", "≤ 5", 1),
    (f"output of a new cell while {LEARNERS - 1} others want half a core each, p95, s", "busy_p95", "≤ 1", 2),
    (f"{LEARNERS} cells started at once, each some 10 ms of work, p95, s", "every_p95", "≤ 1", 2),
    ("layout shift of the page, read to its end", "shift", "< 0.02", 3),
)


def lines(at: dict[str, Any], found: dict[str, float | None]) -> Iterator[str]:
    """Yield the lines of the page."""
    yield "# What the course costs\n"
    yield (
        f"A platform with the default settings and its client on {sentence(at)}. "
        f"The page is written by `make bench-course`. A "
        f"verdict is the check of a reference solution of session {SESSION} over HTTP, in a program of its own: "
        f"{found['checked']:.0f} one after the other, {found['checked_together']:.0f} in groups.\n"
    )
    yield "| | measured | promised |"
    yield "|---|---:|---:|"
    for words, key, promised, digits in ROWS:
        value = found[key]
        yield f"| {words} | {'not measured' if value is None else f'{value:.{digits}f}'} | {promised} |"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.course", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    at = machine(sys.executable)
    found: dict[str, float | None] = {**verdicts(1 if options.quick else 5)}
    found |= workbenches()
    found["shift"] = shift()
    text = "\n".join(lines(at, found)) + "\n"
    print(text)
    if not options.quick:
        PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
