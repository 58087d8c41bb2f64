"""The services of a node in its own program, without web server, store or data directory.

They live on a hidden node beside the inspected one, so they do not show up there, and attach that node as any platform
does. Three processes run for them: node samples, the clock of live pages, and the ends of traces.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final
from weakref import WeakKeyDictionary

import otp
from otp import Children, Node, Pid, Supervisor, impl
from superlearner.backend.history_buffer import HistoryBuffer
from superlearner.live.hub import LIVE
from superlearner.live.live_page import LivePage
from superlearner.live.node_services import NodeServices
from superlearner.nodes.kinds import SERVICE, NodeKind
from superlearner.nodes.nodes import WatchedNode
from superlearner.observing.analytics import Entry, restore
from superlearner.observing.events import EventLog
from superlearner.observing.monitoring import MONITORING, MonitoringService
from superlearner.observing.slow_starts import SlowStarts
from superlearner.observing.tracing import TRACER, MessageTracer
from superlearner.observing.watchdog import WATCHDOG, Held, Watchdog, WatchdogService
from superlearner.operations.engine.audit import AuditLog
from superlearner.operations.engine.registry import Registry
from superlearner.settings.configuration import Configuration
from superlearner.settings.settings import Settings

__all__ = ["Headless"]

OWNER_OF_SETTINGS: Final = "the platform"
REQUESTS: Final = WeakKeyDictionary[Node, AuditLog]()
"""The requests to each node; they outlive an attachment, since its restarts are drawn again in the next one."""


class Observers(Supervisor):
    """A one_for_one supervisor; state to keep is held by objects of the platform."""

    @impl
    def init(self, headless: Headless) -> Children:
        services = headless.services
        monitors = partial(monitors_of, services)
        children = [
            MonitoringService.child_spec(monitors, id=MONITORING, name=MONITORING),
            MessageTracer.child_spec(services.traces, id=TRACER, name=TRACER),
            LivePage.child_spec(services.hubs, id=LIVE, name=LIVE),
        ]
        if headless.names_held:
            children.append(WatchdogService.child_spec(headless.watchdog, id=WATCHDOG, name=WATCHDOG))
        return Children(children, max_restarts=1000, max_seconds=1)


def monitors_of(services: NodeServices) -> list[Any]:
    """Return the observation service of the inspected node."""
    return [watched.monitor for watched in services.nodes.here()]


class Headless:
    """The services of an inspected node, and the processes that run for them on the hidden node.

    Args:
        hidden: the node they live on.
        node: the inspected node.
        epoch, version: those of the connecting platform, for live pages.
        settings: the settings in effect.
        history: the record of supervisor events; None keeps none. With a record, the node runs the user's own tree,
            and callbacks that block the loop are reported by name as they are on the platform.
        kind: the kind of the node.
        evaluates: whether the node may run Python sent by the platform.
    """

    def __init__(
        self,
        hidden: Node,
        node: Node,
        epoch: str,
        version: str,
        settings: Mapping[str, Any],
        history: HistoryBuffer | None = None,
        kind: NodeKind = SERVICE,
        *,
        evaluates: bool = False,
    ) -> None:
        configuration = Configuration.of(Settings(browser=False, **settings))
        self.services = NodeServices(
            hidden,
            configuration,
            version=version,
            epoch=epoch,
            events=EventLog(secrets.token_hex(4), configuration.current.events_kept, other_run="attached"),
            arsenal=Registry(),
            evaluates=evaluates,
            audit=REQUESTS.setdefault(node, AuditLog()),
        )
        self.services.events.follow(node)
        self.services.moments.earlier = True
        self.watched: WatchedNode = self.services.nodes.attach(node, kind=kind)
        self.names_held = history is not None
        if history is not None:
            self.watched.analytics.heard = history.add
        self._observers: Pid | None = None
        self._watchdog: Watchdog | None = None
        # A lost connection ends the hidden node without a call of `close`.
        self._end = hidden.subscribe(lambda _event: None, kinds={"node_down"})
        self._end.on_node_end = self.leave

    async def start(self) -> None:
        """Start its processes on the hidden node."""
        self._observers = await self.services.node.start(Observers, self)

    def watchdog(self) -> Watchdog | None:
        """Return a watchdog of the loop, or None if the settings turn it off; stop the previous one."""
        self._stop_watchdog()
        after = self.services.settings.watchdog_after
        if after == 0:
            return None
        loop = asyncio.get_running_loop()
        watchdog = Watchdog(loop, self.watched.node, after=after, answers_again=self._answers_again)
        watchdog.look = SlowStarts(self.watched.node, after).look
        self._watchdog = watchdog
        return watchdog

    def _stop_watchdog(self) -> None:
        if self._watchdog is not None:
            self._watchdog.stop()
            self._watchdog = None

    def _answers_again(self, held: Held) -> None:
        hub = self.services.hubs.of(self.watched)
        self.services.report_hold(held, self.watched.monitor, hub, who_answers="its program")

    def restore(self, entries: Iterable[Entry], ended: str, at: float) -> None:
        """Restore supervisor entries of an earlier program of the node; `ended` says how that ended, `at` when."""
        restore(self.watched.analytics.book, entries)
        if ended:
            self.services.hubs.of(self.watched).note("bad", ended, at=at)

    def adopt(self, settings: Mapping[str, Any]) -> None:
        """Apply new settings.

        Raises:
            SettingsError: a setting is invalid; nothing has changed.
        """
        services = self.services
        configuration = services.configuration
        before = services.settings.watchdog_after
        configuration.make(configuration.plan_set(settings, OWNER_OF_SETTINGS))
        if services.settings.watchdog_after != before and otp.whereis(WATCHDOG) is not None:
            otp.send(WATCHDOG, "again")
        services.adopt()

    async def close(self) -> None:
        """Stop observing; everything it started ends."""
        if self._observers is not None:
            await Supervisor.stop(self._observers, "shutdown")
        self.leave()

    def leave(self) -> None:
        """Leave the inspected node: none of its events is read any more, and no thread watches its loop."""
        self._end.close()
        self._stop_watchdog()
        self.services.moments.close()
        self.services.hubs.close()
        self.services.events.close()
        self.services.traces.close()
        self.services.nodes.detach(self.watched.name)
