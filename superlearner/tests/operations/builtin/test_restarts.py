"""Restarts over HTTP: one as it happened, and the newest ones."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, MagicMock, Mock

import pytest

from asked_restarts import AT, Inside, crash, next_row, number
from ended_processes import let_warehouse_give_up
from otp import Agent, CallExit, Children, Supervisor, exit, impl, trace
from otp.testing import Scheduler
from owned_things import call, user
from superlearner.app.running import Tree
from superlearner.control.clock import Clock
from superlearner.nodes.kinds import SERVICE, TREE, NodeKind
from superlearner.nodes.remote import RemoteNode
from superlearner.operations.builtin import restart_lines, restarts
from superlearner.operations.builtin.restart_incidents import describe_incident
from superlearner.operations.rights.users import OWNER
from superlearner.restarts.ids import run_of
from superlearner.store import MomentRow


class HallDesk(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([Agent.child_spec(dict, id="till", name="till")])


class Hall(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([HallDesk.child_spec(None, id="desk", name="desk")])


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
            "times": 1,
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


@pytest.mark.operation("restart.list", "restart.show")
def test_equal_crashes_are_one_line_that_has_the_id_of_each(inside: Inside) -> None:
    """Regression: up to four were listed one by one, while Start had them as one."""

    async def test(platform: Any) -> None:
        for _ in range(3):
            await crash(platform)
        (line,) = (await platform.get(AT))["data"]
        each = (await platform.get(AT, params={"fold": "false"}))["data"]
        assert (line["count"], line["one_reason"], line["refs"]) == (3, True, [one["ref"] for one in each])
        for ref in line["refs"]:
            assert (await platform.get(f"{AT}/{ref}"))["data"]["ref"] == ref

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
        await let_warehouse_give_up(platform)
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
        assert [(one["gave_up"], one["count"]) for one in others] == [(False, 3)]
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


@pytest.mark.operation("error.why", "restart.show")
def test_a_request_of_the_person_at_the_machine_is_not_that_of_another_user(inside: Inside) -> None:
    """Regression: the owner's command line called the unsigned browser of the same person another user."""

    async def test(platform: Any) -> None:
        await platform.client.delete("/api/v1/processes/counter_1", headers={"x-door": "page"})
        await Supervisor.count_children(("demo_one_for_one", platform.node))
        why = (await call(platform.platform, "error.why", OWNER, pid="counter_1")).data
        assert why["steps"][0]["request"] == "a request from the page (process.kill)"

    inside(test)


@pytest.mark.operation("restart.list", "restart.show", "supervisor.restart_child")
def test_a_supervisor_that_is_restarted_on_request_is_named_and_not_its_children(
    inside: Inside, tmp_path: Path
) -> None:
    async def test(platform: Any) -> None:
        found = next_row(platform)
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


@pytest.mark.operation("restart.list", "restart.show", "supervisor.stop", "error.why")
def test_a_supervisor_that_is_stopped_on_request_is_named_with_the_request(inside: Inside, tmp_path: Path) -> None:
    """Regression: its children were "restarted by a request" that nothing named, by the supervisor that had ended."""

    async def test(platform: Any) -> None:
        found = next_row(platform)
        ada = user("ada", "teacher")
        await call(platform.platform, "supervisor.stop", ada, name="desk")
        await found
        (kept, *_) = (await call(platform.platform, "restart.list", ada)).data
        by = "desk was ended by your request through test (supervisor.stop) with reason 'shutdown'"
        assert (kept["name"], kept["supervisor"], kept["line"]) == (
            "desk", "hall", f"{by} and was restarted",
        )  # fmt: skip
        facts = (await call(platform.platform, "restart.show", ada, event=kept["ref"])).data["facts"]
        assert (facts["what"], facts["why"]) == ("desk was restarted", by)
        why = (await call(platform.platform, "error.why", ada, pid="desk")).data["summary"]
        assert "was ended by your request through test (supervisor.stop) with reason 'shutdown'" in why

    inside(test, Tree("hall", lambda: Hall.start_link(None, name="hall")), data_dir=tmp_path)


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
        [fallen] = [one for one in (await platform.get(AT, params={"fold": "false"}))["data"] if one["gave_up"]]
        told = next(one for one in reversed(trace.history(platform.node)) if one.kind == "gave_up")
        assert fallen["fell_at"] == pytest.approx(Clock().wall(told.at), abs=0.0005)
        assert shown["facts"]["others"] == "robot was also restarted 3 times before this, within 20 s"

    inside(test, data_dir=tmp_path)


def test_a_stored_incident_keeps_the_name_of_a_process_that_its_node_has_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Regression: after another attachment, the service named a pid instead, and the evidence was not found."""
    line = "till held the event loop for 2 s, at shop.py:42 in handle_cast"
    row = MomentRow("shop@127.0.0.1", "745c5f465fc9", 2, 2, 1.0, 3.0, line, 1, "2", cause="blocked_loop")
    node = Mock(spec=RemoteNode)
    node.name = row.node

    async def forget(*_: Any) -> Any:
        now = replace(row, line=line.replace("till", "0.7.0"))
        return SimpleNamespace(data=describe_incident(now, now.line, None).model_dump(mode="json"))

    monkeypatch.setattr(restarts, "forward", forget)
    ctx: Any = MagicMock(found=node)
    found = asyncio.run(restarts._find(ctx, Mock(), Mock(find=AsyncMock(return_value=row)), "745c5f465fc9.2", None))
    assert found == row


@pytest.mark.parametrize(("kind", "seconds"), [(SERVICE, 2), (TREE, 10)])
def test_a_node_that_does_not_answer_in_time_is_named_with_what_may_be_missing(
    monkeypatch: pytest.MonkeyPatch, kind: NodeKind, seconds: int
) -> None:
    """Regression: restarts that were not stored yet were left out without a word."""
    node = Mock(spec=RemoteNode)
    node.name, node.kind = "shop@127.0.0.1", kind

    async def hang(*_: Any) -> Any:
        await asyncio.get_running_loop().create_future()

    async def list_open() -> Any:
        return await restart_lines.list_open(MagicMock(), [node], None, None, None)

    monkeypatch.setattr(restart_lines, "forward", hang)
    listed = Scheduler().run(list_open)
    silence = f"shop@127.0.0.1 did not answer within {seconds} s; its newest restarts may be missing"
    assert listed == ([], [silence])
