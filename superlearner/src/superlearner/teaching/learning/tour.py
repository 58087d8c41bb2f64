"""The data of a tour: steps, each with the condition that completes it.

A condition says what must have *happened*: an event of the platform (docs/events.md), an operation that was run, or
what the address of the page shows. The browser matches them, so learners cost the platform nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Condition", "Event", "Operation", "Step", "Tour", "Visited"]


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a type, perhaps of one process, with these fields in `data`."""

    type: str
    name: str | None = None
    supervisor: str | None = None
    data: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Operation:
    """A successful call of one of these operations, perhaps by certain interfaces."""

    names: tuple[str, ...]
    doors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Visited:
    """A page that is open: its path, and parameters of its address.

    A parameter matches by its value, or the last part of it after a `/`: `process=counter_1` matches at any level.
    """

    path: str
    words: Mapping[str, str] = field(default_factory=dict[str, str])


Condition = Event | Operation | Visited


@dataclass(frozen=True, slots=True)
class Step:
    """A task for the reader. Code in the texts is in backticks."""

    id: str
    title: str
    text: str
    page: str
    """Address of the page for the task."""

    done: Condition
    hint: str
    seen: str
    """Explanation shown after the task."""

    concept: str
    """Its heading in docs/concepts.md."""


@dataclass(frozen=True, slots=True)
class Tour:
    """A guided exercise of a few minutes."""

    id: str
    title: str
    why: str
    minutes: int
    steps: tuple[Step, ...]
    learned: str
    docs: str
    """Page of the documentation to read next, with its anchor."""

    needs: tuple[str, ...]
    """Names of the demo processes that must run."""
