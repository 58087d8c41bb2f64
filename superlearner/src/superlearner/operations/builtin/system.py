"""The system as a whole: health, metrics, anomalies, export."""

from __future__ import annotations

import platform as platform_module
import time
from collections import Counter
from dataclasses import asdict
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from otp import observer
from superlearner.control.clock import timestamp
from superlearner.control.listing import count_processes
from superlearner.observing.monitoring import Alarm, Point
from superlearner.observing.monitoring.export import Table, as_csv, as_json, rows_of
from superlearner.operations.context import Context
from superlearner.operations.declaration import Download, operation
from superlearner.operations.engine.seams import LivePages, PlatformFacts
from superlearner.operations.parameters import OfWhom
from superlearner.operations.results import Health, Metrics, Parts
from superlearner.operations.results.system import (
    AnomalyLine,
    AnomalySummary,
    Exported,
    PointLine,
    SystemAnomalies,
    SystemMetrics,
    Totals,
)
from superlearner.settings.settings import Settings
from superlearner.store import Store

POINTS: Final = 300
"""Points of a history without `resolution_s`."""
MOST_POINTS: Final = 2_000
RANKS: Final = ("low", "medium", "high", "critical")
STORMY: Final = frozenset({"restart_storm", "crash_loop"})
UNHEALTHY_PERCENT: Final = 80.0


@operation("system.health", http=("GET", "/system/health"), scope="read", on="platform", of="everyone")
async def health(ctx: Context, facts: PlatformFacts, store: Store, pages: LivePages, /) -> Health:
    """Show the health of the platform.

    Metrics of the node, and the running parts of the platform. `supervision_health` is the percentage of supervisors
    without a restart storm or crash loop. The status is `healthy` if all parts are up, no service is missing or
    suspended, and it is above 80 %.
    """
    node = ctx.node
    scan = await ctx.watched.monitor.scan_all()
    ctx.watched.monitor.look()
    info, counted = observer.metrics(node, deadline=0), count_processes(node)
    parts = Parts(
        services=node.whereis("services") is not None,
        playground=node.whereis("playground") is not None,
        web=node.whereis("web") is not None,
        store=store.trouble is None,
    )
    active = [alarm.finding for alarm in ctx.watched.monitor.alarms.active.values()]
    stormy = {finding.pid for finding in active if finding.type in STORMY}
    share = round(100 * (1 - min(1.0, len(stormy) / max(1, scan.supervisors))), 1)
    metrics = Metrics(
        total_processes=counted.yours,
        platform_processes=counted.platform,
        supervisors=scan.supervisors - counted.platform_supervisors,
        run_queue=info.run_queue,
        spawned=info.spawned,
        message_queue_lengths=scan.waiting,
        memory_usage=info.memory,
        supervision_health=share,
        anomalies=len(active),
        restarts=info.restarts,
        viewers=pages.viewer_count(),
    )
    well = facts.ready and not facts.gaps and all(parts.model_dump().values()) and share > UNHEALTHY_PERCENT
    return Health(
        status="healthy" if well else "degraded",
        parts=parts,
        node=node.name,
        version=facts.version,
        python=platform_module.python_version(),
        uptime_s=round(time.time() - facts.started_at, 1),
        metrics=metrics,
        missing=[one.name for one in facts.gaps if one.pid is None],
        suspended=[one.name for one in facts.gaps if one.pid is not None],
    )


@operation("system.metrics", http=("GET", "/system/metrics"), scope="read", short="node now totals")
async def metrics(
    ctx: Context,
    facts: PlatformFacts,
    settings: Settings,
    /,
    window_s: Annotated[float, Field(ge=1, le=86_400, description="seconds of history")] = 3_600,
    resolution_s: Annotated[
        float | None, Field(ge=0.01, le=86_400, description="seconds per point; by default 300 points in all")
    ] = None,
) -> SystemMetrics:
    """Show the metrics of the node, with their history.

    Processes, restarts, mailboxes, loop lag, time in callbacks, memory, processor, garbage collection, files. The last
    hour has a point for each sample (`scan_interval`), the last day one for each minute.
    """
    monitor = ctx.watched.monitor
    now = await monitor.now()
    finest = max(0.01, window_s / MOST_POINTS)
    resolution = max(finest, window_s / POINTS if resolution_s is None else resolution_s)
    counted = observer.metrics(ctx.node, deadline=0)
    return SystemMetrics(
        node=ctx.node.name,
        now=_point(now),
        platform_processes=count_processes(ctx.node).platform,
        totals=Totals(
            spawned=counted.spawned,
            restarts=counted.restarts,
            give_ups=counted.give_ups,
            messages=counted.handled,
            activations=counted.switches,
            busy_s=round(counted.busy, 3),
            cpu_s=round(time.process_time(), 3),
            gc_collections=sum(counted.collections),
            gc_paused_s=round(monitor.paused, 6),
            uptime_s=round(time.time() - facts.started_at, 1),
        ),
        history=[_point(point) for point in monitor.history.read(window_s, resolution, now.at)],
        window_s=window_s,
        resolution_s=resolution,
        scan_interval_s=settings.scan_interval,
    )


@operation("system.anomalies", http=("GET", "/system/anomalies"), scope="read",
           short="anomalies.severity,description,hint,since summary.total,risk_level processes_looked_at")  # fmt: skip
async def anomalies(
    ctx: Context,
    ended: Annotated[bool, Field(description="also past anomalies")] = False,
) -> SystemAnomalies:
    """List anomalies with their evidence.

    Restart storms, crash loops, long or growing mailboxes, growing memory, long callbacks, a blocked event loop,
    deadlocks, isolated processes, useless monitors, services of the platform that are not running. Each has its
    values, the limit it exceeds, the setting of the limit, and what to try.
    """
    monitor = ctx.watched.monitor
    await monitor.fresh()
    now = time.time()
    active = sorted(
        monitor.alarms.active.values(), key=lambda alarm: (-RANKS.index(alarm.finding.severity), alarm.number)
    )
    shown = [describe_anomaly(alarm, now) for alarm in active]
    if ended:
        shown += [describe_anomaly(alarm, now) for alarm in reversed(monitor.alarms.ended)]
    kinds = Counter(alarm.finding.type for alarm in active)
    return SystemAnomalies(
        anomalies=shown,
        summary=AnomalySummary(
            total=len(active),
            by_type=dict(kinds),
            unsupervised_processes=kinds["unsupervised_process"],
            memory_growth_issues=kinds["memory_growth"],
            growing_queues=kinds["mailbox_growth"],
            risk_level=active[0].finding.severity if active else "none",
        ),
        checked_at=timestamp(now),
        processes_looked_at=0 if monitor.scan is None else monitor.scan.scanned,
    )


@operation("system.export", http=("GET", "/system/export"), scope="read", media=("text/csv",))
async def export(
    ctx: Context,
    format: Annotated[Literal["json", "csv"], Field(description="`csv` is safe to open in a spreadsheet")] = "json",
    what: Annotated[Table, Field(description="the table")] = "processes",
    limit: Annotated[int, Field(ge=1, le=100_000, description="the most rows")] = 10_000,
    whose: OfWhom = "yours",
) -> Exported:
    """Export a table as a file.

    Processes, metrics (the last hour in full, the last day by the minute), anomalies with their evidence, or restarts,
    as JSON or CSV. Rows are made while they are sent, so the loop is not blocked.
    """
    watched = ctx.watched
    rows, total = rows_of(what, watched.node, watched.monitor, watched.analytics, whose)
    name = f"superlearner-{what}-{timestamp()[:10]}.{format}"
    if format == "csv":
        return download(Download("text/csv", name, as_csv(what, rows, limit)))
    head = {"what": what, "node": watched.node.name, "exported_at": timestamp(), "total": total,
            "truncated": total > limit}  # fmt: skip
    return download(Download("application/json", name, as_json(what, rows, limit, head)))


def download(found: Download) -> Any:
    """Return a download where the signature names the model of its content."""
    return found


def _point(point: Point) -> PointLine:
    return PointLine(timestamp=timestamp(point.at), **asdict(point))


def describe_anomaly(alarm: Alarm, now: float) -> AnomalyLine:
    """Return an anomaly as operations and the live feed show it."""
    finding = alarm.finding
    return AnomalyLine(
        number=alarm.number,
        type=finding.type,
        severity=finding.severity,
        active=alarm.ended is None,
        pid=finding.pid,
        name=finding.name,
        description=finding.description,
        since=timestamp(finding.since),
        until=None if alarm.ended is None else timestamp(alarm.ended),
        lasted_s=round(max(0.0, (alarm.ended or now) - finding.since), 1),
        count=finding.count,
        evidence=dict(finding.evidence),
        threshold=finding.threshold,
        setting=finding.setting,
        hint=finding.hint,
    )
