"""The store in front of its database: what is accepted is committed once, in order, whatever happens to the service."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import otp
from superlearner.store import AuditRow, Restart, Store, StoreUnavailable, writer

WithStore = Callable[..., Any]


def restart(place: int, /, supervisor: str = "shop", **fields: Any) -> Restart:
    given = {"child": "till", "event": "restarted", "old_pid": f"0.{place}.0", "new_pid": f"0.{place + 1}.0"}
    return Restart(float(place), supervisor, **{**given, "reason": "killed", **fields})


def test_rows_come_back_as_they_were_newest_first(url: str, with_store: WithStore) -> None:
    async def test(running: Any) -> None:
        store = running.store
        assert store.append_restarts([restart(1), restart(2, child=None, event="gave_up", new_pid=None)]) == 2
        await store.sync()
        newest, oldest = await store.restarts()
        assert (newest.at, newest.child, newest.event, newest.new_pid) == (2.0, None, "gave_up", None)
        assert oldest == restart(1, run=store.run, number=1, id=oldest.id)
        assert newest.id > oldest.id

    with_store(url, test)


def test_rows_are_chosen_by_supervisor_child_event_time_and_run(url: str, with_store: WithStore) -> None:
    async def test(running: Any) -> None:
        store = running.store
        store.append_restarts([restart(1), restart(2, "demo"), restart(3, event="gave_up"), restart(4, child="safe")])
        await store.sync()

        async def at(*supervisor: str, **asked: Any) -> list[float]:
            return [row.at for row in await store.restarts(*supervisor, **asked)]

        assert await at("shop") == [4, 3, 1]
        assert await at(child="till", event="restarted") == [2, 1]
        assert await at(since=2, until=4) == [3, 2]
        assert await at(run=store.run) == [4, 3, 2, 1]
        assert await at(run="another") == []
        first = await store.restarts(limit=2)
        assert [row.at for row in first] == [4, 3]
        assert await at(before=first[-1].id) == [2, 1]

    with_store(url, test)


def test_an_end_just_after_the_start_waits_for_the_database_to_be_open(
    tmp_path: Path, with_store: WithStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends, opened = threading.Event(), writer._open
    monkeypatch.setattr(writer, "WRITES_S", 0.0)
    monkeypatch.setattr(writer, "_open", lambda url: (ends.wait(10), opened(url))[1])
    url = f"sqlite:///{tmp_path / 'store.db'}"

    async def first(running: Any) -> None:
        running.store.append_restarts([restart(1)])
        service = otp.whereis("store")
        assert service is not None
        otp.exit(service, "kill")
        await otp.wait_down(service)
        asyncio.get_running_loop().call_later(0.01, ends.set)
        await running.store.close()
        assert running.telling.empty()

    async def second(running: Any) -> None:
        await running.store.sync()
        assert [row.at for row in await running.store.restarts()] == [1]

    with_store(url, first)
    with_store(url, second)


def test_rows_of_an_earlier_run_are_there(url: str, with_store: WithStore) -> None:
    async def first(running: Any) -> None:
        running.store.append_restarts([restart(1)])  # written when the store is closed

    async def second(running: Any) -> None:
        running.store.append_restarts([restart(2)])
        await running.store.sync()
        rows = await running.store.restarts()
        assert [row.at for row in rows] == [2, 1]
        assert [row.number for row in rows] == [1, 1]
        assert rows[0].run > rows[1].run

    with_store(url, first)
    with_store(url, second)


def test_a_row_that_is_written_a_second_time_is_there_once(url: str, with_store: WithStore) -> None:
    async def test(running: Any) -> None:
        store = running.store
        store.append_restarts([restart(1), restart(2)])
        row = store.waiting.first(1)[0]
        await store.sync()
        store.waiting.put(*row)  # as after a kill between the commit and what forgets the row
        await store.sync()
        assert [row.number for row in await store.restarts()] == [2, 1]

    with_store(url, test)


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "<b>&'\";--", "\u202egnp", "x" * 10_000, "a\nb", "\U0001f600"])
def test_any_text_can_be_stored(url: str, with_store: WithStore, text: str) -> None:
    async def test(running: Any) -> None:
        store = running.store
        store.append_restarts([restart(1, text, child=text, reason=text), restart(2)])
        store.append_audit(AuditRow(1.0, text, "rest", "process.kill", {"reason": text}, None, "ok", 0.1))
        await store.sync()
        _, row = await store.restarts()
        expected = text.replace("\0", "\\x00").replace("\ud800", "\\ud800")
        assert row.reason in (expected, f"{expected[:3999]}…")
        assert await store.restarts(row.supervisor) == [row]
        (entry,) = await store.audit()
        assert entry.parameters == {"reason": text}

    with_store(url, test)


def test_a_row_no_database_takes_is_counted_and_keeps_no_other_waiting(url: str, with_store: WithStore) -> None:
    async def test(running: Any) -> None:
        store = running.store
        bad = restart(2)
        object.__setattr__(bad, "at", None)
        store.append_restarts([restart(1), bad, restart(3)])
        await store.sync()
        assert [row.at for row in await store.restarts()] == [3, 1]
        assert store.status().dropped == {"restarts": 1}
        assert running.telling.get_nowait()[0] == "bad"

    with_store(url, test)


def test_the_audit_log_can_be_filtered(url: str, with_store: WithStore) -> None:
    def entry(number: int, user: str, operation: str, outcome: str = "ok") -> AuditRow:
        return AuditRow(float(number), user, "rest", operation, {"pid": "0.9.0"}, "kill it", outcome, 0.25)

    async def test(running: Any) -> None:
        store = running.store
        store.append_audit(entry(1, "ada", "process.kill"))
        store.append_audit(entry(2, "bob", "process.kill", "process_not_found"))
        store.append_audit(entry(3, "ada", "process.message"))
        await store.sync()
        assert [row.at for row in await store.audit(user="ada")] == [3, 1]
        assert [row.at for row in await store.audit(operation="process.kill")] == [2, 1]
        assert [row.at for row in await store.audit(outcome="process_not_found")] == [2]
        assert [row.at for row in await store.audit(since=2, limit=1)] == [3]
        (row,) = await store.audit(user="bob")
        assert (row.parameters, row.did, row.duration) == ({"pid": "0.9.0"}, "kill it", 0.25)

    with_store(url, test)


def test_a_store_without_a_database_keeps_nothing_and_says_so() -> None:
    store = Store(None)
    assert store.append_restarts([restart(1)]) == 0
    assert store.status().state == "off"
    with pytest.raises(StoreUnavailable, match="keeps no database"):
        store.writer.opened()
