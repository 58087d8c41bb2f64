"""Numbered stream of events: processes, settings, operations, the log."""

from __future__ import annotations

from superlearner.observing.events.event import Event, Gap
from superlearner.observing.events.event_log import EventLog
from superlearner.observing.events.reader import EventFilter, Reader
from superlearner.observing.events.types import TYPES, type_names

__all__ = ["TYPES", "Event", "EventFilter", "EventLog", "Gap", "Reader", "type_names"]
