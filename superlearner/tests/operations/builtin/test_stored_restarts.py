"""Restarts over HTTP that are stored: after a restart of the platform, too old, and on a full disk."""

from __future__ import annotations

import asyncio
import json
import zlib
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event as database_event

from asked_restarts import AT, Inside, crash, crash_and_store
from otp import Agent, Children, Supervisor, exit, send
from owned_things import call, user
from superlearner.operations.builtin import restarts
from superlearner.operations.failures import OperationError
from superlearner.restarts import recorder
from superlearner.store import MomentRow, StoreUnavailable
from superlearner.store.database import Database


class Lasting(Supervisor):
    """A supervisor that does not give up."""

    def init(self, arg: Any) -> Children:
        return Children([Agent.child_spec(int, id="fragile", name="fragile")], max_restarts="infinity")


@pytest.mark.operation("restart.show")
def test_a_restart_is_shown_after_a_restart_of_the_platform(inside: Inside, tmp_path: Path) -> None:
    shown: dict[str, Any] = {}

    async def before(platform: Any) -> None:
        row = await crash_and_store(platform)
        assert (row.node, row.line) == (platform.node.name, "counter_1 crashed and was restarted")
        shown.update((await platform.get(f"{AT}/{row.run}.{row.number}"))["data"], events_of=row.events)
        assert shown.pop("current")

    async def after(platform: Any) -> None:
        last = shown.pop("events_of").split("-")[-1].split(" ")[-1]
        for address in (shown["ref"], f"{shown['ref'].partition('.')[0]}.{last}", f"{shown['id']}?at={shown['at']}"):
            found = (await platform.get(f"{AT}/{address}"))["data"]
            assert found | {"at": 0} == shown | {"at": 0, "current": False}
        answer = await platform.client.get(f"{AT}/0123456789ab.{shown['id']}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "restart_not_found")

    inside(before, data_dir=tmp_path)
    inside(after, data_dir=tmp_path)


@pytest.mark.operation("restart.list")
def test_restarts_of_an_earlier_program_are_listed_behind_those_of_now(
    inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: list[dict[str, Any]] = []

    async def before(platform: Any) -> None:
        row = await crash_and_store(platform)
        many = replace(row, number=row.last + 1, last=row.last + 900, line="till ended 300 times more", count=300,
                       at=row.at + 0.001, events="", data=None)  # fmt: skip
        platform.platform.store.append_moment(many)
        await platform.platform.store.sync()
        known.extend((await platform.get(AT))["data"])
        loop, one = known
        assert (loop["line"], loop["count"], loop["kept"], loop["name"]) == (many.line, 300, False, "till")
        assert (one["at"], one["until"], one["kept"]) == (row.at, row.until, True)

    async def after(platform: Any) -> None:
        assert (await platform.get(AT))["data"] == known
        assert (await platform.get(f"{AT}/{known[1]['ref']}"))["data"]["at"] == known[1]["at"]
        await crash(platform)
        newest, *others = (await platform.get(AT))["data"]
        assert others == known
        same = (
            "line",
            "name",
            "reason",
            "where",
            "supervisor",
            "strategy",
            "started",
            "gave_up",
            "fallen",
            "count",
            "kept",
        )
        assert {name: newest[name] for name in same} == {name: known[1][name] for name in same}
        refs = [one["ref"] for one in (newest, *known)]

        async def listed(query: str) -> tuple[list[str], int]:
            answer = await platform.get(f"{AT}?{query}")
            return [one["ref"] for one in answer["data"]], answer["meta"]["total"]

        pages = [await listed(f"per_page=2&page={page}") for page in (1, 2, 3)]
        assert pages == [(refs[:2], 3), (refs[2:], 3), ([], 3)]
        for query, found in (
            (f"until={known[0]['at']}", refs[2:]),
            (f"since={known[0]['at']}", refs[:2]),
            ("settled=true", refs[1:]),
            ("settled=false", refs[:1]),
        ):
            assert await listed(query) == (found, len(found))

    inside(before, data_dir=tmp_path)
    monkeypatch.setattr(recorder, "SETTLE_S", 60.0)
    (tmp_path / "alive").unlink()  # otherwise the time without a platform is listed, too
    inside(after, data_dir=tmp_path)


@pytest.mark.operation("restart.list")
def test_a_crash_loop_is_one_line_and_its_sum_has_reason_and_supervisor(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        store = platform.platform.store
        row = await crash_and_store(platform)
        fell = "demo_one_for_one gave up"
        loop = [
            replace(row, run="0123456789ab", number=number, last=number, at=row.at + number / 10, id=0,
                    until=row.at + number / 10, events=f"{number}", line=fell if number % 6 == 0 else row.line)
            for number in range(7, 43)
        ]  # fmt: skip
        total = replace(loop[-1], number=50, last=900, at=row.at + 5, until=row.at + 60, count=1_090, events="",
                        data=None, line="counter_1, with others, ended 1,090 times more")  # fmt: skip
        late = replace(
            loop[-1], number=950, last=950, at=row.at + 10, until=row.at + 10, events="950", line="till crashed"
        )
        for one in (*loop, total, late):
            store.append_moment(one)
        await store.sync()

        async def listed(query: str = "") -> list[dict[str, Any]]:  # a busy machine may hold the loop
            return (await platform.get(f"{AT}?only=restarts&{query}"))["data"]

        more, single, falls, ends, alone = await listed()
        assert (single["line"], single["until"]) == ("till crashed", pytest.approx(row.at + 10))
        assert (more["line"], more["count"]) == (total.line, 1_090)
        assert (falls["line"], falls["count"], falls["ref"]) == (fell, 6, "0123456789ab.42")
        assert (ends["line"], ends["count"], ends["ref"]) == (row.line, 30, "0123456789ab.41")
        assert (ends["at"], ends["until"]) == pytest.approx((row.at + 0.7, row.at + 4.1))
        assert (alone["line"], alone["count"]) == (row.line, 1)  # of another run
        same = ("name", "reason", "where", "supervisor", "strategy")
        assert {name: more[name] for name in same} == {name: ends[name] for name in same}
        assert more["supervisor"] == "demo_one_for_one" and "crashed on request" in more["reason"]
        assert [one["line"] for one in await listed("per_page=1&page=3")] == [fell]
        assert [one["line"] for one in await listed("process=demo_one_for_one")] == [fell]
        assert [one["line"] for one in await listed("process=counter_1")] == [total.line, fell, row.line, row.line]
        assert await listed("process=counter_") == await listed("process=Counter_1") == []
        assert len(await listed("fold=false")) == 39
        reasons = await listed("text=CRASHED on%20request")
        assert [one["line"] for one in reasons] == [single["line"], fell, row.line, row.line]  # the sum has no replay
        assert [one["line"] for one in await listed("text=gave%20UP")] == [fell]
        assert [one["line"] for one in await listed("text=gave%20request")] == [fell]
        assert await listed("text=gave%20till") == await listed("text=%22gave%22") == []
        ended = json.loads(zlib.decompress(row.data))["summary"].partition("<")[2].partition(">")[0]
        (first, *_), others = await listed(f"text={ended}&fold=false"), await listed("text=0.999999.0")
        assert (first["line"], others) == ("till crashed", [])
        page = await listed("text=on%20request&fold=false&per_page=2&page=2")
        assert page == (await listed("text=on%20request&fold=false"))[2:4] and len(page) == 2
        minute = await listed("beside=0123456789ab.500")
        assert [one["ref"] for one in minute] == [one["ref"] for one in await listed("fold=false")]
        assert minute[0]["reason"] == more["reason"]
        unknown = await platform.client.get(f"{AT}?beside=0123456789ab.5000")
        assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "restart_not_found")

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("restart.show")
def test_restarts_of_the_same_child_are_counted_from_the_store(inside: Inside, tmp_path: Path) -> None:
    """Regression: the number was that of the events in memory, so it changed with a restart of the platform."""

    async def test(platform: Any) -> None:
        store, row = platform.platform.store, await crash_and_store(platform)
        seconds_away = (1.0, 10.0, 19.0, -15.0, 25.0, -30.0)
        for more, seconds in enumerate(seconds_away, 1):
            number, at = row.number + 1000 * more, row.at + seconds
            store.append_moment(replace(row, number=number, last=number, at=at, until=at, events=f"{number}", id=0))
        await store.sync()
        shown = (await platform.get(f"{AT}/{row.run}.{row.number}"))["data"]
        assert (shown["current"], shown["storm"], shown["storm_before"]) == (True, 4, 1)

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("restart.show")
def test_of_a_restart_that_is_too_old_its_line_is_kept(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        moments, store = platform.platform.moments, platform.platform.store
        row = await crash_and_store(platform)
        old = replace(row, run="0123456789ab", at=row.at - 8 * 86_400, until=row.until - 8 * 86_400)
        many = replace(
            old, number=10_000, last=20_000, line="till ended 300 times more", count=300, events="", data=None
        )
        store.append_moment(old)
        store.append_moment(many)
        await store.sync()
        await store.writer.database.empty_before("moments", row.at - 7 * 86_400)
        for number, line in (
            (row.number, ": counter_1 crashed and was restarted"),
            (12_345, ": till ended 300 times more"),
        ):
            answer = await platform.client.get(f"{AT}/0123456789ab.{number}")
            error = answer.json()["error"]
            assert (answer.status_code, error["code"]) == (410, "restart_not_kept")
            assert error["message"].endswith(line)
        assert moments.store is store

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("restart.list")
def test_a_full_disk_gives_one_warning_and_restarts_wait_in_memory(
    inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit on SQLite's file makes it report a full disk."""
    pages = 100_000
    opened = Database.__init__

    def limited(self: Database, url: Any) -> None:
        opened(self, url)

        def limit(connection: Any, _record: Any) -> None:
            connection.cursor().execute(f"PRAGMA max_page_count={pages}")

        database_event.listen(self.connections.engine.sync_engine, "connect", limit)

    monkeypatch.setattr(Database, "__init__", limited)

    async def test(platform: Any) -> None:
        nonlocal pages
        store, told, usable = platform.platform.store, list[tuple[str, str]](), asyncio.Event()

        def record(level: str, text: str) -> None:
            told.append((level, text))
            if level == "info":
                usable.set()

        store.tell = record
        await store.sync()
        await store.writer._let_go()
        pages = 1  # it cannot grow
        refs: list[str] = []
        moments = platform.platform.moments
        moments.on_moment = lambda row: refs.append(f"{row.run}.{row.number}")
        await platform.node.start(Lasting, name="lasting")
        while store.trouble is None or len(refs) < 5:
            exit(platform.node.whereis("fragile"), "kill")
            await Supervisor.count_children(("lasting", platform.node))
            moments.catch_up()
            with suppress(StoreUnavailable):
                await store.sync()
        (warning,) = told
        assert warning[0] == "bad"
        assert "the disk is full or broken" in warning[1]
        assert (await platform.client.get("/health/ready")).status_code == 200
        listed = await platform.get(f"{AT}?fold=false")
        assert [one["ref"] for one in listed["data"]] == refs[::-1]
        why = "the database file superlearner.db cannot grow: the disk is full or broken"
        assert listed["meta"]["note"] == f"stored restarts may be missing: {why}"
        assert (await platform.get(f"{AT}/{refs[-1]}"))["data"]["ref"] == refs[-1]
        pages = 100_000
        send(("store", platform.node), "open")
        await usable.wait()
        await store.sync()
        assert [f"{one.run}.{one.number}" for one in await store.moments()] == refs[::-1]
        assert "note" not in (await platform.get(AT))["meta"]
        assert [level for level, _ in told] == ["bad", "info"]

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("restart.show", "restart.list")
def test_a_restart_in_a_sandbox_outlives_it_for_its_owner(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        row = await crash_and_store(platform)
        mine = replace(row, node="gone@127.0.0.1", run="0123456789ab", owner="ada")
        platform.platform.store.append_moment(mine)
        await platform.platform.store.sync()

        async def show(who: str) -> Any:
            asked = {"event": f"0123456789ab.{row.number}"}
            return await call(platform.platform, "restart.show", user(who, "learner"), node=mine.node, **asked)

        assert (await show("ada")).data["node"] == mine.node
        with pytest.raises(OperationError, match="needs the scope"):
            await show("bob")

        async def listed(who: str) -> Any:
            return await call(platform.platform, "restart.list", user(who, "learner"), node=mine.node)

        assert [one["ref"] for one in (await listed("ada")).data] == [f"0123456789ab.{row.number}"]
        with pytest.raises(OperationError, match="needs the scope"):
            await listed("bob")

    inside(test, data_dir=tmp_path)


def test_each_time_of_a_line_over_midnight_has_its_own_day() -> None:
    """Regression: `from 23:59:58 to 00:00:03 on 1 March 2020`, which was the day of the first time."""
    begun = datetime(2020, 3, 1, 23, 59, 58).astimezone().timestamp()

    def describe(until: float) -> str:
        return restarts.describe_row(MomentRow("shop", "9f3a0c1b22d4", 2, 2, begun, until, "till hung"))

    assert describe(begun + 5).startswith("23:59:58 on 1 March 2020 to 00:00:03 on 2 March 2020: ")
    assert describe(begun + 1).startswith("23:59:58 to 23:59:59 on 1 March 2020: ")


@pytest.mark.parametrize(
    "line",
    [
        "a deadlock: mixer waited for billing, which waited for mixer; a call in it timed out",
        "lone was killed; it has no supervisor that restarts it", "its process was probably killed",
    ],
)  # fmt: skip
@pytest.mark.parametrize("seconds", [0, 2])
def test_the_time_of_a_line_is_not_that_of_its_last_clause(line: str, seconds: int) -> None:
    """Regression: `a call in it timed out from 19:21:54 to 19:21:56`, which were the times of the deadlock."""
    begun = datetime(2020, 3, 1, 19, 21, 54).astimezone().timestamp()
    said = restarts.describe_row(MomentRow("shop", "9f3a0c1b22d4", 2, 2, begun, begun + seconds, line))
    assert said == f"19:21:54{' to 19:21:56' if seconds else ''} on 1 March 2020: {line}"
