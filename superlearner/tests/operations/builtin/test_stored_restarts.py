"""Restarts over HTTP that are stored: after a restart of the platform, too old, and on a full disk."""

from __future__ import annotations

import asyncio
import json
import re
import zlib
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

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


class Vans(Supervisor):
    """A supervisor that gives up at the first end."""

    def init(self, arg: Any) -> Children:
        drivers = [Agent.child_spec(int, id=letter, name=f"driver_{letter}") for letter in "ab"]
        return Children(drivers, max_restarts=0)


class Ships(Supervisor):
    """Their supervisor, which restarts it."""

    def init(self, arg: Any) -> Children:
        return Children([Vans.child_spec(None, name="van_sup"), Agent.child_spec(int, id="desk", name="desk")])


@pytest.mark.operation("error.why", "restart.list")
def test_a_stored_give_up_is_found_by_the_processes_that_ended_in_it(inside: Inside, tmp_path: Path) -> None:
    """Regression: an earlier restart of such a process was denied, since the line names the supervisors only."""

    async def before(platform: Any) -> None:
        await platform.node.start(Ships, None, name="ship_sup")
        found: asyncio.Future[MomentRow] = asyncio.get_running_loop().create_future()
        platform.platform.moments.on_moment = lambda row: found.done() or found.set_result(row)
        exit(platform.node.whereis("driver_a"), "van_broken")
        assert (await found).line == "van_sup gave up"

    async def after(platform: Any) -> None:
        await platform.node.start(Ships, None, name="ship_sup")
        for name, number in (("driver_a", 1), ("driver_b", 1), ("van_sup", 1), ("desk", 0)):
            for fold in ("true", "false"):
                listed = await platform.get(f"{AT}?process={name}&fold={fold}")
                assert ([one["line"] for one in listed["data"]], listed["meta"]["total"]) == (
                    ["van_sup gave up"] * number, number,
                )  # fmt: skip
            why = (await platform.get(f"/api/v1/processes/{name}/errors/why"))["data"]
            assert ("no earlier restart of it is stored" in why["earlier"]) == (number == 0)
            assert ("stored" in why) == (number == 1)
            if number:
                assert why["stored"]["ref"] == listed["data"][0]["ref"]
                assert why["stored"]["line"] == (
                    "van_sup gave up: it allows no restarts (last: driver_a crashed: van_broken)"
                )

    inside(before, data_dir=tmp_path)
    inside(after, data_dir=tmp_path)


class Fleet(Supervisor):
    """Its supervisor, which does not give up."""

    def init(self, arg: Any) -> Children:
        return Children([Ships.child_spec(None, name="ship_sup"), Engines.child_spec(None, name="engine_sup")])


class Engines(Supervisor):
    """A supervisor that gives up after a second end, as one of an engine that does not start again."""

    faults: ClassVar[list[str]] = []

    def init(self, arg: Any) -> Children:
        def start() -> int:
            return int(self.faults.pop()) if self.faults else 0

        return Children([Agent.child_spec(start, id="engine", name="engine")], max_restarts=1)


async def _ask(platform: Any, name: str, reader: Any) -> str:
    return (await call(platform.platform, "error.why", reader, pid=name)).data["earlier"] or ""


@pytest.mark.operation("error.why", "restart.list", "restart.show")
def test_what_happened_to_a_process_in_an_earlier_run_is_told_in_full(inside: Inside, tmp_path: Path) -> None:
    """Regression: it was not "restarted then", without its first cause and its requester, or with one too old."""
    ada = user("ada", "teacher")

    async def before(platform: Any) -> None:
        rows: asyncio.Queue[MomentRow] = asyncio.Queue()
        platform.platform.moments.on_moment = rows.put_nowait
        await platform.node.start(Fleet, None, name="fleet")
        exit(platform.node.whereis("driver_a"), "van_broken")
        await rows.get()
        Engines.faults.append("no_fuel")
        Agent.cast(platform.node.whereis("engine"), lambda turns: 1 // turns)
        row = await rows.get()
        (listed, *_) = (await call(platform.platform, "restart.list", ada)).data
        shown = (await call(platform.platform, "restart.show", ada, event=f"{row.run}.{row.number}")).data
        assert listed["where"] == shown["facts"]["where"] and " and " in listed["where"]
        (stored, *_) = (await call(platform.platform, "restart.list", ada, settled=True)).data
        assert (stored["ref"], stored["where"]) == (listed["ref"], listed["where"])
        await call(platform.platform, "process.kill", ada, pid="desk")
        await rows.get()

    async def after(platform: Any) -> None:
        await platform.node.start(Fleet, None, name="fleet")
        told = {name: await _ask(platform, name, ada) for name in ("driver_a", "driver_b", "van_sup", "engine", "desk")}
        straw = "van_sup gave up: it allows no restarts (last: driver_a crashed: van_broken)\n"
        assert f": {straw}driver_a was restarted\n`" in told["driver_a"]
        assert f": {straw}driver_b ended with it and was restarted\n`" in told["driver_b"]
        assert f": {straw}van_sup was restarted\n`" in told["van_sup"]
        place = r"at test_stored_restarts.py:\d+ in [^;\n]*"
        first = rf": engine crashed: ZeroDivisionError\(.*\), {place}\nengine_sup gave up: "
        assert re.search(f"{first}.*no_fuel.*\nengine was restarted\n`", told["engine"])
        request = "your request through test (process.kill)"
        assert f": desk was killed by {request} and restarted\n`" in told["desk"]

    inside(before, data_dir=tmp_path)
    inside(after, data_dir=tmp_path)


@pytest.mark.operation("error.why", "restart.list")
def test_each_kind_of_stored_restart_counts_for_its_own_process(inside: Inside, tmp_path: Path) -> None:
    """Regression: a deadlock of two counted twice for the first, and like a restart on request not for the second."""

    async def test(platform: Any) -> None:
        def store(number: int, line: str, count: int = 1) -> None:
            at = 1_600_000_000.0 + number
            row = MomentRow(platform.node.name, "9f3a0c1b22d4", number, number, at, at, line, count, "7")
            platform.platform.moments._add(row)

        async def ask(name: str) -> str:
            return (await platform.get(f"/api/v1/processes/{name}/errors/why"))["data"]["earlier"]

        store(10, "counter_2 crashed and was restarted; counter_1 crashed and was restarted", 2)
        store(11, "counter_2 crashed and was restarted; counter_1 crashed and was restarted", 2)
        for name in ("counter_1", "counter_2"):
            told = await ask(name)
            assert f"\n{name} was restarted 2 times before this run of its program\n`" in told
            assert told.endswith(f" restart list --process {name}` lists what is stored about it")
        line = "counter_1 and printer_1 were restarted on request"
        store(12, line)
        told = await ask("counter_1")
        assert f": {line}\ncounter_1 was restarted 3 times before this run of its program\n`" in told
        for number in (13, 14):
            store(number, "counter_1 was killed and restarted")
        await crash(platform)
        why = (await platform.get("/api/v1/processes/counter_1/errors/why"))["data"]
        assert why["summary"].endswith("\ncounter_1 was restarted 5 times before this run of its program")

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("error.why")
def test_a_failed_start_of_an_earlier_run_is_where_its_process_is_said_to_be_listed(inside: Inside) -> None:
    """Regression: there was no such process, and nothing about what is stored about it."""

    async def test(platform: Any) -> None:
        line = "demo_one_for_one could not start kiosk: no licence"
        row = MomentRow(platform.node.name, "9f3a0c1b22d4", 2, 2, 1.0, 1.0, line, cause="failed_start")
        platform.platform.moments._add(row)
        answer = await platform.client.get("/api/v1/processes/kiosk/errors/why")
        assert answer.status_code == 404
        hint = answer.json()["error"]["details"][0]["hint"]
        assert hint.endswith(" restart list --process kiosk` lists what is stored about it")

    inside(test)


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


@pytest.mark.operation("error.why", "restart.show", "restart.list", "supervisor.restart_child", "supervisor.restart")
def test_a_restart_on_request_names_the_request_and_is_kept(inside: Inside, tmp_path: Path) -> None:
    """Regression: it was said not to have been restarted, and no list had it."""
    refs: list[str] = []
    ada, bob = user("ada", "teacher"), user("bob", "viewer", 2)
    asked = {"name": "demo_one_for_one", "child": "counter_1"}, {"name": "demo_one_for_one", "mode": "soft"}

    async def check(platform: Any) -> None:
        for reader, whose in ((ada, "your"), (bob, "ada's")):
            lines = (await call(platform.platform, "restart.list", reader)).data
            soft, one = [line for line in lines if not line["line"].startswith("the platform did not run")]
            assert [one["ref"], soft["ref"]] == refs
            assert one["line"] == f"counter_1 was restarted by {one['request']}"
            assert soft["line"] == f"counter_1, counter_2 and printer_1 were restarted by {soft['request']}"
            for line, operation in ((one, "supervisor.restart_child"), (soft, "supervisor.restart")):
                request = f"{whose} request through test ({operation})"
                assert (line["request"], line["supervisor"], line["reason"]) == (request, "demo_one_for_one", None)
                shown = (await call(platform.platform, "restart.show", reader, event=line["ref"])).data
                facts = shown["facts"]
                assert (f"{facts['what']} by {request}", facts["why"]) == (line["line"], request)
                assert facts["state_after"] == "unchanged"  # counter_1 had counted nothing
                assert f"demo_one_for_one stopped {line['name']} by {request}; " in shown["summary"]
            assert one["name"] == "counter_1" and one["started"] == 1

    async def before(platform: Any) -> None:
        for operation, given in zip(("supervisor.restart_child", "supervisor.restart"), asked, strict=True):
            found: asyncio.Future[MomentRow] = asyncio.get_running_loop().create_future()
            platform.platform.moments.on_moment = lambda row, found=found: found.done() or found.set_result(row)
            await call(platform.platform, operation, ada, **given)
            (live, *_) = (await call(platform.platform, "restart.list", ada)).data
            row = await found
            refs.append(f"{row.run}.{row.number}")
            assert (live["ref"], live["supervisor"]) == (refs[-1], "demo_one_for_one")
            why = (await call(platform.platform, "error.why", bob, pid="counter_1")).data
            assert why["restarted"] and [one["kind"] for one in why["steps"]] == ["stopped", "child_started"]
            assert why["steps"][0]["request"] == f"ada's request through test ({operation})"
        await check(platform)
        await platform.platform.store.sync()

    inside(before, data_dir=tmp_path)
    inside(check, data_dir=tmp_path)


@pytest.mark.operation("error.why")
@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("process.kill", {"pid": "counter_1"}),
        ("supervisor.restart_child", {"name": "demo_one_for_one", "child": "counter_1"}),
    ],
)
def test_a_request_that_only_the_store_knows_is_named(inside: Inside, operation: str, given: dict[str, str]) -> None:
    """Regression: after a new attachment, a kill by one's own request was "by a signal from outside"."""
    ada, bob = user("ada", "teacher"), user("bob", "viewer", 2)

    async def test(platform: Any) -> None:
        found: asyncio.Future[MomentRow] = asyncio.get_running_loop().create_future()
        platform.platform.moments.on_moment = lambda row: found.done() or found.set_result(row)
        await call(platform.platform, operation, ada, **given)
        await found
        platform.platform.audit._entries.clear()
        for reader, whose in ((ada, "your"), (bob, "ada's")):
            why = (await call(platform.platform, "error.why", reader, pid="counter_1")).data
            request = f"{whose} request through test ({operation})"
            assert f" by {request}" in why["summary"] and "outside" not in why["summary"]
            assert (why["steps"][0]["request"], why["steps"][0]["text"]) == (request, why["summary"].partition("\n")[0])

    inside(test)


@pytest.mark.operation("restart.show")
def test_a_stored_restart_is_not_shown_with_less_than_is_stored(inside: Inside) -> None:
    """Regression: once states or requests were forgotten, it was drawn without them, although it was stored."""
    ada = user("ada", "teacher")

    async def test(platform: Any) -> None:
        found: asyncio.Future[MomentRow] = asyncio.get_running_loop().create_future()
        platform.platform.moments.on_moment = lambda row: found.done() or found.set_result(row)
        await call(platform.platform, "process.kill", ada, pid="counter_1")
        row = await found
        shown = [(await call(platform.platform, "restart.show", ada, event=f"{row.run}.{row.number}")).data]
        platform.platform.audit._entries.clear()
        platform.platform.nodes._own.last_states.close()
        shown.append((await call(platform.platform, "restart.show", ada, event=f"{row.run}.{row.number}")).data)
        before, after = (one["facts"] for one in shown)
        assert after == before and after["state_before"] is not None
        assert [(one["current"], one["request"]) for one in shown] == [
            (True, "your request through test (process.kill)")
        ] * 2

    inside(test)


@pytest.mark.operation("process.exit", "process.shutdown", "process.kill", "restart.list", "error.why")
@pytest.mark.parametrize(
    ("operation", "given", "how", "again"),
    [
        ("process.exit", {"reason": "weird"}, "ended by {} with reason 'weird'", "and was restarted"),
        ("process.shutdown", {}, "ended by {} with reason 'shutdown'", "and was restarted"),
        ("process.kill", {}, "killed by {}", "and restarted"),
    ],
)
def test_an_end_by_a_request_is_no_crash(
    inside: Inside, operation: str, given: dict[str, Any], how: str, again: str
) -> None:
    """Regression: a signal of one's own read like a crash of the code, and lists did not say who had sent it."""
    ada = user("ada", "teacher")

    async def test(platform: Any) -> None:
        found: asyncio.Future[MomentRow] = asyncio.get_running_loop().create_future()
        platform.platform.moments.on_moment = lambda row: found.done() or found.set_result(row)
        await call(platform.platform, operation, ada, pid="counter_1", **given)
        await found
        [line, *_] = (await call(platform.platform, "restart.list", ada, process="counter_1")).data
        assert line["line"] == f"counter_1 was {how.format(line['request'])} {again}"
        assert line["request"] == f"your request through test ({operation})"
        why = (await call(platform.platform, "error.why", ada, pid="counter_1")).data["summary"]
        assert "crashed" not in why and f" by {line['request']}" in why
        shown = (await call(platform.platform, "restart.show", ada, event=line["ref"])).data["facts"]["why"]
        assert shown == f"counter_1 was {how.format(line['request'])}"
        if operation == "process.kill":
            return
        live = next(one for one in platform.platform.hubs.own.feed.entries() if one.key and "counter_1" in one.key)
        told = how.format("ada's request through test")
        assert live.text.startswith(f"counter_1 was {told}; ") and live.level == "warn"
        events = [one for one in platform.platform.events.between(0, 10_000) if one.type == "child_terminated"]
        [event] = [one for one in events if "counter_1" in one.text]
        assert event.text.endswith(f"> was {told}") and event.data["request"] == "ada's request through test"

    inside(test)


@pytest.mark.operation("restart.show")
def test_who_caused_a_restart_is_known_after_a_restart_of_the_platform(inside: Inside, tmp_path: Path) -> None:
    """Regression: a stored restart only said *a request*, and *another user* was the reader's own browser."""
    refs: dict[str, str] = {}
    ada, bob = user("ada", "teacher"), user("bob", "viewer", 2)

    async def cause(platform: Any, name: str, **given: Any) -> None:
        found: asyncio.Future[MomentRow] = asyncio.get_running_loop().create_future()
        platform.platform.moments.on_moment = lambda row: found.done() or found.set_result(row)
        await call(platform.platform, name, ada, pid="counter_1", **given)
        row = await found
        refs[name] = f"{row.run}.{row.number}"

    async def check(platform: Any) -> None:
        for reader, whose, who in ((ada, "your", "you"), (bob, "ada's", "ada")):
            shown = (await call(platform.platform, "restart.show", reader, event=refs["process.kill"])).data
            request = f"{whose} request through test (process.kill)"
            assert (shown["request"], shown["facts"]["why"]) == (request, f"counter_1 was killed by {request}")
            assert f"was killed, by {request}; " in shown["summary"]
            lines = (await call(platform.platform, "restart.list", reader)).data
            assert [None, request] == [one["request"] for one in lines]
            shown = (await call(platform.platform, "restart.show", reader, event=refs["process.message"])).data
            clause = f"the cast 'crash' that {who} sent through test at "
            assert shown["facts"]["handling"].startswith(clause)
            assert f", while it handled {clause}" in shown["summary"]

    async def before(platform: Any) -> None:
        await cause(platform, "process.kill")
        await cause(platform, "process.message", message="crash", message_type="cast")
        await check(platform)
        await platform.platform.store.sync()

    inside(before, data_dir=tmp_path)
    (tmp_path / "alive").unlink()  # otherwise the time without a platform is listed, too
    inside(check, data_dir=tmp_path)


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

        async def listed(query: str = "") -> list[dict[str, Any]]:
            return (await platform.get(f"{AT}?{query}"))["data"]

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
        assert [one["ref"] for one in (await platform.get(f"{AT}?fold=false"))["data"]] == refs[::-1]
        assert (await platform.get(f"{AT}/{refs[-1]}"))["data"]["ref"] == refs[-1]
        pages = 100_000
        send(("store", platform.node), "open")
        await usable.wait()
        await store.sync()
        assert [f"{one.run}.{one.number}" for one in await store.moments()] == refs[::-1]
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
