"""A platform without web server, store or data directory, next to a node.

It lives on a hidden node beside the inspected one, so it does not show up there, and attaches that node as any platform
does. Three services run for it: node samples, the clock of live pages, and the ends of traces.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

import otp
from otp import Children, Node, Pid, Supervisor, impl
from superlearner.app.running import Platform
from superlearner.app.slow_starts import SlowStarts
from superlearner.backend.diary import Diary
from superlearner.live.hubs import Hubs
from superlearner.live.live_page import LivePage
from superlearner.live.ticks import LIVE
from superlearner.live.trace_feed import TraceFeeds
from superlearner.nodes.kinds import SERVICE, NodeKind
from superlearner.nodes.nodes import WatchedNode
from superlearner.observing.analytics import Entry, recall
from superlearner.observing.events import EventLog
from superlearner.observing.monitoring import MONITORING, MonitoringService
from superlearner.observing.tracing import TRACER, MessageTracer
from superlearner.observing.watchdog import WATCHDOG, Held, Watchdog, WatchdogService
from superlearner.operations.engine.registry import Registry
from superlearner.settings.settings import Settings

__all__ = ["Headless"]

OWNER_OF_SETTINGS: Final = "the platform"


class Observers(Supervisor):
    """A one_for_one supervisor; state to keep is held by objects of the platform."""

    @impl
    def init(self, headless: Headless) -> Children:
        platform = headless.platform
        monitors = partial(monitors_of, platform)
        children = [
            MonitoringService.child_spec(monitors, id=MONITORING, name=MONITORING),
            MessageTracer.child_spec(platform.traces, id=TRACER, name=TRACER),
            LivePage.child_spec(platform.hubs, id=LIVE, name=LIVE),
        ]
        if headless.names_held:
            children.append(WatchdogService.child_spec(headless.watchdog, id=WATCHDOG, name=WATCHDOG))
        return Children(children, max_restarts=1000, max_seconds=1)


def monitors_of(platform: Platform) -> list[Any]:
    """Return the observation service of the inspected node."""
    return [watched.monitor for watched in platform.nodes.here()]


class Headless:
    """A platform without web server, store or data directory.

    It is created by a process on the hidden node.

    Args:
        hidden: the node it lives on.
        node: the inspected node.
        epoch, version: those of the connecting platform, for live pages.
        settings: the settings in effect.
        diary: the record of supervisor events, or None for no record. With a record, the node runs the user's own tree,
            and callbacks that block the loop are reported by name as they are on the platform.
        kind: the kind of the node.
    """

    def __init__(
        self,
        hidden: Node,
        node: Node,
        epoch: str,
        version: str,
        settings: Mapping[str, Any],
        diary: Diary | None = None,
        kind: NodeKind = SERVICE,
    ) -> None:
        self.platform = platform = Platform(
            Settings(browser=False, **settings), None, (), version, epoch=epoch, arsenal=Registry()
        )
        platform.nodes.home = hidden
        platform.events = EventLog(secrets.token_hex(4), platform.settings.events_kept)  # separate ids
        platform.events.follow(node)
        self.watched: WatchedNode = platform.nodes.attach(node, kind=kind)
        self.names_held = diary is not None
        if diary is not None:
            self.watched.analytics.heard = diary.add
        head = {"epoch": platform.epoch, "version": platform.version}
        platform.hubs = Hubs(hidden, head, **limits_of(platform.settings))
        platform.nodes.listen(platform.hubs.keep)
        platform.hubs.keep(platform.nodes)
        platform.trace_feeds = TraceFeeds()
        self._services: Pid | None = None

    async def start(self) -> None:
        """Start its services on the hidden node."""
        self._services = await self.platform.running_node().start(Observers, self)

    def watchdog(self) -> Watchdog | None:
        """Return a watchdog of the loop, or None if the settings turn it off."""
        after = self.platform.settings.watchdog_after
        if after == 0:
            return None
        loop = asyncio.get_running_loop()
        watchdog = Watchdog(loop, self.watched.node, after=after, answers_again=self._answers_again)
        watchdog.look = SlowStarts(self.watched.node, after).look
        return watchdog

    def _answers_again(self, held: Held) -> None:
        hubs = self.platform.hubs
        hub = None if hubs is None else hubs.of(self.watched)
        self.platform.tell_held(held, self.watched.monitor, hub, who_answers="its program")

    def recall(self, entries: Iterable[Entry]) -> None:
        """Restore supervisor entries recorded in an earlier program of the node."""
        recall(self.watched.analytics.book, entries)

    def adopt(self, settings: Mapping[str, Any]) -> None:
        """Apply new settings.

        Raises:
            SettingsError: a setting is invalid; nothing has changed.
        """
        platform = self.platform
        configuration = platform.configuration
        before = platform.settings.watchdog_after
        configuration.make(configuration.plan_set(settings, OWNER_OF_SETTINGS))
        if platform.settings.watchdog_after != before and otp.whereis(WATCHDOG) is not None:
            otp.send(WATCHDOG, "again")
        platform.events.resize(platform.settings.events_kept)
        if platform.hubs is not None:
            platform.hubs.adopt(**limits_of(platform.settings))

    async def close(self) -> None:
        """Stop observing; everything it started ends."""
        platform = self.platform
        if self._services is not None:
            await Supervisor.stop(self._services, "shutdown")
        if platform.hubs is not None:
            platform.hubs.close()
        platform.events.close()
        platform.traces.close()
        platform.nodes.detach(self.watched.name)


def limits_of(settings: Settings) -> dict[str, Any]:
    """Return the intervals and limits of live pages."""
    return {
        "frame_interval": settings.frame_interval,
        "heartbeat_interval": settings.heartbeat_interval,
        "viewer_queue": settings.viewer_queue,
        "frame_rows": settings.frame_rows,
    }
