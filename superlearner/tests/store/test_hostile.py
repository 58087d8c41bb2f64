"""Unexpected names, reasons and values: they are stored in a printable form and block nothing else."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from superlearner.store import AuditRow, NameTaken, Recording, Restart, SettingChange
from superlearner.store.rows import NAME_LIMIT, TEXT_LIMIT, clean

pytestmark = pytest.mark.program

WithStore = Callable[..., Any]

NASTY: Final = (
    "\0", "\ud800", "\udfff", "\u202e", "\u200f", "\ufeff", "\U0001f600", "\n", "\r", "\x1b[2J", "\x7f", "'", '"', "\\",
    "%", "_", "--", ";", "<script>", "{", "}", "$1", ":name", "?", " ", "a", "é", "漢", "\u2028", "NULL",
)  # fmt: skip
TEXTS: Final = 150


def texts(seed: int) -> list[str]:
    """Short ones, and every tenth of 10 kB that no compression makes shorter: an index would have to hold it."""
    chosen = random.Random(seed)
    found = ["", *NASTY]
    for number in range(TEXTS):
        if number % 10:
            found.append("".join(chosen.choices(NASTY, k=chosen.randrange(1, 30))))
        else:
            found.append("".join(chr(chosen.randrange(0x4E00, 0x9FFF)) for _ in range(10_000)))
    return list(dict.fromkeys(found))


def as_json(value: Any) -> Any:
    """The value as JSON gives it back: two halves of a surrogate pair become what they are together."""
    return json.loads(json.dumps(value))


def test_any_name_and_reason_is_stored_and_found_by_what_it_was(url: str, with_store: WithStore) -> None:
    given = texts(1)

    async def test(running: Any) -> None:
        store = running.store
        for place, text in enumerate(given):
            store.append_restarts([Restart(float(place), text, text, text, text, text, text)])
            store.append_audit(AuditRow(float(place), text, text, text, {text: [text]}, text, text, 0.1))
            store.append_setting_change(SettingChange(float(place), text, text, text, {"of": text}))
        await store.sync()
        assert store.status().dropped == {}
        assert running.telling.empty()
        for rows in (await store.restarts(), await store.audit(), await store.setting_changes()):
            assert [row.at for row in rows] == list(range(len(given) - 1, -1, -1))
        for place, text in enumerate(given):
            if len(text) > NAME_LIMIT:
                assert place in [row.at for row in await store.restarts(text)]
                continue
            (row,) = await store.restarts(text)
            assert (row.at, row.supervisor) == (place, clean(text))
            assert [row.reason, row.child, row.new_pid] == [clean(text)] * 3
            assert await store.count_restarts(text, child=text, event=text) == 1
            (entry,) = await store.audit(user=text, operation=text, outcome=text)
            assert entry.parameters == as_json({text: [text]})
            (change,) = await store.setting_changes(text)
            assert (change.before, change.after) == (as_json(text), as_json({"of": text}))

    with_store(url, test)


def test_any_name_of_a_recording_is_found_and_deleted_by_what_it_was(
    url: str, with_store: WithStore, tmp_path: Path
) -> None:
    given = texts(2)[::3]

    async def test(running: Any) -> None:
        await running.store.sync()
        records = running.store.records
        for text in given:
            await records.add_recording(Recording(text, text, text, 1.0, about={text: text}))
        for text in given:
            with pytest.raises(NameTaken):
                await records.add_recording(Recording(text, "trace", "x", 2.0))
            found = await records.recording(text)
            assert found.name == clean(text, NAME_LIMIT)
            if len(text) < NAME_LIMIT:
                assert found.about == as_json({text: text})
            assert await records.measured(text, events=1, size=1)
        written = await running.store.upkeep.export("recordings", tmp_path / "all.jsonl")
        lines = written.path.read_text(encoding="ascii").splitlines()
        assert [json.loads(line)["name"] for line in lines] == [clean(text, NAME_LIMIT) for text in given]
        for text in given:
            assert await records.delete_recording(text)
        assert await records.recordings() == []

    with_store(url, test)


def test_parameters_that_are_not_json_are_stored_as_text(url: str, with_store: WithStore) -> None:
    circle: list[Any] = []
    circle.append(circle)
    deep: Any = None
    for _ in range(100_000):
        deep = [deep]
    values = [circle, deep, {("a", 1): 2}, {1, 2}, b"\xff", ValueError("no"), float("nan"), 10**400, "x" * 10**6]

    async def test(running: Any) -> None:
        store = running.store
        for place, value in enumerate(values):
            store.append_audit(AuditRow(float(place), "ada", "rest", "process.kill", value, None, "ok", 0.1))
        await store.sync()
        assert store.status().dropped == {}
        shown = [row.parameters for row in await store.audit()]
        assert len(shown) == len(values)
        assert max(len(json.dumps(one)) for one in shown) <= 4 * TEXT_LIMIT + 100

    with_store(url, test)


def test_a_row_that_only_postgres_refuses_keeps_no_other_waiting(
    postgres: Any, with_store: WithStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: a name too long for an index stopped all rows after it for good."""
    monkeypatch.setattr("superlearner.store.rows.NAME_LIMIT", TEXT_LIMIT)
    long = next(text for text in texts(3) if len(text) == 10_000)

    async def test(running: Any) -> None:
        store = running.store
        store.append_restarts([Restart(float(at), name, None, "restarted") for at, name in enumerate(("a", long, "b"))])
        await store.sync()
        assert [row.supervisor for row in await store.restarts()] == ["b", "a"]
        assert store.status().dropped == {"restarts": 1}

    with_store(postgres.new_database(), test)


def test_hostile_reasons_and_questions_go_through_the_api(url: str, inside: Callable[..., Any], tmp_path: Path) -> None:
    owner = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
    reasons = [text[:200] for text in texts(4) if text][:60]

    async def test(platform: Any) -> None:
        killed = 0
        for reason in reasons:
            body = json.dumps({"reason": reason}).encode()
            headers = {**owner, "content-type": "application/json"}
            answer = await platform.client.request("DELETE", "/api/v1/processes/shelves", content=body, headers=headers)
            assert answer.status_code in (200, 404, 422), answer.text  # it rests between, and a reason may be refused
            killed += answer.status_code == 200
        for question in (
            "audit?user=%00",
            "audit?operation=%ED%A0%80%00&page=1000000&per_page=1000",
            "analytics/history?supervisor=%00&child=%E2%80%AE&run=%ED%B0%80&before=9007199254740992",
        ):
            answer = await platform.client.get(f"/api/v1/{question}", headers=owner)
            assert (answer.status_code, len(str(answer.json()["data"])) < 200) == (200, True), answer.text
        lines = (await platform.get("/api/v1/audit?per_page=1000&outcome=ok", headers=owner))["data"]
        assert len(lines) == killed > 0
        assert platform.platform.store.status().dropped == {}
        assert platform.platform.store.trouble is None

    inside(test, database=url, data_dir=tmp_path, auth="all")
