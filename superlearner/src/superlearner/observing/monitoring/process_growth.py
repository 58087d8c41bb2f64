"""The detector of processes that are started and never end."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from superlearner.base.commands import command
from superlearner.observing.monitoring.facts import (
    AnomalyFinding,
    Incident,
    NodeFacts,
    ProcessCount,
    ProcessStarter,
)
from superlearner.observing.monitoring.growth import knee, pace_text, sample_lines
from superlearner.observing.monitoring.starters import describe_starter
from superlearner.settings.settings import Settings

__all__ = ["ADVICE_ON_LEAK", "MANY", "fold_growth", "process_growth"]

WINDOWS: Final = (8.0, 32.0, 128.0)
"""Seconds of continuous growth: a fast one is found in the first, one in bursts in a longer one."""
PARTS: Final = 4
EVEN: Final = 0.4
"""The part of an even growth that each part of the window has at least: a pool that fills once grows in one of them."""
LONG_WINDOWS: Final = WINDOWS[1:]
"""Those of the children of a dynamic supervisor: their number grows for a time as users sign in after a start."""
LEAST: Final = 100
"""The least growth, in processes, that is reported."""
MANY: Final = 1_000
"""Processes from which the growth is severe."""
ADVICE_ON_LEAK: Final = (
    "they do not end: let each return when its work is done, and set a time-out for what it waits for"
)
Counts = Sequence[ProcessCount]


@dataclass(frozen=True, slots=True)
class GrowingProcesses:
    """The counts of processes that `words` name, and who starts them."""

    words: str
    counts: Counts
    starter: ProcessStarter | None


def process_growth(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find processes whose number keeps growing; those that end soon are not counted.

    Processes without a supervisor are counted together, the children of dynamic supervisors by supervisor.
    """
    least = limits.anomaly_process_growth
    window = next((one for one in WINDOWS if _grows(facts.unsupervised, one, least)), None)
    if window is not None:
        alone = GrowingProcesses("processes without a supervisor", facts.unsupervised, facts.starter)
        yield _describe_growth(alone, window, facts, least)
    for one in facts.children:
        window = next((length for length in LONG_WINDOWS if _grows(one.counts, length, least)), None)
        if window is not None:
            children = GrowingProcesses(f"children of {one.name or one.pid}", one.counts, one.starter)
            yield _describe_growth(children, window, facts, least)


def _describe_growth(of: GrowingProcesses, window: float, facts: NodeFacts, least: float) -> AnomalyFinding:
    counts, starter = of.counts, of.starter
    total, begun = counts[-1].total, counts[-1].at - window
    until = _list_growths(counts, begun, least)[-1]
    rate = (_settled_at(counts, until) - _settled_at(counts, begun)) / (until - begun)
    by = f"by {pace_text(rate)}, to {total:,}"
    past = f"the number of {of.words} grew {by}{describe_starter(starter, over=True)}"
    shown = "" if starter is None else f"`{command('process.list', what=starter.what, node=facts.called)}` lists them; "
    return AnomalyFinding(
        type="process_growth",
        severity="high" if total >= MANY else "medium",
        pid=None if starter is None else starter.pid,
        name=None if starter is None else starter.name,
        group=of.words,
        description=f"the number of {of.words} grows {by}{describe_starter(starter)}",
        size=total,
        past=past,
        incident=Incident(past),
        since=round(_begin(counts, window, least), 3),
        evidence={
            "processes_per_s": round(rate, 2),
            "growing": total,
            "processes": facts.points[-1].processes if facts.points else None,
            "what": None if starter is None else starter.what,
            "place": None if starter is None else starter.place,
            "samples": sample_lines([(one.at, one.total) for one in counts]),
        },
        threshold=least,
        setting="anomaly_process_growth",
        hint=f"{shown}{ADVICE_ON_LEAK}",
        past_hint=ADVICE_ON_LEAK,
    )


def fold_growth(found: list[AnomalyFinding]) -> list[AnomalyFinding]:
    """Return the findings without that about processes without ties, if it is about those that become more."""
    growing = {one.evidence["what"] for one in found if one.type == "process_growth"}
    return [one for one in found if one.type != "unsupervised_process" or one.evidence["what"] not in growing]


def _grows(counts: Counts, window: float, least: float) -> bool:
    """Return whether their number has grown in each part of the window up to the last count."""
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
