"""What a tour is: steps, each with the condition that ticks it off.

A condition says what must have *happened*: an event of the platform (docs/events.md), an operation that somebody did,
or what the address of the page shows. The browser matches them, so the platform has no work while somebody learns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Condition", "Event", "Operation", "Step", "Tour", "Visited"]


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a type, about a process or a supervisor if one is named, with these fields of its `data`."""

    type: str
    name: str | None = None
    supervisor: str | None = None
    data: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Operation:
    """Somebody did one of these operations, through one of these doors if any are named, and it was not refused."""

    names: tuple[str, ...]
    doors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Visited:
    """The page shows this: its path, and words of its address.

    A word fits if it is the value or the last part of it behind a `/`: `process=counter_1` fits whatever is above it.
    """

    path: str
    words: Mapping[str, str] = field(default_factory=dict[str, str])


Condition = Event | Operation | Visited


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do. Code in the texts stands between backticks."""

    id: str
    title: str
    text: str
    page: str
    """Where it is done: an address of the platform."""

    done: Condition
    hint: str
    seen: str
    """What it means, told when it is done."""

    concept: str
    """Its heading in docs/concepts.md."""


@dataclass(frozen=True, slots=True)
class Tour:
    """Some minutes that end with one thing learned."""

    id: str
    title: str
    why: str
    minutes: int
    steps: tuple[Step, ...]
    learned: str
    docs: str
    """Where to read on: a page of the documentation, with its anchor."""

    needs: tuple[str, ...]
    """Names of processes that must be there; they are the demo's."""
