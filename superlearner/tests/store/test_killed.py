"""kill -9 in the middle of it: what was accepted a second before is there, and the database is sound."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

STORM = """\
import asyncio, sys, time
import otp
from superlearner.store import Restart, Store, StoreService
from superlearner.telemetry import Telemetry

async def main():
    telemetry = Telemetry()
    telemetry.attach(lambda *event: print(event[0], flush=True))
    store = Store(sys.argv[1], telemetry=telemetry)
    await StoreService.start(store, name="store")
    while True:
        store.append_restarts(Restart(time.time(), "shop", "till", "restarted", "0.9.0", "0.12.0") for _ in range(25))
        await asyncio.sleep(0.005)

otp.run(main)
"""


def test_a_crash_storm_is_stored_up_to_the_last_second(url: str) -> None:
    """Three times, on the same database: what the runs before had stored stays."""
    for run in range(1, 4):
        process = subprocess.Popen([sys.executable, "-c", STORM, url], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(4 + run):
            assert process.stdout.readline() == "store.commit\n"
        killed_at = time.time()
        process.kill()
        process.communicate()
        rows = all_restarts(url)
        assert len({row.run for row in rows}) == run
        newest = [row for row in rows if row.run == rows[0].run]
        assert newest[0].at > killed_at - 1
        assert [row.number for row in newest] == list(range(len(newest), 0, -1))
    if url.startswith("sqlite"):
        assert integrity(Path(url.removeprefix("sqlite:///"))) == "ok"


def all_restarts(url: str) -> list[Any]:
    import asyncio

    from superlearner.store import migrate
    from superlearner.store.database import Database

    async def read() -> list[Any]:
        database = Database(url)
        rows = await database.restarts({}, 1_000_000, None)
        await database.close()
        return rows

    migrate(url)
    return asyncio.run(read())


def integrity(file: Path) -> str:
    with sqlite3.connect(file) as connection:
        (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
    connection.close()
    return verdict


def test_audit_log_and_history_of_a_killed_platform_are_there_in_the_next_run(start: Callable[..., Any]) -> None:
    program = start()
    answered: list[float] = []
    with program.client() as client:
        for _ in range(300):  # it gives up again and again, and is asked for while it rests
            answer = client.request("DELETE", "/api/v1/processes/counter_1", json={})
            assert answer.status_code in (200, 404)
            answered.append(time.monotonic())
    killed_at = time.monotonic()
    program.process.kill()
    program.process.communicate()
    assert integrity(program.data_dir / "superlearner.db") == "ok"
    with sqlite3.connect(program.data_dir / "superlearner.db") as connection:
        count, highest = connection.execute("SELECT count(*), max(number) FROM restarts").fetchone()
    connection.close()
    assert count == highest > 0
    again = start("--auth", "all")
    address = httpx.URL(again.url).copy_with(query=None)
    token = (again.data_dir / "token").read_text().strip()
    with httpx.Client(base_url=address, headers={"authorization": f"Bearer {token}"}, timeout=10) as client:
        answer = client.get("/api/v1/audit?per_page=1000").json()
        certain = sum(at < killed_at - 1 for at in answered)
        assert max(certain, 1) <= answer["meta"]["total"] <= 300
    assert again.end(signal.SIGTERM)[0] == 0
