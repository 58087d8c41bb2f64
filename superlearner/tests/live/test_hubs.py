"""The live feed of another node than the platform's: its own trees, its own events, until the node is left."""

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
    """A node with the demo's tree, so that the names are those of the platform's own."""
    async with otp.Node(OTHER) as node:
        platform.nodes.attach(node)
        await starts(node, lambda: DemoOneForOne.start_link(None, name=ROOT))
        yield node


async def starts(node: otp.Node, start: Callable[[], Any]) -> Any:
    """Start a tree on a node, under nobody."""
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


def test_a_kill_on_the_second_node_is_on_its_feed_and_not_on_the_first_ones(inside: Inside) -> None:
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
            told = await until(theirs, lambda found: "e" in found)
            assert told["e"][0]["text"].startswith("counter_1 was killed; demo_one_for_one")
            assert COUNTER in {key for key, _ in told["p"]}
            running.hub.note("info", "the end")
            assert [one["text"] for one in (await until(ours, lambda found: "e" in found))["e"]] == ["the end"]

    inside(test)


def test_a_tree_that_starts_while_somebody_looks_comes_and_when_it_ends_goes(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with till(running.platform) as node:
            viewer = viewer_of(running.platform, node)
            await frame(viewer)
            pid = await starts(node, lambda: Empty.start_link(None, name="late"))
            assert await until(viewer, lambda found: any(row["key"] == "late" for row in found.get("n", ())))
            otp.exit(pid, "kill")
            gone = await until(viewer, lambda found: "late" in found.get("x", ()))
            # who started it is linked to it, and may be told of in the same frame
            assert "late was killed; it has no supervisor that restarts it" in [one["text"] for one in gone["e"]]

    inside(test, heartbeat_interval=0.05)


def test_the_clock_can_be_killed_and_viewers_of_another_node_do_not_notice(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with till(running.platform) as node:
            viewer = viewer_of(running.platform, node)
            await frame(viewer)
            await kill(resolve(running.node, "live"), force=True)
            await Supervisor.count_children(("services", running.node))
            await kill(resolve(node, "counter_1"))
            assert await until(viewer, lambda found: "e" in found)

    inside(test)


def test_a_hub_is_made_and_given_up_with_its_node(inside: Inside) -> None:
    async def test(running: Any) -> None:
        hubs = running.platform.hubs
        async with till(running.platform) as node:
            hub = hubs.known(node)
            viewers = [viewer_of(running.platform, node) for _ in range(2)]
            assert list(hubs) == [running.hub, hub]
        assert [await viewer.next() for viewer in viewers] == [None, None]
        assert (hubs.known(node), hubs.has(hub), list(hubs)) == (None, False, [running.hub])

    inside(test)


def test_a_node_that_is_detached_is_left_by_its_viewers_and_lives_on(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with till(running.platform) as node:
            viewer = viewer_of(running.platform, node)
            running.platform.nodes.detach(OTHER)
            assert await viewer.next() is None
            assert otp.is_alive(resolve(node, "counter_1"))
            running.platform.nodes.attach(node)
            assert COUNTER in keys(await frame(viewer_of(running.platform, node)))

    inside(test)


def test_who_looks_at_a_node_that_is_gone_is_told_so(inside: Inside) -> None:
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
def test_whoever_looks_at_a_node_is_told_that_the_platform_has_left_it(inside: Inside, topic: str) -> None:
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
            assert json.loads(await log.recv())["k"] == "d"  # the log is that of the platform
            await log.close()
            running.platform.nodes.attach(node)

    inside(test)


def test_the_past_of_a_child_on_another_node_is_known_while_somebody_looks(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with till(running.platform) as node:
            viewer = viewer_of(running.platform, node)
            await frame(viewer)
            await kill(resolve(node, "counter_1"))
            await until(viewer, lambda found: "e" in found)
            details = (await running.get("/api/v1/processes/counter_1/info", params={"node": OTHER}))["data"]
            assert [one["reason"] for one in details["exits"]] == ["killed"]

    inside(test)


def test_other_limits_are_those_of_every_hub(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with till(running.platform) as node:
            viewer = viewer_of(running.platform, node)
            limits = {"frame_interval": 0.2, "heartbeat_interval": 3600.0, "viewer_queue": 3, "frame_rows": 2}
            running.platform.hubs.adopt(**limits)
            assert (viewer.limit, running.platform.hubs.known(node).frame_rows) == (3, 2)

    inside(test)


def test_every_page_hears_which_nodes_there_are_when_that_changes_and_not_in_between(inside: Inside) -> None:
    async def test(running: Any) -> None:
        listening = running.platform.node_list.attach()
        assert (await frame(listening))["nodes"] == ["superlearner@127.0.0.1"]
        async with till(running.platform):
            assert (await frame(listening))["nodes"] == ["superlearner@127.0.0.1", OTHER]
        assert (await frame(listening))["nodes"] == ["superlearner@127.0.0.1"]
        running.platform.node_list.detach(listening)

    inside(test)
