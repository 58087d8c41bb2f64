"""Latency and cost of the live page: 300 processes, 20 events/s, three viewers.

python -m benchmarks.web [--seconds 10] [--viewers 3] [--rounds 4] [--quick]

Needs Chromium and playwright. Measures the platform and, if available, the prototype of the design
(`../shared/reference/web-prototype`, with a Python that has its packages), in turns in one run, so that other work on
the machine affects both; ratios are taken round by round. Idle means the same for both: events happen without viewers.
Writes `benchmarks/results/web.json`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import websockets
from tools.chromium import ARGUMENTS, chromium
from tools.serving import serving

from benchmarks.machine import machine
from benchmarks.peers import ROOT, environments_folder

RESULTS = Path(__file__).parent / "results"
PROTOTYPE = ROOT.parent / "shared" / "reference" / "web-prototype"
RATE = 20
"""Events a second: as in the prototype, a crash and its restart are two events."""

SETTLES = 8.0
"""Seconds to wait for one-time work after the first answer."""

CLICKS = 30
UNSEEN = (2000.0, 2000.0)

# Runs before the page: records when the frame with a change is drawn, be it the current or the next one.
PICTURES = """(() => {
  const ask = window.requestAnimationFrame, after = new MessageChannel(); let making = false, waiting = [];
  window.requestAnimationFrame = (run) => ask((at) => {
    making = true; queueMicrotask(() => { making = false; });
    run(at);
  });
  after.port1.onmessage = () => {
    const now = performance.timeOrigin + performance.now();
    for (const change of waiting) change[2] = now;
    waiting = [];
  };
  window.__pictured = (change) => {
    if (waiting.push(change) > 1) return;
    if (making) after.port2.postMessage(0); else ask(() => after.port2.postMessage(0));
  };
})()"""

# Records when a row changes, in wall clock ms; READ returns the row's value. (No `eval`: the page's CSP forbids it.)
WATCH = """() => {
  const read = (row) => READ; window.__seen = [];
  new MutationObserver((changes) => {
    const now = performance.timeOrigin + performance.now(), rows = new Set();
    for (const { target } of changes) {
      const row = (target.nodeType === 1 ? target : target.parentElement)?.closest("ROW");
      if (row) rows.add(row);
    }
    for (const row of rows) window.__pictured(window.__seen[window.__seen.push([read(row), now, null]) - 1]);
  }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
}"""

# The names of the rows in the page; a long tree has only those near the view.
DRAWN = "(rows) => [...document.querySelectorAll(rows)].map((row) => (row.dataset.key ?? '').split('/').pop())"

# Clicks and waits for the first change of the row, and for the change that shows the result.
CLICK = """(selector) => new Promise((resolve) => {
  const find = () => document.querySelector(selector), settled = (row) => SETTLED;
  const element = find(), before = settled(element), begun = performance.now(); let first = 0;
  const done = (value) => { watch.disconnect(); resolve(value); };
  const watch = new MutationObserver(() => {
    const took = performance.now() - begun; first ||= took;
    if (settled(find()) !== before) done([first, took]);
  });
  watch.observe(element, { subtree: true, childList: true, attributes: true, characterData: true });
  element.querySelector(".kill").click();
  setTimeout(() => done(first ? [first, null] : null), 3000);
})"""


class Stack(Protocol):
    """A measured server with its page."""

    name: str
    base: str
    url: str
    row: str  # CSS selector of a row
    read: str  # JavaScript: the value to record for a changed `row`
    settled: str  # JavaScript: a value of `row` that changes when the click has taken effect
    pid: int

    def start_events(self) -> None: ...
    def forget(self) -> None: ...
    def stats(self) -> dict[str, Any]: ...
    def latencies(self, seen: list[Any], drawn: set[str]) -> list[tuple[float, float]]: ...
    def victims(self, drawn: set[str]) -> list[str]: ...


class Platform:
    """The page of the platform with the tree of `web_world.py`."""

    name, row = "superlearner", "[role=treeitem][data-key]"
    read = "row.dataset.key.split('/').pop()"
    settled = "row.querySelector('.pid').textContent"

    def __init__(self, address: str, pid: int, kills: Path) -> None:
        self.base, self.pid, self.kills = address, pid, kills
        self.url = f"{address}/supervisors"

    def _driver(self, message: Any, kind: str) -> Any:
        body = json.dumps({"message": message, "message_type": kind}).encode()
        request = urllib.request.Request(
            f"{self.base}/api/v1/processes/driver/message", body, {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["data"].get("reply")

    def start_events(self, rate: int = RATE) -> None:
        self._driver(["rate", rate / 2], "cast")

    def forget(self) -> None:
        self._driver("forget", "cast")

    def stats(self) -> dict[str, Any]:
        return self._driver("stats", "call")

    def latencies(self, seen: list[Any], drawn: set[str]) -> list[tuple[float, float]]:
        """Return times from kill to first change of a row that is in the page; 2 s if there was none."""
        changes: dict[str, list[tuple[float, float]]] = {}
        for key, at, shown in seen:
            changes.setdefault(key, []).append((at, shown))
        last = max((at for _, at, _ in seen), default=0.0)
        return [
            next(((at - killed, shown - killed) for at, shown in changes.get(name, ()) if at >= killed), UNSEEN)
            for name, killed in json.loads(self.kills.read_text())
            if name in drawn and killed < last - 500
        ]

    def victims(self, drawn: set[str]) -> list[str]:
        workers = sorted(name for name in drawn if name[1:].isdigit())
        return [f'[role=treeitem][data-key$="/{workers[n % len(workers)]}"]' for n in range(CLICKS)]


class Prototype:
    """The design's prototype of the page; its rows carry the time of their event."""

    name, row = "prototype", "[data-pid]"
    read = "row.dataset.ts"
    settled = "row.dataset.state"

    def __init__(self, address: str, pid: int) -> None:
        self.base, self.pid = address, pid
        self.url = f"{address}/supervisors"

    def start_events(self) -> None: ...

    def forget(self) -> None:
        get(f"{self.base}/__stats?reset=true")

    def stats(self) -> dict[str, Any]:
        found = json.loads(get(f"{self.base}/__stats"))
        return {"lag_p50": found["lag_p50"], "lag_p99": found["lag_p99"], "lag_worst": found["lag_max"]}

    def latencies(self, seen: list[Any], drawn: set[str]) -> list[tuple[float, float]]:
        first: dict[str, tuple[float, float]] = {}
        for stamp, at, shown in seen:
            first.setdefault(stamp, (at, shown))
        found = [(at - float(stamp), shown - float(stamp)) for stamp, (at, shown) in first.items()]
        return [late for late in found if 0 <= late[0] < 5000]

    def victims(self, drawn: set[str]) -> list[str]:
        return [f'[data-pid="{n}"]' for n in range(40, 300, 9)][:CLICKS]


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read()


def cpu_seconds(pid: int) -> float:
    """Return user and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def cpu_share(pid: int, seconds: float) -> float:
    begun, before = time.monotonic(), cpu_seconds(pid)
    time.sleep(seconds)
    return 100 * (cpu_seconds(pid) - before) / (time.monotonic() - begun)


@contextmanager
def platform(**environment: str) -> Iterator[Platform]:
    with TemporaryDirectory() as folder:
        kills = Path(folder) / "kills.json"
        environment = {**os.environ, "SUPERLEARNER_DATA_DIR": folder, "BENCHMARK_KILLS": str(kills), **environment}
        program = Path(sys.executable).parent / "superlearner"
        world = f"{Path(__file__).parent / 'web_world.py'}:World"
        with serving(program, Path(folder), environment, world) as (address, process):
            wait_for(f"{address}/health/ready")
            yield Platform(address, process.pid, kills)


@contextmanager
def prototype(python: Path) -> Iterator[Prototype]:
    port = 8801
    command = [str(python), "-m", "uvicorn", "stack_c:app", "--port", str(port), "--log-level", "warning"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(command, cwd=PROTOTYPE, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/__stats")
            yield Prototype(f"http://127.0.0.1:{port}", process.pid)
        finally:
            process.kill()


def prototype_python() -> Path | None:
    """Return a Python with the prototype's packages, if the prototype is available."""
    for python in (Path(sys.executable), environments_folder() / "web" / "bin" / "python"):
        if (PROTOTYPE / "stack_c.py").exists() and python.exists():
            asked = subprocess.run(
                [python, "-c", "import fastapi, orjson, psutil, uvicorn, websockets"], capture_output=True
            )
            if asked.returncode == 0:
                return python
    return None


def wait_for(url: str, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            get(url)
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.005)


def measured(stack: Stack, browser: Any, viewers: int, seconds: float) -> dict[str, Any]:
    """Measure one round with one stack."""
    time.sleep(SETTLES)
    stack.start_events()
    result: dict[str, Any] = {"stack": stack.name, "load": round(os.getloadavg()[0], 1)}
    result["idle_cpu"] = round(cpu_share(stack.pid, 5), 1)
    resident = resident_mib(stack.pid)
    pages = [open_page(browser, stack) for _ in range(viewers)]
    time.sleep(2)
    for page in pages:
        page.evaluate(WATCH.replace("ROW", stack.row).replace("READ", stack.read))
    drawn = [drawn_on(page, stack) for page in pages]
    stack.forget()
    begun, used = time.monotonic(), cpu_seconds(stack.pid)
    while time.monotonic() - begun < seconds:
        pages[0].wait_for_timeout(100)
    took = time.monotonic() - begun
    result["cpu"] = round(100 * (cpu_seconds(stack.pid) - used) / took, 1)
    result["mib_per_viewer"] = round((resident_mib(stack.pid) - resident) / viewers, 2)
    stats = stack.stats()
    result["kb_per_second_and_viewer"] = kilobytes(stack.base, seconds)
    result |= {key: round(stats[key], 2) for key in ("lag_p50", "lag_p99", "lag_worst")}
    drawn = [before & drawn_on(page, stack) for before, page in zip(drawn, pages, strict=True)]
    seen = [[one for one in page.evaluate("window.__seen") if one[2] is not None] for page in pages]
    latencies = [late for one, rows in zip(seen, drawn, strict=True) for late in stack.latencies(one, rows)]
    result |= quantiles([changed for changed, _ in latencies], "event")
    result |= quantiles([pictured for _, pictured in latencies], "picture")
    clicks = [pages[0].evaluate(CLICK.replace("SETTLED", stack.settled), row) for row in stack.victims(drawn[0])]
    result |= quantiles([click[0] for click in clicks if click], "click")
    result |= quantiles([click[1] for click in clicks if click and click[1] is not None], "settled")
    for page in pages:
        page.context.close()
    return result


def drawn_on(page: Any, stack: Stack) -> set[str]:
    """Return the names of the rows in a page; the view moves when a restart is played."""
    return set(page.evaluate(DRAWN, stack.row))


class Counting(websockets.ClientConnection):
    """A web socket that counts its bytes."""

    got = 0

    def data_received(self, data: bytes) -> None:
        self.got += len(data)
        super().data_received(data)


def feed(address: str) -> websockets.connect:
    """The feed of a page, which takes compressed frames as a browser does."""
    return websockets.connect(
        address.replace("http", "ws") + "/live/supervisors", create_connection=Counting, max_size=None
    )


async def snapshot_of(socket: Any) -> int:
    """Bytes of the handshake and the snapshot."""
    await socket.recv()
    return socket.got


def kilobytes(address: str, seconds: float) -> float:
    """Kilobytes a second of one viewer; Playwright tells the size of a frame before it was compressed."""
    with ThreadPoolExecutor(1) as thread:  # Playwright's loop runs in this one
        return round(thread.submit(asyncio.run, listen(address, 1, seconds)).result()[0] / 1024 / seconds, 2)


async def listen(address: str, viewers: int, seconds: float) -> list[int]:
    """Bytes on the wire that each of so many viewers got, without a browser; the snapshot does not count."""
    found = [0] * viewers

    async def one(number: int) -> None:
        async with feed(address) as socket:
            before = await snapshot_of(socket)
            async for _ in socket:
                found[number] = socket.got - before

    tasks = [asyncio.create_task(one(number)) for number in range(viewers)]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return found


def open_page(browser: Any, stack: Stack) -> Any:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.add_init_script(PICTURES)
    page.goto(stack.url)
    page.locator(stack.row).nth(20).wait_for(state="attached")
    return page


def quantiles(values: list[float], name: str) -> dict[str, Any]:
    ordered = sorted(values)
    if not ordered:
        return {f"{name}_n": 0}
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return {
        f"{name}_n": len(ordered),
        f"{name}_p50": round(statistics.median(ordered), 1),
        f"{name}_p95": round(p95, 1),
    }


def start_times(times: int) -> list[float]:
    """Return seconds from the start to the first good answer of `/health/ready`."""
    found: list[float] = []
    for _ in range(times):
        with TemporaryDirectory() as folder:
            environment = {**os.environ, "SUPERLEARNER_DATA_DIR": folder}
            begun = time.monotonic()
            with serving(Path(sys.executable).parent / "superlearner", Path(folder), environment) as (address, _):
                wait_for(f"{address}/health/ready")
                found.append(round(time.monotonic() - begun, 3))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.web", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--viewers", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if (found := chromium()) is None:
        print("no Chromium here: the page is not measured", file=sys.stderr)
        return 1
    from playwright.sync_api import sync_playwright

    if options.quick:
        options.seconds, options.rounds = 5.0, 1
    at = machine(sys.executable)
    other = prototype_python()
    rows: list[dict[str, Any]] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        for number in range(options.rounds):
            stacks = [platform, *([] if other is None else [lambda: prototype(other)])]
            for make in stacks if number % 2 == 0 else reversed(stacks):
                with make() as stack:
                    rows.append(measured(stack, browser, options.viewers, options.seconds))
                    print(json.dumps(rows[-1]), file=sys.stderr)
        browser.close()
    result = {
        "machine": at,
        "seconds": options.seconds,
        "viewers": options.viewers,
        "rate": RATE,
        "rows": rows,
        "start_seconds": start_times(5),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "web.json").write_text(json.dumps(result, indent=0))
    return 0


if __name__ == "__main__":
    sys.exit(main())
