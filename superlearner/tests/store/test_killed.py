"""kill -9 in the middle of it: what was accepted a second before is there, and the database is sound."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any, Final

import httpx
import pytest

from superlearner.store import migrate
from superlearner.store.database import Database

pytestmark = pytest.mark.program

STORM = """\
import asyncio, sys, time
import otp
from superlearner.store import Recording, Restart, Store, StoreService
from superlearner.base.telemetry import Telemetry

async def main():
    telemetry = Telemetry()
    telemetry.attach(lambda *event: print(event[0], flush=True))
    store = Store(sys.argv[1], telemetry=telemetry)
    await StoreService.start(store, name="store")
    await store.sync()
    async def record():
        for number in range(1_000_000):
            name = f"{store.run} {number}"
            await store.records.add_recording(Recording(name, "trace", f"{name}.jsonl", time.time()))
            print(f"recording {name}", flush=True)
    recording = asyncio.create_task(record())
    while True:
        store.append_restarts(Restart(time.time(), "shop", "till", "restarted", "0.9.0", "0.12.0") for _ in range(25))
        await asyncio.sleep(0.005)

otp.run(main)
"""


def test_a_crash_storm_is_stored_up_to_the_last_second_and_recordings_to_the_last_one(url: str) -> None:
    """Three times, on the same database: what the runs before had stored stays."""
    recorded: list[str] = []
    for run in range(1, 4):
        process = subprocess.Popen([sys.executable, "-c", STORM, url], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(4 + run):
            recorded += read_until_commit(process.stdout)
        killed_at = time.time()
        process.kill()
        rest, _ = process.communicate()
        recorded += names_in(rest.splitlines()[:-1])
        rows, recordings = stored(url)
        assert len({row.run for row in rows}) == run
        newest = [row for row in rows if row.run == rows[0].run]
        assert newest[0].at > killed_at - 1
        assert [row.number for row in newest] == list(range(len(newest), 0, -1))
        assert set(recorded) <= set(recordings)
    assert recorded
    if url.startswith("sqlite"):
        assert integrity(Path(url.removeprefix("sqlite:///"))) == "ok"


def read_until_commit(lines: IO[str]) -> list[str]:
    """The names of the recordings that were acknowledged before the next commit of rows."""
    return names_in(iter(lines.readline, "store.commit\n"))


def names_in(lines: Iterable[str]) -> list[str]:
    return [line.removeprefix("recording ").strip() for line in lines if line.startswith("recording ")]


def stored(url: str) -> tuple[list[Any], list[str]]:
    """Rows of the history, newest first, and names of the recordings."""

    async def read() -> tuple[list[Any], list[str]]:
        database = Database(url)
        rows = await database.restarts({}, 1_000_000, None)
        recordings = [row["name"] for row in await database.rows("recordings")]
        await database.close()
        return rows, recordings

    migrate(url)
    return asyncio.run(read())


def integrity(file: Path) -> str:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
    return verdict


MANY = """\
from otp import Children, GenServer, Ok, Supervisor, impl

class Worker(GenServer):
    @impl
    def init(self, arg): return Ok(arg)

class Top(Supervisor):
    @impl
    def init(self, arg):
        return Children([Worker.child_spec(0, name=f"worker_{n}", id=n) for n in range(10)], max_restarts=100_000)
"""
KILLS: Final = 1200


def storm(program: Any, answered: list[float], enough: threading.Event) -> None:
    """Kill workers, each with a different reason, as fast as answers come, until there are none."""
    with program.client() as client, contextlib.suppress(httpx.TransportError):
        for number in range(10 * KILLS):
            body = {"reason": f"kill {number}"}
            answer = client.request("DELETE", f"/api/v1/processes/worker_{number % 10}", json=body)
            assert answer.status_code == 200
            answered.append(program.clock())
            if number >= KILLS and answered[-1] - answered[0] > 1.5:
                enough.set()


@pytest.mark.slow
def test_history_and_audit_log_of_a_platform_killed_in_a_storm_are_there_up_to_the_last_second(
    start: Callable[..., Any], tmp_path: Path
) -> None:
    """Twice on the same directory: the second run has what the first one had stored, and both have no gap."""
    (tmp_path / "app.py").write_text(MANY)
    certain: list[int] = []
    for _ in range(2):
        program = start("app.py:Top")
        answered: list[float] = []
        enough = threading.Event()
        with program.client() as client:
            assert client.get("/api/v1/analytics/history").status_code == 200  # the database is open
        thread = threading.Thread(target=storm, args=(program, answered, enough))
        thread.start()
        assert enough.wait(60)
        killed_at = program.clock()
        program.process.kill()
        thread.join()
        program.process.communicate()
        certain.append(sum(at < killed_at - 1 for at in answered))
        assert certain[-1] > 0
    file = program.data_dir / "superlearner.db"
    assert integrity(file) == "ok"
    for table, what, reason in (
        ("restarts", "event = 'restarted'", "reason"),
        ("audit", "outcome = 'ok'", "json_extract(parameters, '$.reason')"),
    ):
        with contextlib.closing(sqlite3.connect(file)) as connection:
            rows = connection.execute(f"SELECT run, number, {what}, {reason} FROM {table} ORDER BY id").fetchall()
        runs = list(dict.fromkeys(run for run, *_ in rows))
        assert len(runs) == 2
        for run, least in zip(runs, certain, strict=True):
            numbers = [number for this, number, _, _ in rows if this == run]
            reasons = [why for this, _, counts, why in rows if this == run and counts]
            assert numbers == list(range(1, len(numbers) + 1))
            assert reasons == [f"kill {place}" for place in range(len(reasons))]
            assert len(reasons) >= least
    again = start("--auth", "all")
    address = httpx.URL(again.url).copy_with(query=None)
    token = (again.data_dir / "token").read_text().strip()
    with httpx.Client(base_url=address, headers={"authorization": f"Bearer {token}"}, timeout=30) as client:
        assert client.get("/api/v1/audit").json()["meta"]["total"] == len(rows)
        newest = client.get("/api/v1/analytics/history?limit=1").json()["data"]["events"][0]
        assert newest["event_type"] == "restarted"
        assert newest["reason"].startswith("kill ")
    assert again.end(signal.SIGTERM)[0] == 0
