"""Synthetic facts about a node, for rules about anomalies."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any

from superlearner.observing.analytics.history import Book, Entry, History
from superlearner.observing.monitoring.facts import (
    AnomalyFinding,
    NodeFacts,
    TimedOut,
    Track,
)
from superlearner.observing.monitoring.points import Point
from superlearner.settings.settings import Settings

__all__ = ["CALL", "LIMITS", "NOW", "NS", "POINT", "entry", "facts", "growing", "only", "supervisor", "track"]

NS = 1_000_000_000
NOW = 10_000.0
LIMITS = Settings()
POINT = Point(NOW, 2.0, 30, 8, 26, 0, 0, 0, 0, 0, None, 0, 9, 12, 10, 0.01, 1, 1, 100_000_000, 1, 0, 0, 0, 0, 0, 12, 3)
CALL = TimedOut(
    NOW - 5, "pricing", "0.7.0", "pricing", "till", "('price', 'tea')", "shop.py:12", 0.5,
    "pricing was still in handle_call at shop.py:41", "its handle_call had not finished",
)  # fmt: skip


def facts(**known: Any) -> NodeFacts:
    return NodeFacts(**{"now": NOW, "clock": round(NOW * NS)} | known)


def only(found: list[AnomalyFinding]) -> AnomalyFinding:
    (finding,) = found
    return finding


def supervisor(
    restarts: list[float], *, gave_up: tuple[float, ...] = (), allowed: int = 3, window: float = 5.0
) -> Book:
    """Return a book of a supervisor with restarts and give-ups, oldest first."""
    history = History("till", "till", "0.9.0", allowed=allowed, window_s=window)
    for number, ago in enumerate(restarts):
        history.keep(entry(number, NOW - ago, "restarted"), 1000)
        for times in (history.restarts, history.attempts):
            times.add(round((NOW - ago) * NS))
    for ago in gave_up:
        history.keep(entry(99, NOW - ago, "gave_up"), 1000)
    return Book(histories={"till": history})


def entry(number: int, at: float, kind: Any) -> Entry:
    return Entry(number, at, kind, "till", "0.9.0", "till_1", "0.11.0", "0.12.0", "ValueError('no paper')", True)


def track(lengths: list[int], every: float = 2.0) -> Track:
    last = NOW - every * (len(lengths) - 1)
    return Track("0.7.0", "till", "Till", deque((last + every * n, length) for n, length in enumerate(lengths)))


def growing(per_minute_mb: float, seconds: float = 300.0, *, wobble: int = 0) -> list[Point]:
    count = int(seconds / 2) + 1
    return [
        replace(
            POINT,
            at=NOW - seconds + 2 * n,
            memory=100_000_000 + round(per_minute_mb * 1e6 * n / 30) + (wobble if n % 7 == 3 else 0),
        )
        for n in range(count)
    ]
