"""The live feed of a node's metrics: the monitor's points, and active anomalies.

    monitor's sample → point → one frame, encoded once → each viewer's queue

There is no clock here: each point triggers a frame. Without viewers the monitor is not followed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, fields
from typing import Any, Final
from weakref import WeakValueDictionary

import msgspec

from superlearner.live.node_services import NodeServices
from superlearner.live.viewer import Viewer
from superlearner.nodes.nodes import WatchedNode
from superlearner.observing.monitoring import Monitor, Point
from superlearner.observing.monitoring.points import merged
from superlearner.operations.builtin.system import describe_anomaly

__all__ = ["SystemSource", "system_source"]

COLUMNS: Final = tuple(field.name for field in fields(Point))
FINE_S: Final = 660.0
"""Seconds that a snapshot has in full; older points are thinned to `COARSE_S`."""
HOUR_S: Final = 3_600.0
COARSE_S: Final = 10.0
SKIPPED: Final = 2.5
"""Factor of the expected duration beyond which a point marks a gap in sampling."""
LEAST_S: Final = 0.1
"""A shorter point has no rates: the first one, taken while the platform starts."""
ENDED: Final = 50
encode: Final = msgspec.json.Encoder().encode


class SystemSource:
    """The metrics of one node for all viewers.

    Args:
        services: the epoch, and the settings.
        node: the node's name.
        monitor: the source of points.
    """

    def __init__(self, services: NodeServices, node: str, monitor: Monitor) -> None:
        self._services = services
        self._node = node
        self._monitor = monitor
        self._viewers: set[Viewer] = set()
        self._leave: Callable[[], None] | None = None
        self._seq = 0
        self._last: Point | None = None
        self._told: tuple[Point | None, list[tuple[Point, bool]]] | None = None
        self._told_over = 0

    def attach(self) -> Viewer:
        """Return a new viewer; its first frame is a snapshot."""
        viewer = Viewer(self, self._services.settings.viewer_queue)
        self._viewers.add(viewer)
        if self._leave is None:
            self._last = self._monitor.history.last
            self._told_over = self._over()
            self._leave = self._monitor.follow(self._on_point)
        return viewer

    def detach(self, viewer: Viewer) -> None:
        """Remove a viewer; stop following the monitor after the last one."""
        self._viewers.discard(viewer)
        if not self._viewers and self._leave is not None:
            self._leave()
            self._leave = None

    def snapshot(self) -> bytes:
        """Return everything that a page needs initially."""
        points = self._known()
        alarms = self._monitor.alarms
        return encode({
            "k": "s",
            "seq": self._seq,
            "epoch": self._services.epoch,
            "node": self._node,
            "now": self._monitor.time(),
            "interval": self._services.settings.scan_interval,
            "columns": COLUMNS,
            "points": [astuple(point) for point, _ in points],
            "gaps": [number for number, (_, gap) in enumerate(points) if gap],
            "anomalies": self._active(),
            "ended": [self._line(alarm) for alarm in list(alarms.ended)[-ENDED:]],
        })  # fmt: skip

    def _on_point(self, point: Point) -> None:
        gap = self._last is not None and self._skips(self._last, point)
        self._last = point
        self._seq += 1
        over = self._over() - self._told_over
        self._told_over += over
        frame = encode({
            "k": "d",
            "seq": self._seq,
            "interval": self._services.settings.scan_interval,
            "point": astuple(point),
            "gap": gap,
            "anomalies": self._active(),
            "ended": [self._line(alarm) for alarm in list(self._monitor.alarms.ended)[-over:]] if over > 0 else [],
        })  # fmt: skip
        for viewer in self._viewers:
            viewer.offer(frame)

    def _known(self) -> list[tuple[Point, bool]]:
        """Return the points of a snapshot, cached until the next point."""
        newest = self._monitor.history.last
        if self._told is None or self._told[0] is not newest:
            self._told = newest, self._points()
        return self._told[1]

    def _points(self) -> list[tuple[Point, bool]]:
        """Return the last hour, older points thinned, each with whether a gap precedes it."""
        now = self._monitor.time()
        found: list[tuple[Point, bool]] = []
        bucket: list[Point] = []
        before: Point | None = None
        gap_before = False
        for point in self._monitor.history.since(now - HOUR_S):
            if point.seconds < LEAST_S:
                continue
            gap = before is not None and self._skips(before, point)
            before = point
            fresh = point.at > now - FINE_S
            if bucket and (fresh or gap or point.at // COARSE_S != bucket[0].at // COARSE_S):
                found.append((merged(bucket), gap_before))
                bucket, gap_before = [], False
            if fresh:
                found.append((point, gap))
            else:
                gap_before = gap_before or gap
                bucket.append(point)
        if bucket:
            found.append((merged(bucket), gap_before))
        return found

    def _skips(self, before: Point, point: Point) -> bool:
        away = max(point.seconds, point.at - before.at)  # the first point of an attachment has only its own seconds
        return away > SKIPPED * max(before.seconds, self._services.settings.scan_interval)

    def _active(self) -> list[dict[str, Any]]:
        return [self._line(alarm) for alarm in self._monitor.alarms.active.values()]

    def _line(self, alarm: Any) -> dict[str, Any]:
        return describe_anomaly(alarm, self._monitor.time()).model_dump()

    def _over(self) -> int:
        """Return the number of anomalies that have ended so far."""
        alarms = self._monitor.alarms
        return alarms.number - len(alarms.active)


_sources: WeakValueDictionary[Monitor, SystemSource] = WeakValueDictionary()


def system_source(services: NodeServices, watched: WatchedNode) -> SystemSource:
    """Return the shared source for viewers of this node."""
    found = _sources.get(watched.monitor)
    if found is None:
        found = _sources[watched.monitor] = SystemSource(services, watched.node.name, watched.monitor)
    return found
