"""The platform beside a database it cannot use, or can use again: it runs, says so everywhere, and loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import socket
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from superlearner.store import migrate
from superlearner.store.tables import VERSION_TABLE

pytestmark = pytest.mark.program

Start = Callable[..., Any]
Command = Callable[..., subprocess.CompletedProcess[str]]


def database_in(folder: Path) -> Path:
    """The place of the platform's database in a data directory."""
    folder.mkdir()
    return folder / "superlearner.db"


def write(file: Path, script: str) -> None:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.executescript(script)


def owner(program: Any) -> dict[str, str]:
    return {"authorization": f"Bearer {(program.data_dir / 'token').read_text().strip()}"}


def kill(client: httpx.Client, name: str) -> None:
    assert client.request("DELETE", f"/api/v1/processes/{name}", json={}).status_code == 200


def audited(client: httpx.Client, program: Any) -> list[str]:
    """Return the killed processes, oldest first."""
    lines = client.get("/api/v1/audit?per_page=1000", headers=owner(program)).json()["data"]
    return [line["parameters"]["pid"] for line in reversed(lines)]


class Page:
    """The live page of a program, and its messages."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.said: list[str] = []

    async def until(self, words: str) -> None:
        while not any(words in text for text in self.said):
            frame = json.loads(await self.socket.recv())
            self.said += [entry["text"] for key in ("feed", "e") for entry in frame.get(key, ())]


def on_page(program: Any, look: Callable[[Page, httpx.Client], Any]) -> None:
    """Run `await look(page, client)` with the live page open."""

    async def main() -> None:
        url = program.url.replace("http", "ws") + "/live/supervisors"
        with program.client() as client:
            async with asyncio.timeout(60), websockets.connect(url) as socket:
                await look(Page(socket), client)

    asyncio.run(main())


def newer(file: Path) -> None:
    migrate(file)
    write(file, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")


def damaged(file: Path) -> None:
    migrate(file)
    with open(file, "r+b") as opened:
        opened.seek(4096)
        opened.write(os.urandom(8192))


@pytest.mark.parametrize(
    ("spoil", "why", "hint"),
    [
        (newer, "was made by a newer SuperLearner (schema 9999)", "use that version again"),
        (damaged, "is damaged", ".recover"),
    ],
)
def test_an_unusable_database_is_reported_everywhere_and_left_unchanged(
    start: Start, superlearner: Command, tmp_path: Path, spoil: Callable[[Path], None], why: str, hint: str
) -> None:
    file = database_in(tmp_path / "data")
    spoil(file)
    before = {path.name: path.read_bytes() for path in file.parent.iterdir()}
    program = start()

    async def look(page: Page, client: httpx.Client) -> None:
        await page.until(why)
        kill(client, "counter_1")
        assert client.get("/health/ready").status_code == 200
        health = client.get("/api/v1/system/health").json()["data"]
        assert (health["status"], health["parts"]["store"]) == ("degraded", False)
        told = client.get("/api/v1/store", headers=owner(program)).json()["data"]
        assert (told["state"], told["rows"]) == ("unavailable", None)
        assert why in told["why"]
        assert hint in told["hint"]
        assert told["waiting"] == told["accepted"] > 0

    on_page(program, look)
    doctor = superlearner("doctor").stdout
    assert why in " ".join(doctor.split())
    code, errors = program.end()
    lost = "rows could not be stored before the program ended" in errors
    assert (code, why in errors, hint in errors, lost) == (0, True, True, True)
    for name, content in before.items():
        assert (file.parent / name).read_bytes() == content


def test_a_database_that_another_program_holds_gets_what_waited(start: Start, tmp_path: Path) -> None:
    file = database_in(tmp_path / "data")
    migrate(file)
    holder = sqlite3.connect(file, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    program = start()

    async def look(page: Page, client: httpx.Client) -> None:
        kill(client, "counter_1")
        await page.until("is locked by another program")
        assert client.get("/api/v1/system/health").json()["data"]["parts"]["store"] is False
        kill(client, "counter_2")
        holder.close()
        await page.until("the store can be used again")
        assert audited(client, program) == ["counter_1", "counter_2"]
        assert client.get("/api/v1/system/health").json()["data"]["status"] == "healthy"

    on_page(program, look)
    assert program.end()[0] == 0


def test_a_platform_ends_in_time_while_another_program_holds_its_database(start: Start, tmp_path: Path) -> None:
    file = database_in(tmp_path / "data")
    migrate(file)
    program = start()
    with program.client() as client:
        assert client.get("/api/v1/analytics/history").status_code == 200  # the database is open
        with contextlib.closing(sqlite3.connect(file)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            kill(client, "counter_1")
            code, _, errors, took = program.last_words(15)
    assert (code, "rows could not be stored before the program ended" in errors) == (0, True)
    assert took < 5


def test_a_server_that_never_answers_is_reported_and_delays_neither_start_nor_end(start: Start) -> None:
    """The server accepts connections and never answers, as behind a firewall; the waits for it have a limit."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        program = start(SUPERLEARNER_DATABASE=f"postgresql://ada:secret@127.0.0.1:{silent.getsockname()[1]}/shop")

        async def look(page: Page, client: httpx.Client) -> None:
            kill(client, "counter_1")
            await page.until("the PostgreSQL database shop on 127.0.0.1 cannot be used: it does not answer")

        on_page(program, look)
        code, _, errors, took = program.last_words(15)
    assert (code, "secret" in errors) == (0, False)
    assert took < 5


def test_a_full_disk_is_reported_and_waiting_rows_are_stored_once_there_is_space(start: Start, tmp_path: Path) -> None:
    """Its files may not grow any more: the operating system refuses that to the program as a full disk does."""
    program = start()
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)[1]

    async def look(page: Page, client: httpx.Client) -> None:
        kill(client, "counter_1")
        assert audited(client, program) == ["counter_1"]
        resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE, (4096, unlimited))
        kill(client, "counter_2")
        await page.until("cannot grow: the disk is full or broken")
        kill(client, "printer_1")
        assert client.get("/health/ready").status_code == 200
        refused = client.get("/api/v1/analytics/history")
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "store_unavailable")
        resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
        await page.until("the store can be used again")
        assert audited(client, program) == ["counter_1", "counter_2", "printer_1"]
        assert client.get("/api/v1/store").json()["data"]["dropped"] == {}

    on_page(program, look)
    assert program.end()[0] == 0
    with contextlib.closing(sqlite3.connect(program.data_dir / "superlearner.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_platform_goes_on_with_the_database_of_an_earlier_version(
    start: Start, tmp_path: Path, earlier: Callable[[str, str], str]
) -> None:
    write(database_in(tmp_path / "data"), earlier("0001", "sqlite"))
    program = start(SUPERLEARNER_AUDIT_DAYS="36500")  # its rows are old
    with program.client() as client:
        kill(client, "counter_1")
        assert audited(client, program) == ["till", "counter_1"]
        events = client.get("/api/v1/analytics/history?event_type=restarted").json()["data"]["events"]
        assert [(event["child_id"], event["reason"]) for event in events] == [
            ("counter_1", "killed"),
            ("till", "killed"),
        ]
    assert program.end()[0] == 0
