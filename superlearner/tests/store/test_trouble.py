"""A database that fails while it is used: what was accepted waits, what is too much is counted, nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

import otp
from otp import Agent
from superlearner.base.telemetry import Telemetry
from superlearner.store import AuditRow, MomentRow, Restart, RowRetention, SettingChange, Store, StoreUnavailable
from superlearner.store.database import Database

WithStore = Callable[..., Any]


def restarts(*numbers: int) -> list[Restart]:
    return [Restart(float(number), "shop", "till", "restarted", reason="x" * 1000) for number in numbers]


async def receive_report(running: Any) -> tuple[str, str]:
    """The next thing the store tells."""
    return await running.telling.get()


def test_the_loop_turns_while_another_program_holds_the_database(tmp_path: Path, with_store: WithStore) -> None:
    async def test(running: Any) -> None:
        store = running.store
        await store.sync()
        holder = sqlite3.connect(tmp_path / "store.db")
        holder.execute("BEGIN IMMEDIATE")
        store.append_restarts(restarts(1))
        waiting = asyncio.ensure_future(store.sync())
        agent = await Agent.start(lambda: 0)
        for _ in range(50):
            await Agent.update(agent, lambda count: count + 1)
            assert await store.restarts() == []
        assert not waiting.done()
        holder.close()
        await waiting
        assert [row.at for row in await store.restarts()] == [1]

    with_store(f"sqlite:///{tmp_path / 'store.db'}", test)


def test_rows_wait_for_a_database_that_is_locked_too_long(
    tmp_path: Path, with_store: WithStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("superlearner.store.engines.BUSY_S", 0.05)

    async def test(running: Any) -> None:
        store = running.store
        await store.sync()
        holder = sqlite3.connect(tmp_path / "store.db")
        holder.execute("BEGIN IMMEDIATE")
        store.append_restarts(restarts(1))
        with pytest.raises(
            StoreUnavailable, match=r"locked by another program; find that program with: fuser \S+store.db"
        ):
            await store.sync()
        assert (await receive_report(running))[0] == "bad"
        with pytest.raises(StoreUnavailable, match="locked"):
            await store.restarts()
        store.append_restarts(restarts(2))
        holder.close()
        otp.send("store", "open")
        assert await receive_report(running) == ("info", "the store can be used again")
        await store.sync()
        assert [row.at for row in await store.restarts()] == [2, 1]

    with_store(f"sqlite:///{tmp_path / 'store.db'}", test)


def test_a_full_disk_loses_nothing_and_keeps_what_was_stored(
    tmp_path: Path, with_store: WithStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit on SQLite's file makes it report a full disk."""
    pages = 40
    opened = Database.__init__

    def limited(self: Database, url: Any) -> None:
        opened(self, url)

        def limit(connection: Any, record: Any) -> None:
            connection.cursor().execute(f"PRAGMA max_page_count={pages}")

        event.listen(self.connections.engine.sync_engine, "connect", limit)

    monkeypatch.setattr(Database, "__init__", limited)

    async def test(running: Any) -> None:
        nonlocal pages
        store = running.store
        store.append_restarts(restarts(*range(10)))
        await store.sync()
        store.append_restarts(restarts(*range(10, 1000)))
        with pytest.raises(StoreUnavailable, match="the disk is full or broken; free space"):
            await store.sync()
        status = store.status()
        assert (status.state, status.stored, status.waiting, status.dropped) == ("unavailable", 10, 990, {})
        for _ in range(3):  # the file can be opened, which does not prove that the store works
            otp.send("store", "open")
            await otp.sys.get_state("store")
        assert [running.telling.get_nowait()[0], running.telling.empty()] == ["bad", True]
        pages = 4000
        otp.send("store", "open")
        await running.usable_again.wait()
        await store.sync()
        assert [row.number for row in await store.restarts(limit=2000)] == list(range(1000, 0, -1))

    with_store(f"sqlite:///{tmp_path / 'store.db'}", test)


def test_a_file_that_is_moved_away_does_not_take_along_what_comes(tmp_path: Path, with_store: WithStore) -> None:
    async def test(running: Any) -> None:
        store = running.store
        store.append_restarts(restarts(1))
        await store.sync()
        os.rename(tmp_path / "store.db", tmp_path / "old.db")
        store.append_restarts(restarts(2))
        with pytest.raises(StoreUnavailable, match="moved or removed"):
            await store.sync()
        otp.send("store", "open")
        await running.usable_again.wait()
        await store.sync()
        assert [row.at for row in await store.restarts()] == [2]

    with_store(f"sqlite:///{tmp_path / 'store.db'}", test)


def test_a_file_that_is_damaged_meanwhile_is_left_alone(tmp_path: Path, with_store: WithStore) -> None:
    file = tmp_path / "store.db"

    async def test(running: Any) -> None:
        store = running.store
        store.append_restarts(restarts(*range(100)))
        await store.sync()
        await running.stop()
        await store.writer._let_go()  # all connections are closed: the journal is in the file
        with open(file, "r+b") as opened:
            opened.seek(4096)
            opened.write(b"\xff" * 40_000)
        before = file.read_bytes()
        await running.start()
        store.append_restarts(restarts(100))
        with pytest.raises(StoreUnavailable, match="damaged; save what can be read with: sqlite3"):
            await store.sync()
        assert store.status().waiting == 1
        await running.stop()
        await store.close()
        assert file.read_bytes() == before
        assert running.telling.get_nowait()[0] == "bad"
        assert running.telling.get_nowait() == ("bad", "1 rows could not be stored before the program ended")

    with_store(f"sqlite:///{file}", test)


def test_a_row_that_arrives_during_the_last_write_is_stored_before_the_end(
    tmp_path: Path, with_store: WithStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: the end waited for the write that was under way, and reported the row as lost."""
    file = tmp_path / "store.db"

    async def test(running: Any) -> None:
        store = running.store
        await store.sync()
        begun, released = asyncio.Event(), asyncio.Event()
        write = store.writer.database.write

        async def write_later(rows: Any) -> None:
            begun.set()
            await released.wait()
            await write(rows)

        monkeypatch.setattr(store.writer.database, "write", write_later)
        store.append_restarts(restarts(1))
        under_way = asyncio.ensure_future(store.writer.work())
        await begun.wait()
        store.append_restarts(restarts(2))
        await running.stop()
        closing = asyncio.ensure_future(store.close())
        await asyncio.sleep(0)
        released.set()
        await asyncio.gather(under_way, closing)
        assert running.telling.empty()
        with contextlib.closing(sqlite3.connect(file)) as stored:
            assert stored.execute("SELECT at FROM restarts ORDER BY id").fetchall() == [(1.0,), (2.0,)]

    with_store(f"sqlite:///{file}", test)


def test_too_many_rows_are_refused_counted_and_reported_once(tmp_path: Path, with_store: WithStore) -> None:
    counted = Telemetry()
    drops: list[Any] = []
    counted.attach(lambda name, numbers, words: drops.append(words["table"]) if name == "store.drop" else None)

    async def test(running: Any) -> None:
        store = running.store
        assert store.append_restarts(restarts(*range(15))) == 10
        assert store.status().dropped == {"restarts": 5}
        assert drops == ["restarts"] * 5
        assert await receive_report(running) == ("bad", "10 rows wait for the database; further rows are not stored")
        assert running.telling.empty()
        await store.sync()
        assert store.append_restarts(restarts(20)) == 1
        await store.sync()
        assert [row.at for row in await store.restarts()] == [20, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]

    with_store(f"sqlite:///{tmp_path / 'store.db'}", test, limit=10, telemetry=counted)


def test_a_restarted_postgres_is_found_again(postgres: Any, with_store: WithStore) -> None:
    async def test(running: Any) -> None:
        store = running.store
        store.append_restarts(restarts(1))
        await store.sync()
        postgres.control("stop", "--mode", "immediate")
        store.append_restarts(restarts(2))
        with pytest.raises(StoreUnavailable, match="cannot be used"):
            await store.sync()
        with pytest.raises(StoreUnavailable):
            await store.restarts()
        postgres.begin()
        otp.send("store", "open")
        await running.usable_again.wait()
        await store.sync()
        assert [row.at for row in await store.restarts()] == [2, 1]

    with_store(postgres.new_database(), test)


def test_the_audit_log_and_changes_of_settings_are_kept_by_number_and_by_age(url: str, with_store: WithStore) -> None:
    """Regression: both grew without end."""
    kept = [RowRetention(100)]

    def did(store: Store, *moments: float) -> None:
        for at in moments:
            store.append_audit(AuditRow(at, "ada", "cli", "process.kill", {}, None, "ok", 0.1))
            store.append_setting_change(SettingChange(at, "page", "kill_wait", 1.0, 2.0))

    async def test(running: Any) -> None:
        store = running.store
        did(store, *range(350))
        await store.sync()
        counts = await store.count_all()
        assert [True, True] == [100 <= counts[table] < 300 for table in ("audit", "setting_changes")]
        now = time.time()
        kept[0] = RowRetention(100, days=1)
        did(store, now - 100_000, now)
        await store.sync()
        assert [now] == [row.at for row in await store.audit()]
        assert [now] == [row.at for row in await store.setting_changes()]

    with_store(url, test, audit=lambda: kept[0])


def test_old_moments_lose_their_replay_by_number_and_by_age_and_keep_their_line(
    url: str, with_store: WithStore
) -> None:
    kept = [RowRetention(1_000, emptied=100)]

    def happened(store: Store, *moments: float) -> None:
        for at in moments:
            number = len(numbers) + 1
            numbers.append(number)
            assert store.append_moment(MomentRow("shop", "run", number, number, at, at, f"restart {number}", data=b"x"))

    numbers: list[int] = []

    async def test(running: Any) -> None:
        store = running.store
        happened(store, *range(350))
        await store.sync()
        rows = await store.moments(limit=1_000)
        assert len(rows) == 350
        assert 100 <= sum(row.data is not None for row in rows) < 300
        assert (rows[-1].line, rows[-1].data) == ("restart 1", None)
        now = time.time()
        kept[0] = RowRetention(1_000, days=1, emptied=100)
        happened(store, now - 100_000, now)
        await store.sync()
        newest, old = (await store.moments(limit=1_000))[:2]
        assert ((newest.at, newest.data), (old.line, old.data)) == ((now, b"x"), ("restart 351", None))

    with_store(url, test, moments=lambda: kept[0])


def test_only_so_much_history_is_kept(url: str, with_store: WithStore) -> None:
    async def test(running: Any) -> None:
        store = running.store
        store.append_restarts(restarts(*range(350)))
        await store.sync()
        kept = await store.count_restarts()
        assert 100 <= kept < 300
        assert [row.at for row in await store.restarts(limit=100)] == list(range(349, 249, -1))

    with_store(url, test, history_rows=100)


def test_the_service_retries_whichever_caller_found_the_database_unusable(
    tmp_path: Path, with_store: WithStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("superlearner.store.engines.BUSY_S", 0.05)
    monkeypatch.setattr("superlearner.store.writer.PAUSES_S", (0.1,))

    async def test(running: Any) -> None:
        store = running.store
        await store.sync()
        holder = sqlite3.connect(tmp_path / "store.db")
        holder.execute("BEGIN IMMEDIATE")
        store.append_restarts(restarts(1))
        with pytest.raises(StoreUnavailable, match="locked"):
            await store.sync()  # asked before the reminder of the service came
        assert (await receive_report(running))[0] == "bad"
        holder.close()
        assert await receive_report(running) == ("info", "the store can be used again")
        assert [row.at for row in await store.restarts()] == [1]

    with_store(f"sqlite:///{tmp_path / 'store.db'}", test)
