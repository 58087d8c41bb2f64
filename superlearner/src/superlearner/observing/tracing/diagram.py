"""Sequence diagram as data: lanes, and steps between them. Pure functions.

Each participant gets a lane. With `fold`, the children of a supervisor share one, and messages among them are omitted.
The number of lanes and steps is bounded; the rest is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import merge
from typing import Final, Literal

from superlearner.observing.tracing.captured import OUTSIDE, Captured, Mark, Person

__all__ = ["Diagram", "DiagramLane", "DiagramStep", "StepKind", "diagram_of", "fate_of"]

MAX_LANES: Final = 20
OTHERS: Final = "others"
LABEL: Final = 48

StepKind = Literal["call", "cast", "info", "reply", "system", "exited", "crashed", "started"]


@dataclass(frozen=True, slots=True)
class DiagramLane:
    """A lane of the diagram; `traced` is true if all its processes are traced."""

    key: str
    label: str
    pids: tuple[str, ...]
    traced: bool = field(metadata={"description": "whether the trace has all messages of all its processes"})


@dataclass(frozen=True, slots=True)
class DiagramStep:
    """An arrow or a mark."""

    seq: int
    at_ms: float = field(metadata={"description": "since the first one"})
    kind: StepKind
    lane: int
    to: int | None
    label: str
    dropped: bool
    unanswered: bool
    partner: int | None = field(metadata={"description": "the reply of a call, the call of a reply"})
    cause: int | None
    timeout_s: float | None = field(default=None, metadata={"description": "after which a call timed out"})


@dataclass(frozen=True, slots=True)
class Diagram:
    """Sequence diagram.

    `more` steps were cut off, `hidden` are within a folded lane, `others` have no lane.
    """

    lanes: tuple[DiagramLane, ...]
    steps: tuple[DiagramStep, ...]
    more: int
    hidden: int
    others: int
    note: str


def diagram_of(
    messages: Iterable[Captured],
    marks: Iterable[Mark],
    people: Mapping[str, Person],
    *,
    fold: bool = False,
    limit: int = 100,
    note: str = "",
) -> Diagram:
    """Return the first `limit` steps of a trace, and the lanes they need.

    >>> call = Captured(1, 10.0, "call", None, "0.3.0", "add", "('add', 1)", "('add', 1)")
    >>> shown = diagram_of([call], [], {"0.3.0": Person("0.3.0", "till", "Till", "shop", True)})
    >>> [lane.label for lane in shown.lanes], [(step.lane, step.to, step.unanswered) for step in shown.steps]
    (['timers, outside', 'till'], [(0, 1, True)])
    """
    lanes = _Lanes(people, fold=fold)
    steps: list[DiagramStep] = []
    more = hidden = 0
    begun: float | None = None
    for one in merge(messages, marks, key=lambda one: one.seq):
        begun = one.at if begun is None else begun
        if len(steps) >= limit:
            more += 1
            continue
        at_ms = round((one.at - begun) * 1000, 3)
        if isinstance(one, Mark):
            lane, label = lanes.of(one.pid), _mark_label(one)
            steps.append(DiagramStep(one.seq, at_ms, one.kind, lane, None, label, False, False, None, one.cause))
            continue
        lane, to = lanes.of(one.sender), lanes.of(one.receiver)
        if fold and lane == to and one.sender != one.receiver:
            hidden += 1
            continue
        steps.append(
            DiagramStep(
                one.seq,
                at_ms,
                one.way,
                lane,
                to,
                _short(one.text),
                one.dropped,
                one.way == "call" and one.answer is None,
                one.answer or one.answers,
                one.cause,
                one.timeout,
            )
        )
    return Diagram(lanes.all(), tuple(steps), more, hidden, lanes.others, note)


class _Lanes:
    def __init__(self, people: Mapping[str, Person], *, fold: bool) -> None:
        self._people = people
        self._fold = fold
        self._places: dict[str, int] = {}
        self._members: list[tuple[str, str, dict[str, None]]] = []
        self._without: set[str] = set()

    @property
    def others(self) -> int:
        return len(self._without)

    def of(self, pid: str | None) -> int:
        key, label = self._key(pid)
        place = self._places.get(key)
        if place is None:
            if len(self._members) >= MAX_LANES:
                if pid is not None:
                    self._without.add(pid)
                key, label = OTHERS, "others"
                place = self._places.get(key)
            if place is None:
                place = self._places[key] = len(self._members)
                self._members.append((key, label, {}))
        if pid is not None and len(self._members[place][2]) < 100:
            self._members[place][2][pid] = None
        return place

    def _key(self, pid: str | None) -> tuple[str, str]:
        person = None if pid is None else self._people.get(pid)
        if pid is None or (person is not None and person.is_outside):
            return OUTSIDE, "timers, outside"
        if person is None:
            return pid, pid
        if self._fold and person.supervisor is not None:
            return f"below {person.supervisor}", f"below {person.supervisor}"
        return pid, person.label

    def all(self) -> tuple[DiagramLane, ...]:
        return tuple(
            DiagramLane(
                key,
                label,
                tuple(pids),
                bool(pids) and all(pid in self._people and self._people[pid].traced for pid in pids),
            )
            for key, label, pids in self._members
        )


def _mark_label(mark: Mark) -> str:
    if mark.reason is None or mark.reason == "killed":
        return mark.reason or mark.kind
    return _short(f"{mark.kind}: {mark.reason}")


def fate_of(step: DiagramStep) -> str:
    """Return the words after the label of a call without a reply in time; "" for other messages."""
    if step.timeout_s is not None:
        return f" (timed out after {step.timeout_s:g} s)"
    return " (no answer)" if step.unanswered else ""


def _short(words: str) -> str:
    return words if len(words) <= LABEL else words[: LABEL - 1] + "…"
