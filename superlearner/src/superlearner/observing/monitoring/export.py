"""Tables for other programs, in steps: JSON, or CSV safe for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from typing import Any, Final, Literal

import otp
from otp import Node
from otp.observer.reading import summary_of
from superlearner.control.clock import timestamp
from superlearner.control.listing import Whose, processes_of
from superlearner.control.look import convert_summary
from superlearner.control.turns import next_turn
from superlearner.observing.analytics import Ledger
from superlearner.observing.monitoring.monitor import Monitor

__all__ = ["COLUMNS", "Table", "as_csv", "as_json", "cell", "rows_of"]

Table = Literal["processes", "metrics", "anomalies", "restarts"]
STEP: Final = 500
"""Rows made in one turn of the loop: a few milliseconds."""

DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""First characters of formulas in spreadsheets; the last four are full-width."""

COLUMNS: Final[dict[Table, tuple[str, ...]]] = {
    "processes": (
        "pid", "name", "type", "what", "status", "message_queue_len", "links", "monitors", "monitored_by", "trap_exit",
        "parent", "critical",
    ),
    "metrics": (
        "timestamp", "seconds", "processes", "supervisors", "names", "spawned", "restarts", "give_ups",
        "message_queue_lengths", "mailbox_deepest", "mailbox_deepest_pid", "run_queue", "timers", "messages_per_s",
        "activations_per_s", "busy", "longest_callback_ms", "loop_lag_ms", "memory", "cpu_percent", "starved_percent",
        "gc_collections", "gc_pause_ms", "read_bytes_per_s", "written_bytes_per_s", "open_files", "threads",
    ),
    "anomalies": (
        "number", "type", "severity", "active", "pid", "name", "description", "since", "until", "evidence", "threshold",
        "setting", "hint",
    ),
    "restarts": (
        "number", "timestamp", "event_type", "supervisor", "supervisor_pid", "child_id", "old_pid", "child_pid",
        "reason", "crash", "recovery_s",
    ),
}  # fmt: skip


def rows_of(
    table: Table, node: Node, monitor: Monitor, ledger: Ledger, whose: Whose = "yours"
) -> tuple[Iterator[dict[str, Any]], int]:
    """Return a lazy iterator over the rows of a table, and their approximate number."""
    if table == "processes":
        pids = processes_of(node, whose)
        return (convert_summary(summary_of(pid)) for pid in pids if otp.is_alive(pid)), len(pids)
    if table == "metrics":
        points = monitor.history.since(0.0)
        return ({"timestamp": timestamp(point.at), **asdict(point)} for point in points), len(points)
    if table == "anomalies":
        alarms = [*monitor.alarms.active.values(), *reversed(monitor.alarms.ended)]
        return map(_anomaly, alarms), len(alarms)
    entries = [entry for history in list(ledger.book.histories.values()) for entry in history.entries()]
    return ({**asdict(entry), "timestamp": timestamp(entry.at)} for entry in entries), len(entries)


def _anomaly(alarm: Any) -> dict[str, Any]:
    finding = alarm.finding
    times = {"since": timestamp(finding.since), "until": None if alarm.until is None else timestamp(alarm.until)}
    shown = {key: value for key, value in asdict(finding).items() if key not in ("size", "past", "calls")}
    return {**shown, **times, "number": alarm.number, "active": alarm.ended is None}


async def as_csv(table: Table, rows: Iterator[Mapping[str, Any]], limit: int) -> AsyncIterator[str]:
    """Yield the column names, then the rows in chunks."""
    columns = COLUMNS[table]
    page = io.StringIO()
    writer = csv.writer(page)
    writer.writerow(columns)
    left = limit
    while True:
        some = list(islice(rows, min(STEP, left)))
        writer.writerows([cell(row[name]) for name in columns] for row in some)
        yield page.getvalue()
        left -= len(some)
        if len(some) < STEP:
            return
        page.seek(0)
        page.truncate()
        await next_turn()


async def as_json(
    table: Table, rows: Iterator[Mapping[str, Any]], limit: int, head: Mapping[str, Any]
) -> AsyncIterator[str]:
    """Yield the usual envelope, with `head` and the rows in its data."""
    columns = COLUMNS[table]
    yield '{"data": {' + "".join(f"{json.dumps(key)}: {json.dumps(value)}, " for key, value in head.items())
    yield '"rows": ['
    first, left = True, limit
    while True:
        some = list(islice(rows, min(STEP, left)))
        text = ",\n".join(json.dumps({name: row[name] for name in columns}, default=str) for row in some)
        yield text if first or not text else f",\n{text}"
        first, left = False, left - len(some)
        if len(some) < STEP:
            break
        await next_turn()
    yield f']}}, "success": true, "timestamp": {json.dumps(timestamp())}}}'


def cell(value: Any) -> Any:
    """Return a value for CSV; text that looks like a formula gets an apostrophe.

    >>> cell("=1+1"), cell(-1), cell("till"), cell(None), cell({"n": 1})
    ("'=1+1", -1, 'till', '', '{"n": 1}')
    """
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return f"'{text}" if text.startswith(DANGEROUS) else text
