"""Measurements as rows, one per process that was active, waiting or restarted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["SORTS", "ScreenFrame", "ProcessRow", "frame_of", "ordered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRow:
    """A process; values that are unknown or were not measured are None."""

    pid: str
    name: str | None
    what: str
    status: str | None = None
    messages_per_s: float | None = None
    callback_percent: float | None = None
    longest_callback_ms: float | None = None
    message_queue_len: int | None = None
    restarts: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenFrame:
    """A snapshot of a node: totals and rows."""

    node: str
    totals: dict[str, Any] = field(default_factory=dict[str, Any])
    processes: list[ProcessRow] = field(default_factory=list[ProcessRow])
    measured_ms: float | None = None


SORTS: Final = {
    "callback": "callback_percent",
    "messages": "messages_per_s",
    "longest": "longest_callback_ms",
    "mailbox": "message_queue_len",
    "restarts": "restarts",
    "name": "name",
}
"""Sort orders and the field of each."""


def frame_of(
    tree: dict[str, Any],
    listed: list[dict[str, Any]],
    measured: dict[str, Any] | None,
    point: dict[str, Any] | None,
    own: Collection[str] = (),
) -> ScreenFrame:
    """Combine answers.

    Args:
        tree: the answer of `tree.show`.
        listed: the answer of `process.list`.
        measured: `measured` of `system.bottlenecks`.
        point: `now` of `system.metrics`.
        own: the pids of the platform's own processes, which are left out.
    """
    slots = {one["pid"]: one for one in _below(tree["roots"]) if one["pid"] is not None}
    seconds = (measured or {}).get("seconds") or 0.0
    work = {one["pid"]: one for one in (measured or {}).get("processes", ())}
    known = {one["pid"]: one for one in listed}
    rows: list[ProcessRow] = []
    for pid in dict.fromkeys([*work, *known, *slots]):
        if pid in own:
            continue
        did, seen, slot = work.get(pid), known.get(pid), slots.get(pid)
        about: dict[str, Any] = seen or slot or did or {}
        idle = 0.0 if seconds else None
        rows.append(
            ProcessRow(
                pid=pid,
                name=about["name"],
                what=about["what"],
                status=None if seen is None else seen["status"],
                messages_per_s=idle if did is None or not seconds else round(did["messages"] / seconds, 1),
                callback_percent=idle
                if did is None or not seconds
                else round(did["callback_time_ms"] / seconds / 10, 1),
                longest_callback_ms=None if did is None else did["longest_callback_ms"],
                message_queue_len=None if seen is None else seen["message_queue_len"],
                restarts=None if slot is None else slot["restarts"],
            )
        )
    totals = dict(point or {})
    if seconds and measured is not None:
        totals["messages_per_s"] = round(measured["messages"] / seconds, 1)
    return ScreenFrame(node=tree["node"], totals=totals, processes=rows, measured_ms=seconds * 1000 or None)


def ordered(rows: Iterable[ProcessRow], by: str, search: str = "") -> list[ProcessRow]:
    """Return the rows that match `search`, highest first, then by mailbox and name."""
    found = [row for row in rows if search.lower() in f"{row.name or ''} {row.what} {row.pid}".lower()]
    if by == "name":
        return sorted(found, key=lambda row: (row.name is None, row.name or "", row.pid))
    column = SORTS[by]
    return sorted(
        found,
        key=lambda row: (
            -(getattr(row, column) or 0),
            -(row.message_queue_len or 0),
            row.name is None,
            row.name or row.pid,
        ),
    )


def _below(slots: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for one in slots:
        yield one
        yield from _below(one.get("children", ()))
