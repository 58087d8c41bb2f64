"""Runtime events as reducers read them: their fields, the kinds of those of supervisors, and facts as texts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final, Protocol

from otp import sentences
from superlearner.control.reasons import is_crash, place_text
from superlearner.control.slots import id_text
from superlearner.control.terms import clip, plain_pid, requester_text
from superlearner.control.wrong_results import (
    UnansweredCall,
    find_unanswered,
    place_of_call,
    place_of_event,
    reason_of,
)

__all__ = [
    "ANSWERS",
    "COUNTED",
    "ENDS",
    "OF_CHILDREN",
    "STARTS",
    "Facts",
    "TraceEvent",
    "act_of",
    "facts_of",
    "is_again",
    "is_along",
    "is_end",
    "is_own_end",
    "is_requested_stop",
    "is_restart",
    "is_stop",
]

STARTS: Final = frozenset({"child_started", "child_restarted"})
"""Kinds of events that report a child that runs."""

COUNTED: Final = frozenset({"child_restarted", "restart_failed", "gave_up"})
"""Kinds of events that report how many restarts count, and the limit."""

ANSWERS: Final = STARTS | COUNTED
"""Kinds of events that show what a supervisor did about an end."""

ENDS: Final = frozenset({"child_terminated"})
"""Kinds of events that report a child that ended by itself or was stopped."""

OF_CHILDREN: Final = ANSWERS | ENDS
"""Kinds of events of a supervisor about its children."""

BRIEF: Final = 80


class TraceEvent(Protocol):
    """The fields that reducers read of an `otp.trace.Event`; tests need no runtime."""

    @property
    def seq(self) -> int:
        """Sequence number."""
        ...

    @property
    def kind(self) -> str:
        """Kind of event."""
        ...

    @property
    def at(self) -> int:
        """Time of the node clock, in ns."""
        ...

    @property
    def pid(self) -> Any:
        """The process that the event is about."""
        ...

    @property
    def cause(self) -> int:
        """Sequence number of the event that led to it, 0 for none."""
        ...

    @property
    def data(self) -> Mapping[str, Any]:
        """Other values, depending on the kind."""
        ...


def act_of(event: TraceEvent) -> str:
    """Return what a supervisor tells of a child: an `end` by itself, a `stop`, a `start`, a `restart` that counts.

    Of all other events, the kind.
    """
    kind = event.kind
    if kind == "child_terminated":
        return "end" if event.data.get("by") == "exit" else "stop"
    return "start" if kind == "child_started" else "restart" if kind == "child_restarted" else kind


def is_end(event: TraceEvent) -> bool:
    """Return whether a supervisor reports that a child ended by itself."""
    return act_of(event) == "end"


def is_own_end(event: TraceEvent) -> bool:
    """Return whether a supervisor reports a child that ended by itself, even if it was about to stop that child."""
    return is_end(event) or (is_stop(event) and event.data.get("by_itself") is True)


def is_stop(event: TraceEvent) -> bool:
    """Return whether a supervisor reports that it stopped a child, or found it ended when it was to stop it."""
    return act_of(event) == "stop"


def is_requested_stop(event: TraceEvent) -> bool:
    """Return whether a supervisor reports that it stopped a running child on request."""
    return is_stop(event) and event.data.get("requested") is True and not is_own_end(event)


def is_restart(event: TraceEvent) -> bool:
    """Return whether a child was started by a restart that counts; the starts of its siblings do not."""
    return event.kind == "child_restarted"


def is_along(event: TraceEvent) -> bool:
    """Return whether a child was started because of the end of a sibling."""
    return event.kind in STARTS and event.data.get("along") is True


def is_again(event: TraceEvent) -> bool:
    """Return whether a child was started after it had ended by itself."""
    known = is_restart(event) or (event.kind in STARTS and event.data.get("old") is not None)
    return known and event.data.get("along") is not True


class Facts:
    """The facts of one event as texts, redacted; each is made when the first reader asks.

    Pids are without brackets, and None where the event names no process; `pid` is then "".
    """

    is_second_copy = False
    """True if a child of a cluster started on a member and still runs on another; see `superlearner.live.moves`."""
    placement: Mapping[str, Any]
    """The data of an event `placement_changed`, with the loss of the member that ended the child."""

    def __init__(self, event: TraceEvent) -> None:
        self._pid = getattr(event, "pid", None)
        self._data = self.placement = event.data
        self._place = (
            event.kind,
            getattr(event, "seq", 0),
            self._pid,
            getattr(event, "cause", 0),
        )  # no cycle of references

    def _text(self, key: str) -> str | None:
        found = self._data.get(key)
        return None if found is None else plain_pid(found)

    @cached_property
    def pid(self) -> str:
        """The process that the event is about; for an event of a child, its supervisor."""
        return "" if self._pid is None else plain_pid(self._pid)

    @cached_property
    def child(self) -> str | None:
        """The child that was started, or that ended."""
        return self._text("child")

    @cached_property
    def old(self) -> str | None:
        """The child's process before a restart."""
        return self._text("old")

    @cached_property
    def sender(self) -> str | None:
        """The process whose signal ended this one."""
        return self._text("sender")

    @cached_property
    def by(self) -> str:
        """The requester of a suspension or its end: a request in words, or a process; "" if that is not known."""
        return requester_text(self._data.get("by"))

    @cached_property
    def id(self) -> str | None:
        """The id of the child."""
        found = self._data.get("id")
        return None if found is None else id_text(found)

    @cached_property
    def reason(self) -> str:
        """The exit reason; for a wrong result, with the callback that returned it and its line."""
        return reason_of(*self._place, self._data)

    @cached_property
    def brief_reason(self) -> str:
        """The exit reason in at most 80 characters."""
        return self.reason if len(self.reason) <= BRIEF else clip(self.reason, BRIEF)

    @cached_property
    def crash(self) -> bool:
        """True if the exit reason is a failure."""
        return is_crash(self._data.get("reason"))

    @cached_property
    def where(self) -> str | None:
        """The line of the user's code at which it crashed, made a call that failed, or returned a wrong result."""
        found = place_of_event(*self._place, self._data)
        return None if found is None else place_text(found)

    @cached_property
    def called_at(self) -> str | None:
        """The line of the failed call that ended a process, whether or not that call was a mistake."""
        found = place_of_call(self._data)
        return None if found is None else place_text(found)

    def stop_failed(self, who: str) -> str:
        """Return the sentence about a child that did not end as its supervisor asked; "" if it did."""
        if not self.crash:  # of ten thousand stops, most are no failures
            return ""
        at, seconds = self.where, self._data.get("exceeded")
        return sentences.stop_failed(who, self.reason, failed=True, at=at, seconds=seconds)

    @cached_property
    def unanswered(self) -> UnansweredCall | None:
        """The call without an answer that the end began with; None without one."""
        return find_unanswered(*self._place, self._data)


def facts_of(event: Any) -> Facts:
    """Return the facts of an event, which carries them for its next reader."""
    found = getattr(event, "facts", None)
    if found is None:
        found = Facts(event)
        try:
            event.facts = found
        except (AttributeError, TypeError):  # an event of a recording, or of a test, is frozen (and may have slots)
            pass
    return found
