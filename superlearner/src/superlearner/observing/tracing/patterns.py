"""Statistics of captured messages: counts, latencies, pairs. Pure functions.

>>> from superlearner.observing.tracing.captured import Captured
>>> call = Captured(1, 10.0, "call", "0.2.0", "0.3.0", "add", "('add', 1)", "('add', 1)", answer=2)
>>> reply = Captured(2, 10.5, "reply", "0.3.0", "0.2.0", "int", "1", "1", cause=1, answers=1)
>>> found = patterns_of([call, reply])
>>> found.calls, found.answered, found.latency.p50_ms
(1, 1, 500.0)
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from superlearner.observing.tracing.captured import Captured

__all__ = [
    "Chatter",
    "LatencyFigures",
    "LatencyRow",
    "Patterns",
    "causes_of",
    "chatter_of",
    "latencies_of",
    "latency_of",
    "patterns_of",
    "unanswered_of",
]


@dataclass(frozen=True, slots=True)
class LatencyFigures:
    """Duration of calls from request to reply; null without a reply."""

    count: int
    mean_ms: float | None
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None
    max_ms: float | None


@dataclass(frozen=True, slots=True)
class LatencyRow:
    """Calls with the same first word to the same process."""

    receiver: str
    tag: str
    calls: int
    unanswered: int
    latency: LatencyFigures


@dataclass(frozen=True, slots=True)
class Chatter:
    """Messages in one direction between two processes; None: code outside."""

    sender: str | None
    receiver: str
    calls: int
    casts: int
    infos: int
    replies: int
    dropped: int
    latency: LatencyFigures

    @property
    def total(self) -> int:
        """Number of messages."""
        return self.calls + self.casts + self.infos + self.replies


@dataclass(frozen=True, slots=True)
class Patterns:
    """Totals of a list of messages; frequencies are per second."""

    total: int
    calls: int
    casts: int
    infos: int
    replies: int
    system: int
    dropped: int
    answered: int
    unanswered: int
    seconds: float
    call_frequency: float
    cast_frequency: float
    average_interval_ms: float | None
    latency: LatencyFigures
    tags: tuple[tuple[str, int], ...]
    """First words, the most frequent first, at most 20."""


def patterns_of(messages: Sequence[Captured]) -> Patterns:
    """Return the totals of a list of messages."""
    ways = Counter(message.way for message in messages)
    seconds = max(0.0, messages[-1].at - messages[0].at) if messages else 0.0
    calls = [message for message in messages if message.way == "call"]
    answered = sum(call.answer is not None for call in calls)
    gaps = len(messages) - 1
    return Patterns(
        total=len(messages),
        calls=ways["call"],
        casts=ways["cast"],
        infos=ways["info"],
        replies=ways["reply"],
        system=ways["system"],
        dropped=sum(message.dropped for message in messages),
        answered=answered,
        unanswered=len(calls) - answered,
        seconds=round(seconds, 6),
        call_frequency=_rate(ways["call"], seconds),
        cast_frequency=_rate(ways["cast"], seconds),
        average_interval_ms=round(seconds * 1000 / gaps, 3) if gaps > 0 else None,
        latency=latency_of(_times(messages)),
        tags=tuple(Counter(message.tag for message in messages if message.way != "reply").most_common(20)),
    )


def latency_of(seconds: Iterable[float]) -> LatencyFigures:
    """Return statistics of durations, with percentiles by nearest rank."""
    times = sorted(seconds)
    if not times:
        return LatencyFigures(0, None, None, None, None, None)
    return LatencyFigures(
        len(times), _ms(fmean(times)), _at(times, 0.5), _at(times, 0.9), _at(times, 0.99), _ms(times[-1])
    )  # fmt: skip


def latencies_of(messages: Sequence[Captured]) -> list[LatencyRow]:
    """Return call latencies by receiver and first word, slowest first."""
    groups: defaultdict[tuple[str, str], list[Captured]] = defaultdict(list)
    for message in messages:
        if message.way == "call":
            groups[message.receiver, message.tag].append(message)
    answers = {message.answers: message.at for message in messages if message.answers is not None}
    rows = [
        LatencyRow(
            receiver, tag, len(calls), sum(call.answer is None for call in calls),
            latency_of(answers[call.seq] - call.at for call in calls if call.seq in answers),
        )
        for (receiver, tag), calls in groups.items()
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-(row.latency.p99_ms or 0.0), -row.calls, row.receiver, row.tag))


def chatter_of(messages: Sequence[Captured]) -> list[Chatter]:
    """Return message counts by sender and receiver, highest first."""
    groups: defaultdict[tuple[str | None, str], list[Captured]] = defaultdict(list)
    for message in messages:
        groups[message.sender, message.receiver].append(message)
    answers = {message.answers: message.at for message in messages if message.answers is not None}
    rows: list[Chatter] = []
    for (sender, receiver), found in groups.items():
        ways = Counter(message.way for message in found)
        times = [answers[one.seq] - one.at for one in found if one.way == "call" and one.seq in answers]
        infos = ways["info"] + ways["system"]
        dropped = sum(one.dropped for one in found)
        rows.append(
            Chatter(sender, receiver, ways["call"], ways["cast"], infos, ways["reply"], dropped, latency_of(times))
        )
    return sorted(rows, key=lambda row: (-row.total, row.sender or "", row.receiver))


def unanswered_of(messages: Iterable[Captured]) -> list[Captured]:
    """Return calls that have no reply yet, oldest first."""
    return [message for message in messages if message.way == "call" and message.answer is None]


def causes_of(messages: Iterable[Captured], seq: int) -> list[Captured]:
    """Return the message with this number and its causes, nearest first."""
    known = {message.seq: message for message in messages}
    chain: list[Captured] = []
    at: int | None = seq
    while at is not None and at in known and len(chain) < 1000:
        chain.append(known[at])
        at = known[at].cause
    return chain


def _times(messages: Sequence[Captured]) -> list[float]:
    asked = {message.seq: message.at for message in messages if message.way == "call"}
    return [one.at - asked[one.answers] for one in messages if one.answers is not None and one.answers in asked]


def _at(times: list[float], share: float) -> float:
    return _ms(times[max(0, -int(-share * len(times) // 1) - 1)])


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _rate(count: int, seconds: float) -> float:
    return round(count / seconds, 3) if seconds > 0 else 0.0
