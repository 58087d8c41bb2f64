"""Recordings of a remote node: kept by the platform up to the node's end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import otp
from local_link import remote
from otp.trace import _recorder
from superlearner.backend import node_recording
from superlearner.demo import DemoOneForOne
from superlearner.nodes.remote.protocol import Packed, Taped, written

Inside = Callable[..., Any]
TILL = "till@127.0.0.1"
AT = "/api/v1/recordings"
THERE = {"node": TILL}


async def data(running: Any, path: str = "") -> Any:
    return (await running.get(f"{AT}{path}"))["data"]


async def kill(running: Any, node: otp.Node, name: str) -> None:
    await running.client.delete(f"/api/v1/processes/{name}", params=THERE)
    await node.wait_registered(name)


@pytest.mark.operation("recording.start", "recording.stop")
def test_a_remote_node_is_recorded_until_the_recording_is_stopped(inside: Inside, tmp_path: Path) -> None:
    async def test(running: Any) -> None:
        async with otp.Node(TILL) as node, remote(running.platform, node):
            await node.start(DemoOneForOne, None, name="demo_one_for_one")
            begun = await running.client.post(AT, params=THERE, json={"name": "far"})
            assert begun.status_code == 200, begun.text
            assert (begun.json()["data"]["recording"], begun.json()["data"]["about"]["node"]) == (True, TILL)
            await kill(running, node, "counter_1")
            ended = (await running.client.post(f"{AT}/far/stop")).json()["data"]
            assert (ended["recording"], ended["events"] > 5, ended["error"]) == (False, True, None)
            shown = await data(running, "/far")
            assert (shown["complete"], shown["read_events"]) == (True, ended["events"])
            (exited,) = await data(running, "/far/events?kind=exited")
            assert (exited["data"]["name"], exited["data"]["reason"]) == ("counter_1", "killed")
            moment = await data(running, f"/far/moments/{exited['place']}")
            assert "counter_2" in {one["name"] for one in moment["processes"]}

    inside(test, data_dir=tmp_path)


def test_a_node_of_an_earlier_version_records_the_kinds_of_events_that_it_knows(
    inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = {"start_failed", "placement_changed"}
    monkeypatch.setattr(node_recording, "KNOWN", node_recording.KNOWN | {"invented"})  # it refuses them itself
    monkeypatch.setattr(_recorder, "ALL_KINDS", _recorder.ALL_KINDS - unknown)

    async def test(running: Any) -> None:
        async with otp.Node(TILL) as node, remote(running.platform, node):
            await node.start(DemoOneForOne, None, name="demo_one_for_one")
            begun = await running.client.post(AT, params=THERE, json={"name": "far"})
            assert begun.status_code == 200, begun.text
            await kill(running, node, "counter_1")
            assert (await running.client.post(f"{AT}/far/stop")).json()["data"]["events"] > 5

    inside(test, data_dir=tmp_path)


def test_a_node_leaves_out_the_kinds_of_events_of_a_later_platform() -> None:
    async def main() -> None:
        async with otp.Node(TILL) as node:
            node_recording.NodeRecording(node, ["exited", "invented_later"], 10, 10).close()

    asyncio.run(main())


def test_fetched_events_are_kept_when_the_node_is_gone(inside: Inside, tmp_path: Path) -> None:
    async def test(running: Any) -> None:
        async with otp.Node(TILL) as node:
            async with remote(running.platform, node):
                await node.start(DemoOneForOne, None, name="demo_one_for_one")
                await running.client.post(AT, params=THERE, json={"name": "far"})
                await kill(running, node, "counter_1")
                recorder = running.platform.recordings.recorder("far")
                recorder.flush()
                await recorder._fetching
            assert recorder.events > 3
        ended = (await running.client.post(f"{AT}/far/stop")).json()["data"]
        assert (ended["recording"], ended["events"]) == (False, recorder.events)
        assert "is gone" in str(recorder.error)
        shown = await data(running, "/far")
        assert (shown["complete"], shown["read_events"] > 3) == (False, True)

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("trace.save")
def test_a_trace_of_a_remote_node_is_kept_as_a_recording(inside: Inside, tmp_path: Path) -> None:
    async def test(running: Any) -> None:
        async with otp.Node(TILL) as node, remote(running.platform, node):
            await node.start(DemoOneForOne, None, name="demo_one_for_one")
            begun = await running.client.post("/api/v1/processes/counter_1/trace", params=THERE, json={})
            trace = begun.json()["data"]["trace_id"]
            await otp.GenServer.call(("counter_1", node), "get_value")
            path = f"/api/v1/traces/{trace}/recording"
            dry = await running.client.post(path, params={**THERE, "dry_run": True}, json={"name": "seen"})
            assert "save 2 messages" in dry.json()["data"]["would"]
            kept = await running.client.post(path, params=THERE, json={"name": "seen"})
            assert (kept.status_code, kept.json()["data"]["kind"]) == (200, "traced")
            sent = [one["data"] for one in await data(running, "/seen/events?kind=sent")]
            assert [one["way"] for one in sent] == ["call", "reply"]
            none = await running.client.post("/api/v1/traces/t99/recording", params=THERE, json={"name": "none"})
            assert (none.status_code, none.json()["error"]["code"]) == (404, "trace_not_found")

    inside(test, data_dir=tmp_path)


def test_an_invalid_recording_is_a_bad_answer_and_an_endless_one_is_cut_off(
    inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("superlearner.operations.builtin.remote_recordings.MOST_FILE", 2_500_000)

    async def test(running: Any) -> None:
        async with otp.Node(TILL) as node, remote(running.platform, node) as found:
            right = found.link.ask

            async def lies(request: bytes) -> object:
                if b"saved" in request:
                    return written(Packed(b"<html>", 1))
                return (
                    written(Taped(b"x" * 1_000_000, 1, 0, ended=False)) if b"wound" in request else await right(request)
                )

            monkeypatch.setattr(found.link, "ask", lies)
            asked = {"params": THERE, "json": {"name": "seen"}}
            kept = await running.client.post("/api/v1/traces/t1/recording", **asked)
            assert (kept.status_code, kept.json()["error"]["code"]) == (502, "bad_answer")
            assert await data(running) == []
            await running.client.post(AT, params=THERE, json={"name": "far"})
            recorder = running.platform.recordings.recorder("far")
            for _ in range(3):
                await recorder._fetch(last=False)
            assert (recorder.ended, "larger than" in str(recorder.error)) == (True, True)

    inside(test, data_dir=tmp_path)
