"""Detector of processes that hold the event loop again and again, each time too briefly for a blocked loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from otp import sentences
from superlearner.observing.monitoring.facts import AnomalyFinding, Incident, NodeFacts, held_within
from superlearner.observing.monitoring.points import Point
from superlearner.observing.monitoring.timeouts import advise_on_hold
from superlearner.settings.settings import Settings

__all__ = ["PERIOD_S", "busy_loop"]

PERIOD_S: Final = 10.0
ALLOWED: Final = 5
"""Multiple of the time allowed for one hold that all short ones in the period may take: a quarter by default."""
MOST_OF_IT: Final = 0.5
"""Part of the period from which the severity is high."""


def busy_loop(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find code whose short holds of the event loop, 50 ms or more each, add up to a large part of the time.

    Time in which the program may have waited for a processor does not count.
    """
    since, allowed = facts.now - PERIOD_S, ALLOWED * limits.anomaly_loop_held
    starved = _starved_within(facts.points, since, facts.now)
    recent = sorted((hold for hold in facts.holds if hold.at > since), key=lambda hold: hold.subject)
    for subject, group in groupby(recent, key=lambda hold: hold.subject):
        holds = sorted(group, key=lambda hold: hold.at)
        short = [hold for hold in holds if hold.seconds < limits.anomaly_loop_held]
        if held_within(short, since, facts.now) - starved <= allowed:
            continue
        share = held_within(holds, since, facts.now) / PERIOD_S
        worst = max(holds, key=lambda hold: (hold.place is not None, hold.seconds))
        longest = max(hold.seconds for hold in holds)
        at = f", at {worst.place}" if worst.place else ""
        part = f"{100 * share:.0f} %"
        often = f"{sentences.times_text(len(holds))}, for up to {sentences.elapsed(longest)}{at}"
        past = f"{subject} held the event loop for {part} of {PERIOD_S:g} s: {often}"
        yield AnomalyFinding(
            type="busy_loop",
            severity="high" if share >= MOST_OF_IT else "medium",
            pid=worst.pid,
            name=worst.name,
            description=f"{subject} held the event loop for {part} of the last {PERIOD_S:g} s: {often}",
            past=past,
            since=round(holds[0].at - holds[0].seconds, 3),
            last=round(holds[-1].at, 3),
            evidence={
                "share": round(share, 3),
                "holds": len(holds),
                "worst_s": round(longest, 3),
                "what": worst.what,
                "place": worst.place,
                **({} if worst.code is None else worst.code.evidence),
            },
            count=len(holds),
            size=share,
            threshold=limits.anomaly_loop_held,
            setting="anomaly_loop_held",
            hint=advise_on_hold(worst),
            incident=Incident(past),
        )


def _starved_within(points: Iterable[Point], since: float, until: float) -> float:
    """Return for how many seconds of a period the program may have waited for a processor."""
    return sum(
        (point.starved_percent or 0.0) / 100 * max(0.0, min(point.at, until) - max(point.at - point.seconds, since))
        for point in points
    )
