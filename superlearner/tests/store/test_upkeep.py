"""Copies of what is stored, and less of it: while others write, on both databases."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import otp
from superlearner.store import (
    AuditRow,
    NameTaken,
    NotOfThisDatabase,
    Recording,
    Restart,
    SettingChange,
    StoreUnavailable,
    database_info,
)
from superlearner.store import upkeep as upkeeping

WithStore = Callable[..., Any]


def restarts(*ats: int) -> list[Restart]:
    return [Restart(float(at), "shop", "till", "restarted", reason="x" * 1000) for at in ats]


def lines(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_rows_are_exported_oldest_first_as_they_are(
    url: str, with_store: WithStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeeping, "PAGE_ROWS", 3)

    async def test(running: Any) -> None:
        store, upkeep = running.store, running.store.upkeep
        store.append_restarts(restarts(*range(10)))
        store.append_audit(AuditRow(1.0, "ada", "rest", "process.kill", {"pid": "0.9.0"}, None, "ok", 0.5))
        store.append_setting_change(SettingChange(2.0, "ada", "allow_host", [], ["shop.example"]))
        await store.sync()
        await store.records.add_recording(Recording("monday", "trace", "monday.jsonl", 3.0, about={"node": "n"}))
        written = await upkeep.export("restarts", tmp_path / "new" / "all.jsonl")
        assert (written.rows, written.size) == (10, written.path.stat().st_size)
        assert [(row["at"], row["number"], row["reason"]) for row in lines(written.path)] == [
            (at, at + 1, "x" * 1000) for at in range(10)
        ]
        assert stat.S_IMODE(written.path.stat().st_mode) == 0o600
        some = await upkeep.export("restarts", tmp_path / "some.jsonl", since=2, until=7)
        assert [row["at"] for row in lines(some.path)] == [2, 3, 4, 5, 6]
        for table, column, value in (
            ("audit", "parameters", {"pid": "0.9.0"}),
            ("setting_changes", "after", ["shop.example"]),
            ("recordings", "about", {"node": "n"}),
        ):
            (row,) = lines((await upkeep.export(table, tmp_path / f"{table}.jsonl")).path)
            assert row[column] == value

    with_store(url, test)


def test_a_file_that_is_there_is_not_written_over(url: str, with_store: WithStore, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")

    async def test(running: Any) -> None:
        await running.store.sync()
        with pytest.raises(NameTaken, match="mine"):
            await running.store.upkeep.export("restarts", tmp_path / "mine")
        with pytest.raises(StoreUnavailable, match="cannot be written"):
            await running.store.upkeep.export("restarts", tmp_path / "mine" / "file")
        assert (tmp_path / "mine").read_text() == "mine"

    with_store(url, test)


def test_an_export_that_is_killed_leaves_no_file(
    url: str, with_store: WithStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeeping, "PAGE_ROWS", 1)
    folder = tmp_path / "exports"

    async def test(running: Any) -> None:
        store = running.store
        store.append_restarts(restarts(*range(100)))
        await store.sync()
        begun, write = asyncio.Event(), otp.Task.run_blocking

        async def write_when_begun(*arguments: Any) -> Any:
            begun.set()
            return await write(*arguments)

        monkeypatch.setattr(upkeeping.otp.Task, "run_blocking", write_when_begun)
        pid = otp.spawn(store.upkeep.export, "restarts", folder / "all.jsonl")
        await begun.wait()
        otp.exit(pid, "kill")
        await otp.wait_down(pid)
        assert list(folder.iterdir()) == []

    with_store(url, test)


def test_a_copy_made_while_others_write_is_consistent(tmp_path: Path, with_store: WithStore) -> None:
    async def test(running: Any) -> None:
        store = running.store
        store.append_restarts(restarts(*range(1000)))
        await store.sync()
        copying = asyncio.ensure_future(store.upkeep.backup(tmp_path / "backups" / "copy.db"))
        while not copying.done():
            store.append_restarts(restarts(*range(1000, 1010)))
            await store.sync()
        written = await copying
        with sqlite3.connect(written.path) as copy:
            assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            count, highest = copy.execute("SELECT count(*), max(number) FROM restarts").fetchone()
        copy.close()
        assert count == highest >= 1000
        assert (await otp.Task.run_blocking(database_info, written.path)).up_to_date
        assert stat.S_IMODE(written.path.stat().st_mode) == 0o600
        assert [path.name for path in written.path.parent.iterdir()] == ["copy.db"]
        with pytest.raises(NameTaken):
            await store.upkeep.backup(written.path)

    with_store(f"sqlite:///{tmp_path / 'store.db'}", test)


def test_a_store_that_begins_with_a_copy_has_all_that_was_in_it(tmp_path: Path, with_store: WithStore) -> None:
    async def first(running: Any) -> None:
        running.store.append_restarts(restarts(1, 2))
        await running.store.sync()
        await running.store.upkeep.backup(tmp_path / "copy.db")

    async def second(running: Any) -> None:
        running.store.append_restarts(restarts(3))
        await running.store.sync()
        assert [row.at for row in await running.store.restarts()] == [3, 2, 1]

    with_store(f"sqlite:///{tmp_path / 'store.db'}", first)
    with_store(f"sqlite:///{tmp_path / 'copy.db'}", second)


def test_only_rows_that_are_older_are_deleted_in_pieces(
    url: str, with_store: WithStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeeping, "DELETE_ROWS", 3)

    async def test(running: Any) -> None:
        store = running.store
        store.append_restarts(restarts(*range(10)))
        store.append_audit(AuditRow(1.0, "ada", "rest", "process.kill", {}, None, "ok", 0.5))
        await store.sync()
        assert await store.count_before("restarts", 8) == 8
        assert await store.upkeep.delete_before("restarts", 8) == 8
        assert [row.at for row in await store.restarts()] == [9, 8]
        assert await store.count_audit() == 1
        store.append_restarts(restarts(10))
        await store.sync()
        newest = (await store.restarts())[0]
        assert (newest.at, newest.number) == (10, 11)

    with_store(url, test)


def test_compacting_returns_space_and_causes_no_lock_errors(tmp_path: Path, with_store: WithStore) -> None:
    async def test(running: Any) -> None:
        store = running.store
        store.append_restarts(restarts(*range(5000)))
        await store.sync()
        await store.upkeep.delete_before("restarts", 4990)
        compacting = asyncio.ensure_future(store.upkeep.compact())
        while not compacting.done():
            store.append_restarts(restarts(5000))
            await store.sync()
        before, after = await compacting
        assert after < before / 4
        assert await store.count_restarts() == store.status().stored - 4990
        assert running.telling.empty()

    with_store(f"sqlite:///{tmp_path / 'store.db'}", test)


def test_backup_and_compaction_are_left_to_postgres(postgres: Any, with_store: WithStore, tmp_path: Path) -> None:
    async def test(running: Any) -> None:
        await running.store.sync()
        with pytest.raises(NotOfThisDatabase, match="pg_dump"):
            await running.store.upkeep.backup(tmp_path / "copy.db")
        with pytest.raises(NotOfThisDatabase, match="VACUUM"):
            await running.store.upkeep.compact()

    with_store(postgres.new_database(), test)


def test_neither_the_file_nor_its_journal_grows_without_end(tmp_path: Path, with_store: WithStore) -> None:
    """Thirty times as many rows as are kept; a page of the file is used again when its rows are gone."""
    file, journal = tmp_path / "store.db", tmp_path / "store.db-wal"

    async def test(running: Any) -> None:
        store = running.store
        sizes: list[int] = []
        for start in range(0, 30_000, 1000):
            store.append_restarts(restarts(*range(start, start + 1000)))
            await store.sync()
            sizes.append(os.stat(file).st_size)
        assert await store.count_restarts() <= 1010 + 2000
        assert sizes[-1] < 2 * sizes[4]
        assert os.stat(journal).st_size <= 20 * 1024 * 1024

    with_store(f"sqlite:///{file}", test, history_rows=1000)
