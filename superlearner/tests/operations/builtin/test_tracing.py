"""Traces over HTTP: messages with sender, reply and cause."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import GenServer

Inside = Callable[..., Any]
AT = "/api/v1/processes/counter_1"
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}


async def post(platform: Any, path: str, body: Any = None) -> Any:
    return (await platform.client.post(f"/api/v1{path}", json=body or {})).json()


async def ask(platform: Any, message: Any, kind: str = "call", name: str = "counter_1") -> Any:
    return await post(platform, f"/processes/{name}/message", {"message": message, "message_type": kind})


async def data(platform: Any, path: str) -> Any:
    return (await platform.get(f"/api/v1{path}"))["data"]


@pytest.mark.everywhere
@pytest.mark.operation("trace.start", "trace.messages", "trace.stop", "trace.info")
def test_messages_and_replies_are_traced_until_the_trace_is_stopped(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        dry = await post(platform, "/processes/counter_1/trace?dry_run=true")
        assert dry["data"]["would"].startswith("trace the messages of counter_1")
        begun = (await post(platform, "/processes/counter_1/trace", {"message_limit": 10}))["data"]
        assert (begun["tracing"], begun["names"], begun["message_limit"]) == (True, ["counter_1"], 10)
        await ask(platform, "increment", "cast")
        await ask(platform, "get_value")
        await ask(platform, {"password": "hunter2"}, "send")
        await ask(platform, "get_value")
        again = await platform.client.post(f"{AT}/trace", json={})
        assert (again.status_code, again.json()["error"]["code"]) == (409, "already_tracing")
        found = await data(platform, "/processes/counter_1/messages")
        lines = found["messages"]
        assert [(one["type"], one["direction"], one["content"], one["status"]) for one in lines] == [
            ("cast", "incoming", "'increment'", "received"),
            ("call", "incoming", "'get_value'", "answered"),
            ("reply", "outgoing", "1", "reply"),
            ("info", "incoming", "{'password': ***}", "received"),
            ("call", "incoming", "'get_value'", "answered"),
            ("reply", "outgoing", "1", "reply"),
        ]
        call, reply = lines[1:3]
        assert (call["answer"], reply["answers"], reply["cause"]) == (reply["seq"], call["seq"], call["seq"])
        assert call["latency_ms"] == reply["latency_ms"] > 0
        assert (call["to_name"], reply["from_name"]) == ("counter_1", "counter_1")
        patterns = found["patterns"]
        assert (patterns["total_messages"], patterns["answered"], patterns["latency"]["count"]) == (6, 2, 2)
        assert patterns["message_types"] == {"call": 2, "cast": 1, "info": 1, "reply": 2, "system": 0}
        page = f"{AT}/messages?redact=false&per_page=1&page=4"
        refused = await platform.client.get(page)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "missing_scope")
        whole = (await platform.get(page, headers=OWNER))["data"]
        assert whole["messages"][0]["content"] == "{'password': 'hunter2'}"
        ended = (await platform.client.delete(f"{AT}/trace")).json()["data"]
        assert (ended["tracing"], ended["ended"]) == (False, "stopped")
        await ask(platform, "get_value")
        info = await data(platform, f"/traces/{begun['trace_id']}")
        assert (info["messages"], info["tracing"]) == (6, False)
        twice = await platform.client.delete(f"{AT}/trace")
        assert (twice.status_code, twice.json()["error"]["code"]) == (404, "trace_not_found")

    inside(test)


@pytest.mark.operation("trace.messages", "trace.list", "trace.diagram", "trace.delete")
def test_a_trace_outlives_its_process_and_draws_its_end(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        trace = (await post(platform, "/processes/counter_1/trace"))["data"]
        pid = trace["pids"][0]
        await ask(platform, "get_value")
        await ask(platform, "crash", "cast")
        await otp.wait_down(platform.node.parse_pid(pid))
        (listed,) = await data(platform, "/traces")
        assert (listed["tracing"], listed["ended"], listed["alive"]) == (False, "process_ended", 0)
        for who in ("counter_1", pid, f"%3C{pid}%3E"):
            assert (await data(platform, f"/processes/{who}/messages"))["total"] == 3
        drawn = await data(platform, f"/traces/{trace['trace_id']}/diagram")
        assert [step["kind"] for step in drawn["steps"]] == ["call", "reply", "cast", "crashed"]
        assert "RuntimeError" in drawn["steps"][3]["label"]
        assert drawn["steps"][3]["cause"] == drawn["steps"][2]["seq"]
        assert drawn["steps"][0]["partner"] == drawn["steps"][1]["seq"]
        short = await data(platform, f"/traces/{trace['trace_id']}/diagram?limit=2")
        assert (short["shown"], short["more"]) == (2, 2)
        mermaid = (await data(platform, f"/traces/{trace['trace_id']}/diagram?format=mermaid"))["drawing"]
        assert mermaid.startswith("sequenceDiagram\n") and "->>p" in mermaid and "Note over" in mermaid
        svg = (await data(platform, f"/traces/{trace['trace_id']}/diagram?format=svg"))["drawing"]
        assert svg.startswith("<svg ") and "counter_1" in svg and "sd-crash" in svg
        gone = (await platform.client.delete(f"/api/v1/traces/{trace['trace_id']}")).json()["data"]
        assert gone["forgotten"] is True
        missing = await platform.client.get(f"/api/v1/processes/{pid}/messages")
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "trace_not_found")
        assert f"start one with POST /api/v1/processes/{pid}/trace" == missing.json()["error"]["details"][0]["hint"]
        unknown = await platform.client.get("/api/v1/processes/t99/messages")
        assert "GET /api/v1/traces lists them" == unknown.json()["error"]["details"][0]["hint"]

    inside(test)


@pytest.mark.everywhere
@pytest.mark.operation(
    "trace.start_group", "trace.history", "trace.graph", "trace.latency", "trace.patterns", "trace.causes", "trace.end"
)
def test_a_whole_tree_is_traced_with_message_counts_by_pair(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        both = await platform.client.post("/api/v1/traces", json={})
        assert both.status_code == 422
        trace = (await post(platform, "/traces", {"supervisor": "demo_one_for_one", "auto_cleanup": False}))["data"]
        path = f"/traces/{trace['trace_id']}"
        assert trace["processes"] == 4
        await platform.client.delete("/api/v1/processes/counter_2", params={"reason": "kill"})
        await platform.node.wait_registered("counter_2")
        await ask(platform, "get_value", name="counter_2")
        assert (await data(platform, path))["processes"] == 5
        calls = await data(platform, f"{path}/messages?kind=call&search=get_value")
        assert [(one["to_name"], one["tag"]) for one in calls] == [("counter_2", "get_value")]
        (reply,) = await data(platform, f"{path}/messages?kind=reply&after={calls[0]['seq']}")
        chain = await data(platform, f"{path}/messages/{reply['seq']}/causes")
        assert [one["seq"] for one in chain] == [reply["seq"], calls[0]["seq"]]
        pairs = await data(platform, f"{path}/graph")
        assert {(one["to_name"], one["calls"]) for one in pairs if one["calls"]} == {("counter_2", 1)}
        (row,) = await data(platform, f"{path}/latency")
        assert (row["tag"], row["calls"], row["unanswered"], row["latency"]["count"]) == ("get_value", 1, 0, 1)
        assert (await data(platform, f"{path}/patterns"))["answered"] == 1
        alone = await platform.client.delete("/api/v1/processes/counter_2/trace")
        assert (alone.status_code, alone.json()["error"]["code"]) == (404, "trace_not_found")
        ended = (await post(platform, f"{path}/stop"))["data"]
        assert ended["tracing"] is False

    inside(test)


@pytest.mark.operation("trace.unanswered")
def test_unanswered_calls_and_patterns_are_shown(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        body = {"pattern_matching": "VALUE"}
        trace = (await post(platform, "/processes/counter_1/trace", body))["data"]
        await ask(platform, "increment", "cast")
        await platform.client.post(f"{AT}/suspend")
        with pytest.raises(otp.CallTimeout):
            await GenServer.call(("counter_1", platform.node), "get_value", 0.01)
        (waiting,) = await data(platform, f"/traces/{trace['trace_id']}/unanswered")
        assert (waiting["status"], waiting["received_at"], waiting["content"]) == ("unanswered", None, "'get_value'")
        assert (await data(platform, f"/traces/{trace['trace_id']}"))["filtered"] >= 1

    inside(test)


def test_killing_the_tracer_stops_no_trace_and_loses_nothing(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await post(platform, "/processes/counter_1/trace")
        await ask(platform, "get_value")
        for _ in range(3):
            tracer = platform.node.whereis("tracer")
            await platform.client.delete("/api/v1/processes/tracer?force=true", headers=OWNER)
            await ask(platform, "get_value")
            while platform.node.whereis("tracer") in (None, tracer):
                await platform.node.wait_registered("tracer")
        found = await data(platform, "/processes/counter_1/messages")
        assert (found["total"], found["trace"]["tracing"], found["patterns"]["answered"]) == (8, True, 4)

    inside(test)


@pytest.mark.operation("trace.start")
def test_work_of_the_platform_is_not_among_the_messages_of_a_process_unless_it_is_asked_for(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async def busy() -> None:
            for _ in range(3):
                await otp.receive()
                otp.send("live", "tick")
                otp.send("counter_1", "hello")

        pid = str(platform.node.spawn(busy)).strip("<>")
        try:
            for asked in (False, True):
                options = {"include_system_messages": asked}
                await post(platform, f"/processes/{pid}/trace", options)
                await ask(platform, "go", "send", pid)
                await ask(platform, "get_value")  # after "hello"
                found = await data(platform, f"/processes/{pid}/messages")
                to = {one["to_name"] for one in found["messages"]}
                assert ("counter_1" in to, "live" in to) == (True, asked)
                assert found["messages"][0]["content"] == "'go'"
                await platform.client.delete(f"/api/v1/processes/{pid}/trace")
        finally:
            await ask(platform, "end", "send", pid)

    inside(test)
