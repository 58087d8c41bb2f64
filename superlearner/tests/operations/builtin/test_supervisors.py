"""Supervisors: their description, predictions, and the real effect of changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

import otp
from otp import Children, ChildSpec, DynamicSupervisor, GenServer, Ok, Supervisor, impl
from superlearner.app.running import Tree

Inside = Callable[..., Any]
AT = "/api/v1/supervisors"
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}


class Holder(GenServer[Any]):
    """Server that keeps its start argument."""

    @impl
    def init(self, arg: Any) -> Ok[Any]:
        if arg == "refused":
            raise ValueError("not this one")
        return Ok(arg)


class Row(Supervisor):
    """rest_for_one: first, second (temporary), third."""

    @impl
    def init(self, arg: Any) -> Children:
        children = [
            Holder.child_spec({"password": "hunter2"}, id="first", name="first"),
            Holder.child_spec(2, id="second", restart="temporary"),
            Holder.child_spec(3, id="third", name="third"),
        ]
        return Children(children, strategy="rest_for_one", max_restarts=2, max_seconds=100)


class Rows(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children(
            [
                Row.child_spec(None, id="row", name="row"),
                DynamicSupervisor.child_spec(name="pool", id="pool"),
                Holder.child_spec(None, id="other", name="other"),
            ],
            strategy="one_for_all",
        )


TREE = Tree("rows", lambda: Rows.start_link(None, name="rows"))


def failure(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def ask(platform: Any, method: str, path: str, body: Any = None, **options: Any) -> Any:
    answer = await platform.client.request(method, f"{AT}{path}", json=body, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def pids(platform: Any, name: str) -> dict[str, str | None]:
    return {one["id"]: one["pid"] for one in await ask(platform, "GET", f"/{name}/children")}


@pytest.mark.everywhere
@pytest.mark.operation("supervisor.children", "supervisor.count", "supervisor.child_spec")
def test_children_are_listed_and_counted_with_specs_without_secrets(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        listed = await platform.get(f"{AT}/row/children?per_page=2")
        assert [one["id"] for one in listed["data"]] == ["first", "second"]
        assert listed["meta"]["total"] == 3
        counted = await ask(platform, "GET", "/row/children/count")
        assert (counted["specs"], counted["active"], counted["workers"]) == (3, 3, 3)
        await ask(platform, "POST", "/row/children/third/terminate")
        assert (await ask(platform, "GET", "/row/children/count"))["active"] == 2
        spec = await ask(platform, "GET", "/row/children/first/spec")
        assert spec["start"] == "Holder.start_link({'password': ***}, name='first')"
        assert (spec["restart"], spec["shutdown"], spec["modules"]) == ("permanent", 5, ["Holder"])
        assert failure(await platform.client.get(f"{AT}/row/children/nobody/spec")) == (404, "child_not_found")

    inside(test, TREE)


@pytest.mark.operation("supervisor.child_spec")
def test_a_child_is_named_by_its_full_or_displayed_id(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await Supervisor.start_child("row", Holder.child_spec(None, id="o" * 10_000))
        (shown,) = [one["id"] for one in await ask(platform, "GET", "/row/children") if one["id"].startswith("o")]
        assert len(shown) < 1000
        for named in (shown, "o" * 10_000):
            assert (await ask(platform, "GET", f"/row/children/{quote(named)}/spec"))["id"] == shown

    inside(test, TREE)


@pytest.mark.operation("supervisor.change_strategy", "supervisor.flags")
def test_a_new_strategy_applies_from_the_next_crash(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        before = await pids(platform, "row")
        changed = await ask(platform, "PUT", "/row/strategy", {"strategy": "one_for_all", "max_restarts": 7})
        assert (changed["strategy"], changed["max_restarts"], changed["max_seconds"]) == ("one_for_all", 7, 100)
        assert type(changed["max_restarts"]) is int  # an integer, although 7.0 was sent
        assert await pids(platform, "row") == before
        await platform.client.request("DELETE", "/api/v1/processes/third", json={})
        await Supervisor.count_children(("row", platform.node))
        after = await pids(platform, "row")
        assert after["first"] != before["first"]
        flags = await ask(platform, "GET", "/row/flags")
        assert (flags["strategy"], flags["restarts_used"]) == ("one_for_all", 1)

    inside(test, TREE)


@pytest.mark.operation("supervisor.set_flags")
def test_omitted_flags_are_kept(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        changed = await ask(platform, "PUT", "/row/flags", {"max_seconds": "infinity"})
        assert (changed["strategy"], changed["max_restarts"], changed["max_seconds"]) == ("rest_for_one", 2, "infinity")
        for body in ({}, {"max_restarts": -1}, {"strategy": "simple_one_for_one"}, {"auto_shutdown": "always"}):
            answer = await platform.client.put(f"{AT}/row/flags", json=body)
            assert failure(answer) == (422, "validation_error")
        assert await ask(platform, "GET", "/row/flags") == changed
        answer = await platform.client.put(f"{AT}/services/strategy", json={"strategy": "one_for_all"})
        assert failure(answer) == (403, "critical_process_protection")

    inside(test, TREE)


@pytest.mark.operation("supervisor.change_strategy")
def test_simple_one_for_one_cannot_be_set_or_left_and_the_error_explains_it(inside: Inside) -> None:
    """Regression: the error named one of four strategies, and suggested the same one."""

    async def test(platform: Any) -> None:
        for name, strategy, is_now in (
            ("row", "simple_one_for_one", "rest_for_one"),
            ("pool", "one_for_all", "dynamic"),
        ):
            for asked in ("", "?dry_run=true"):
                answer = await platform.client.put(f"{AT}/{name}/strategy{asked}", json={"strategy": strategy})
                assert failure(answer) == (422, "validation_error")
                words = f"is {is_now}; simple_one_for_one cannot be set or changed"
                assert words in answer.json()["error"]["message"]

    inside(test, TREE)


@pytest.mark.everywhere
@pytest.mark.operation("supervisor.list")
def test_supervisors_are_searched_and_sorted(inside: Inside) -> None:
    async def names(platform: Any, query: str) -> list[str]:
        return [one["name"] for one in await ask(platform, "GET", query)]

    async def test(platform: Any) -> None:
        every = await names(platform, "")
        assert every == [*await names(platform, "?sort=-pid")][::-1]
        assert sorted(every) == await names(platform, "?sort=name")
        assert await names(platform, "?search=ROW&sort=-name") == ["rows", "row"]
        dynamic = [one for one in every if one in ("pool", "sandboxes")]
        assert await names(platform, "?search=dynamicsup&sort=what") == dynamic
        found = await platform.get(f"{AT}?search=row&per_page=1&sort=name")
        assert (found["meta"]["total"], [one["name"] for one in found["data"]]) == (2, ["row"])
        assert failure(await platform.client.get(f"{AT}?sort=size")) == (422, "validation_error")

    inside(test, TREE)


@pytest.mark.everywhere
@pytest.mark.operation("supervisor.predict")
def test_predictions_agree_with_what_happens(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        foretold = await ask(platform, "GET", "/row/children/first/predict")
        (step,) = foretold["steps"]
        assert (step["stopped"], step["started"], step["gone"]) == (["third", "second"], ["first", "third"], ["second"])
        assert (step["outcome"], step["restarts_used"], foretold["comes_back"]) == ("restarts", 1, True)
        before = await pids(platform, "row")
        await platform.client.request("DELETE", "/api/v1/processes/first", json={})
        await Supervisor.count_children(("row", platform.node))
        after = await pids(platform, "row")
        assert list(after) == step["started"]
        assert all(after[id] != before[id] for id in after)
        alone = await ask(platform, "GET", "/row/children/first/predict?strategy=one_for_one")
        assert alone["steps"][0]["untouched_count"] == 1
        assert await pids(platform, "row") == after

    inside(test, TREE)


@pytest.mark.operation("supervisor.predict")
def test_a_give_up_is_predicted_up_to_the_supervisor_that_recovers(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await ask(platform, "PUT", "/row/flags", {"max_restarts": 0})
        foretold = await ask(platform, "GET", "/row/children/third/predict")
        assert [(one["name"], one["child"], one["outcome"]) for one in foretold["steps"]] == [
            ("row", "third", "gives_up"), ("rows", "row", "restarts"),
        ]  # fmt: skip
        assert foretold["steps"][1]["started"] == ["row", "pool", "other"]
        other = platform.node.whereis("other")
        await platform.client.request("DELETE", "/api/v1/processes/third", json={})
        await Supervisor.count_children(("rows", platform.node))
        assert platform.node.whereis("other") not in (None, other)

    inside(test, TREE)


@pytest.mark.operation("supervisor.predict")
def test_the_prediction_for_a_playground_tree_that_gives_up_names_its_restart(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await ask(platform, "PUT", "/rows/flags", {"max_restarts": 0})
        foretold = await ask(platform, "GET", "/rows/children/other/predict")
        assert [(one["name"], one["outcome"]) for one in foretold["steps"]] == [
            ("rows", "gives_up"), ("playground", "stays_down"),
        ]  # fmt: skip
        assert foretold["steps"][1]["words"] == "after a backoff the platform restarts rows"
        assert foretold["comes_back"] is True
        rows = platform.node.whereis("rows")
        await platform.client.request("DELETE", "/api/v1/processes/other", json={})
        await otp.wait_down(rows, timeout=10)
        assert await platform.node.wait_registered("rows", timeout=10) is not rows

    inside(test, TREE, playground_restart_after=0.01)


@pytest.mark.operation("supervisor.start_child", "supervisor.delete_child")
def test_a_child_is_started_by_the_name_of_its_class_and_deleted_when_it_is_stopped(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        platform.client.headers.update(OWNER)
        start = f"{__name__}:Holder"
        body = {"start": start, "arg": ["a", 1], "id": "fourth", "registered_name": "fourth"}
        started = await ask(platform, "POST", "/row/children", body)
        assert started["id"] == "fourth"
        info = (await platform.get("/api/v1/processes/fourth/info"))["data"]
        assert (info["pid"], info["state"]) == (started["pid"], "('a', 1)")
        again = await platform.client.post(f"{AT}/row/children", json=body)
        assert failure(again) == (409, "already_started")
        for wrong in ({"start": "nowhere:Holder"}, {"start": "Holder"}, {}, {"arguments": [1]}):
            answer = await platform.client.post(f"{AT}/row/children", json=wrong)
            assert failure(answer) == (422, "validation_error")
        wrong = {"start": start, "arg": "refused", "id": "fifth"}
        answer = await platform.client.post(f"{AT}/row/children", json=wrong)
        assert failure(answer) == (409, "start_failed")
        assert "not this one" in answer.json()["error"]["message"]

        running = await platform.client.delete(f"{AT}/row/children/fourth")
        assert failure(running) == (409, "conflict")
        await ask(platform, "POST", "/row/children/fourth/terminate")
        present = await platform.client.post(f"{AT}/row/children", json=body)
        assert failure(present) == (409, "conflict")
        assert (await ask(platform, "DELETE", "/row/children/fourth"))["deleted"] is True
        assert "fourth" not in await pids(platform, "row")

    inside(test, TREE, auth="all")


@pytest.mark.operation("supervisor.start", "supervisor.stop")
def test_a_supervisor_is_started_with_its_children_and_stopped_with_them(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        platform.client.headers.update(OWNER)
        kept = f"{__name__}:Holder"
        children = [{"start": kept, "id": "one", "name": "one_of_mine", "arg": 1}, {"start": kept, "id": "two"}]
        body: dict[str, Any] = {"name": "mine", "children": children, "strategy": "rest_for_one"}
        await ask(platform, "POST", "", body)
        told = await ask(platform, "GET", "/mine")
        assert (told["strategy"], [one["id"] for one in told["children"]]) == ("rest_for_one", ["one", "two"])
        taken = await platform.client.post(AT, json=body)
        assert failure(taken) == (409, "name_taken")
        body = {"name": "broken", "children": [{"start": kept, "id": "a", "name": "left"}, {"start": "no:where"}]}
        answer = await platform.client.post(AT, json=body)
        assert failure(answer) == (422, "validation_error")
        assert (platform.node.whereis("left"), platform.node.whereis("broken")) == (None, None)
        assert "broken" not in await pids(platform, "playground")

        one = platform.node.whereis("one_of_mine")
        stopped = await ask(platform, "DELETE", "/mine")
        assert (stopped["terminated"], stopped["starts_again"]) == (True, False)
        assert not otp.is_alive(one)
        assert failure(await platform.client.get(f"{AT}/mine")) == (404, "supervisor_not_found")

    inside(test, TREE, auth="all")


@pytest.mark.operation("supervisor.stop")
def test_a_stopped_permanent_supervisor_is_restarted_and_the_answer_says_so(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        row = platform.node.whereis("row")
        stopped = await ask(platform, "DELETE", "/row")
        assert stopped["starts_again"] is True
        await Supervisor.count_children(("rows", platform.node))
        assert platform.node.whereis("row") not in (None, row)
        for name in ("superlearner", "playground"):
            assert failure(await platform.client.delete(f"{AT}/{name}")) == (403, "critical_process_protection")

    inside(test, TREE)


@pytest.mark.operation("supervisor.restart")
def test_a_soft_restart_renews_the_children_and_a_hard_one_the_supervisor_too(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        row = platform.node.whereis("row")
        before = await pids(platform, "row")
        soft = await ask(platform, "POST", "/row/restart")
        after = await pids(platform, "row")
        assert [(one["id"], one["pid"]) for one in soft["children"]] == list(after.items())
        assert list(after) == ["first", "third"]
        assert not set(after.values()) & set(before.values())
        assert platform.node.whereis("row") is row

        hard = await ask(platform, "POST", "/row/restart", {"mode": "hard"})
        assert hard["pid"] == str(platform.node.whereis("row")).strip("<>")
        assert not otp.is_alive(row)
        assert list(await pids(platform, "row")) == ["first", "second", "third"]
        assert (await ask(platform, "GET", "/rows/flags"))["restarts_used"] == 0
        dynamic = await platform.client.post(f"{AT}/pool/restart", json={"mode": "soft"})
        assert failure(dynamic) == (409, "conflict")

    inside(test, TREE)


@pytest.mark.operation("supervisor.pause", "supervisor.resume")
def test_a_paused_supervisor_restarts_no_child_until_it_is_resumed(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        assert (await ask(platform, "POST", "/row/pause"))["paused"] is True
        await platform.client.request("DELETE", "/api/v1/processes/third", json={})
        info = (await platform.get("/api/v1/processes/row/info"))["data"]
        assert info["status"] == "suspended"
        assert platform.node.whereis("third") is None
        assert (await ask(platform, "POST", "/row/resume"))["paused"] is False
        await Supervisor.count_children(("row", platform.node))
        assert platform.node.whereis("third") is not None

    inside(test, TREE)


@pytest.mark.operation("supervisor.restart", "supervisor.restart_child", "supervisor.set_flags")
def test_a_paused_supervisor_refuses_changes_at_once_and_says_how_to_resume_it(inside: Inside) -> None:
    """Regression: they waited for it, and ended as a time-out after half a minute."""

    async def test(platform: Any) -> None:
        await ask(platform, "POST", "/row/pause")
        for method, path, body in (
            ("POST", "/row/restart", {}),
            ("POST", "/row/children/third/restart", {}),
            ("POST", "/row/children/third/terminate", {}),
            ("POST", "/row/children/bulk", {"action": "restart", "children": ["third"]}),
            ("PUT", "/row/flags", {"max_restarts": 9}),
        ):
            refused = await platform.client.request(method, f"{AT}{path}", json=body)
            error = refused.json()["error"]
            assert (409, "conflict") == (refused.status_code, error["code"]), path
            assert " is paused: it starts, stops and restarts no child" in error["message"]
            assert "POST /api/v1/supervisors/row/resume resumes it" == error["details"][0]["hint"]
        await ask(platform, "POST", "/row/resume")
        assert 200 == (await platform.client.post(f"{AT}/row/restart", json={})).status_code

    inside(test, TREE)


@pytest.mark.operation("supervisor.restart")
def test_a_paused_supervisor_is_restarted_whole_by_the_one_above(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        paused = (await ask(platform, "POST", "/row/pause"))["supervisor"]
        answer = await platform.client.post(f"{AT}/row/restart", json={"mode": "hard"})
        assert (200, True) == (answer.status_code, answer.json()["data"]["pid"] != paused)

    inside(test, TREE)


@pytest.mark.operation("supervisor.pause")
def test_a_pause_that_timed_out_has_no_later_effect(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        began, may_go_on = asyncio.Event(), asyncio.Event()

        async def slowly() -> Any:
            began.set()
            await may_go_on.wait()
            return otp.Ignore()

        row = platform.node.whereis("row")
        starting = asyncio.ensure_future(Supervisor.start_child(row, ChildSpec("slow", (slowly,))))
        await began.wait()
        answer = await platform.client.post(f"{AT}/row/pause", json={"timeout_ms": 10})
        assert failure(answer) == (504, "timeout")
        may_go_on.set()
        await starting
        assert (await Supervisor.count_children(row)).specs == 4
        assert (await platform.get("/api/v1/processes/row/info"))["data"]["status"] == "waiting"

    inside(test, TREE)


@pytest.mark.operation("supervisor.bulk_children")
def test_bulk_actions_have_a_result_per_child(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        body = {"action": "terminate", "children": ["first", "nobody", "third"]}
        done = await ask(platform, "POST", "/row/children/bulk", body)
        assert [(one["ok"], one.get("code")) for one in done["results"]] == [
            (True, None), (False, "child_not_found"), (True, None),
        ]  # fmt: skip
        assert (await pids(platform, "row"))["first"] is None
        done = await ask(platform, "POST", "/row/children/bulk", {"action": "restart", "children": ["first"]})
        assert done["results"][0]["pid"] == (await pids(platform, "row"))["first"]
        await ask(platform, "POST", "/row/children/bulk", {"action": "delete", "children": ["third"]})
        assert "third" not in await pids(platform, "row")
        body = {"action": "terminate", "children": ["services"]}
        (kept,) = (await ask(platform, "POST", "/superlearner/children/bulk", body))["results"]
        assert kept["code"] == "critical_process_protection"

    inside(test, TREE)


@pytest.mark.operation("supervisor.simulate_failure")
def test_a_simulated_failure_reaches_the_supervisor(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        done = await ask(platform, "POST", "/row/simulate-failure", {"target": "third", "reason": "simulated"})
        assert (done["child"], done["terminated"]) == ("third", True)
        await Supervisor.count_children(("row", platform.node))
        third = (await ask(platform, "GET", "/row/children"))[2]
        assert (third["restarts"], third["last_exit"]["reason"]) == (1, "simulated")
        done = await ask(platform, "POST", "/demo_one_for_one/simulate-failure", {})
        assert done["child"] in ("counter_1", "counter_2", "printer_1")
        await Supervisor.count_children(("demo_one_for_one", platform.node))
        counts = [one["restarts"] for one in await ask(platform, "GET", "/demo_one_for_one/children")]
        assert sum(counts) == 1
        row = platform.node.whereis("row")
        await ask(platform, "POST", "/row/simulate-failure", {"failure_type": "supervisor_crash"})
        await Supervisor.count_children(("rows", platform.node))
        assert platform.node.whereis("row") not in (None, row)

    from superlearner.demo import DemoOneForOne

    demo = Tree("demo_one_for_one", lambda: DemoOneForOne.start_link(None, name="demo_one_for_one"))
    inside(test, TREE, demo)


@pytest.mark.operation("supervisor.restart_child", "supervisor.terminate_child")
def test_a_critical_child_requires_force(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for what in ("terminate", "restart"):
            answer = await platform.client.post(f"{AT}/superlearner/children/playground/{what}")
            assert failure(answer) == (403, "critical_process_protection")
        before = await pids(platform, "row")
        await ask(platform, "POST", "/row/children/third/restart")
        assert (await pids(platform, "row"))["third"] != before["third"]
        await ask(platform, "POST", "/row/children/third/terminate")
        assert (await pids(platform, "row"))["third"] is None

    inside(test, TREE)


@pytest.mark.operation("supervisor.list", "supervisor.info")
def test_a_dry_run_of_each_change_changes_nothing(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        before = await ask(platform, "GET", "/row")
        asked: list[tuple[str, str, Any]] = [
            ("PUT", "/row/strategy", {"strategy": "one_for_one"}),
            ("PUT", "/row/flags", {"max_restarts": 1}),
            ("POST", "/row/restart", {"mode": "hard"}),
            ("POST", "/row/restart", {"mode": "soft"}),
            ("POST", "/row/pause", {}),
            ("DELETE", "/row", {}),
            ("POST", "/row/simulate-failure", {}),
            ("POST", "/row/children/bulk", {"action": "terminate", "children": ["first"]}),
        ]
        for method, path, body in asked:
            said = await ask(platform, method, f"{path}?dry_run=true", body)
            assert (said["dry_run"], bool(said["would"])) == (True, True)
        assert await ask(platform, "GET", "/row") == before
        assert "row" in [one["name"] for one in await ask(platform, "GET", "")]

    inside(test, TREE)


@pytest.mark.parametrize("path", ["/row/children", ""])
def test_starting_code_requires_a_credential(inside: Inside, path: str) -> None:
    async def test(platform: Any) -> None:
        body = {"start": "a:B"} if path else {"name": "mine", "children": []}
        answer = await platform.client.post(f"{AT}{path}", json=body)
        assert failure(answer) == (403, "missing_scope")

    inside(test, TREE)
