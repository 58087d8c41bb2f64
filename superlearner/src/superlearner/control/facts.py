"""Facts of an event as texts, made and redacted once for all of its readers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from superlearner.control.reasons import is_crash, text_of_reason, where_of
from superlearner.control.slots import id_text
from superlearner.control.terms import plain_pid

__all__ = ["Facts", "facts_of"]

BRIEF = 80


class Facts:
    """The facts of one event; each is made when the first reader asks.

    Pids are without brackets, and None where the event names no process; `pid` is then "".
    """

    def __init__(self, pid: Any, data: Mapping[str, Any]) -> None:
        self._pid = pid
        self._data = data

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
    def id(self) -> str | None:
        """The id of the child."""
        found = self._data.get("id")
        return None if found is None else id_text(found)

    @cached_property
    def reason(self) -> str:
        """The exit reason."""
        return text_of_reason(self._data.get("reason"))

    @cached_property
    def brief_reason(self) -> str:
        """The exit reason in at most 80 characters."""
        return self.reason if len(self.reason) <= BRIEF else text_of_reason(self._data.get("reason"), BRIEF)

    @cached_property
    def crash(self) -> bool:
        """True if the exit reason is a failure."""
        return is_crash(self._data.get("reason"))

    @cached_property
    def where(self) -> str | None:
        """The line of the user's code at which it crashed."""
        return where_of(self._data.get("reason"))


def facts_of(event: Any) -> Facts:
    """Return the facts of an event, which carries them for its next reader."""
    found = getattr(event, "facts", None)
    if found is None:
        found = Facts(getattr(event, "pid", None), event.data)
        try:
            event.facts = found
        except (AttributeError, TypeError):  # an event of a recording, or of a test, is frozen (and may have slots)
            pass
    return found
