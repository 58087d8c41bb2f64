"""Metrics of a platform for exporters, with a value per set of labels.

Prometheus and OpenTelemetry share this list, so both report the same. Names follow Prometheus: base units, `_total` for
counts. Labels are bounded: operations and outcomes are fixed, names from programs at most a hundred.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from otp import Node, observer
from superlearner.control.listing import count_processes
from superlearner.observing.monitoring.monitor import Monitor
from superlearner.observing.monitoring.node_readings import NodeReading
from superlearner.observing.monitoring.tally import Durations, Tally

__all__ = ["PREFIX", "Figure", "Source", "figures"]

PREFIX: Final = "superlearner_"
Kind = Literal["gauge", "counter", "histogram"]
BY_LABEL: Final = {
    "anomalies": ("type", "anomalies"),
    "supervisor_restarts_total": ("supervisor", "restarts"),
    "supervisor_give_ups_total": ("supervisor", "give_ups"),
}
"""Metrics of nodes in other programs with a further label, and where a reading has them."""
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric; the values of a histogram are `Durations`."""

    name: str
    kind: Kind
    unit: str
    words: str
    values: tuple[tuple[Labels, Any], ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Sources of the metrics; `started` is wall-clock seconds."""

    node: Callable[[], Node | None]
    monitor: Monitor
    tally: Tally
    version: str
    started: float
    others: Callable[[], Sequence[NodeReading]] = tuple
    """Returns the last readings of the nodes in other programs."""
    read_others: Callable[[], Awaitable[object]] | None = None
    """Reads them again, on the loop of the platform."""


def figures(source: Source) -> Iterator[Figure]:
    """Yield all metrics; those that need a scan are from the last sample.

    Those of a node in another program have the label `node`; those of the platform's own have none.
    """
    others = source.others()
    up = tuple(((("node", one.node),), int(one.numbers is not None)) for one in others)
    yield Figure(f"{PREFIX}node_up", "gauge", "1", "Whether a node in another program answered.", up)
    for figure in _of_platform(source):
        found = tuple(_of_others(figure.name.removeprefix(PREFIX), others))
        yield replace(figure, values=(*figure.values, *found)) if found else figure


def _of_others(name: str, others: Sequence[NodeReading]) -> Iterator[tuple[Labels, float]]:
    """Yield the values of a metric on the nodes in other programs."""
    for one in others:
        node = ("node", one.node)
        if one.numbers is not None and name in one.numbers:
            yield (node,), one.numbers[name]
        elif name in BY_LABEL:
            label, of = BY_LABEL[name]
            yield from ((((label, key), node), count) for key, count in getattr(one, of).items())


def _of_platform(source: Source) -> Iterator[Figure]:
    yield _one("info", "gauge", "", "Version and Python of the platform.", 1, version=source.version)
    uptime = time.time() - source.started
    yield _one("uptime_seconds", "gauge", "s", "Time since the platform was started.", round(uptime, 3))
    node = source.node()
    if node is not None:
        yield from _of_node(node, source.monitor)
    yield from _of_tally(source.tally)
    active: dict[str, int] = {}
    for alarm in list(source.monitor.alarms.active.values()):
        active[alarm.finding.type] = active.get(alarm.finding.type, 0) + 1
    yield _by("anomalies", "gauge", "1", "Active anomalies, by type.", "type", active)


def _of_node(node: Node, monitor: Monitor) -> Iterator[Figure]:
    now, last = observer.metrics(node, deadline=0), monitor.history.last
    counted = count_processes(node)
    yield _one("processes", "gauge", "1", "Processes of the node, without the platform's own.", counted.yours)
    yield _one("platform_processes", "gauge", "1", "Processes that the platform runs for itself.", counted.platform)
    yield _one("registered_names", "gauge", "1", "Registered names.", now.names)
    yield _one("run_queue_processes", "gauge", "1", "Processes that are ready to run.", now.run_queue)
    yield _one("timers", "gauge", "1", "Active timers.", now.timers)
    yield _one("spawned_total", "counter", "1", "Processes ever started.", now.spawned)
    yield _one(
        "restarts_total", "counter", "1", "Children that were restarted after they ended by themselves.", now.restarts
    )
    yield _one("give_ups_total", "counter", "1", "Supervisors that gave up.", now.give_ups)
    yield _one("messages_handled_total", "counter", "1", "Messages and awaited replies handled.", now.handled)
    yield _one("activations_total", "counter", "1", "Times that a process was scheduled.", now.switches)
    yield _one("busy_seconds_total", "counter", "s", "Time in which processes ran.", now.busy)
    yield _one("gc_pause_seconds_total", "counter", "s", "Time in Python's collector.", monitor.paused)
    if last is not None:
        yield _one("supervisors", "gauge", "1", "Supervisors of the node.", last.supervisors)
        yield _one("mailbox_messages", "gauge", "1", "Messages in all mailboxes.", last.message_queue_lengths)
        yield _one("mailbox_deepest_messages", "gauge", "1", "Messages in the deepest mailbox.", last.mailbox_deepest)
        lag = round(last.loop_lag_ms / 1000, 6)
        yield _one("loop_lag_seconds", "gauge", "s", "Longest delay of a timer in the last sample.", lag)
        longest = round(last.longest_callback_ms / 1000, 6)
        yield _one("longest_callback_seconds", "gauge", "s", "Longest time that processes blocked the loop.", longest)


def _of_tally(tally: Tally) -> Iterator[Figure]:
    yield Figure(
        f"{PREFIX}operations_total",
        "counter",
        "1",
        "Operations by name, interface and outcome.",
        tuple(
            ((("operation", name), ("door", door), ("outcome", outcome)), count)
            for (name, door, outcome), count in list(tally.operations.items())
        ),
    )
    took = list(tally.durations.items())
    yield Figure(
        f"{PREFIX}operation_duration_seconds",
        "histogram",
        "s",
        "Duration of operations.",
        tuple(((("operation", name),), durations) for name, durations in took),
    )
    restarts = "Children that a supervisor restarted after they ended by themselves, by supervisor."
    along = "Siblings that a supervisor restarted with them, by supervisor."
    yield _by("supervisor_restarts_total", "counter", "1", restarts, "supervisor", tally.restarts)
    yield _by("supervisor_restarted_along_total", "counter", "1", along, "supervisor", tally.restarted_along)
    yield _by("supervisor_give_ups_total", "counter", "1", "Give-ups by supervisor.", "supervisor", tally.give_ups)
    yield _times("recovery_seconds", "Time from the end of a child to its restart.", tally.recoveries)
    yield _by("anomalies_raised_total", "counter", "1", "Anomalies raised, by type.", "type", tally.raised)
    yield _times("loop_held_seconds", "Time that the event loop was blocked, as seen by the watchdog.", tally.holds)
    yield _times("store_commit_seconds", "Duration of writing into the store.", tally.commits)
    yield _one("store_rows_total", "counter", "1", "Rows that were stored.", tally.rows)
    yield _by("store_rows_dropped_total", "counter", "1", "Rows that could not be stored.", "table", tally.dropped)
    yield _by("telemetry_events_total", "counter", "1", "Telemetry events by name.", "event", tally.events)


def _one(name: str, kind: Kind, unit: str, words: str, value: float, **labels: str) -> Figure:
    return Figure(PREFIX + name, kind, unit, words, ((tuple(labels.items()), value),))


def _by(name: str, kind: Kind, unit: str, words: str, label: str, values: Mapping[str, int]) -> Figure:
    return Figure(PREFIX + name, kind, unit, words, tuple((((label, key),), value) for key, value in values.items()))


def _times(name: str, words: str, durations: Durations) -> Figure:
    return Figure(PREFIX + name, "histogram", "s", words, (((), durations),))
