"""Restarts over HTTP: one as it happened, and the newest ones."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from otp import CallExit, GenServer, Supervisor, trace

Inside = Callable[..., Any]
AT = "/api/v1/restarts"


async def crash(platform: Any) -> None:
    GenServer.cast(("counter_1", platform.node), ("add", 41))
    GenServer.cast(("counter_1", platform.node), "crash")
    await Supervisor.count_children(("demo_one_for_one", platform.node))
    await platform.call("counter_1", "get_value")


def number(platform: Any, name: str = "counter_1") -> str:
    return str(platform.node.whereis(name)).strip("<>")


@pytest.mark.everywhere
@pytest.mark.operation("restart.show", "restart.list")
def test_a_restart_is_listed_and_shown_with_the_tree_before_it(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        assert (await platform.get(AT))["data"] == []
        before = number(platform)
        await crash(platform)
        (line,) = (await platform.get(AT))["data"]
        reason = "RuntimeError('crashed on request')"
        assert {**line, "at": 0, "event": 0} == {
            "event": 0, "at": 0, "name": "counter_1", "reason": reason, "supervisor": "demo_one_for_one",
            "strategy": "one_for_one", "started": 1, "gave_up": False, "fallen": [],
        }  # fmt: skip
        found = (await platform.get(f"{AT}/{line['event']}"))["data"]
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
        assert found["storm"] == 3
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
            assert "restart.list" in error["details"][0]["hint"]
        assert (await platform.client.get(f"{AT}/0")).status_code == 422

    inside(test)
