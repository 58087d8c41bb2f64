"""The live page at scale: 10,000 processes and 500 events/s; 30 viewers.

python -m benchmarks.web_crowd [--seconds 8] [--workers 10000] [--rate 500] [--sockets 30] [--quick]

Needs Chromium and playwright. The browser renders in software and shares the cores with the server; frames are counted
with `requestAnimationFrame`, at rest and while the list scrolls. The viewers without a browser read the same feed of a
tree of 300 processes. Writes `benchmarks/results/web_crowd.json`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tools.chromium import ARGUMENTS, chromium

from benchmarks.web import RATE, RESULTS, Platform, cpu_seconds, feed, listen, platform, resident_mib, snapshot_of

# Records the duration of each frame in ms.
FRAMES = """() => {
  window.__frames = []; let last = performance.now();
  const note = (now) => { window.__frames.push(now - last); last = now; requestAnimationFrame(note); };
  requestAnimationFrame(note);
}"""
TAKE = "() => { const frames = window.__frames; window.__frames = []; return frames; }"
# Scrolls through the list and back at a steady pace until stopped.
SCROLL = """() => {
  const list = document.querySelector(".tree-scroll"); let way = 90;
  const step = () => {
    const before = list.scrollTop; list.scrollTop += way;
    if (list.scrollTop === before) way = -way;
    window.__scroll = requestAnimationFrame(step);
  };
  step();
}"""
STOP = "() => cancelAnimationFrame(window.__scroll)"


def frames(page: Any, seconds: float) -> dict[str, float]:
    """Measure frames per second and the longest frames during the next seconds."""
    page.evaluate(TAKE)
    page.wait_for_timeout(seconds * 1000)
    took = sorted(page.evaluate(TAKE))
    if not took:
        return {"frames_per_second": 0.0, "frame_p95_ms": seconds * 1000, "frame_worst_ms": seconds * 1000}
    return {
        "frames_per_second": round(1000 * len(took) / sum(took), 1),
        "frame_p95_ms": round(took[int(len(took) * 0.95)], 1),
        "frame_worst_ms": round(took[-1], 1),
    }


def snapshot_kb(address: str) -> int:
    """Kilobytes of the first frame on the wire; Playwright tells the size before it was compressed."""

    async def first() -> int:
        async with feed(address) as socket:
            return await snapshot_of(socket)

    with ThreadPoolExecutor(1) as thread:  # Playwright's loop runs in this one
        return round(thread.submit(asyncio.run, first()).result() / 1024)


def in_the_browser(stack: Platform, browser: Any, rate: int, seconds: float) -> dict[str, Any]:
    """Measure a page of many processes: first picture, frames, server cost."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    begun = time.monotonic()
    page.goto(stack.url)
    page.locator("#supervisors[data-ready=tree]").wait_for(state="attached", timeout=60_000)
    there = time.monotonic() - begun
    page.evaluate(FRAMES)
    idle = frames(page, 2)
    stack.start_events(rate)
    page.wait_for_timeout(2000)
    stack.forget()
    used, begun = cpu_seconds(stack.pid), time.monotonic()
    at_rest = frames(page, seconds)
    cpu = 100 * (cpu_seconds(stack.pid) - used) / (time.monotonic() - begun)
    page.evaluate(SCROLL)
    scrolling = frames(page, seconds)
    page.evaluate(STOP)
    stats = stack.stats()
    page.context.new_cdp_session(page).send("HeapProfiler.collectGarbage")
    heap = page.evaluate("performance.memory.usedJSHeapSize")
    page.context.close()
    return {
        "until_shown_s": round(there, 2),
        "snapshot_kb": snapshot_kb(stack.base),
        "idle": idle,
        "events": at_rest,
        "scrolling": scrolling,
        "server_cpu": round(cpu, 1),
        "heap_mib": round(heap / 2**20, 1),
        **{key: round(stats[key], 2) for key in ("lag_p50", "lag_p99", "lag_worst")},
    }


def by_many(stack: Platform, viewers: int, seconds: float) -> dict[str, Any]:
    """Measure many viewers without a browser, of 300 processes and 20 events a second."""
    stack.start_events(RATE)
    time.sleep(2)
    alone, begun = cpu_seconds(stack.pid), time.monotonic()
    time.sleep(seconds)
    without = 100 * (cpu_seconds(stack.pid) - alone) / (time.monotonic() - begun)
    resident = resident_mib(stack.pid)
    stack.forget()
    used, begun = cpu_seconds(stack.pid), time.monotonic()
    got = asyncio.run(listen(stack.base, viewers, seconds))
    took = time.monotonic() - begun
    stats = stack.stats()
    return {
        "viewers": viewers,
        "cpu_without": round(without, 1),
        "cpu": round(100 * (cpu_seconds(stack.pid) - used) / took, 1),
        "kb_per_second_and_viewer": round(statistics.median(got) / 1024 / took, 2),
        "mib_per_viewer": round((resident_mib(stack.pid) - resident) / viewers, 2),
        **{key: round(stats[key], 2) for key in ("lag_p50", "lag_p99", "lag_worst")},
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.web_crowd", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--workers", type=int, default=10_000)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--sockets", type=int, default=30)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.seconds = 4.0
    if (found := chromium()) is None:
        print("no Chromium here: the page is not measured", file=sys.stderr)
        return 1
    from playwright.sync_api import sync_playwright

    result: dict[str, Any] = {"workers": options.workers, "rate": options.rate, "seconds": options.seconds}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        with platform(BENCHMARK_WORKERS=str(options.workers)) as stack:
            result["crowd"] = in_the_browser(stack, browser, options.rate, options.seconds)
        browser.close()
    with platform() as stack:
        result["many"] = by_many(stack, options.sockets, options.seconds)
    print(json.dumps(result, indent=1), file=sys.stderr)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "web_crowd.json").write_text(json.dumps(result, indent=0))
    return 0


if __name__ == "__main__":
    sys.exit(main())
