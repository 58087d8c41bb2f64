"""The learning path: five parts, from a first process to production."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from superlearner.teaching.learning.basics import BASICS
from superlearner.teaching.learning.digging import DIGGING
from superlearner.teaching.learning.lifecycle import LIFECYCLE
from superlearner.teaching.learning.patterns import PATTERNS
from superlearner.teaching.learning.production import PRODUCTION
from superlearner.teaching.learning.tour import Tour

__all__ = ["PARTS", "Part", "tours"]


@dataclass(frozen=True, slots=True)
class Part:
    """A group of tours on one subject."""

    id: str
    title: str
    about: str
    tours: tuple[Tour, ...]


PARTS: Final = (
    Part("basics", "Basic concepts", "What a process is.", BASICS),
    Part("lifecycle", "Process lifecycle", "How processes end and restart.", LIFECYCLE),
    Part("patterns", "Advanced patterns", "When restarting is not enough, and live changes.", PATTERNS),
    Part("debugging", "Debugging", "Inspect a running system.", DIGGING),
    Part("production", "Production practices", "Monitor the system, and act without a browser.", PRODUCTION),
)


def tours() -> Iterator[Tour]:
    """Yield all tours, in the order of the path."""
    for part in PARTS:
        yield from part.tours
