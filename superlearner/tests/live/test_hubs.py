"""The live feed of another node: its trees and events, until it is detached."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import websockets

import otp
from live_frames import frame, until
from otp import Children, Supervisor, impl
from superlearner.control.steer import kill, resolve
from superlearner.control.terms import plain_pid
from superlearner.demo import DemoOneForOne
from superlearner.web.app import NODE_GONE

Inside = Callable[..., Any]
OTHER = "till@127.0.0.1"
ROOT = "demo_one_for_one"
COUNTER = f"{ROOT}/counter_1"


class Empty(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([])


@asynccontextmanager
async def till(platform: Any) -> Any:
    """Start a node with the demo's tree, whose names are those of the platform's own."""
    async with otp.Node(OTHER) as node:
        platform.nodes.attach(node)
        await starts(node, lambda: DemoOneForOne.start_link(None, name=ROOT))
        yield node


async def starts(node: otp.Node, start: Callable[[], Any]) -> Any:
    """Start a tree on a node, without a supervisor."""
    started: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def life() -> None:
        started.set_result(await start())
        await otp.receive(otp.Is("end"))

    node.spawn(life)
    return await started


def viewer_of(platform: Any, node: otp.Node) -> Any:
    return platform.hubs.of(platform.nodes.find(node.name)).attach()


def keys(found: dict[str, Any]) -> set[str]:
    return {row["key"] for row in found["nodes"]}


def test_start_times_survive_another_read_of_the_trees(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: each running process had started at that time, if its start was no longer among the last events."""

    async def test(running: Any) -> None:
        async with till(running.platform) as node:
            watched = running.platform.nodes.find(OTHER)
            hub = running.platform.hubs.of(watched)
            suspended, other = node.whereis("counter_1"), node.whereis("counter_2")
            await otp.sys.suspend(suspended)
            pids = [node.whereis(ROOT), suspended, other]
            before = [running.platform.hubs.born(watched, pid) for pid in pids]
            rows = {key: row.since for key, row in hub.model.rows.items()}
            assert None not in before
            monkeypatch.setattr(otp.trace, "history", lambda _node: [])
            hub.clock.now = lambda: 9e9
            hub._read_again()
            assert before == [running.platform.hubs.born(watched, pid) for pid in pids]
            assert rows == pytest.approx({key: row.since for key, row in hub.model.rows.items()}, abs=0.01)
            await otp.sys.resume(suspended)
            assert before == [running.platform.hubs.born(watched, pid) for pid in pids]

    inside(test)


def test_the_start_of_a_process_without_supervisor_is_its_own(inside: Inside) -> None:
    """Regression: it was the time at which the first viewer connected."""

    async def stay() -> None:
        await otp.receive(otp.Is("end"))

    async def test(running: Any) -> None:
        async with till(running.platform) as node:
            watched = running.platform.nodes.find(OTHER)
            hub = running.platform.hubs.of(watched)
            pid = node.spawn(stay)
            [event] = [one for one in otp.trace.history(node) if one.kind == "spawned" and one.pid is pid]
            started = pytest.approx(hub.model.wall(event.at), abs=0.01)
            assert started == running.platform.hubs.born(watched, pid)
            hub.clock.now = lambda: 9e9
            viewer = hub.attach()
            assert "%alone" in keys(await frame(viewer))
            assert plain_pid(pid) in hub.model.by_pid
            assert started == running.platform.hubs.born(watched, pid)

    inside(test)


def test_a_kill_on_another_node_is_on_its_feed_only(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with till(running.platform) as node:
            ours, theirs = running.hub.attach(), viewer_of(running.platform, node)
            first = await frame(theirs)
            assert (first["node"], first["epoch"]) == (OTHER, running.platform.epoch)
            assert {ROOT, COUNTER} <= keys(first)
            assert "superlearner" not in keys(first)
            assert not any(row["critical"] for row in first["nodes"])
            assert "superlearner" in keys(await frame(ours))
            await kill(resolve(node, "counter_1"))
            shown = await until(theirs, lambda found: "e" in found)
            assert shown["e"][0]["text"].startswith("counter_1 was killed; demo_one_for_one")
            assert COUNTER in {key for key, _ in shown["p"]}
            running.hub.note("info", "the end")
            assert [one["text"] for one in (await until(ours, lambda found: "e" in found))["e"]] == ["the end"]

    inside(test)


def test_a_tree_appears_and_disappears_while_a_viewer_is_connected(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with till(running.platform) as node:
            viewer = viewer_of(running.platform, node)
            await frame(viewer)
            pid = await starts(node, lambda: Empty.start_link(None, name="late"))
            assert await until(viewer, lambda found: any(row["key"] == "late" for row in found.get("n", ())))
            otp.exit(pid, "kill")
            gone = await until(viewer, lambda found: "late" in found.get("x", ()))
            # its parent is linked to it and may be in the same frame
            assert "late was killed; it has no supervisor that restarts it" in [one["text"] for one in gone["e"]]

    inside(test, heartbeat_interval=0.05)


def test_the_clock_can_be_killed_and_viewers_of_another_node_do_not_notice(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with till(running.platform) as node:
            viewer = viewer_of(running.platform, node)
            await frame(viewer)
            await kill(resolve(running.node, "live"))
            await Supervisor.count_children(("services", running.node))
            await kill(resolve(node, "counter_1"))
            assert await until(viewer, lambda found: "e" in found)

    inside(test)


def test_a_hub_starts_and_ends_with_its_node(inside: Inside) -> None:
    async def test(running: Any) -> None:
        hubs = running.platform.hubs
        async with till(running.platform) as node:
            hub = hubs.known(node)
            viewers = [viewer_of(running.platform, node) for _ in range(2)]
            assert list(hubs) == [running.hub, hub]
        assert [await viewer.next() for viewer in viewers] == [None, None]
        assert (hubs.known(node), hubs.has(hub), list(hubs)) == (None, False, [running.hub])

    inside(test)


def test_a_detached_node_loses_its_viewers_and_keeps_running(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with till(running.platform) as node:
            viewer = viewer_of(running.platform, node)
            running.platform.nodes.detach(OTHER)
            assert await viewer.next() is None
            assert otp.is_alive(resolve(node, "counter_1"))
            running.platform.nodes.attach(node)
            assert COUNTER in keys(await frame(viewer_of(running.platform, node)))

    inside(test)


def test_viewers_of_a_missing_node_get_an_error(inside: Inside) -> None:
    async def test(running: Any) -> None:
        port = running.platform.listener.port
        async with till(running.platform):
            feed = await websockets.connect(f"ws://127.0.0.1:{port}/live/supervisors?node={OTHER}")
            assert json.loads(await feed.recv())["node"] == OTHER
        await feed.wait_closed()
        assert feed.close_code == NODE_GONE
        async with websockets.connect(f"ws://127.0.0.1:{port}/live/supervisors?node={OTHER}") as again:
            await again.wait_closed()
            assert again.close_code == NODE_GONE

    inside(test)


@pytest.mark.parametrize("topic", ["system", "processes", "traces"])
def test_viewers_of_a_node_are_notified_when_it_is_detached(inside: Inside, topic: str) -> None:
    async def test(running: Any) -> None:
        port = running.platform.listener.port
        async with till(running.platform) as node:
            feed = await websockets.connect(f"ws://127.0.0.1:{port}/live/{topic}?node={OTHER}")
            log = await websockets.connect(f"ws://127.0.0.1:{port}/live/log?node={OTHER}")
            assert json.loads(await feed.recv())["node"] == OTHER
            assert json.loads(await log.recv())["k"] == "s"
            running.platform.nodes.detach(OTHER)
            async with asyncio.timeout(10):
                await feed.wait_closed()
            assert feed.close_code == NODE_GONE
            logging.getLogger("shop").warning("still here")
            assert json.loads(await log.recv())["k"] == "d"  # the log belongs to the platform
            await log.close()
            running.platform.nodes.attach(node)

    inside(test)


def test_the_history_of_a_child_on_another_node_is_shown_while_viewers_are_connected(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with till(running.platform) as node:
            viewer = viewer_of(running.platform, node)
            await frame(viewer)
            await kill(resolve(node, "counter_1"))
            await until(viewer, lambda found: "e" in found)
            details = (await running.get("/api/v1/processes/counter_1/info", params={"node": OTHER}))["data"]
            assert [one["reason"] for one in details["exits"]] == ["killed"]

    inside(test)


def test_changed_limits_apply_to_every_hub(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with till(running.platform) as node:
            viewer = viewer_of(running.platform, node)
            limits = {
                "frame_interval": 0.2,
                "heartbeat_interval": 3600.0,
                "viewer_queue": 3,
                "frame_rows": 2,
                "loop_held": 1,
                "callback": 3.0,
            }
            running.platform.hubs.adopt(**limits)
            hub = running.platform.hubs.known(node)
            assert (viewer.limit, hub.frame_rows, hub.callback) == (3, 2, 3.0)

    inside(test)


def test_every_page_gets_the_list_of_nodes_when_it_changes_and_only_then(inside: Inside) -> None:
    async def test(running: Any) -> None:
        listening = running.platform.node_list.attach()
        assert (await frame(listening))["nodes"] == ["superlearner@127.0.0.1"]
        async with till(running.platform):
            assert (await frame(listening))["nodes"] == ["superlearner@127.0.0.1", OTHER]
        assert (await frame(listening))["nodes"] == ["superlearner@127.0.0.1"]
        running.platform.node_list.detach(listening)

    inside(test)
