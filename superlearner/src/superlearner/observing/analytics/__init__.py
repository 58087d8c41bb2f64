"""Counts of restarts, give-ups and recoveries, computed from runtime events.

    node's events → Ledger (the edge) → history.apply (pure) → Book of Histories → metrics (pure) → operations
                        └→ the store, if there is one

The platform owns the `Ledger`, which receives every event synchronously, so a crash of the `AnalyticsServer` service
loses nothing. The service answers queries, takes samples, and drops histories of supervisors that ended long ago.
"""

from superlearner.observing.analytics.figures import FailureRate, Trend, failure_rate, seconds_to_give_up, trend_of
from superlearner.observing.analytics.history import (
    KINDS,
    RESTART_TYPES,
    Baseline,
    Book,
    Entry,
    EventType,
    History,
    SupervisorSample,
    apply,
    meet,
    restore,
)
from superlearner.observing.analytics.ledger import AllStats, HistoryStore, Ledger, SupervisorStats
from superlearner.observing.analytics.server import ANALYTICS, AnalyticsServer, UnknownSupervisor, settled
from superlearner.observing.analytics.times import Times

__all__ = [
    "ANALYTICS",
    "KINDS",
    "RESTART_TYPES",
    "AllStats",
    "AnalyticsServer",
    "Baseline",
    "Book",
    "Entry",
    "EventType",
    "FailureRate",
    "History",
    "HistoryStore",
    "Ledger",
    "SupervisorSample",
    "SupervisorStats",
    "Times",
    "Trend",
    "UnknownSupervisor",
    "apply",
    "failure_rate",
    "meet",
    "restore",
    "seconds_to_give_up",
    "settled",
    "trend_of",
]
