"""The system as a whole: health, metrics, anomalies, export."""

from __future__ import annotations

import asyncio
import platform as platform_module
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import Field

from otp import observer
from superlearner.control.clock import timestamp
from superlearner.control.listing import count_processes
from superlearner.nodes.nodes import WatchedNode
from superlearner.nodes.remote import RemoteNode
from superlearner.observing.monitoring import Alarm, Point
from superlearner.observing.monitoring.export import Table, as_csv, as_json, rows_of
from superlearner.observing.monitoring.facts import RANKS, AnomalyFinding
from superlearner.operations.builtin.program_runs import list_runs
from superlearner.operations.builtin.restart_incidents import possible_names, read_anomaly
from superlearner.operations.builtin.restart_loops import ANOMALY
from superlearner.operations.context import Context
from superlearner.operations.declaration import Download, Operation, declared, operation
from superlearner.operations.engine.forwarding import forward
from superlearner.operations.engine.seams import LastAnomalies, LivePages, MomentHistory, PlatformFacts
from superlearner.operations.failures import OperationError
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
from superlearner.operations.rights.ownership import not_their_node
from superlearner.settings.settings import Settings, unit_of
from superlearner.store import Store

POINTS: Final = 300
"""Points of a history without `resolution_s`."""
MOST_POINTS: Final = 2_000
MOST_STORED: Final = 200
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


@operation("system.anomalies", http=("GET", "/system/anomalies"), scope="read", outlives=True,
           errors=("node_not_found", "node_unavailable"),
           short="unreachable anomalies.severity,until,description,hint,since summary.total,risk_level "
                 "processes_looked_at past")  # fmt: skip
async def anomalies(
    ctx: Context,
    history: MomentHistory | None,
    known: LastAnomalies | None,
    /,
    ended: Annotated[bool, Field(description="also past anomalies")] = False,
) -> SystemAnomalies:
    """List anomalies with their evidence.

    Restart storms, crash loops, long or growing mailboxes, growing memory, long callbacks, calls that timed out, a
    blocked event loop, deadlocks, isolated processes, useless monitors, services of the platform that are not running.
    Each has its values, the limit it exceeds, the setting of the limit, and what to try. Past ones are stored,
    including those of nodes that have ended. If a node does not answer, the list has the anomalies of the last run of
    its program: those that were active when it last answered, then the others, each by severity.
    """
    if not ctx.user.sees(ctx.owner_of(ctx.on)):
        raise not_their_node(_this(), ctx)
    try:
        node = ctx.found
    except OperationError as error:
        before = await _list_before(ctx, history, known, ended=ended)
        if before is None:
            raise
        return _unreachable(ctx, str(error), before)
    if isinstance(node, RemoteNode) and node.held is not None:
        before = await _list_before(ctx, history, known, ended=ended)
        return _unreachable(ctx, f"{node.name} does not answer: {node.held}", before)
    if isinstance(node, RemoteNode):
        try:
            answer = await forward(_this(), ctx, node, {"ended": ended})
        except OperationError as error:
            before = await _list_before(ctx, history, known, ended=ended)
            if node.held is None and not (error.code == "timeout" and before is not None):
                raise
            return _unreachable(ctx, error.message, before)
        found = SystemAnomalies.model_validate(answer.data)
    else:
        found = await _look(node, ended=ended)
    if ended:
        found.anomalies = _once([*found.anomalies, *await _list_stored(ctx, history)])
    elif found.past is not None or await _has_stored(ctx, history):
        found.past = _describe_past(ctx)
    return found


def _describe_past(ctx: Context) -> str:
    return f"`{ctx.command('system.anomalies', ended=True)}` lists past anomalies"


class _Before(NamedTuple):
    """The anomalies that a node had when it last answered, and whether earlier ones are left out."""

    lines: list[AnomalyLine]
    more: bool


def _unreachable(ctx: Context, why: str, before: _Before | None) -> SystemAnomalies:
    shown = SystemAnomalies(
        unreachable=why, anomalies=[], summary=None, checked_at=timestamp(), processes_looked_at=None
    )
    if before is not None:
        shown.anomalies = before.lines
        shown.past = _describe_past(ctx) if before.more else None
    return shown


def _this() -> Operation:
    found = declared(anomalies)
    assert found is not None
    return found


def _once(lines: Sequence[AnomalyLine]) -> list[AnomalyLine]:
    """Return each anomaly once, as its first line is: one that outlasts a lost connection is stored at each end."""
    found: dict[tuple[str, str, str | None, str | None], AnomalyLine] = {}
    for one in lines:
        found.setdefault((one.type, one.since, one.name, one.pid), one)
    return list(found.values())


async def _list_before(
    ctx: Context, history: MomentHistory | None, known: LastAnomalies | None, *, ended: bool
) -> _Before | None:
    """Return the anomalies that were active when a silent node last answered, then those stored of this run.

    With `ended`, also those of earlier runs of its program. None if nothing is known.
    """
    last = [] if known is None else known.last_of(ctx.nodes.node_of(ctx.on or ctx.home.name))
    stored = await _list_stored(ctx, history)
    kept = stored
    if not ended and history is not None:
        runs = await list_runs(history, possible_names(ctx.on or ctx.home.name), ctx.user.only_owner)
        begin = timestamp(runs[-1] if runs else 0.0)
        kept = [one for one in stored if (one.until or one.since) >= begin]
    lines = sorted(_once([*last, *kept]), key=lambda one: (not one.active, -RANKS[one.severity]))
    return _Before(lines, len(kept) < len(stored)) if lines or stored else None


async def _list_stored(ctx: Context, history: MomentHistory | None) -> list[AnomalyLine]:
    """Return the newest stored anomalies of the node, which may have ended."""
    if history is None:
        return []
    names = possible_names(ctx.on or ctx.home.name)
    rows, _ = await history.page(names, [], ctx.user.only_owner, None, None, 0, MOST_STORED, number=ANOMALY)
    return await asyncio.to_thread(lambda: _once([one for row in rows if (one := read_anomaly(row)) is not None]))


async def _has_stored(ctx: Context, history: MomentHistory | None) -> bool:
    """Return whether past anomalies of the node are stored, also of earlier runs of its program."""
    if history is None:
        return False
    return await history.has_anomalies(possible_names(ctx.on or ctx.home.name), ctx.user.only_owner)


async def _look(node: WatchedNode, *, ended: bool) -> SystemAnomalies:
    """Return what is found on a node of this program now."""
    monitor = node.monitor
    await monitor.fresh()
    now = time.time()
    active = sorted(monitor.alarms.active.values(), key=lambda alarm: (-RANKS[alarm.finding.severity], alarm.number))
    shown = [describe_anomaly(alarm, now) for alarm in active]
    if ended:
        shown += [describe_anomaly(alarm, now) for alarm in reversed(monitor.alarms.ended)]
    findings = [alarm.finding for alarm in active]
    found = _summarize(shown, findings, now, 0 if monitor.scan is None else monitor.scan.scanned)
    if not ended and monitor.alarms.ended:
        found.past = "there are past anomalies"
    return found


def _summarize(
    shown: list[AnomalyLine], active: Sequence[AnomalyFinding], now: float, looked_at: int
) -> SystemAnomalies:
    kinds = Counter(finding.type for finding in active)
    return SystemAnomalies(
        anomalies=shown,
        summary=AnomalySummary(
            total=len(active),
            by_type=dict(kinds),
            unsupervised_processes=kinds["unsupervised_process"],
            memory_growth_issues=kinds["memory_growth"],
            growing_queues=kinds["mailbox_growth"],
            risk_level=active[0].severity if active else "none",
        ),
        checked_at=timestamp(now),
        processes_looked_at=looked_at,
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
        description=alarm.description,
        past=alarm.past,
        since=timestamp(finding.since),
        last=None if finding.last is None else timestamp(finding.last),
        until=None if alarm.until is None else timestamp(alarm.until),
        over=None if alarm.ended is None else timestamp(alarm.ended),
        lost=alarm.lost,
        lasted_s=round(max(0.0, (alarm.until or now) - finding.since), 1),
        count=finding.count,
        evidence=dict(finding.evidence),
        threshold=finding.threshold,
        setting=finding.setting,
        unit=unit_of(finding.setting),
        hint=finding.hint,
        past_hint=finding.past_hint,
    )
