"""Processes started, stopped and suspended over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor, impl
from superlearner.app.running import Tree
from superlearner.cli.hints import in_our_words
from superlearner.control.slots import Suspended
from superlearner.control.terms import plain_pid

Inside = Callable[..., Any]
AT = "/api/v1/processes"
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
COUNTER = "superlearner.demo.one_for_one:Counter"

SUSPENSIONS = "suspended", "resumed"
"""The kinds of entries of the feed about suspensions."""


class Stubborn(GenServer[Any]):
    """Server that traps exits and survives them; starts a process without links."""

    @impl
    def init(self, arg: Any) -> Ok[Any]:
        otp.process_flag("trap_exit", True)
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Reply[Any]:
        return Reply(otp.spawn(wait), state)

    @impl
    async def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
        await otp.receive(otp.Is("go on"))
        return NoReply(state)

    @impl
    def handle_info(self, message: Any, state: Any) -> NoReply[Any]:
        return NoReply(state)


class Deaf(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        match request:
            case "total":
                return Reply(state, state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
        return NoReply(state)


async def wait() -> None:
    await otp.receive(otp.Is("never"))


class Odds(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([Stubborn.child_spec(id="stubborn", name="stubborn", restart="temporary")])


ODDS = Tree("odds", lambda: Odds.start_link(None, name="odds"))


def plain(pid: Any) -> str:
    return str(pid).strip("<>")


async def post(platform: Any, path: str, **body: Any) -> Any:
    return await platform.client.post(f"{AT}{path}", json=body, headers=OWNER)


async def details(platform: Any, name: str) -> Any:
    return (await platform.get(f"{AT}/{name}/info", headers=OWNER)).get("data")


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.operation("process.start")
def test_an_installed_class_is_started_under_the_playground(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        answer = await post(platform, "", start=COUNTER, argument=41, name="mine")
        data = answer.json()["data"]
        assert (data["what"], data["child_id"]) == ("Counter", "mine")
        found = await details(platform, "mine")
        assert (found["pid"], found["parent"]["name"], found["state"]) == (data["pid"], "playground", "41")
        assert found["child"]["restart"] == "temporary"
        await post(platform, "", start=COUNTER, argument=[1, [2]], name="several")
        assert (await details(platform, "several"))["state"] == "(1, (2,))"

    inside(test, auth="all")


@pytest.mark.operation("process.start")
def test_a_process_is_started_under_a_supervisor_of_the_playground_and_restarted_by_it(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        body = {"start": COUNTER, "argument": 5, "name": "fifth", "restart": "permanent"}
        first = (await post(platform, "", **body, supervisor="demo_one_for_one")).json()["data"]
        await platform.client.delete(f"{AT}/fifth", headers=OWNER)
        await Supervisor.count_children(("demo_one_for_one", platform.node))
        assert first["pid"] != (await details(platform, "fifth"))["pid"]
        again = await post(platform, "", **body, supervisor="demo_one_for_one")
        assert code(again) == (409, "already_started")

    inside(test, auth="all")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"start": "superlearner.demo.one_for_one:Countre"}, (404, "module_not_found")),
        ({"start": "no.such.module:Counter"}, (404, "module_not_found")),
        ({"start": "os:path"}, (404, "module_not_found")),
        ({"start": "../x:y"}, (404, "module_not_found")),
        ({"start": COUNTER, "supervisor": "services"}, (403, "critical_process_protection")),
        ({"start": COUNTER, "supervisor": "counter_1"}, (404, "supervisor_not_found")),
        ({"start": COUNTER, "restart": "permanent"}, (422, "validation_error")),
        ({"start": COUNTER, "name": "counter_1"}, (409, "start_failed")),
        ({}, (422, "validation_error")),
    ],
)
def test_the_error_explains_why_a_process_cannot_be_started(
    inside: Inside, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    async def test(platform: Any) -> None:
        assert code(await post(platform, "", **body)) == expected

    inside(test, auth="all")


def test_the_error_for_a_class_suggests_a_similar_name_and_code_needs_a_credential(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        answer = await platform.client.post(AT, json={"start": COUNTER})
        assert code(answer) == (403, "missing_scope")

    inside(test)


@pytest.mark.operation("process.exit")
def test_a_process_that_traps_exits_survives_an_exit_signal(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        pid = platform.node.whereis("stubborn")
        data = (await post(platform, "/stubborn/exit", reason="please")).json()["data"]
        assert (data["pid"], data["traps"]) == (plain(pid), True)
        assert (await details(platform, "stubborn"))["alive"]
        data = (await post(platform, "/stubborn/exit", reason="kill")).json()["data"]
        assert data["traps"] is False
        await otp.wait_down(pid)
        assert await details(platform, "stubborn") is None
        assert code(await post(platform, "/services/exit")) == (403, "critical_process_protection")

    inside(test, ODDS)


@pytest.mark.operation("process.shutdown")
def test_a_shutdown_is_followed_by_a_kill_after_the_timeout(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        pid = platform.node.whereis("stubborn")
        asked = (await post(platform, "/stubborn/shutdown", timeout_ms=20)).json()["data"]
        assert (asked["terminated"], asked["killed"], otp.is_alive(pid)) == (True, True, False)
        assert asked["took_ms"] >= 20

    inside(test, ODDS)


@pytest.mark.operation("process.shutdown")
def test_a_process_that_shuts_down_is_not_killed(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        asked = (await post(platform, "/counter_1/shutdown")).json()["data"]
        assert (asked["terminated"], asked["killed"], asked["name"]) == (True, False, "counter_1")
        await Supervisor.count_children(("demo_one_for_one", platform.node))
        last = (await platform.get("/api/v1/supervisors/demo_one_for_one"))["data"]["children"][0]["last_exit"]
        assert (last["reason"], last["crash"]) == ("shutdown", False)

    inside(test)


@pytest.mark.operation("process.terminate_tree")
def test_a_tree_is_ended_with_its_unlinked_processes(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        lonely = await platform.call("stubborn", "spawn")
        before = [platform.node.whereis("odds"), platform.node.whereis("stubborn"), lonely]
        dry = await platform.client.delete(f"{AT}/odds/tree?dry_run=true")
        assert "and its 2 descendants" in dry.json()["data"]["would"]
        answer = await platform.client.delete(f"{AT}/odds/tree?timeout_ms=50")
        data = answer.json()["data"]
        assert set(data["ended"]) == {plain(pid) for pid in before}
        assert (data["ended_count"], data["survived"]) == (3, [])
        assert not any(otp.is_alive(pid) for pid in before)
        assert code(await platform.client.delete(f"{AT}/playground/tree")) == (403, "critical_process_protection")

    inside(test, ODDS)


@pytest.mark.operation("process.suspend", "process.resume")
def test_a_suspended_server_handles_nothing_until_it_is_resumed(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        held = (await post(platform, "/counter_1/suspend")).json()["data"]
        assert (held["name"], held["status"]) == ("counter_1", "suspended")
        assert (await details(platform, "counter_1"))["status"] == "suspended"
        await post(platform, "/counter_1/message", message="increment", message_type="cast")
        assert (await details(platform, "counter_1"))["message_queue_len"] == 1
        drawn = await platform.client.get("/api/v1/system/process-tree?format=text")
        assert "counter_1" in drawn.text and "suspended: 1 message waits" in drawn.text
        row = next(row for row in platform.hub.model.rows.values() if row.name == "counter_1")
        assert (row.state, row.doing) == ("suspended", "a request over HTTP")
        read = platform.hub.reader.root(platform.node.whereis("counter_1")).suspended
        assert read == Suspended(pytest.approx(row.since, abs=0.01), row.doing)
        waits = await post(platform, "/counter_1/message", message="get_value", message_type="call", timeout_ms=10)
        assert code(waits) == (504, "timeout")
        error, pid = waits.json()["error"], plain_pid(platform.node.whereis("counter_1"))
        said = r"counter_1 did not answer within 0\.01 s: it has been suspended since [\d:]{8} by a request over HTTP"
        assert re.fullmatch(said, error["message"])
        assert in_our_words(error["details"][0]["hint"]).startswith(f"`superlearner process resume {pid}` resumes it")
        assert (await post(platform, "/counter_1/resume")).json()["data"]["status"] == "running"
        replied = await post(platform, "/counter_1/message", message="get_value", message_type="call")
        assert replied.json()["data"]["reply"] == 1
        told = [entry.text for entry in platform.hub.feed.entries() if entry.kind in SUSPENSIONS]
        assert told == [
            "counter_1 was suspended by a request over HTTP",
            "counter_1 was resumed by a request over HTTP",
        ]

    inside(test)


@pytest.mark.operation("process.suspend")
def test_a_server_too_busy_to_be_suspended_in_time_is_not_suspended_later(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await post(platform, "/stubborn/message", message="work", message_type="cast")
        assert code(await post(platform, "/stubborn/suspend", timeout_ms=20)) == (504, "timeout")
        otp.send(platform.node.whereis("stubborn"), "go on")
        answer = await post(platform, "/stubborn/message", message="more", message_type="call")
        assert answer.status_code == 200
        assert (await details(platform, "stubborn"))["status"] != "suspended"
        told = [entry.text.split(" by ")[-1] for entry in platform.hub.feed.entries() if entry.kind in SUSPENSIONS]
        assert told == ["a request over HTTP"] * 2  # not by a process of the platform
        assert (await post(platform, "/stubborn/suspend")).json()["data"]["status"] == "suspended"

    inside(test, ODDS)


@pytest.mark.parametrize("action", ["suspend", "resume"])
def test_only_servers_can_be_suspended(inside: Inside, action: str) -> None:
    async def test(platform: Any) -> None:
        pid = platform.node.spawn(wait)
        assert code(await post(platform, f"/{plain(pid)}/{action}")) == (422, "not_a_server")
        assert code(await post(platform, f"/nobody/{action}")) == (404, "process_not_found")
        otp.exit(pid, "kill")

    inside(test)


def test_critical_processes_cannot_be_suspended(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        assert code(await post(platform, "/live/suspend")) == (403, "critical_process_protection")

    inside(test)


@pytest.mark.operation("process.gc")
def test_a_collection_frees_unreachable_objects(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await post(platform, "/gc")
        ring: list[Any] = []
        ring.append(ring)
        del ring
        data = (await post(platform, "/gc")).json()["data"]
        assert data["collected"] >= 1
        assert data["took_ms"] > 0
        assert code(await post(platform, "/gc", generation=3)) == (422, "validation_error")

    inside(test)


@pytest.mark.operation("process.message")
def test_a_message_that_nothing_handles_is_answered_with_what_is_missing(inside: Inside) -> None:
    """Regression: a sent message was only logged, and a call asked what the source of the server answers."""

    async def test(platform: Any) -> None:
        sent = (await post(platform, "/deaf/message", message="hello")).json()["data"]
        todo = "write @impl def handle_info(self, message, state)"
        assert sent["warning"] == f"Deaf has no handle_info, so it drops the message; {todo}"
        assert sent["dropped"]
        cast = (await post(platform, "/deaf/message", message="x", message_type="cast")).json()["data"]
        assert cast.get("warning") is None
        agent = await otp.Agent.start(lambda: 0)
        ours = (await post(platform, f"/{plain_pid(agent)}/message", message="hello")).json()["data"]
        assert ours.get("warning") is None  # a callback cannot be added to it
        wrong = await post(platform, "/deaf/message", message="tottal", message_type="call")
        assert code(wrong) == (422, "call_failed")
        assert wrong.json()["error"]["message"].endswith("no case matches 'tottal'; did you mean 'total'?")

    inside(test, Tree("deaf", lambda: Deaf.start_link(5, name="deaf")))
