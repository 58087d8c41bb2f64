"""Analytics of supervisors: counts, history and trends. Only `sync` sends a message to a supervisor."""

from __future__ import annotations

import asyncio
from typing import Annotated

from pydantic import Field

import otp
from superlearner.control.clock import timestamp
from superlearner.control.tree import supervisor_state
from superlearner.observing.analytics import Entry, EventType, History, settled
from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, operation
from superlearner.operations.engine.seams import RemoteHistory
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import OfWhom, PageNumber, PerPage, Since, SupervisorText, Until
from superlearner.operations.results.analytics import (
    AllSupervisorStats,
    BaselineResult,
    PerformanceMetrics,
    SinceBaseline,
    StoredEvent,
    StoredHistory,
    SupervisionEventResult,
    SupervisorAnalytics,
    SupervisorStatsLine,
    SupervisorTrends,
)
from superlearner.operations.targets import answering, supervisor_of
from superlearner.store import Restart, Store, StoreUnavailable

NOT_THERE = ("malformed_pid", "supervisor_not_found")
SYNC_S = 5.0

WindowMs = Annotated[int, Field(ge=1, le=3_600_000, description="the window in milliseconds, at most an hour")]
Limit = Annotated[int, Field(ge=1, le=10_000, description="the most entries")]
Kind = Annotated[EventType | None, Field(description="only this kind of event")]
ChildFilter = Annotated[str | None, Field(max_length=200, description="only the child with this id")]


@operation(
    "analytics.supervisor",
    http=("GET", "/supervisors/{name}/analytics"),
    scope="read",
    errors=(*NOT_THERE, "call_failed", "timeout"),
    short="supervisor_name alive since total_restarts restarted_along give_ups failure_rate restarts_by_child "
    "restarts_by_reason since_baseline restart_history.at,event_type,child_id,reason,recovery_ms",
)
async def supervisor(
    ctx: Context,
    name: SupervisorText,
    window_ms: WindowMs = 60_000,
    limit: Annotated[Limit, Field(description="number of newest entries of the restart history")] = 1000,
    sync: Annotated[bool, Field(description="wait until it has handled the messages in its mailbox")] = False,
) -> SupervisorAnalytics:
    """Show the analytics of a supervisor.

    Restarts, give-ups and failure rate, counted from its events. They remain available for ten minutes after it ends.
    """
    await _ready()
    history = _history(ctx, name)
    ledger = ctx.watched.analytics
    pid = ledger.pid_of(history)
    if sync and pid is not None and ledger.is_alive(history):
        with answering():
            try:
                await settled(pid, SYNC_S)
            except otp.CallTimeout:
                raise OperationError(
                    "timeout", f"the supervisor did not answer within {SYNC_S:g} s; it is starting a child"
                ) from None
    state = None if pid is None else supervisor_state(pid)
    since = history.baseline
    entries = [_convert_entry(entry) for entry, _ in zip(history.restart_history(), range(limit), strict=False)]
    return SupervisorAnalytics(
        supervisor_name=history.key,
        supervisor_pid=history.pid,
        alive=ledger.is_alive(history),
        since=timestamp(ledger.book.since),
        total_restarts=history.total_restarts,
        restarted_along=history.count("restarted_along"),
        failed_restarts=history.count("restart_failed"),
        give_ups=history.count("gave_up"),
        failure_rate=ledger.failure_rate(history, window_ms),
        restart_history=entries,
        restarts_by_child=dict(history.by_child),
        restarts_by_reason=dict(history.by_reason),
        performance_metrics=PerformanceMetrics(
            memory=None,
            message_queue_len=None if state is None or pid is None else otp.process_info(pid, "message_queue_len"),
            reductions=None,
            child_count=None if state is None else len(state),
        ),
        since_baseline=None
        if since is None
        else SinceBaseline(
            timestamp=timestamp(since.at),
            restarts=history.total_restarts - since.restarts,
            give_ups=history.count("gave_up") - since.gave_up,
        ),
    )


@operation("analytics.trends", http=("GET", "/supervisors/{name}/trends"), scope="read", errors=NOT_THERE,
           short="supervisor_name outlook direction enough_data failure_rate failure_rate_before max_restarts "
                 "max_seconds seconds_to_give_up mean_time_to_recovery_ms longest_recovery_ms "
                 "mean_time_between_restarts_ms")  # fmt: skip
async def trends(ctx: Context, name: SupervisorText, window_ms: WindowMs = 60_000) -> SupervisorTrends:
    """Show the trends of a supervisor.

    The change of its failure rate, the outlook for its restart budget, and the recovery time of its children.
    """
    await _ready()
    history = _history(ctx, name)
    ledger = ctx.watched.analytics
    trend = ledger.trend(history, window_ms)
    allowed, window = history.allowed, history.window_s
    return SupervisorTrends(
        supervisor_name=history.key,
        supervisor_pid=history.pid,
        failure_rate=trend.now,
        failure_rate_before=trend.before,
        change=trend.change,
        direction=trend.direction,
        enough_data=trend.enough,
        max_restarts=None if allowed == "infinity" else allowed,
        max_seconds=None if window == "infinity" else window,
        outlook=trend.outlook,
        seconds_to_give_up=trend.seconds_to_give_up,
        mean_time_to_recovery_ms=_ms(trend.mean_recovery_s),
        longest_recovery_ms=_ms(trend.longest_recovery_s),
        mean_time_between_restarts_ms=_ms(trend.mean_between_s),
        scan_interval_ms=round(ledger.scan_interval * 1000),
        samples=list(history.samples),
    )


@operation("analytics.history", http=("GET", "/supervisors/{name}/history"), scope="read", errors=NOT_THERE,
           short="at event_type child_id reason recovery_ms old_pid child_pid")  # fmt: skip
async def history(
    ctx: Context,
    name: SupervisorText,
    page: PageNumber = 1,
    per_page: PerPage = 50,
    event_type: Kind = None,
    child: ChildFilter = None,
    since: Since = None,
    until: Until = None,
) -> Paged[SupervisionEventResult]:
    """List the events of a supervisor.

    Starts, exits, restarts and give-ups in memory, newest first; see `analytics.stored` for older ones.
    """
    await _ready()
    found = [
        entry
        for entry in _history(ctx, name).entries()
        if (event_type is None or entry.event_type == event_type)
        and (child is None or entry.child_id == child)
        and (since is None or entry.at >= since)
        and (until is None or entry.at < until)
    ]
    start = (page - 1) * per_page
    return Paged([_convert_entry(entry) for entry in found[start : start + per_page]], len(found), page, per_page)


@operation("analytics.supervisors", http=("GET", "/analytics/supervisors"), scope="read",
           short="supervisor_stats.supervisor_name,total_restarts,recent_restarts,give_ups,last_restart,alive "
                 "supervisor_stats.supervisor_pid since total_supervisors total_restarts missed_events")  # fmt: skip
async def supervisors(
    ctx: Context, window_ms: WindowMs = 60_000, limit: Limit = 1000, whose: OfWhom = "yours"
) -> AllSupervisorStats:
    """Compare supervisors.

    The number of restarts of each, most restarts first.
    """
    await _ready()
    stats = ctx.watched.analytics.stats(window_ms, limit, whose)
    return AllSupervisorStats(
        since=timestamp(ctx.watched.analytics.book.since),
        total_supervisors=stats.total_supervisors,
        total_restarts=stats.total_restarts,
        uptime_ms=stats.uptime_ms,
        window_ms=window_ms,
        missed_events=stats.missed_events,
        supervisor_stats=[
            SupervisorStatsLine(
                supervisor_pid=one.supervisor_pid,
                supervisor_name=one.supervisor_name,
                alive=one.alive,
                total_restarts=one.total_restarts,
                recent_restarts=one.recent_restarts,
                give_ups=one.give_ups,
                last_restart=None if one.last_restart is None else timestamp(one.last_restart),
            )
            for one in stats.supervisor_stats
        ],
    )


@operation(
    "analytics.baseline",
    http=("POST", "/supervisors/{name}/analytics/baseline"),
    scope="operate",
    changes=True,
    errors=NOT_THERE,
)
async def baseline(ctx: Context, name: SupervisorText) -> BaselineResult:
    """Set a baseline for a supervisor.

    Its analytics then also count restarts and give-ups since the baseline.
    """
    history = _history(ctx, name)
    ctx.about_to(f"count the restarts of {history.key} from now on", [history.key])
    begun = ctx.watched.analytics.establish_baseline(history)
    return BaselineResult(
        supervisor_name=history.key,
        timestamp=timestamp(begun.at),
        total_restarts=begun.restarts,
        give_ups=begun.gave_up,
    )


@operation(
    "analytics.stored",
    http=("GET", "/analytics/history"),
    scope="read",
    here=True,
    of="platform",
    errors=("store_unavailable",),
    short="events.at,supervisor_name,event_type,child_id,reason next_before",
)
async def stored(
    ctx: Context,
    store: Store,
    remote: RemoteHistory | None,
    /,
    supervisor: Annotated[str | None, Field(max_length=200, description="only the supervisor with this name")] = None,
    event_type: Kind = None,
    child: ChildFilter = None,
    since: Since = None,
    until: Until = None,
    run: Annotated[str | None, Field(max_length=100, description="only this run of the platform")] = None,
    before: Annotated[int | None, Field(ge=1, le=2**53, description="only events before the one with this id")] = None,
    limit: Annotated[Limit, Field(le=1000)] = 100,
) -> StoredHistory:
    """List the stored events of all runs.

    Restarts, give-ups and crashes from the database, newest first, including earlier runs of the platform.
    """
    if remote is not None:
        await remote.catch_up()
    try:
        await store.sync()
        rows = await store.restarts(
            supervisor, child=child, event=event_type, since=since, until=until, run=run, before=before, limit=limit
        )
    except StoreUnavailable as error:
        hint = error.hint if ctx.user.may("code") else "the hint needs the scope code"  # it contains paths
        raise OperationError("store_unavailable", error.why, hint=hint) from None
    return StoredHistory(
        run=store.run,
        events=[_row(row) for row in rows],
        next_before=rows[-1].id if len(rows) == limit else None,
    )


async def _ready() -> None:
    """Let ready processes run, so that a supervisor handles a kill made just before this request."""
    await asyncio.sleep(0)


def _history(ctx: Context, text: str) -> History:
    """Return the history of the supervisor that `text` names, running or recently ended."""
    ledger = ctx.watched.analytics
    try:
        return ledger.meet(supervisor_of(ctx, text))
    except OperationError as error:
        if error.code != "supervisor_not_found":
            raise
        try:
            return ledger.find(text)
        except LookupError:
            raise error from None


def _convert_entry(entry: Entry) -> SupervisionEventResult:
    return SupervisionEventResult(
        number=entry.number,
        timestamp=timestamp(entry.at),
        at=entry.at,
        event_type=entry.event_type,
        child_id=entry.child_id,
        old_pid=entry.old_pid,
        child_pid=entry.child_pid,
        reason=entry.reason,
        crash=entry.crash,
        recovery_ms=_ms(entry.recovery_s),
        supervisor_name=entry.supervisor,
        supervisor_pid=entry.supervisor_pid,
    )


def _row(row: Restart) -> StoredEvent:
    return StoredEvent(
        id=row.id,
        run=row.run,
        timestamp=timestamp(row.at),
        at=row.at,
        event_type=row.event,
        child_id=row.child,
        old_pid=row.old_pid,
        child_pid=row.new_pid,
        reason=row.reason,
        supervisor_name=row.supervisor,
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
