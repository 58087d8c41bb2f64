"""API latency while trees crash, and with very many processes.

python -m benchmarks.busy_platform [--seconds 3] [--crowd 100000]

Loopback, one client process beside the platform on the same machine. First the ten most used routes, each requested by
four connections at once while 20 workers a second are killed; then lists of a crowd of 100,000 processes, one request
after the other. Meanwhile a process of the platform sets a timer every 10 ms and records how late it fires: what blocks
the loop delays it, too. Writes the table of `docs/platform-performance.md`.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from tools.serving import serving

import otp
from benchmarks.figures import write_figures
from benchmarks.machine import machine
from benchmarks.web import RATE, cpu_seconds, wait_for
from benchmarks.web_world import Worker
from superlearner.observing.analytics import Ledger
from superlearner.observing.monitoring import Monitor
from superlearner.observing.monitoring.monitor import STEP
from superlearner.settings.settings import Settings

API = "/api/v1"
CONNECTIONS = 4
ASKED = 30
ROUTES = (
    ("GET", "/processes", None),
    ("GET", "/processes?search=w1&sort=-mailbox", None),
    ("GET", "/processes/w7/info", None),
    ("GET", "/processes/w7/state", None),
    ("POST", "/processes/w7/message", {"message": "hello", "message_type": "cast"}),
    ("GET", "/supervisors", None),
    ("GET", "/supervisors/services", None),
    ("GET", "/supervisors/services/analytics", None),
    ("GET", "/system/health", None),
    ("GET", "/system/metrics", None),
)
LISTS = (
    "/processes",
    "/processes?page=2000",
    "/processes?sort=-mailbox",
    "/processes?sort=name&page=2000",
    "/processes?search=99",
    "/processes?type=supervisor",
    "/system/health",
    "/system/anomalies",
)


class Platform:
    """A running platform, with the lag of its loop."""

    def __init__(self, address: str, pid: int, folder: Path) -> None:
        self.folder = folder
        parts = urlsplit(address)
        self.host, self.port, self.pid = parts.hostname or "", parts.port or 0, pid

    def connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        connection.connect()
        return connection

    def driver(self, message: Any, kind: str) -> Any:
        connection = self.connect()
        answer = ask(connection, "POST", "/processes/driver/message", {"message": message, "message_type": kind})
        connection.close()
        return answer["data"].get("reply")


def ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: Any = None, token: str | None = None
) -> Any:
    content = None if body is None else json.dumps(body)
    headers = {} if body is None else {"content-type": "application/json"}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    connection.request(method, API + path, content, headers)
    response = connection.getresponse()
    text = response.read()
    if response.status != 200:
        raise RuntimeError(f"{method} {path}: expected 200, got {response.status}: {text[:300]!r}")
    return json.loads(text)


@contextmanager
def platform(world: str, **environment: str) -> Iterator[Platform]:
    with TemporaryDirectory() as folder:
        kills = str(Path(folder) / "kills.json")
        variables = {**os.environ, **environment, "SUPERLEARNER_DATA_DIR": folder, "BENCHMARK_KILLS": kills}
        program = Path(sys.executable).parent / "superlearner"
        target = f"{Path(__file__).parent / 'web_world.py'}:{world}"
        with serving(program, Path(folder), variables, target) as (address, process):
            wait_for(f"{address}/health/ready")
            yield Platform(address, process.pid, Path(folder))


def stormed(there: Platform, method: str, path: str, body: Any, seconds: float) -> dict[str, Any]:
    """Request one route over four connections as fast as answers come."""
    took: list[float] = []
    end = time.monotonic() + seconds

    def client() -> None:
        connection = there.connect()
        while (begun := time.monotonic()) < end:
            try:
                ask(connection, method, path, body)
            except RuntimeError as error:
                if "404" not in str(error):  # just killed, and not yet restarted
                    raise
                continue
            took.append(time.monotonic() - begun)
        connection.close()

    there.driver("forget", "cast")
    used = cpu_seconds(there.pid)
    clients = [threading.Thread(target=client) for _ in range(CONNECTIONS)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    cpu = 1000 * (cpu_seconds(there.pid) - used) / max(1, len(took))
    return {"per_second": len(took) / seconds, "cpu": cpu, **_quantiles(took), **there.driver("stats", "call")}


def listed(there: Platform, path: str) -> dict[str, Any]:
    """Request a list thirty times over one connection, one request after the other."""
    connection = there.connect()
    ask(connection, "GET", path)
    there.driver("forget", "cast")
    took: list[float] = []
    used = cpu_seconds(there.pid)
    for _ in range(ASKED):
        begun = time.monotonic()
        ask(connection, "GET", path)
        took.append(time.monotonic() - begun)
    connection.close()
    cpu = 1000 * (cpu_seconds(there.pid) - used) / ASKED
    return {"cpu": cpu, **_quantiles(took), **there.driver("stats", "call")}


def sampling(size: int) -> tuple[float, float]:
    """Return monitoring's percentage of a core, and its longest step in ms."""

    async def measured() -> tuple[float, float]:
        settings = Settings()
        for _ in range(size):
            await Worker.start_link(None)
        monitor = Monitor(lambda: settings, Ledger())
        monitor.watch(otp.node())
        await monitor.sample()
        before = time.process_time()
        for _ in range(20):
            await monitor.sample()
        one = (time.process_time() - before) / 20
        longest, scan, done = 0.0, monitor.begin(), False
        while not done:
            begun = time.process_time()
            done = scan.step(STEP)
            longest = max(longest, time.process_time() - begun)
        monitor.close()
        return 100 * one / settings.scan_interval, 1000 * longest

    return otp.run(measured)


def _quantiles(took: list[float]) -> dict[str, float]:
    ordered = sorted(took)
    return {"p50": 1000 * statistics.median(ordered), "p99": 1000 * ordered[int(len(ordered) * 0.99)],
            "worst": 1000 * ordered[-1]}  # fmt: skip


def _until_there(there: Platform, size: int) -> None:
    connection = there.connect()
    while ask(connection, "GET", "/processes?per_page=1")["meta"]["total"] < size:
        time.sleep(0.2)
    connection.close()


def _lines(seconds: float, size: int) -> Iterator[str]:
    here = machine(sys.executable)
    yield f"{here['processor']}, {here['cores']} cores, load {here['load']:.1f} before, Python {here['python']}.\n"
    yield f"## During a crash storm: {RATE} kills a second\n"
    yield (f"300 processes; {CONNECTIONS} connections ask one route as fast as answers come, {seconds:g} s each. "
           "Loop lag is how late a timer of 10 ms comes meanwhile.\n")  # fmt: skip
    yield "| route | requests/s | p50 ms | p99 ms | CPU ms a request | loop lag p50 ms | p99 ms |"
    yield "| --- | --: | --: | --: | --: | --: | --: |"
    with platform("World") as there:
        there.driver(["rate", RATE], "cast")
        for method, path, body in ROUTES:
            got = stormed(there, method, path, body, seconds)
            yield (f"| `{method} {path}` | {got['per_second']:.0f} | {got['p50']:.1f} | {got['p99']:.1f} | "
                   f"{got['cpu']:.2f} | {got['lag_p50']:.1f} | {got['lag_p99']:.1f} |")  # fmt: skip
    yield f"\n## With {size:,} processes\n"
    yield f"One connection, one request after the other, {ASKED} of each.\n"
    yield "| route | p50 ms | worst ms | CPU ms a request | loop lag p50 ms | p99 ms | worst ms |"
    yield "| --- | --: | --: | --: | --: | --: | --: |"
    with platform("Crowd", BENCHMARK_CROWD=str(size)) as there:
        _until_there(there, size)
        for path in LISTS:
            got = listed(there, path)
            yield (f"| `GET {path}` | {got['p50']:.1f} | {got['worst']:.1f} | {got['cpu']:.1f} | "
                   f"{got['lag_p50']:.1f} | {got['lag_p99']:.1f} | "
                   f"{got['lag_worst']:.1f} |")  # fmt: skip
    yield "\n## What monitoring takes\n"
    for many in (1_000, size):
        percent, longest = sampling(many)
        yield (f"- {many:,} processes: {percent:.2f} % of a core for a sample every two seconds; "
               f"its longest step takes {longest:.1f} ms")  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.busy_platform", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--crowd", type=int, default=100_000)
    options = parser.parse_args()
    lines: list[str] = []
    for line in _lines(options.seconds, options.crowd):
        print(line, file=sys.stderr)
        lines.append(line)
    write_figures("platform-performance.md", lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
