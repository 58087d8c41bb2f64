"""Debugging over HTTP shows a server's actions and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import GenServer, Supervisor

Inside = Callable[..., Any]
AT = "/api/v1/processes/counter_1"


async def put(platform: Any, what: str, **body: Any) -> Any:
    answer = await platform.client.put(f"{AT}/debug/{what}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def work(platform: Any) -> None:
    GenServer.cast(("counter_1", platform.node), ("add", 2))
    await platform.call("counter_1", "get_value")


@pytest.mark.operation("debug.status")
def test_a_server_reports_its_status(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await work(platform)
        shown = (await platform.get(f"{AT}/debug"))["data"]
        assert (shown["name"], shown["what"], shown["state"]) == ("counter_1", "Counter", "2")
        assert shown["module"] == "superlearner.demo.one_for_one"
        assert shown["parent"] == str(platform.node.whereis("demo_one_for_one")).strip("<>")
        await platform.client.post(f"{AT}/suspend")
        assert (await platform.get(f"{AT}/debug"))["data"]["status"] == "suspended"

    inside(test)


@pytest.mark.operation("debug.count", "debug.statistics")
def test_messages_are_counted_while_enabled(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async def counted() -> tuple[Any, ...]:
            shown = (await platform.get(f"{AT}/debug/statistics"))["data"]
            return shown["counting"], shown["messages_in"], shown["messages_out"]

        assert await counted() == (False, None, None)
        assert (await put(platform, "statistics"))["on"] is True
        await work(platform)
        assert await counted() == (True, 2, 1)
        await put(platform, "statistics", on=False)
        assert await counted() == (False, None, None)

    inside(test)


@pytest.mark.operation("debug.keep_log", "debug.log", "debug.off")
def test_the_last_events_are_kept_without_states_and_secrets(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async def read_log() -> list[str]:
            return [f"{one['direction']} {one['text']}" for one in (await platform.get(f"{AT}/debug/log"))["data"]]

        assert await read_log() == []
        await put(platform, "log", size=4)
        await work(platform)
        cast, done, call, out = await read_log()
        assert (cast, done) == ("in cast ('add', 2)", "done no reply")
        assert call.startswith("in call 'get_value' of ")
        assert out.startswith("out 2 to ")
        otp.send(platform.node.whereis("counter_1"), {"password": "hunter2"})
        await platform.call("counter_1", "get_value")
        assert (await read_log())[0] == "in message {'password': ***}"
        answer = await platform.client.delete(f"{AT}/debug")
        assert answer.json()["data"]["what"] == "all"
        assert await read_log() == []

    inside(test)


@pytest.mark.operation("debug.trace")
def test_actions_of_a_server_are_traced_up_to_the_limit(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        seen: list[Any] = []
        platform.platform.telemetry.attach(
            lambda event, _, metadata: seen.append(metadata["text"]) if event == "process.debug" else None
        )
        await put(platform, "trace", limit=3)
        await work(platform)
        await work(platform)
        assert (len(seen), seen[0], seen[1]) == (3, "cast ('add', 2)", "no reply")
        await put(platform, "trace")
        await put(platform, "trace", on=False)
        await work(platform)
        assert len(seen) == 3

    inside(test)


@pytest.mark.everywhere
@pytest.mark.operation("debug.trace", "events.stream")
def test_actions_of_a_traced_server_are_in_the_event_stream(inside: Inside) -> None:
    """Regression: events went to telemetry only, which terminals do not show."""

    async def test(platform: Any) -> None:
        on = await put(platform, "trace", limit=2)
        number = str(platform.node.whereis("counter_1")).strip("<>")
        assert on["watch"].startswith(f"superlearner events stream --types debugged --pid {number}")
        await work(platform)
        await work(platform)
        asked = {"types": "debugged", "pid": number, "last": 2, "limit": 2}
        answer = await platform.client.get("/api/v1/events", params=asked, headers={"accept": "application/json"})
        items = answer.json()["data"]["items"]
        assert [one["data"] for one in items] == [
            {"direction": "in", "text": "cast ('add', 2)", "number": 1},
            {"direction": "done", "text": "no reply", "number": 2},
        ]
        assert items[0]["text"] == f"counter_1 ({number}): in, cast ('add', 2)"
        assert "watch" not in await put(platform, "trace", on=False)

    inside(test)


@pytest.mark.operation("debug.terminate")
def test_a_server_stops_itself_and_its_supervisor_restarts_it(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        before = platform.node.whereis("counter_1")
        answer = await platform.client.post(f"{AT}/debug/terminate", json={"reason": "enough"})
        assert answer.json()["data"] == {"pid": str(before).strip("<>"), "name": "counter_1", "reason": "enough"}
        await Supervisor.count_children(("demo_one_for_one", platform.node))
        (end,) = (await platform.get(f"{AT}/info"))["data"]["exits"]
        assert end["reason"] == "enough"
        refused = await platform.client.post("/api/v1/processes/services/debug/terminate")
        assert refused.json()["error"]["code"] == "critical_process_protection"

    inside(test)


def test_processes_that_are_not_servers_are_refused_at_once(inside: Inside) -> None:
    async def wait() -> None:
        await otp.receive(otp.Is("never"))

    async def test(platform: Any) -> None:
        number = str(platform.node.spawn(wait)).strip("<>")
        for path in ("", "/statistics", "/log"):
            answer = await platform.client.get(f"/api/v1/processes/{number}/debug{path}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (422, "not_a_server")

    inside(test)
