"""When the memory of a program grows, on synthetic facts: from when on, how fast, and until when."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from node_facts import LIMITS, NOW, POINT, facts, growing, only
from superlearner.observing.monitoring import detectors
from superlearner.observing.monitoring.facts import (
    ProcessSize,
)
from superlearner.observing.monitoring.points import Point


def test_memory_that_grows_for_the_whole_window_is_found() -> None:
    grows = only(list(detectors.memory_growth(facts(points=growing(30.0, wobble=500_000)), LIMITS)))
    assert 29 < grows.evidence["mb_per_minute"] < 31
    assert grows.pid is None


def test_growth_of_memory_begins_at_the_knee_and_not_with_the_window() -> None:
    """Regression: it began with the oldest sample, five minutes ago, whenever it had begun."""
    grows = growing(30.0, seconds=280.0)
    flat = [replace(grows[0], at=grows[0].at - 2 * n, processes=3) for n in range(300, 0, -1)]
    late = only(list(detectors.memory_growth(facts(points=[*flat[-10:], *grows]), LIMITS)))
    grows = growing(30.0, seconds=900.0)
    flat = [replace(grows[0], at=grows[0].at - 2 * n, processes=3) for n in range(300, 0, -1)]
    early = only(list(detectors.memory_growth(facts(points=[*flat, *grows]), LIMITS)))
    assert (late.since, early.since) == (NOW - 280, NOW - 900)
    assert early.past == "the memory of the program grew by 450 MB in 15 min, 30 MB a minute, to 550 MB"
    assert early.evidence["processes"] == [30, 30]


def test_the_rate_of_growing_memory_follows_from_its_begin_and_end() -> None:
    """Regressions: 233 MB in 240 s were 52 MB a minute, and samples began before the growth; no process was named."""
    flat = [replace(POINT, at=NOW - 300 + 2 * n, memory=100_000_000) for n in range(30)]
    grows = [replace(POINT, at=NOW - 240 + 2 * n, memory=100_000_000 + 2_000_000 * n) for n in range(121)]
    known = facts(points=[*flat, *grows], largest=ProcessSize("0.9.0", "report", 200_000_000))
    found = only(list(detectors.memory_growth(known, LIMITS)))
    assert found.past == (
        "the memory of the program grew by 240 MB in 4 min, 60 MB a minute, to 340 MB; report had at least 200 MB of it"
    )
    assert (found.name, found.since, found.evidence["mb_per_minute"]) == ("report", NOW - 240, 60)
    assert all(datetime.fromisoformat(one["timestamp"]).timestamp() >= found.since for one in found.evidence["samples"])
    assert "`superlearner process memory report` estimates it" in found.hint
    small = replace(known, largest=ProcessSize("0.9.0", "report", 20_000_000))
    assert only(list(detectors.memory_growth(small, LIMITS))).name is None


def test_memory_that_has_fallen_again_is_no_finding() -> None:
    """Regression: 5 MB in 292 s were an anomaly after a process with 368 MB had died; it had "200 MB of it"."""
    values = [65.0 + n / 60 for n in range(75)] + [65.0 + 9 * n for n in range(60)] + [70.0] * 15
    points = [replace(POINT, at=NOW - 300 + 2 * n, memory=round(mb * 1_000_000)) for n, mb in enumerate(values, 1)]
    ledger = ProcessSize("0.9.0", "ledger", 200_000_000)
    assert not list(detectors.memory_growth(facts(points=points, largest=ledger), LIMITS))
    before = [replace(POINT, at=NOW - 900 + 2 * n, memory=600_000_000) for n in range(300)]
    grown = only(list(detectors.memory_growth(facts(points=[*before, *points[:-15]], largest=ledger), LIMITS)))
    assert grown.since == NOW - 148


def _stand(mb: float, *grew: Point, seconds: int) -> list[Point]:
    """Return a growth after five minutes and before some seconds of memory that stands, with noise."""
    points = [replace(POINT, at=NOW - 2 * n, memory=100_000_000) for n in range(150, 0, -1)]
    points += [replace(one, at=NOW + 2 * n) for n, one in enumerate(grew)]
    stands = replace(POINT, memory=round((100 + mb) * 1_000_000))
    last = points[-1].at
    points += [
        replace(stands, at=last + 2 * n, memory=(stands.memory or 0) - n % 2 * 50_000) for n in range(1, seconds // 2)
    ]
    return [replace(one, at=one.at - points[-1].at + NOW) for one in points]


def test_memory_that_stopped_growing_is_described_in_the_past_with_when_it_stopped() -> None:
    """Regressions: it "has grown by 320 MB in 200 s", 120 s after the last growth; noise hid it."""
    grew = [replace(POINT, memory=100_000_000 + 8_000_000 * n) for n in range(41)]
    stopped = facts(points=_stand(320, *grew, seconds=122), largest=ProcessSize("0.9.0", "ledger", 200_000_000, True))
    found = only(list(detectors.memory_growth(stopped, LIMITS)))
    grown = "the memory of the program grew by 320 MB in 80 s, 240 MB a minute, to 420 MB"
    held = "; ledger had at least 200 MB of it, and has ended"
    assert found.description == f"{grown}, and has not grown for 2 min{held}"
    assert (found.past, found.since, found.last) == (grown + held, NOW - 200, NOW - 120)
    assert "`superlearner restart list --process ledger` lists its restarts" in found.hint


def test_memory_that_grew_for_a_short_time_is_no_finding() -> None:
    """Regression: a program that read a file was one, if nothing had changed for some minutes before."""
    read = [replace(POINT, memory=100_000_000 + 16_000_000 * n) for n in range(21)]
    assert not list(detectors.memory_growth(facts(points=_stand(320, *read, seconds=122)), LIMITS))
    points = growing(200.0)
    flat = [replace(point, memory=min(point.memory or 0, 300_000_000)) for point in points]
    assert not list(detectors.memory_growth(facts(points=flat), LIMITS))
    assert not list(detectors.memory_growth(facts(points=growing(10.0)), LIMITS))
    assert not list(detectors.memory_growth(facts(points=growing(500.0, seconds=60.0)), LIMITS))
