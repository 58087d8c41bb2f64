"""The live list of processes sends only the visible part, shared by viewers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

import otp
from live_frames import frame
from superlearner.demo import DemoOneForOne
from superlearner.live.process_question import question_of
from superlearner.live.process_topic import lookout_of
from superlearner.live.topics import TOPICS

Inside = Callable[..., Any]


@asynccontextmanager
async def looking(running: Any, node: Any = None, **asked: str) -> Any:
    watched = running.platform.nodes.find(None if node is None else node.name)
    source = await TOPICS["processes"](running.platform, watched, asked)
    viewer = source.attach()
    yield viewer
    source.detach(viewer)


def test_the_first_frame_has_the_visible_part_and_the_next_the_changes(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with looking(running, search="counter", sort="-name", count="1") as viewer:
            first = await frame(viewer)
            assert (first["k"], first["total"], [one["name"] for one in first["rows"]]) == ("s", 2, ["counter_2"])
            assert first["all"] > 10
            viewer.look({"search": "counter", "sort": "-name", "offset": "1", "count": "5"})
            second = await frame(viewer)
            assert (second["k"], [one["name"] for one in second["rows"]]) == ("s", ["counter_1"])
            for _ in range(2):
                otp.send("counter_1", "unknown")
            quiet = await frame(viewer)
            assert (quiet["k"], quiet["seq"]) == ("d", second["seq"] + 1)
            assert "total" not in quiet

    inside(test)


def test_viewers_with_equal_requests_share_their_frames(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with looking(running) as one, looking(running) as other, looking(running, sort="name") as third:
            await asyncio.gather(*map(frame, (one, other, third)))
            assert one.look_now is other.look_now
            assert one.look_now is not third.look_now
            same = await asyncio.gather(one.next(), other.next())
            assert same[0] is same[1]
            lookout = lookout_of(running.platform.nodes.find(None))
            assert lookout is not None
        assert lookout.viewers == set()
        assert not lookout.rates.watches

    inside(test)


def test_a_frozen_order_keeps_updating_figures_and_a_pin_follows_a_restart(inside: Inside) -> None:
    async def test(running: Any) -> None:
        pin = '["name", "counter_1"]'
        asked = {"search": "counter_", "pins": json.dumps([pin])}
        async with looking(running, **asked) as viewer:
            first = await frame(viewer)
            (kept,) = first["pins"]
            viewer.look(asked | {"hold": "yes"})
            held = await frame(viewer)
            await running.client.delete("/api/v1/processes/counter_1")
            await running.node.wait_registered("counter_1")
            later = await frame(viewer)
            assert "order" not in later
            assert held["order"] == first["order"]
            (gone,) = [one for one in later["rows"] if one["pid"] == kept["row"]["pid"]]
            assert gone["status"] == "dead"
            assert later["pins"][0]["row"]["pid"] not in held["order"]
            assert later["pins"][0]["row"]["restarts"] == 1
            viewer.look(asked)
            assert later["pins"][0]["row"]["pid"] in (await frame(viewer))["order"]

    inside(test)


def test_another_node_has_its_own_list_which_ends_with_it(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with otp.Node("till@127.0.0.1") as node:
            running.platform.nodes.attach(node)

            async def life() -> None:
                await DemoOneForOne.start_link(None, name="demo_one_for_one")
                await otp.receive(otp.Is("end"))

            node.spawn(life)
            await node.wait_registered("counter_1")
            async with looking(running, node, sort="name") as viewer:
                first = await frame(viewer)
                assert first["node"] == "till@127.0.0.1"
                assert {one["name"] for one in first["rows"]} >= {"counter_1", "demo_one_for_one"}

    inside(test)


def test_the_list_below_a_missing_process_is_empty(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with looking(running, below="absent") as viewer:
            first = await frame(viewer)
            assert (first["total"], first["missing"]) == (0, True)

    inside(test)


@pytest.mark.operation("process.list")
def test_the_operation_has_the_filters_and_the_figures_of_the_page(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async def listed(**query: Any) -> Any:
            return (await running.get("/api/v1/processes", params=query))["data"]

        shop = await listed(below="shop", per_page=100)
        assert {"shop", "ledger", "shelves"} <= {one["name"] for one in shop}
        assert "counter_1" not in {one["name"] for one in shop}
        assert [one["name"] for one in await listed(what="Counter", sort="-name")] == ["counter_2", "counter_1"]
        (ledger,) = await listed(search="ledger", supervised=True)
        assert (ledger["supervisor_name"], ledger["child_id"], ledger["messages_per_s"]) == (
            "checkout_sup",
            "ledger",
            None,
        )
        busiest = await listed(sort="-messages", measure_ms=50)
        assert busiest[0]["messages_per_s"] is not None
        absent = await running.client.get("/api/v1/processes?below=absent")
        assert absent.json()["error"]["code"] == "process_not_found"

    inside(test)


@pytest.mark.parametrize(
    "asked",
    [
        {"sort": "__class__", "offset": "-5", "count": "1e9", "mailbox": "x", "status": "<b>", "type": "robot"},
        {"pins": "[" * 10_000, "supervised": "maybe", "search": "x" * 10_000},
        {"pins": '{"a": 1}', "count": "9" * 5000},
    ],
)
def test_invalid_parameters_are_ignored(asked: dict[str, str]) -> None:
    question = question_of(asked)
    assert (question.wanted.sort, question.offset, question.pins) == ("pid", 0, ())
    assert question.count <= 200
    assert len(question.wanted.search) <= 200


def test_a_start_time_is_the_same_in_the_page_the_list_and_the_details(inside: Inside) -> None:
    """The list showed the middle of two samples, the details the time of the event, or null without a supervisor."""

    async def alone() -> None:
        otp.register("alone", otp.self())
        await otp.receive(otp.Is("end"))

    async def test(running: Any) -> None:
        await running.client.delete("/api/v1/processes/counter_1")
        await running.node.wait_registered("counter_1")
        running.node.spawn(alone)
        await running.node.wait_registered("alone")
        for name in ("counter_1", "alone", "playground"):
            (listed,) = (await running.get(f"/api/v1/processes?search={name}&whose=all&per_page=1"))["data"]
            details = (await running.get(f"/api/v1/processes/{listed['pid']}/info"))["data"]
            assert details["started_at"] is not None
            assert details["started_at"] == listed["started_at"]
            async with looking(running, search=name, whose="all", count="1") as viewer:
                (row,) = (await frame(viewer))["rows"]
                assert details["started_at"] == row["started_at"]

    inside(test)
