"""The detector of memory that grows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from superlearner.base.commands import command
from superlearner.observing.monitoring.facts import AnomalyFinding, Incident, NodeFacts
from superlearner.observing.monitoring.growth import knee, latest_lowest, rises, sample_lines, slope
from superlearner.settings.settings import Settings

__all__ = ["memory_growth"]

LEAST_POINTS: Final = 9
MB: Final = 1_000_000
LARGE: Final = 0.5
"""The part of the grown memory from which a process is named as the cause."""


def memory_growth(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find memory growth through the whole window, unlike a start or a cache."""
    window = limits.anomaly_memory_window
    since = facts.now - window
    samples = [(point.at, point.memory) for point in facts.points if point.at >= since and point.memory is not None]
    if len(samples) < LEAST_POINTS or samples[-1][0] - samples[0][0] < 0.8 * window or not rises(samples):
        return
    per_minute = slope(samples) * 60 / MB
    if per_minute < limits.anomaly_memory_growth:
        return
    known = [(point.at, point.memory) for point in facts.points if point.memory is not None]
    begun, least = knee(known[latest_lowest(known) :])
    grown = (samples[-1][1] - least) / MB
    per_minute = grown / max(samples[-1][0] - begun, 1) * 60
    if per_minute < limits.anomaly_memory_growth:
        return  # a steep rise in the window has fallen again
    largest = facts.largest if facts.largest is not None and facts.largest.size >= LARGE * grown * MB else None
    who = None if largest is None else largest.name or largest.pid
    by = f"by {grown:.0f} MB in {samples[-1][0] - begun:.0f} s"
    rate = f"{per_minute:.0f} MB a minute, to {samples[-1][1] / MB:.0f} MB"
    of_it = "" if largest is None or largest.size > grown * MB else " of it"
    most = "" if largest is None else f"; {who} has at least {largest.size / MB:.0f} MB{of_it}"
    past = f"the memory of the program grew {by}, {rate}{most.replace(' has ', ' had ')}"
    yield AnomalyFinding(
        type="memory_growth",
        severity="critical" if per_minute >= 10 * limits.anomaly_memory_growth else "high",
        pid=None if largest is None else largest.pid,
        name=None if largest is None else largest.name,
        group="memory",
        description=f"the memory of the program has grown {by}, {rate}{most}",
        size=grown,
        past=past,
        incident=Incident(past),
        since=round(begun, 3),
        evidence={
            "mb_per_minute": round(per_minute, 2),
            "memory": samples[-1][1],
            "processes": [_processes_at(facts, begun), facts.points[-1].processes],
            "message_queue_lengths": facts.points[-1].message_queue_lengths,
            "samples": sample_lines([one for one in known if one[0] >= begun]),
        },
        threshold=limits.anomaly_memory_growth,
        setting="anomaly_memory_growth",
        hint="check if the number of processes or of waiting messages grows, too: that is the cause. Otherwise look "
        + (
            "for what is kept outside of processes, such as a global list or a cache: no process with a large state "
            f"was found. `{command('process.list', node=facts.called)}` lists the processes, and process memory "
            "estimates that of one"
            if largest is None
            else "at its state: "
            f"`{command('process.memory', largest.name or largest.pid, node=facts.called)}` estimates it, and "
            f"`{command('state.get', largest.name or largest.pid, node=facts.called)}` shows it"
        ),
    )


def _processes_at(facts: NodeFacts, at: float) -> int:
    return next(point.processes for point in facts.points if point.at >= at)
