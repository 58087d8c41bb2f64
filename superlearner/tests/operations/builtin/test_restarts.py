"""Restarts over HTTP: one as it happened, and the newest ones."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event as database_event

from otp import Agent, CallExit, Children, GenServer, Supervisor, exit, send, trace
from owned_things import call, user
from superlearner.operations.failures import OperationError
from superlearner.operations.rights.users import OWNER
from superlearner.restarts import recorder
from superlearner.restarts.ids import run_of
from superlearner.store import MomentRow, StoreUnavailable
from superlearner.store.database import Database

Inside = Callable[..., Any]
AT = "/api/v1/restarts"


async def crash(platform: Any) -> None:
    GenServer.cast(("counter_1", platform.node), ("add", 41))
    GenServer.cast(("counter_1", platform.node), "crash")
    await Supervisor.count_children(("demo_one_for_one", platform.node))
    await platform.call("counter_1", "get_value")


def number(platform: Any, name: str = "counter_1") -> str:
    return str(platform.node.whereis(name)).strip("<>")


@pytest.mark.operation("restart.show", "error.why")
def test_a_process_in_place_of_a_restart_and_the_reverse_name_the_command_that_takes_it(inside: Inside) -> None:
    """Regression: the error quoted a regular expression."""

    async def test(platform: Any) -> None:
        ref = "9f3a0c1b22d4.7"
        shown = (await platform.client.get(f"{AT}/ledger")).json()["error"]
        why = (await platform.client.get(f"/api/v1/processes/{ref}/errors/why")).json()["error"]
        assert shown["message"] == (
            "event: expected the id of a restart, such as 9f3a0c1b22d4.1204; "
            "`superlearner restart list --process ledger` lists ids"
        )
        assert (why["message"], why["details"][0]["hint"]) == (
            f"{ref} is the id of a restart, not of a process", f"`superlearner restart show {ref}` shows it",
        )  # fmt: skip

    inside(test)


@pytest.mark.operation("restart.list")
def test_the_short_name_of_a_sandbox_that_was_destroyed_leads_to_its_restarts(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        node = "sandbox-counter@127.0.0.1"
        platform.platform.moments._add(MomentRow(node, "9f3a0c1b22d4", 7, 9, 1.0, 1.0, "counter crashed"))
        for name in ("counter", "sandbox-counter", node):
            (line,) = (await platform.get(AT, params={"node": name}))["data"]
            assert line["line"] == "counter crashed"
        assert (await platform.client.get(AT, params={"node": "nobody"})).status_code == 404

    inside(test)


class Lasting(Supervisor):
    """A supervisor that does not give up."""

    def init(self, arg: Any) -> Children:
        return Children([Agent.child_spec(int, id="fragile", name="fragile")], max_restarts="infinity")


@pytest.mark.everywhere
@pytest.mark.operation("restart.show", "restart.list")
def test_a_restart_is_listed_and_shown_with_the_tree_before_it(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        assert (await platform.get(AT))["data"] == []
        before = number(platform)
        await crash(platform)
        (line,) = (await platform.get(AT))["data"]
        reason = "RuntimeError('crashed on request')"
        assert line["ref"] == f"{run_of(platform.node)}.{line['event']}"
        assert line["last"] > line["event"]
        assert {**line, "at": 0, "event": 0, "last": 0, "ref": "", "until": None} == {
            "ref": "", "event": 0, "last": 0, "node": None, "at": 0, "until": None,
            "line": "counter_1 crashed and was restarted", "count": 1, "kept": True, "reason": reason,
            "name": "counter_1", "supervisor": "demo_one_for_one", "strategy": "one_for_one", "started": 1,
            "gave_up": False, "fallen": [], "where": line["where"],
        }  # fmt: skip
        assert line["where"].startswith("one_for_one.py:") and line["where"].endswith(" in handle_cast")
        found = (await platform.get(f"{AT}/{line['event']}"))["data"]
        assert found | {"at": 0} == (await platform.get(f"{AT}/{line['ref']}"))["data"] | {"at": 0}
        assert found["ref"] == line["ref"]
        sup = found["root"]["id"]
        path = f"{sup}/counter_1"
        assert [(one["kind"], one["id"]) for one in found["events"]] == [
            ("crash", path), ("signal", path), ("decide", sup), ("start", path),
        ]  # fmt: skip
        crashed, signal, decided, started = found["events"]
        assert crashed == {
            "kind": "crash", "at": 0, "id": path, "reason": reason, "crash": True, "start": False, "line": None,
        }  # fmt: skip
        assert (signal["to"], decided["what"], decided["left"]) == (sup, "restart", 2)
        assert (started["pid"], started["by"]) == (number(platform), sup)
        assert found["took"] == started["at"] >= decided["at"] >= 0
        root = found["root"]
        assert (root["name"], root["kind"], root["limit"], root["used"]) == (
            "demo_one_for_one",
            "supervisor",
            [3, 5],
            0,
        )
        assert (root["children"][0]["id"], root["children"][0]["pid"]) == (path, before)
        assert (root["children"][0]["state"], started["state"]) == ("41", "0")
        assert found["line"]["file"] == "one_for_one.py"
        assert found["summary"].startswith(f"counter_1 <{before}> crashed: {reason}")
        assert set(found["ghosts"]) == {"one_for_one", "one_for_all", "rest_for_one"}
        assert found["ghosts"]["one_for_one"] == {"also": [], "not": []}
        assert found["ghosts"]["one_for_all"]["also"]
        assert (found["id"], found["storm"]) == (line["event"], 0)
        assert found["at"] == pytest.approx(line["at"], abs=0.01)

    inside(test)


@pytest.mark.operation("restart.list", "restart.show", "error.why", "events.stream")
def test_of_siblings_that_end_in_one_round_each_is_told_and_counted_everywhere(inside: Inside) -> None:
    """Regression: the second end had no failure on the Timeline, and no place in the list; its supervisor stopped it.

    Each list also had its own time for an end: when the process ended, or when its supervisor handled that.
    """

    async def test(platform: Any) -> None:
        before, counted = number(platform, "mailer"), platform.node.restart_count
        since = trace.history(platform.node)[-1].seq
        await platform.client.post("/api/v1/processes/checkout_sup/suspend")
        for name in ("cart", "mailer"):
            exit((name, platform.node), "kill")
        for _ in range(5):
            assert (await platform.get(AT))["data"] == []
        await platform.client.post("/api/v1/processes/checkout_sup/resume")
        await Supervisor.count_children(("checkout_sup", platform.node))
        assert platform.node.restart_count - counted == 2
        (line,) = (await platform.get(AT))["data"]
        assert (line["line"], line["count"]) == ("cart was killed and restarted; mailer was killed and restarted", 2)

        history = trace.history(platform.node, since)
        ends = {event.data["name"]: event for event in history if event.kind == "exited"}
        shown = [(await platform.get(f"{AT}/{ends[name].seq}"))["data"] for name in ("cart", "mailer")]
        assert [{**one, "at": 0} for one in shown] == [{**shown[0], "at": 0}] * 2
        happened = [(one["kind"], one["id"].rpartition("/")[2]) for one in shown[0]["events"]]
        assert happened == [
            ("crash", "cart"), ("crash", "mailer"), ("signal", "cart"), ("decide", "checkout_sup"), ("start", "cart"),
            ("start", "mailer"),
        ]  # fmt: skip
        assert f"; mailer <{before}> was killed" in shown[0]["summary"]
        assert "stopped" not in shown[0]["summary"]
        why = (await platform.get("/api/v1/processes/mailer/errors/why"))["data"]["summary"]
        assert f"mailer <{before}> was killed" in why

        entry = platform.hub.feed.entries()[-1]
        assert entry.text.startswith("cart was killed; mailer was killed; checkout_sup (rest_for_one) restarted cart")
        events = (
            await platform.get(
                "/api/v1/events?types=child_terminated&last=2&limit=2", headers={"accept": "application/json"}
            )
        )["data"]["items"]
        assert [(one["name"], one["text"].endswith("was killed"), one["data"]["by_itself"]) for one in events] == [
            ("cart", True, True), ("mailer", True, True),
        ]  # fmt: skip

        report = next(event for event in history if event.cause == ends["cart"].seq)
        late = (report.at - ends["cart"].at) / 1e9
        key = platform.hub.model.by_pid[number(platform, "mailer")]
        last, kept = platform.hub.exits.of(key)[0], platform.hub.model.rows[key].last
        for name, found in {
            "cart": [line["at"], shown[0]["at"], entry.at, events[0]["at"]],
            "mailer": [events[1]["at"], last.at, kept.at],
        }.items():
            time = platform.hub.clock.wall(ends[name].at)
            assert found == [pytest.approx(time, abs=late / 4)] * len(found)

    inside(test)


@pytest.mark.operation("restart.show")
def test_a_give_up_is_shown_from_any_of_its_events_with_the_request_behind_it(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for _ in range(4):
            await platform.client.delete("/api/v1/processes/robot", headers={"x-door": "page"})
            for name in ("warehouse_sup", "shop"):
                with suppress(CallExit):
                    await Supervisor.count_children((name, platform.node))
        gave_up = next(event for event in trace.history(platform.node) if event.kind == "gave_up")
        found = (await platform.get(f"{AT}/{gave_up.seq}"))["data"]
        assert found["root"]["name"] == "shop"
        assert [one["what"] for one in found["events"] if one["kind"] == "decide"] == ["give_up", "restart"]
        first = next(event for event in trace.history(platform.node) if event.seq == found["id"])
        fell = next(one for one in found["events"] if one["kind"] == "decide")
        assert fell["at"] == pytest.approx((gave_up.at - first.at) / 1e9, abs=2e-6)  # the time in the causes
        assert (found["storm"], found["storm_before"]) == (3, 3)
        assert "request from the page (process.kill)" in found["summary"]
        newest, *others = (await platform.get(AT))["data"]
        assert (newest["event"], newest["gave_up"], newest["name"]) == (found["id"], True, "robot")
        assert [one["gave_up"] for one in others] == [False] * 3
        (second,) = (await platform.get(f"{AT}?per_page=1&page=2"))["data"]
        assert second["event"] == others[0]["event"]

    inside(test)


@pytest.mark.operation("restart.show")
def test_an_event_that_is_part_of_no_restart_is_not_found(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        started = next(event for event in trace.history(platform.node) if event.kind == "child_started")
        for event, problem in (
            (started.seq, f"event {started.seq} is not part of a restart"),
            (99_999_999, "there is no event 99999999 about a process"),
        ):
            answer = await platform.client.get(f"{AT}/{event}")
            error = answer.json()["error"]
            assert (answer.status_code, error["code"], error["message"]) == (404, "restart_not_found", problem)
            assert "superlearner restart list" in error["details"][0]["hint"]
        assert (await platform.client.get(f"{AT}/0")).status_code == 422

    inside(test)


async def crash_and_store(platform: Any) -> MomentRow:
    """Return the next moment that the platform keeps, when it is stored."""
    found: asyncio.Future[MomentRow] = asyncio.get_running_loop().create_future()
    platform.platform.moments.on_moment = lambda row: found.done() or found.set_result(row)
    await crash(platform)
    row = await found
    await platform.platform.store.sync()
    return row


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


@pytest.mark.operation("error.why", "restart.show")
def test_a_request_of_the_person_at_the_machine_is_not_that_of_another_user(inside: Inside) -> None:
    """Regression: the owner's command line called the unsigned browser of the same person another user."""

    async def test(platform: Any) -> None:
        await platform.client.delete("/api/v1/processes/counter_1", headers={"x-door": "page"})
        await Supervisor.count_children(("demo_one_for_one", platform.node))
        why = (await call(platform.platform, "error.why", OWNER, pid="counter_1")).data
        assert why["steps"][0]["request"] == "a request from the page (process.kill)"

    inside(test)


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


@pytest.mark.operation("restart.list", "restart.show", "supervisor.restart_child")
def test_a_supervisor_that_is_restarted_on_request_is_named_and_not_its_children(
    inside: Inside, tmp_path: Path
) -> None:
    async def test(platform: Any) -> None:
        found: asyncio.Future[MomentRow] = asyncio.get_running_loop().create_future()
        platform.platform.moments.on_moment = lambda row: found.done() or found.set_result(row)
        ada = user("ada", "teacher")
        await call(platform.platform, "supervisor.restart_child", ada, name="playground", child="demo_one_for_one")
        (live, *_) = (await call(platform.platform, "restart.list", ada)).data
        await found
        (kept, *_) = (await call(platform.platform, "restart.list", ada)).data
        names = [(line["name"], line["supervisor"], line["started"]) for line in (live, kept)]
        assert names == [("demo_one_for_one", "playground", kept["started"])] * 2
        shown = (await call(platform.platform, "restart.show", ada, event=kept["ref"])).data
        assert shown["facts"]["what"] == "demo_one_for_one was restarted"
        assert (shown["facts"]["supervisor"] or "").startswith("playground stopped demo_one_for_one, started demo_one")

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("restart.list")
def test_a_crash_loop_is_one_line_and_its_sum_has_reason_and_supervisor(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        store = platform.platform.store
        row = await crash_and_store(platform)
        fell = "demo_one_for_one gave up"
        loop = [
            replace(row, run="0123456789ab", number=number, last=number, at=row.at + number / 10, id=0,
                    until=row.at + number / 10, events=f"{number}", line=fell if number % 6 == 0 else row.line)
            for number in range(1, 37)
        ]  # fmt: skip
        total = replace(loop[-1], number=40, last=900, at=row.at + 5, until=row.at + 60, count=1_090, events="",
                        data=None, line="counter_1, with others, ended 1,090 times more")  # fmt: skip
        late = replace(
            loop[-1], number=950, last=950, at=row.at + 10, until=row.at + 10, events="950", line="till crashed"
        )
        for one in (*loop, total, late):
            store.append_moment(one)
        await store.sync()

        async def listed(query: str = "") -> list[dict[str, Any]]:
            return (await platform.get(f"{AT}?{query}"))["data"]

        more, single, falls, ends = await listed()
        assert (single["line"], single["until"]) == ("till crashed", pytest.approx(row.at + 10))
        assert (more["line"], more["count"]) == (total.line, 1_090)
        assert (falls["line"], falls["count"], falls["ref"]) == (fell, 6, "0123456789ab.36")
        assert (ends["line"], ends["count"], ends["ref"]) == (row.line, 31, "0123456789ab.35")
        assert (ends["at"], ends["until"]) == pytest.approx((row.at, row.at + 3.5))
        same = ("name", "reason", "where", "supervisor", "strategy")
        assert {name: more[name] for name in same} == {name: ends[name] for name in same}
        assert more["supervisor"] == "demo_one_for_one" and "crashed on request" in more["reason"]
        assert [one["line"] for one in await listed("per_page=1&page=3")] == [fell]
        assert [one["line"] for one in await listed("process=demo_one_for_one")] == [fell]
        assert [one["line"] for one in await listed("process=counter_1")] == [total.line, row.line]
        assert await listed("process=counter_") == await listed("process=Counter_1") == []
        assert len(await listed("fold=false")) == 39
        reasons = await listed("text=CRASHED on%20request")
        assert [one["line"] for one in reasons] == [single["line"], fell, row.line]  # the sum has no replay
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
def test_a_give_up_is_not_counted_as_a_restart_of_the_child(inside: Inside, tmp_path: Path) -> None:
    """Regression: *Why?* counted a give-up among the restarts of its child, one more than the tree and the list."""

    async def test(platform: Any) -> None:
        rows: list[MomentRow] = []
        complete = asyncio.get_running_loop().create_future()

        def stored(row: MomentRow) -> None:
            rows.append(row)
            if len(rows) == 5:
                complete.set_result(None)

        platform.platform.moments.on_moment = stored
        for _ in range(5):  # the fourth one is too many for `warehouse_sup`
            await platform.client.delete("/api/v1/processes/robot", headers={"x-door": "page"})
            for name in ("warehouse_sup", "shop"):
                with suppress(CallExit):
                    await Supervisor.count_children((name, platform.node))
        await complete
        await platform.platform.store.sync()
        assert [False] * 3 + [True, False] == ["gave up" in row.line for row in rows]
        last = rows[-1]
        shown = (await platform.get(f"{AT}/{last.run}.{last.number}"))["data"]
        assert (3, 3) == (shown["storm"], shown["storm_before"])

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
            (row.number, "counter_1 crashed and was restarted on "),
            (12_345, "till ended 300 times more from "),
        ):
            answer = await platform.client.get(f"{AT}/0123456789ab.{number}")
            error = answer.json()["error"]
            assert (answer.status_code, error["code"]) == (410, "restart_not_kept")
            assert error["message"].startswith(line)
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

        def tell(level: str, text: str) -> None:
            told.append((level, text))
            if level == "info":
                usable.set()

        store.tell = tell
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
