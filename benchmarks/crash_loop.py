"""A crash loop on the platform's own node: how fast it still answers, and what recording its restarts costs.

python -m benchmarks.crash_loop [--rate 1000] [--seconds 30] [--rounds 2]

A supervisor without a limit restarts 20 servers that are killed `rate` times a second. Meanwhile one client asks for
`/health/live` and one for a list, and a viewer reads live frames, each on its own connection. Rounds with and without
the recorder of restarts alternate, so compare the ratios: the machine is shared. Each recorded round begins with a new
minute, in which the first 100 restarts are drawn and stored. At last it prints what is in memory and stored.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import urlsplit

from tools.serving import serving

from benchmarks.web import cpu_seconds, feed, resident_mib, wait_for

LOOP: Final = """
import otp
class Crasher(otp.GenServer):
    def init(self, arg):
        return otp.Ok(arg)
class Crashers(otp.Supervisor):
    def init(self, arg):
        children = [Crasher.child_spec(n, id=f"crasher{n}", name=f"crasher{n}") for n in range(20)]
        return otp.Children(children, max_restarts="infinity")
class Killer(otp.GenServer):
    def init(self, rate):
        otp.send_after(0.01, self.pid, "kill")
        return otp.Ok((rate, otp.monotonic(), 0))
    def handle_info(self, message, state):
        rate, since, done = state
        due = int((otp.monotonic() - since) * rate)
        for number in range(done, min(due, done + 20)):
            pid = otp.whereis(f"crasher{number % 20}")
            if pid is not None:
                otp.exit(pid, "kill")
        otp.send_after(0.005, self.pid, "kill")
        return otp.NoReply((rate, since, min(due, done + 20) if due - done < 1000 else due))
await otp.node().start(Crashers, None, name="crashers")
await otp.node().start(Killer, RATE, name="killer")
"""
FIND: Final = """
import gc; gc.unfreeze()
from superlearner.live.moments import Moments
from superlearner.nodes.nodes import Nodes
moments, nodes = (next(o for o in gc.get_objects() if type(o) is kind) for kind in (Moments, Nodes))
"""
ON: Final = FIND + "moments.follow(nodes)"
OFF: Final = FIND + "moments.close()"
HELD: Final = FIND + "(len(moments._rows), sum(len(one.data or b'') for one in moments._rows.values()) // 1024)"


class Client:
    """Requests to a platform, with the owner's token."""

    def __init__(self, address: str, token: str) -> None:
        parts = urlsplit(address)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 0, timeout=60)
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return the answer. Raises RuntimeError."""
        content = None if body is None else json.dumps(body)
        self._connection.request(method, path, content, self._headers)
        response = self._connection.getresponse()
        text = response.read()
        if response.status != 200:
            raise RuntimeError(f"{method} {path}: expected 200, got {response.status}: {text[:300]!r}")
        return json.loads(text)

    def run(self, source: str) -> str:
        """Evaluate Python on the platform's node; return its value as text."""
        self._connection.close()  # it was idle for a while
        answer = self.ask("POST", "/api/v1/nodes/eval", {"source": source, "timeout_ms": 20_000})
        return str(answer["data"].get("text"))


def timed(work: Callable[[], object], pause: float, end: float, took: list[float]) -> None:
    """Repeat work until a time; add the milliseconds of each."""
    while (begun := time.monotonic()) < end:
        work()
        took.append(1000 * (time.monotonic() - begun))
        time.sleep(pause)


async def gaps(address: str, end: float, took: list[float]) -> None:
    """Add the milliseconds between two live frames, until a time."""
    async with feed(address) as socket:
        await socket.recv()
        last = time.monotonic()
        while last < end:
            await socket.recv()
            now = time.monotonic()
            took.append(1000 * (now - last))
            last = now


def one_round(address: str, token: str, pid: int, seconds: float) -> dict[str, list[float]]:
    """Return the times of one round by what was measured."""
    found: dict[str, list[float]] = {"health": [], "list": [], "frame": [], "cpu": []}
    end, used = time.monotonic() + seconds, cpu_seconds(pid)
    health, lists = Client(address, token), Client(address, token)
    threads = [
        threading.Thread(target=timed, args=(lambda: health.ask("GET", "/health/live"), 0.005, end, found["health"])),
        threading.Thread(
            target=timed, args=(lambda: lists.ask("GET", "/api/v1/processes?per_page=50"), 0.02, end, found["list"])
        ),
        threading.Thread(target=lambda: asyncio.run(gaps(address, end, found["frame"]))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found["cpu"].append(100 * (cpu_seconds(pid) - used) / seconds)
    return found


def quantile(took: list[float], part: float) -> float:
    """Return the value below which a part of all is."""
    return sorted(took)[min(len(took) - 1, int(len(took) * part))]


def measure(rate: float, seconds: float, rounds: int) -> None:
    """Print the table and the ratios."""
    program = Path(sys.executable).parent / "superlearner"
    with TemporaryDirectory() as folder:
        environment = {**os.environ, "SUPERLEARNER_DATA_DIR": folder}
        with serving(program, Path(folder), environment, "--allow-eval") as (address, process):
            threading.Thread(target=lambda: process.stdout and process.stdout.read(), daemon=True).start()
            wait_for(f"{address}/health/ready")
            token = (Path(folder) / "token").read_text().strip()
            client = Client(address, token)
            print(f"memory before: {resident_mib(process.pid):.0f} MiB")
            client.run(LOOP.replace("RATE", str(rate)))
            times: dict[bool, dict[str, list[float]]] = {True: {}, False: {}}
            for number in range(2 * rounds):
                recorded = number % 2 == 1
                client.run(ON if recorded else OFF)
                restarts = int(client.run("otp.node().trace_seq"))
                for name, more in one_round(address, token, process.pid, seconds).items():
                    times[recorded].setdefault(name, []).extend(more)
                done = int(client.run("otp.node().trace_seq")) - restarts
                print(f"round {number + 1}: {done / seconds:.0f} events/s, {resident_mib(process.pid):.0f} MiB")
            print(f"{'':8} {'':>4} {'off ms':>8} {'on ms':>8} {'ratio':>6}")
            for name, part in (("health", 0.5), ("health", 0.99), ("health", 1.0), ("list", 0.5), ("list", 0.99),
                               ("frame", 0.5), ("frame", 0.99), ("frame", 1.0), ("cpu", 0.5)):  # fmt: skip
                off, on = (quantile(times[recorded][name], part) for recorded in (False, True))
                print(f"{name:8} p{100 * part:<3.0f} {off:8.1f} {on:8.1f} {on / off:6.2f}")
            client.ask("GET", "/api/v1/restarts?per_page=1")  # everything is stored after it
            print(f"moments in memory, their KiB: {client.run(HELD)}")
            with sqlite3.connect(f"file:{folder}/superlearner.db?mode=ro", uri=True) as database:
                row = database.execute("SELECT count(*), count(data), sum(count), sum(length(data)) FROM moments")
                print(f"stored rows, with a replay, restarts, bytes: {row.fetchone()}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crash_loop", description=__doc__)
    parser.add_argument("--rate", type=float, default=1000.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    measure(options.rate, options.seconds, options.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
