"""Services of a node that pages show and operations act on, in this program or in the one of the node."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

import otp
from otp import sentences
from superlearner.base.telemetry import Telemetry
from superlearner.cluster.members import Members
from superlearner.control.terms import clip
from superlearner.live.hub import Hub
from superlearner.live.hubs import Hubs
from superlearner.live.moments import Moments
from superlearner.live.trace_feed import TraceFeeds
from superlearner.nodes.nodes import Nodes
from superlearner.observing.events import EventLog
from superlearner.observing.monitoring import Monitor
from superlearner.observing.tracing import Traces
from superlearner.observing.watchdog import Held
from superlearner.operations.engine.audit import AuditLog
from superlearner.operations.engine.registry import Registry
from superlearner.operations.engine.seams import (
    Evaluation,
    LastAnomalies,
    LivePages,
    MomentHistory,
    PlatformFacts,
    PlaygroundTrees,
)
from superlearner.operations.engine.services import Services
from superlearner.settings.configuration import Configuration
from superlearner.settings.settings import Settings

__all__ = ["NodeServices"]

LONGEST_FAULT: Final = 500


class NodeServices:
    """The records, live pages and services of the nodes of one program.

    A headless program (`superlearner.backend`) has only these; `superlearner.web.platform` adds those that pages of a
    platform need.

    Args:
        node: the node on which all of it runs.
        configuration: the settings.
        version: the version that pages show.
        epoch: identifies this run of the platform.
        events: the log of events.
        arsenal: the operations that answers may point to.
        evaluates: whether Python code from requests is evaluated on the nodes of this program.

    Attributes:
        services: those that operations can name, by type; the ones provided here exist on every node.
    """

    def __init__(
        self,
        node: otp.Node,
        configuration: Configuration,
        *,
        version: str,
        epoch: str,
        events: EventLog,
        arsenal: Registry,
        evaluates: bool,
        audit: AuditLog | None = None,
    ) -> None:
        self.node = node
        self.configuration = configuration
        self.version = version
        self.epoch = epoch
        self.started_at = time.time()
        self.events = events
        self.arsenal = arsenal
        self.telemetry = Telemetry()
        self.audit = audit or AuditLog()
        self.nodes = Nodes(node, lambda: self.settings, epoch, version, self._report_fault)
        self.traces = Traces(keep=lambda: self.settings.keep_traces, telemetry=self.telemetry)
        self.hubs = Hubs(node, self.head, events.requests, **_limits_of(self.settings))
        self.nodes.listen(self.hubs.keep)
        self.moments = Moments(self.audit)
        self.nodes.listen(self.moments.follow)
        self.nodes.on_anomaly = self._report_anomaly
        self.trace_feeds = TraceFeeds()
        self.services = services = Services()
        services.provide(AuditLog, lambda: self.audit)
        services.provide(Evaluation, lambda: Evaluation(evaluates))
        services.provide(EventLog, lambda: self.events)
        services.provide(LastAnomalies, lambda: None)
        services.provide(LivePages, lambda: self.hubs)
        services.provide(Members, lambda: None)
        services.provide(MomentHistory, lambda: self.moments)
        services.provide(PlatformFacts, lambda: PlatformFacts(version, self.started_at, ready=False))
        services.provide(PlaygroundTrees, PlaygroundTrees)
        services.provide(Registry, lambda: self.arsenal)
        services.provide(Settings, lambda: self.settings)
        services.provide(Telemetry, lambda: self.telemetry)
        services.provide(Traces, lambda: self.traces)

    @property
    def settings(self) -> Settings:
        """The values in effect; read them when needed, since they may change."""
        return self.configuration.current

    @property
    def head(self) -> dict[str, Any]:
        """The fields about the platform in each snapshot of a live page."""
        return {"epoch": self.epoch, "version": self.version}

    def adopt(self) -> None:
        """Apply changed settings to what was built from old values."""
        self.hubs.adopt(**_limits_of(self.settings))
        self.events.resize(self.settings.events_kept)

    def report_hold(self, held: Held, monitor: Monitor, hub: Hub, who_answers: str = "the platform") -> None:
        """Report to the monitor and the hub of a node that its loop runs again after a callback blocked it."""
        seconds = monitor.was_held(held)
        who_held = {"pid": held.pid, "name": held.name, "place": f"{held.file}:{held.line}"}
        self.telemetry.execute("loop.held", {"duration": seconds}, who_held)
        who = monitor.name_holder(held) or held.pid or "something outside of any process"
        text = sentences.story(sentences.held(who, seconds, held.place), f"{who_answers} answers again")
        hub.held(seconds, text, None if held.pid is None else held.pid.strip("<>"))

    def _report_anomaly(
        self, node: str | None, event: str, measured: Mapping[str, float], about: Mapping[str, Any]
    ) -> None:
        is_over = event == "anomaly.ended"
        data = {"anomaly": about["type"], "severity": about["severity"]}
        lasted = {"lasted": round(measured["lasted"], 3)} if is_over else {}
        over = " is over" if is_over else ""
        text = f"{about['type'].replace('_', ' ')} ({about['severity']}){over}: {about['description']}"
        type = "anomaly_ended" if is_over else "anomaly_raised"
        self.events.emit(type, text, {**data, **lasted}, node=node, pid=about["pid"], name=about["name"])

    def _report_fault(self, node: str, what: str) -> None:
        self.telemetry.execute("node.fault", {}, {"node": node, "what": clip(what, LONGEST_FAULT)})


def _limits_of(settings: Settings) -> dict[str, Any]:
    """Return the intervals and limits of live pages."""
    return {
        "frame_interval": settings.frame_interval,
        "heartbeat_interval": settings.heartbeat_interval,
        "viewer_queue": settings.viewer_queue,
        "frame_rows": settings.frame_rows,
        "loop_held": settings.anomaly_loop_held,
        "callback": settings.anomaly_callback,
    }
