"""Response times of a class while one of its learners attacks everybody.

python -m benchmarks.class_attacked [--learners 30] [--rounds 12] [--seconds 5] [--pause 0.25]

A platform that others can reach; each learner has signed in by a link and has a sandbox. All but one work: they look at
processes, states and supervisors, send messages, and kill a process now and then, with a pause between two requests.
In half of the blocks the last one sends forbidden requests, of all operations, one after the other without a pause.
Blocks with and without the attack alternate, so that other work on the machine affects both alike. Prints the p95 of
the others and the ratio, which is to be at most 1.1. Linux only: memory is read from `/proc`.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import urlsplit

from tools.serving import serving

from benchmarks.classroom import VICTIM, Client, attempts, play, seat
from benchmarks.machine import machine
from benchmarks.peer_nodes import memory, quantile
from benchmarks.sandboxes import interval_of_median, parent_of
from benchmarks.web import wait_for
from superlearner.base.interfaces import machine_addresses

AT_ONCE: Final = 3
PROMISED: Final = 1.1
WORK: Final = (
    ("GET", "/processes", None),
    ("GET", "/supervisors", None),
    ("GET", f"/processes/{VICTIM}/state", None),
    ("POST", f"/processes/{VICTIM}/message", {"message": "increment", "message_type": "cast"}),
    ("GET", f"/processes/{VICTIM}/info", None),
    ("GET", "/mailboxes", None),
)
KILL: Final = ("DELETE", "/processes/counter_2", {"reason": "kill"})
KILL_EVERY: Final = 25
"""Requests between two kills; the demo gives up after four in five seconds."""


def works(learner: Client, until: float, pause: float, first: int) -> list[float]:
    """Make requests with pauses until a time; return how long each took, in ms."""
    took: list[float] = []
    time.sleep(pause * first / 30)  # not all at once
    for number in itertools.count(first):
        begun = time.monotonic()
        if begun >= until:
            return took
        method, path, body = KILL if number % KILL_EVERY == 0 else WORK[number % len(WORK)]
        answer = learner.ask(method, f"{path}?node={learner.node}", body)
        if answer.status not in (200, 404):  # 404: it was killed and is not yet restarted
            raise RuntimeError(f"{learner.name}: {method} {path}: {answer.status} {answer.code}: {answer.message}")
        took.append(1000 * (time.monotonic() - begun))
        time.sleep(pause)
    return took


def attacks(attacker: Client, victim: Client, home: str, go: Event, counts: SimpleQueue[tuple[int, int]]) -> None:
    """Attack without a pause while `go` is set, for ever; for each time put the number of requests, and of 429s."""
    tried = list(attempts(victim, home))
    while True:
        go.wait()
        refused = limited = 0
        for attempt in itertools.cycle(tried):
            if not go.is_set():
                break
            answer = attacker.ask(attempt.method, attempt.path, attempt.body)
            if answer.status == 200:
                raise RuntimeError(f"expected a refusal, got {answer} for {attempt}")
            refused, limited = refused + 1, limited + (answer.status == 429)
        counts.put((refused, limited))


def block(learners: Sequence[Client], seconds: float, pause: float) -> list[float]:
    """Let the learners work for some seconds; return the times in ms."""
    with ThreadPoolExecutor(len(learners)) as at_once:
        until = time.monotonic() + seconds
        jobs = [at_once.submit(works, one, until, pause, number) for number, one in enumerate(learners)]
        return [one for job in jobs for one in job.result()]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.class_attacked", description=__doc__)
    parser.add_argument("--learners", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=12, help="of two blocks")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each block")
    parser.add_argument("--pause", type=float, default=0.25, help="seconds of a learner between two requests")
    options = parser.parse_args()
    times: dict[bool, list[float]] = {False: [], True: []}
    ratios: list[float] = []
    refused = limited = 0
    with TemporaryDirectory() as folder:
        variables = {**os.environ, "SUPERLEARNER_DATA_DIR": folder, "SUPERLEARNER_SANDBOXES": str(2 * options.learners)}
        program = Path(sys.executable).parent / "superlearner"
        with serving(program, Path(folder), variables, "--host", "0.0.0.0") as (local, process):
            addresses = machine_addresses()
            address = local if not addresses else f"http://{addresses[0]}:{urlsplit(local).port}"
            wait_for(f"{local}/health/ready")
            token = (Path(folder) / "token").read_text().strip()
            owner = Client(address, "owner", authorization=f"Bearer {token}")
            with ThreadPoolExecutor(AT_ONCE) as at_once:
                begun = time.monotonic()
                everybody = list(
                    at_once.map(lambda number: seat(owner, address, f"pupil-{number}"), range(options.learners))
                )
                list(at_once.map(play, everybody))
                played = time.monotonic() - begun
            *learners, attacker = everybody
            home = owner.data("GET", "/nodes")[0]["name"]
            pids = [one["os_pid"] for one in owner.data("GET", "/sandboxes?per_page=1000")]
            each = [memory(parent_of(pid)) for pid in pids]
            together = memory(process.pid)
            context = multiprocessing.get_context("spawn")  # the attacker's machine is not that of the others
            go, counts = context.Event(), context.SimpleQueue()
            attack = context.Process(target=attacks, args=(attacker, learners[0], home, go, counts), daemon=True)
            attack.start()
            block(learners, options.seconds, options.pause)  # the first requests import
            for turn in range(options.rounds):
                found: dict[bool, float] = {}
                for attacked in (True, False) if turn % 2 else (False, True):
                    if attacked:
                        go.set()
                    took = block(learners, options.seconds, options.pause)
                    times[attacked] += took
                    if attacked:
                        go.clear()
                        more, less = counts.get()
                        refused, limited = refused + more, limited + less
                    found[attacked] = quantile(took, 0.95)
                ratios.append(found[True] / found[False])
                print(f"round {turn + 1}: p95 {found[False]:.1f} ms, attacked {found[True]:.1f} ms", file=sys.stderr)
            attack.kill()
    here = machine(sys.executable)
    low, high = interval_of_median(ratios)
    print(f"{here['processor']}, {here['cores']} cores, Python {here['python']}, load {os.getloadavg()[0]:.1f}")
    print(f"{options.learners} learners signed in, started, broke and recorded within {played:.1f} s")
    print(f"memory of a sandbox with its guard: {statistics.median(each):.0f} MiB; of all: {together:,.0f} MiB")
    for attacked, values in times.items():
        what = "attacked" if attacked else "in peace"
        middle, tail = quantile(values, 0.5), quantile(values, 0.95)
        print(f"{what}: {len(values)} requests, p50 {middle:.1f} ms, p95 {tail:.1f} ms")
    seconds = options.rounds * options.seconds
    print(f"the attacker: {refused / seconds:.0f} requests a second, all refused, {limited} by the call budget")
    pooled = quantile(times[True], 0.95) / quantile(times[False], 0.95)
    print(f"p95 attacked / in peace: {pooled:.2f}; median of the rounds {statistics.median(ratios):.2f} "
          f"({low:.2f} to {high:.2f}), promised {PROMISED}")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
