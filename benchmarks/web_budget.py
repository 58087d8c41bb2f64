"""What one page costs its reader: bytes, times, main thread and frames, against the promised limits.

python -m benchmarks.web_budget [--seconds 10] [--quick]

Needs Chromium and playwright. Bytes are those on the wire of a first visit, fonts included. A page is there
when its first content is painted. The main thread is the time of its tasks as Chromium
counts them. Writes `benchmarks/results/web_budget.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from tools.chromium import ARGUMENTS, chromium
from tools.serving import serving

from benchmarks.web import RATE, RESULTS, Platform, kilobytes, platform, wait_for
from benchmarks.web_crowd import FRAMES, TAKE

CHILDREN: Final = (300, 3_000)
LATENCY_MS: Final = 50
PAGES: Final = ("/", "/supervisors", "/timeline", "/sandboxes", "/learn", "/system")
VISITS: Final = 5
VIEW: Final = {"width": 1440, "height": 900}

LONG_TASKS = """() => {
  window.__tasks = [];
  new PerformanceObserver((list) => { for (const one of list.getEntries()) window.__tasks.push(one.duration); })
    .observe({ entryTypes: ["longtask"] });
}"""
# Times from the request to the first and to the largest content in view, in ms.
PAINTS = """() => new Promise((resolve) => {
  const first = performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null;
  new PerformanceObserver((list) => resolve([first, list.getEntries().at(-1).startTime]))
    .observe({ type: "largest-contentful-paint", buffered: true });
})"""


@contextmanager
def demo() -> Iterator[str]:
    """A platform with the demo that a first visitor sees."""
    with TemporaryDirectory() as folder:
        environment = {**os.environ, "SUPERLEARNER_DATA_DIR": folder}
        program = Path(sys.executable).parent / "superlearner"
        with serving(program, Path(folder), environment) as (address, _):
            wait_for(f"{address}/health/ready")
            yield address


def first_visit(browser: Any, address: str) -> dict[str, float]:
    """Measure the first visit of the start page: kilobytes on the wire, without the frames of its socket."""
    page = browser.new_context(viewport=VIEW).new_page()
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    got: list[float] = []
    devtools.on("Network.loadingFinished", lambda event: got.append(event["encodedDataLength"]))
    page.goto(address)
    page.locator("[data-ready]").first.wait_for(state="attached")
    page.wait_for_load_state("networkidle")
    page.context.close()
    return {"kb": round(sum(got) / 1000, 1), "requests": len(got)}


def visits(browser: Any, address: str, latency: int) -> dict[str, list[float]]:
    """Measure visits of pages whose files the browser has: ms to the first and to the largest content in view."""
    page = browser.new_context(viewport=VIEW).new_page()
    for path in PAGES:
        page.goto(address + path)
        page.wait_for_load_state("networkidle")
    if latency:
        devtools = page.context.new_cdp_session(page)
        devtools.send("Network.enable")
        slow = {"offline": False, "latency": latency, "downloadThroughput": -1, "uploadThroughput": -1}
        devtools.send("Network.emulateNetworkConditions", slow)
    found: dict[str, list[float]] = {}
    for path in PAGES:
        times: list[list[float]] = []
        for _ in range(VISITS):
            page.goto(address + path)
            page.wait_for_load_state("networkidle")
            times.append(page.evaluate(PAINTS))
        found[path] = [round(statistics.median(kind), 1) for kind in zip(*times, strict=True)]
    page.context.close()
    return found


def under_crashes(browser: Any, stack: Platform, seconds: float) -> dict[str, float]:
    """Measure the tree while processes crash: share of the main thread, the longest task."""
    page = browser.new_context(viewport=VIEW).new_page()
    page.goto(stack.url)
    page.locator("#supervisors[data-ready=tree]").wait_for(state="attached", timeout=60_000)
    page.wait_for_timeout(2_000)
    stack.start_events(2 * RATE)  # a crash and its restart are two events
    page.wait_for_timeout(1_000)
    page.evaluate(LONG_TASKS)
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")

    def busy() -> float:
        metrics = devtools.send("Performance.getMetrics")["metrics"]
        return next(one["value"] for one in metrics if one["name"] == "TaskDuration")

    before, begun = busy(), time.monotonic()
    page.wait_for_timeout(seconds * 1_000)
    share = 100 * (busy() - before) / (time.monotonic() - begun)
    tasks = page.evaluate("window.__tasks")
    rows = page.locator("[role=treeitem]").count()
    page.context.close()
    return {"main_thread": round(share, 1), "longest_task_ms": max(tasks, default=0), "rows": rows}


def choreography(browser: Any, address: str) -> dict[str, float]:
    """Measure the frames of one restart that is played where it happens, in the tree and on the start page."""
    found: dict[str, float] = {}
    for place, path, kill in (
        ("tree", "/supervisors", lambda page: page.locator('[role=treeitem][data-key$="/ledger"] .kill').click()),
        ("start", "/", lambda page: page.get_by_role("button", name="Kill").first.click()),
    ):
        page = browser.new_context(viewport=VIEW).new_page()
        page.goto(address + path)
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(1_000)
        page.evaluate(FRAMES)
        press: Callable[[Any], None] = kill
        press(page)
        page.wait_for_timeout(2_500)
        took = sorted(page.evaluate(TAKE))
        found[f"{place}_p99_ms"] = round(took[int(len(took) * 0.99)], 1)
        found[f"{place}_worst_ms"] = round(took[-1], 1)
        page.context.close()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.web_budget", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.seconds = 4.0
    if (found := chromium()) is None:
        print("no Chromium here: the page is not measured", file=sys.stderr)
        return 1
    from playwright.sync_api import sync_playwright

    result: dict[str, Any] = {"seconds": options.seconds, "crashes": {}}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        with demo() as address:
            result["first_visit"] = first_visit(browser, address)
            result["warm"] = visits(browser, address, 0)
            result["warm_slow"] = visits(browser, address, LATENCY_MS)
            result["choreography"] = choreography(browser, address)
        for children in CHILDREN:
            with platform(BENCHMARK_WORKERS=str(children)) as stack:
                result["crashes"][str(children)] = under_crashes(browser, stack, options.seconds)
                if children == max(CHILDREN):
                    result["home_kb_per_second"] = kilobytes(stack.base, options.seconds)
        browser.close()
    print(json.dumps(result, indent=1), file=sys.stderr)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "web_budget.json").write_text(json.dumps(result, indent=0))
    return 0


if __name__ == "__main__":
    sys.exit(main())
