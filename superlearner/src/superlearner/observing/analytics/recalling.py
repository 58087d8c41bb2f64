"""Histories continued from an earlier run of the program, by supervisor name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from superlearner.observing.analytics.entries import Entry
from superlearner.observing.analytics.history import Book, History, count

__all__ = ["recall"]

NS: Final = 1_000_000_000


def recall(book: Book, entries: Iterable[Entry]) -> None:
    """Add entries of an earlier run to a book, oldest first.

    A supervisor without a name is left out: its pid may belong to another process by now.

    >>> book = Book()
    >>> recall(book, [Entry(7, 1.0, "restarted", "shop", "0.3.0", "till", "0.4.0", "0.5.0", "killed", False, 0.25)])
    >>> book.number, book.histories["shop"].total_restarts, book.by_pid
    (7, 1, {})
    """
    for entry in entries:
        book.number = max(book.number, entry.number)
        if entry.supervisor == entry.supervisor_pid:
            continue
        history = book.histories.get(entry.supervisor)
        if history is None:
            pid = entry.supervisor_pid
            history = book.histories[entry.supervisor] = History(entry.supervisor, entry.supervisor, pid)
        elif history.pid != entry.supervisor_pid:
            history.incarnations += 1
            history.pid = entry.supervisor_pid
        history.ended_at = entry.at
        history.counts[entry.event_type] = history.counts.get(entry.event_type, 0) + 1
        history.keep(entry, book.most)
        if entry.event_type == "restarted":
            _restarted(book, history, entry)


def _restarted(book: Book, history: History, entry: Entry) -> None:
    book.total_restarts += 1
    history.restarts.add(round((entry.at - book.offset) * NS))
    if entry.recovery_s is not None:
        history.recovered(round(entry.recovery_s * NS))
    if entry.child_id is not None:
        count(history.by_child_before, entry.child_id)
    count(history.by_reason, entry.reason or "")
