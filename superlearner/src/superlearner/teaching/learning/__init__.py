"""The learning path: tours through the live pages, as data."""

from __future__ import annotations

from superlearner.teaching.learning.path import PARTS, Part, tours
from superlearner.teaching.learning.tour import Condition, Event, Operation, Step, Tour, Visited

__all__ = ["PARTS", "Condition", "Event", "Operation", "Part", "Step", "Tour", "Visited", "tours"]
