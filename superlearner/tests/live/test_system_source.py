"""The live topics of the system page: points, anomalies and log lines."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import otp
from live_frames import frame, until
from superlearner.control.listing import count_processes
from superlearner.live.log_source import log_source
from superlearner.live.system_source import system_source
from superlearner.observing.monitoring.facts import AnomalyFinding
from superlearner.observing.monitoring.points import Point

Inside = Callable[..., Any]
FOUND = AnomalyFinding("call_cycle", "critical", "0.7.0", "till", "a deadlock", 5.0, {}, 1, "scan_interval", "")


def test_the_first_frame_is_the_history_and_each_new_point_is_a_frame(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        watched = platform.platform.nodes.find(None)
        source = system_source(platform.platform, watched)
        viewer = source.attach()
        first = await frame(viewer)
        assert (first["k"], first["node"], first["epoch"]) == ("s", platform.node.name, platform.platform.epoch)
        assert first["columns"][:3] == ["at", "seconds", "processes"]
        await watched.monitor.sample()
        second = await until(viewer, lambda found: found["k"] == "d")
        assert second["seq"] == first["seq"] + 1
        named = dict(zip(first["columns"], second["point"], strict=True))
        assert named["processes"] == count_processes(platform.node).yours
        source.detach(viewer)
        await watched.monitor.sample()
        assert source.attach() is not viewer

    inside(test, scan_interval=3600.0)


def test_all_viewers_of_a_node_get_the_same_bytes_and_following_ends_with_the_last(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        watched = platform.platform.nodes.find(None)
        source, before = system_source(platform.platform, watched), watched.monitor._followers
        assert system_source(platform.platform, watched) is source
        viewers = [source.attach(), source.attach()]
        for viewer in viewers:
            await frame(viewer)
        await watched.monitor.sample()
        one, other = [await viewer.next() for viewer in viewers]
        assert one is other
        for viewer in viewers:
            source.detach(viewer)
        assert watched.monitor._followers == before

    inside(test, scan_interval=3600.0)


def test_an_anomaly_is_sent_when_it_begins_and_when_it_ends(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        watched = platform.platform.nodes.find(None)
        source = system_source(platform.platform, watched)
        viewer = source.attach()
        assert (await frame(viewer))["anomalies"] == []
        monitor = watched.monitor
        monitor.alarms.update([FOUND], monitor.time())
        shown = json.loads(source.snapshot())
        assert [(one["type"], one["active"]) for one in shown["anomalies"]] == [("call_cycle", True)]
        await monitor.sample()  # finds no such anomaly
        over = await frame(viewer)
        assert over["anomalies"] == []
        assert [(one["type"], one["active"]) for one in over["ended"]] == [("call_cycle", False)]
        await monitor.sample()
        assert (await frame(viewer))["ended"] == []

    inside(test, scan_interval=3600.0)


def test_time_without_samples_is_a_gap_and_old_points_are_merged(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        watched = platform.platform.nodes.find(None)
        monitor = watched.monitor
        await monitor.sample()
        like: Point = monitor.history.last
        monitor.history.fine.clear()
        now = monitor.time()
        for ago in range(2000, 0, -2):
            if not 400 < ago < 500:
                monitor.history.add(replace(like, at=now - ago, seconds=2.0, restarts=1))  # of two attachments
        shown = json.loads(system_source(platform.platform, watched).snapshot())
        at = [point[0] for point in shown["points"]]
        assert at == sorted(at)
        assert [round(now - at[place]) for place in shown["gaps"]] == [400]
        restarts = shown["columns"].index("restarts")
        assert sum(point[restarts] for point in shown["points"]) == len(range(2000, 0, -2)) - 49
        assert len(at) < 500

    inside(test, scan_interval=2.0)


def test_the_points_are_read_once_for_all_requests_before_the_next_one(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        watched = platform.platform.nodes.find(None)
        await watched.monitor.sample()
        history, asked = watched.monitor.history, list[float]()
        since = history.since

        def counted(at: float) -> Any:
            asked.append(at)
            return since(at)

        history.since = counted
        source = system_source(platform.platform, watched)
        viewers = [source.attach() for _ in range(3)]
        for viewer in viewers:
            await frame(viewer)
            viewer.want_snapshot()
            assert (await frame(viewer))["k"] == "s"
        assert len(asked) == 1
        await watched.monitor.sample()
        asked.clear()
        viewers[0].want_snapshot()
        assert (await frame(viewers[0]))["k"] == "s"
        assert len(asked) == 1
        for viewer in viewers:
            source.detach(viewer)

    inside(test, scan_interval=3600.0)


def test_another_node_has_its_own_points(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async with otp.Node("till@127.0.0.1") as node:
            watched = platform.platform.nodes.attach(node)
            source = system_source(platform.platform, watched)
            assert source is not system_source(platform.platform, platform.platform.nodes.find(None))
            viewer = source.attach()
            assert (await frame(viewer))["node"] == "till@127.0.0.1"
            await watched.monitor.sample()
            assert (await frame(viewer))["point"][2] == 0
            source.detach(viewer)

    inside(test)


def test_lines_of_the_log_come_from_any_thread_and_a_frame_has_several(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        source = log_source(platform.platform.log, platform.platform.nodes, platform.platform.settings.viewer_queue)
        viewer = source.attach()
        assert (await frame(viewer))["k"] == "s"
        log = logging.getLogger("shop")
        thread = threading.Thread(target=lambda: log.warning("token=hidden %s", "x" * 2000))
        thread.start()
        thread.join()
        log.error("two")
        lines = (await until(viewer, lambda found: len(found["lines"]) == 2))["lines"]
        assert [(line[2], line[3]) for line in lines] == [("warning", "shop"), ("error", "shop")]
        assert len(lines[0][4]) <= 601
        assert "hidden" not in lines[0][4]
        assert [line[9] for line in lines] == [True, False]
        source.detach(viewer)
        assert platform.platform.log.followers == ()

    inside(test)


def test_of_a_very_long_log_the_newest_lines_are_sent(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        view = platform.platform.log
        for number in range(3000):
            view.emit(logging.LogRecord("shop", logging.INFO, "shop.py", 1, "sold %d", (number,), None))
        source = log_source(platform.platform.log, platform.platform.nodes, platform.platform.settings.viewer_queue)
        viewer = source.attach()
        lines = (await frame(viewer))["lines"]
        assert len(lines) == 2000
        assert lines[-1][0] == view.written
        source.detach(viewer)

    inside(test, log_kept=5000)


def test_lines_that_wait_while_the_loop_is_blocked_are_bounded(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        source = log_source(platform.platform.log, platform.platform.nodes, platform.platform.settings.viewer_queue)
        viewer = source.attach()
        await frame(viewer)
        log = logging.getLogger("shop")
        for number in range(1000):
            log.warning("sold %d", number)
        assert len(source._waiting) < 1000
        shown = await until(viewer, lambda found: len(found["lines"]) > 900)
        assert shown["k"] == "s"
        source.detach(viewer)

    inside(test)
