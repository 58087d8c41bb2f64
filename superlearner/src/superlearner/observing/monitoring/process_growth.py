"""The detector of processes without a supervisor that are started and never end."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from superlearner.base.commands import command
from superlearner.observing.monitoring.facts import (
    AnomalyFinding,
    Incident,
    NodeFacts,
    ProcessStarter,
    UnsupervisedCount,
)
from superlearner.observing.monitoring.growth import knee, pace_text, sample_lines
from superlearner.settings.settings import Settings

__all__ = ["fold_growth", "process_growth"]

WINDOWS: Final = (8.0, 32.0, 128.0)
"""Seconds of continuous growth: a fast one is found in the first, one in bursts in a longer one."""
PARTS: Final = 4
EVEN: Final = 0.4
"""The part of an even growth that each part of the window has at least: a pool that fills once grows in one of them."""
LEAST: Final = 100
"""The least growth, in processes, that is reported."""
MANY: Final = 1_000
"""Processes from which the growth is severe."""
ADVICE: Final = "they do not end: let each return when its work is done, and give what it waits for a time-out"
Counts = Sequence[UnsupervisedCount]


def process_growth(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find processes without a supervisor that become more and more; those that end soon are not counted."""
    counts, least = facts.unsupervised, limits.anomaly_process_growth
    window = next((one for one in WINDOWS if _grows(counts, one, least)), None)
    if window is None:
        return
    total, begun = counts[-1].total, counts[-1].at - window
    until = _list_growths(counts, begun, least)[-1]
    rate = (_settled_at(counts, until) - _settled_at(counts, begun)) / (until - begun)
    by, starter = f"by {pace_text(rate)}, to {total:,}", facts.starter
    past = f"the number of processes without a supervisor grew {by}{_describe(starter, 'started', 'were')}"
    shown = "" if starter is None else f"`{command('process.list', what=starter.what, node=facts.called)}` lists them; "
    yield AnomalyFinding(
        type="process_growth",
        severity="high" if total >= MANY else "medium",
        pid=None if starter is None else starter.pid,
        name=None if starter is None else starter.name,
        group="processes",
        description=f"the number of processes without a supervisor grows {by}{_describe(starter, 'starts', 'are')}",
        size=total,
        past=past,
        incident=Incident(past),
        since=round(_begin(counts, window, least), 3),
        evidence={
            "processes_per_s": round(rate, 2),
            "unsupervised": total,
            "processes": facts.points[-1].processes if facts.points else None,
            "what": None if starter is None else starter.what,
            "place": None if starter is None else starter.place,
            "samples": sample_lines([(one.at, one.total) for one in counts]),
        },
        threshold=least,
        setting="anomaly_process_growth",
        hint=f"{shown}{ADVICE}",
        past_hint=ADVICE,
    )


def fold_growth(found: list[AnomalyFinding]) -> list[AnomalyFinding]:
    """Return the findings without that about processes without ties, if it is about those that become more."""
    growing = {one.evidence["what"] for one in found if one.type == "process_growth"}
    return [one for one in found if one.type != "unsupervised_process" or one.evidence["what"] not in growing]


def _describe(starter: ProcessStarter | None, starts: str, are: str) -> str:
    """Return the clause about who starts the processes, and where."""
    if starter is None:
        return ""
    at = "" if starter.place is None else f" at {starter.place}"
    if starter.pid is not None:
        return f"; {starter.name or starter.pid} {starts} them{at}"
    return f"; they {are} started{at}" if at else ""


def _grows(counts: Counts, window: float, least: float) -> bool:
    """Return whether they have become more in each part of the window up to the last count."""
    if not counts or counts[0].at > counts[-1].at - window:
        return False
    begun = counts[-1].at - window
    values = [_settled_at(counts, begun + part * window / PARTS) for part in range(PARTS + 1)]
    grown = values[-1] - values[0]
    even = EVEN * grown / PARTS
    is_even = all(after - before >= even for before, after in pairwise(values))
    return is_even and grown >= max(LEAST, least * window) and not _stands(counts, begun, least)


def _stands(counts: Counts, begun: float, least: float) -> bool:
    """Return whether they have not become more for longer than between two bursts before."""
    grew = _list_growths(counts, begun, least)
    longest = max((after - before for before, after in pairwise(grew)), default=0.0)
    return not grew or counts[-1].at - grew[-1] > 2 * longest


def _list_growths(counts: Counts, begun: float, least: float) -> list[float]:
    """Return when counts since a time were made that are higher than the one before."""
    looks = pairwise(counts[bisect_left(counts, begun, key=lambda one: one.at) :])
    return [after.at for before, after in looks if after.settled - before.settled >= least * (after.at - before.at) / 2]


def _settled_at(counts: Counts, at: float) -> float:
    """Return how many had lived for some seconds at a time between two counts."""
    place = bisect_left(counts, at, key=lambda one: one.at)
    after = counts[place]
    if place == 0 or after.at == at:
        return after.settled
    before = counts[place - 1]
    return before.settled + (after.settled - before.settled) * (at - before.at) / (after.at - before.at)


def _begin(counts: Counts, window: float, least: float) -> float:
    """Return when the growth in the last window began."""
    begun, length = counts[-1].at - window, len(counts)
    while _grows(counts[:length], window, least):
        begun = counts[length - 1].at - window
        length = bisect_left(counts, begun, key=lambda one: one.at) + 1
    return knee([(one.at, one.total) for one in counts if begun - window <= one.at <= begun + window])[0]
