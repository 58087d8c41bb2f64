"""Earlier ends of a process or node: their history, patterns and list."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

import otp
from ended_processes import AT, Depot, ReturnsItsState, crash, crash_vans, kill, pid_of
from otp import GenServer
from superlearner.control.clock import Clock
from superlearner.control.terms import plain_pid

Inside = Callable[..., Any]


@pytest.mark.everywhere
@pytest.mark.operation("error.last", "error.history")
def test_earlier_exits_of_a_process_are_listed_newest_first(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        assert (await platform.get(f"{AT}/errors/last"))["data"]["error"] is None
        await crash(platform)
        await kill(platform)
        last = (await platform.get(f"{AT}/errors/last"))["data"]
        assert (last["pid"], last["error"]["reason"]) == (pid_of(platform), "killed")
        history = await platform.get(f"{AT}/errors")
        assert [one["reason"] for one in history["data"]] == ["killed", "RuntimeError('crashed on request')"]
        first = history["data"][1]
        assert (first["crash"], first["message"]) == (True, "'crash'")
        assert first["where"].startswith("one_for_one.py:")
        assert (await platform.get(f"{AT}/errors?per_page=1&page=2"))["data"] == [first]

    inside(test)


@pytest.mark.operation("error.patterns")
def test_similar_exits_are_grouped(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await crash(platform)
        await kill(platform)
        await crash(platform)
        crashed, killed = (await platform.get(f"{AT}/errors/patterns"))["data"]
        assert (crashed["reason"], crashed["count"], crashed["crash"]) == (
            "RuntimeError('crashed on request')",
            2,
            True,
        )
        assert (killed["reason"], killed["count"], killed["where"]) == ("killed", 1, None)
        assert crashed["first_at"] < crashed["last_at"]

    inside(test)


@pytest.mark.operation("error.list")
def test_a_missing_return_is_explained_once(inside: Inside) -> None:
    """Regression: the reason had said that a `return` is missing, and the hint asked for it."""

    async def test(platform: Any) -> None:
        pid = await platform.node.start(ReturnsItsState)
        GenServer.cast(pid, "forgets")
        await otp.wait_down(pid)
        newest = (await platform.get("/api/v1/errors"))["data"][0]
        assert newest["reason"].endswith("returned None: a `return` is missing")
        assert newest.get("hint") is None

    inside(test)


@pytest.mark.operation("error.list")
def test_a_result_that_the_runtime_refuses_has_its_line_and_a_hint(inside: Inside) -> None:
    """Regression: it had no line, because the stack of its reason is empty."""

    async def test(platform: Any) -> None:
        pid = await platform.node.start(ReturnsItsState)
        GenServer.cast(pid, "number")
        await otp.wait_down(pid)
        newest = (await platform.get("/api/v1/errors"))["data"][0]
        code = ReturnsItsState.handle_cast.__code__
        assert newest["where"] == f"ended_processes.py:{code.co_firstlineno + 3} in handle_cast"
        assert newest["hint"] == "expected a result such as NoReply(state)"

    inside(test)


@pytest.mark.operation("error.list")
def test_the_newest_failure_of_the_node_comes_first(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for path, process in (("errors", ""), ("processes/counter_1/errors", " --process counter_1")):
            none = await platform.get(f"/api/v1/{path}")
            assert none["data"] == []
            assert none["meta"]["note"].endswith(f"; `superlearner restart list{process}` lists what is stored")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Clock, "wall", lambda *_: datetime(2026, 3, 1, 12).timestamp())
            assert " since 1 March 12:00:00;" in (await platform.get("/api/v1/errors"))["meta"]["note"]
        await crash(platform)
        await kill(platform)
        answer = await platform.get("/api/v1/errors")
        assert "note" not in answer["meta"]
        assert [(one["name"], one["reason"]) for one in answer["data"]] == [
            ("counter_1", "killed"), ("counter_1", "RuntimeError('crashed on request')"),
        ]  # fmt: skip
        assert (answer["data"][1]["callback"], answer["data"][1]["what"]) == ("handle_cast", "Counter")
        await crash(platform)
        [crashed, killed] = (await platform.get("/api/v1/errors"))["data"]  # Regression: identical ones filled the list
        assert [(one["reason"], one["count"]) for one in (crashed, killed)] == [
            ("RuntimeError('crashed on request')", 2), ("killed", 1),
        ]  # fmt: skip
        assert crashed["first_at"] == pytest.approx(answer["data"][1]["at"], abs=0.001)
        assert crashed["first_at"] < killed["at"] < crashed["at"]
        each = (await platform.get("/api/v1/errors", params={"fold": "false"}))["data"]
        assert each[0]["event"] == crashed["event"]
        assert [(one["reason"], one["count"]) for one in each] == [
            (crashed["reason"], 1), ("killed", 1), (crashed["reason"], 1),
        ]  # fmt: skip
        assert answer["meta"]["total"] == 2

    inside(test)


@pytest.mark.operation("error.history", "error.patterns", "error.list", "process.info")
@pytest.mark.parametrize("place", ["attached"], indirect=True)
def test_ends_of_before_the_attachment_are_in_the_history_of_a_process(inside: Inside) -> None:
    """Regression: "none ended in the memory of …", although `error list` listed them."""

    async def test(platform: Any) -> None:
        await platform.node.start(Depot, None, name="depot")
        pids = await crash_vans(platform.node, 2)
        at, nodes = "/api/v1/processes/van", platform.platform.nodes

        async def history() -> list[dict[str, Any]]:
            """The clock is read again at an attachment, so the times may differ by a microsecond."""
            return [one | {"at": None} for one in (await platform.get(f"{at}/errors"))["data"]]

        before = await history()
        assert [one["pid"] for one in before] == pids[::-1]
        nodes.detach(platform.node.name)
        nodes.attach(platform.node)
        assert await history() == before
        exits = (await platform.get(f"{at}/info"))["data"]["exits"]
        assert [one | {"at": None} for one in exits] == before
        [pattern] = (await platform.get(f"{at}/errors/patterns"))["data"]
        [listed] = (await platform.get("/api/v1/errors"))["data"]
        assert pattern["count"] == listed["count"] == 2
        pids += await crash_vans(platform.node, 1)
        assert [one["pid"] for one in await history()] == pids[::-1]

    inside(test)


async def divide_boxes(by: int) -> float:
    return 1 / by


@pytest.mark.operation("error.why", "error.history", "error.list")
@pytest.mark.parametrize("place", ["attached"], indirect=True)
def test_a_crash_without_a_supervisor_before_the_attachment_is_explained(inside: Inside) -> None:
    """Regression: "there is no process 0.9.0 (it has ended)", and the list of failures was empty."""

    async def test(platform: Any) -> None:
        node, nodes = platform.node, platform.platform.nodes
        nodes.detach(node.name)
        crashed, ended = (node.spawn(divide_boxes, by) for by in (0, 1))
        for one in (crashed, ended):
            await otp.wait_down(one)
        nodes.attach(node)
        at = f"/api/v1/processes/{plain_pid(crashed)}/errors"
        assert "divide_boxes" in (await platform.get(f"{at}/why"))["data"]["summary"]
        for path in (at, "/api/v1/errors"):
            [only] = (await platform.get(path))["data"]
            assert re.fullmatch(r"test_error_history\.py:\d+ in divide_boxes", only["where"]), only
        answer = await platform.client.get(f"/api/v1/processes/{plain_pid(ended)}/errors/why")
        hints = [one.get("hint") for one in answer.json()["error"]["details"]]
        forgotten = (
            rf"the history of {node.name} has no record of its end: its oldest event is of [\d:]+; of unsupervised "
            r"processes, it has the newest failures, at most ten a second, and normal exits only while .*"
        )
        assert any(re.fullmatch(forgotten, hint or "") for hint in hints), hints

    inside(test)
