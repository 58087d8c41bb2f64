"""The detector of memory that grows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from otp import sentences
from superlearner.base.commands import command
from superlearner.observing.monitoring.facts import AnomalyFinding, Incident, NodeFacts, ProcessSize
from superlearner.observing.monitoring.growth import knee, latest_lowest, rises, sample_lines, slope, summit
from superlearner.settings.settings import Settings

__all__ = ["is_steep", "memory_growth"]

LEAST_POINTS: Final = 9
MB: Final = 1_000_000
LARGE: Final = 0.5
"""The part of the grown memory from which a process is named as the cause."""
NOISE: Final = MB
"""Steps down that are no end of a growth."""
HINT: Final = "check if the number of processes or of waiting messages grows, too: that is the cause. If not, look"
PAST_HINT: Final = "check if the number of processes or of waiting messages grew, too: that was the cause. If not, look"
BRIEF_S: Final = 60.0
"""A growth that stopped sooner is no anomaly."""
STEEP_S: Final = 30.0
STOOD_S: Final = 20.0
STOOD: Final = 0.15
"""Memory has stopped growing if it stands for as many seconds, and for this part of the time in which it grew."""


def memory_growth(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find memory growth through the whole window, unlike a start or a cache."""
    window = limits.anomaly_memory_window
    since = facts.now - window
    samples = [(point.at, point.memory) for point in facts.points if point.at >= since and point.memory is not None]
    if len(samples) < LEAST_POINTS or samples[-1][0] - samples[0][0] < 0.8 * window or not rises(samples, NOISE):
        return
    if slope(samples) * 60 / MB < limits.anomaly_memory_growth:
        return
    known = [(point.at, point.memory) for point in facts.points if point.memory is not None]
    begun, least = knee(known[latest_lowest(known) :])
    grown = (samples[-1][1] - least) / MB
    if grown / max(samples[-1][0] - begun, 1) * 60 < limits.anomaly_memory_growth:
        return  # a steep rise in the window has fallen again
    stopped = summit([one for one in known if one[0] >= begun])[0]
    stood = samples[-1][0] - stopped
    if stood < max(STOOD_S, STOOD * (stopped - begun)):
        stopped, stood = samples[-1][0], 0.0
    elif stopped - begun < BRIEF_S:
        return  # as at a start
    per_minute = grown / max(stopped - begun, 1) * 60
    largest = facts.largest if facts.largest is not None and facts.largest.size >= LARGE * grown * MB else None
    who, holds, held = None, "", ""
    if largest is not None:
        who, held = largest.name or "its process", _describe_holder(largest, grown, "had")
        holds = held if largest.has_ended else _describe_holder(largest, grown, "has")
    by = f"by {grown:.0f} MB in {sentences.elapsed(round(stopped - begun))}"
    grew = f"{by}, {per_minute:.0f} MB a minute, to {samples[-1][1] / MB:.0f} MB"
    past = f"the memory of the program grew {grew}"
    now = (
        f"{past}, and has not grown for {sentences.elapsed(round(stood))}"
        if stood
        else f"the memory of the program has grown {grew}"
    )
    past += held
    yield AnomalyFinding(
        type="memory_growth",
        severity="critical" if per_minute >= 10 * limits.anomaly_memory_growth else "high",
        pid=None if largest is None else largest.pid,
        name=None if largest is None else largest.name,
        group="memory",
        description=now + holds,
        size=grown,
        past=past,
        incident=Incident(past),
        since=round(begun, 3),
        last=round(stopped, 3) if stood else None,
        evidence={
            "mb_per_minute": round(per_minute, 2),
            "memory": samples[-1][1],
            "processes": [_processes_at(facts, begun), facts.points[-1].processes],
            "message_queue_lengths": facts.points[-1].message_queue_lengths,
            "samples": sample_lines([one for one in known if one[0] >= begun]),
        },
        threshold=limits.anomaly_memory_growth,
        setting="anomaly_memory_growth",
        hint=f"{HINT} {_suggest(largest, facts)}",
        past_hint=f"{PAST_HINT} at what {'is kept outside of processes' if who is None else f'{who} kept'}",
    )


def is_steep(facts: NodeFacts, limits: Settings) -> bool:
    """Return whether memory has grown at twice the limit lately, so that it may be a finding soon."""
    lately = [one.memory for one in facts.points if one.at >= facts.now - STEEP_S and one.memory is not None]
    return bool(lately) and (lately[-1] - lately[0]) / MB > 2 * limits.anomaly_memory_growth / 60 * STEEP_S


def _describe_holder(largest: ProcessSize, grown: float, has: str) -> str:
    of_it = "" if largest.size > grown * MB else " of it"
    ended = ", and has ended" if largest.has_ended else ""
    return f"; {largest.name or largest.pid} {has} at least {largest.size / MB:.0f} MB{of_it}{ended}"


def _suggest(largest: ProcessSize | None, facts: NodeFacts) -> str:
    """Return where to look for the cause: at a process, or outside of processes."""
    if largest is None:
        return (
            "for what is kept outside of processes, such as a global list or a cache: no process with a large state "
            f"was found. `{command('process.list', node=facts.called)}` lists the processes, and process memory "
            "estimates that of one"
        )
    if largest.has_ended:
        return (
            f"at what {largest.name or 'this process'} kept: it has ended, and Python keeps freed memory for new "
            f"objects. `{command('restart.list', process=largest.name, node=facts.called)}` lists its restarts"
        )
    who = largest.name or largest.pid
    return (
        f"at its state: `{command('process.memory', who, node=facts.called)}` estimates it, and "
        f"`{command('state.get', who, node=facts.called)}` shows it"
    )


def _processes_at(facts: NodeFacts, at: float) -> int:
    return next(point.processes for point in facts.points if point.at >= at)
