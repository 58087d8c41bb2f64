"""The live feed of traces: a snapshot, then deltas, and no work without viewers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import otp
from live_frames import frame, until
from otp import Agent
from superlearner.live.trace_feed import TraceFeeds
from superlearner.observing.tracing import TraceOptions

Inside = Callable[..., Any]


def feed_of(platform: Any, trace_id: str = "", node: str | None = None) -> Any:
    running = platform.platform
    return running.trace_feeds.find(running.traces, node or platform.node.name, trace_id, running.epoch)


def test_a_viewer_gets_captured_messages_then_new_and_updated_ones(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        agent = await Agent.start(lambda: 0)
        trace = platform.platform.traces.start(otp.node(), [agent])
        await Agent.get(agent, lambda n: n)
        viewer = feed_of(platform, trace.id).attach()
        first = await frame(viewer)
        assert (first["k"], first["trace"], [one["kind"] for one in first["messages"]]) == (
            "s", trace.id, ["call", "reply"],
        )  # fmt: skip
        assert [one["trace_id"] for one in first["traces"]] == [trace.id]
        await Agent.update(agent, lambda n: n + 1)
        shown = await until(viewer, lambda found: bool(found.get("m")))
        call, reply = shown["m"]
        assert (call["kind"], call["answer"], reply["answers"]) == ("call", reply["seq"], call["seq"])
        await Agent.stop(agent)
        ended = await until(viewer, lambda found: bool(found.get("marks")))
        assert (ended["marks"][0]["kind"], ended["marks"][0]["text"]) == ("exited", "normal")
        listed = await until(viewer, lambda found: bool(found.get("traces")))
        assert listed["traces"][0]["ended"] == "process_ended"
        feed_of(platform, trace.id).detach(viewer)
        assert trace.watchers == []

    inside(test)


def test_viewers_of_a_trace_share_its_frames_and_without_viewers_there_is_no_source(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        feeds: TraceFeeds = platform.platform.trace_feeds
        feed_of(platform, "t77")
        assert len(feeds) == 0  # without viewers
        feed = feed_of(platform)
        viewers = [feed.attach() for _ in range(3)]
        assert feed_of(platform) is feed
        for viewer in viewers:
            assert (await frame(viewer))["trace"] is None
        beats = [await viewer.next() for viewer in viewers]
        assert len({id(one) for one in beats}) == 1
        for viewer in viewers:
            feed.detach(viewer)
        assert len(feeds) == 0

    inside(test)


def test_more_than_a_frame_holds_comes_as_a_snapshot_that_has_the_newest(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        agent = await Agent.start(lambda: 0)
        trace = platform.platform.traces.start(otp.node(), [agent], TraceOptions(message_limit=50, rate=10_000))
        feed = feed_of(platform, trace.id)
        viewer = feed.attach()
        await frame(viewer)
        for number in range(600):
            otp.send(agent, number)
        shown = await until(viewer, lambda found: found["k"] == "s" or bool(found.get("m")))
        kept = shown["messages"] if shown["k"] == "s" else shown["m"]
        assert kept[-1]["text"] == "599"
        assert len(kept) <= 50
        feed.detach(viewer)
        await Agent.stop(agent)

    inside(test)


def test_a_trace_of_another_node_or_a_missing_trace_is_not_shown(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        agent = await Agent.start(lambda: 0)
        trace = platform.platform.traces.start(otp.node(), [agent])
        for trace_id, node in ((trace.id, "till@127.0.0.1"), ("nobody", None)):
            feed = feed_of(platform, trace_id, node)
            viewer = feed.attach()
            first = await frame(viewer)
            assert first["trace"] is None
            assert "messages" not in first
            feed.detach(viewer)
        await Agent.stop(agent)

    inside(test)


def test_the_traces_of_another_node_are_shown_for_that_node_only(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async with otp.Node("till@127.0.0.1") as node:
            platform.platform.nodes.attach(node)

            async def life() -> None:
                await Agent.start(lambda: 0, name="till")
                await otp.receive(otp.Is("end"))

            node.spawn(life)
            await node.wait_registered("till")
            begun = await platform.client.post("/api/v1/processes/till/trace", params={"node": node.name}, json={})
            trace = begun.json()["data"]["trace_id"]
            feeds = [feed_of(platform, trace, node.name), feed_of(platform, trace)]
            viewers = [feed.attach() for feed in feeds]
            there, here = [await frame(viewer) for viewer in viewers]
            assert ([one["trace_id"] for one in there["traces"]], there["trace"]) == ([trace], trace)
            assert (here["traces"], here["trace"]) == ([], None)
            for feed, viewer in zip(feeds, viewers, strict=True):
                feed.detach(viewer)

    inside(test)


@pytest.mark.operation("trace.save")
def test_a_trace_is_kept_as_a_recording_that_can_be_read(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        agent = await Agent.start(lambda: 0)
        trace = platform.platform.traces.start(otp.node(), [agent])
        await Agent.update(agent, lambda n: n + 1)
        await Agent.stop(agent)
        saved = await platform.client.post(f"/api/v1/traces/{trace.id}/recording", json={"name": "kept"})
        assert (saved.status_code, saved.json()["data"]["kind"]) == (200, "traced")
        events = (await platform.get("/api/v1/recordings/kept/events"))["data"]
        assert [one["kind"] for one in events][-1] == "exited"
        assert {"sent", "received"} <= {one["kind"] for one in events}
        taken = await platform.client.post(f"/api/v1/traces/{trace.id}/recording", json={"name": "kept"})
        assert taken.json()["error"]["code"] == "name_taken"
        gone = await platform.client.post("/api/v1/traces/t99/recording", json={"name": "other"})
        assert gone.json()["error"]["code"] == "trace_not_found"

    inside(test, data_dir=tmp_path)
