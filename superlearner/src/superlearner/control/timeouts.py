"""The words about calls that timed out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Final

from otp.redaction import without_secrets
from otp.sentences import close_quote, process_text
from superlearner.control.events import TraceEvent
from superlearner.control.names import display_name, is_critical, last_name
from superlearner.control.terms import clip, plain_pid
from superlearner.control.tree import short_what, what_of
from superlearner.control.wrong_results import cause_of_timeout

__all__ = [
    "LONGEST",
    "OUTSIDE",
    "callee_of",
    "caller_of",
    "describe_timeout",
    "is_of_platform",
    "line_of",
    "seconds_of",
    "timeout_text",
]

OUTSIDE: Final = "code outside of any process"
LONGEST: Final = 100
"""Characters of a request."""


def caller_of(pid: Any) -> str:
    """Return the caller of an event `call_timed_out` for readers."""
    if pid is None:
        return OUTSIDE
    return display_name(pid) or last_name(pid) or process_text(what_of(pid) or None, plain_pid(pid))


def callee_of(data: Mapping[str, Any]) -> tuple[str | None, str]:
    """Return the name of the process that was called, and what it runs; None and "" if that is not known."""
    name, what = data["name"], data["what"]
    return None if name is None else without_secrets(name, LONGEST), short_what(what or "")


def is_of_platform(event: TraceEvent) -> bool:
    """Return whether a call that timed out is the platform's own: of a process of its own, or a request to one."""
    data, pid = event.data, event.pid
    by = data["to"] if pid is None and data["what"] is not None else pid
    return by is not None and is_critical(by)


def line_of(data: Mapping[str, Any]) -> str | None:
    """Return the file and line of the call."""
    where = data["where"]
    return None if where is None else os.path.basename(where)


def seconds_of(data: Mapping[str, Any]) -> float | None:
    """Return after how many seconds a call failed: its limit, or fewer if it was in a deadlock."""
    waited = data.get("waited")
    return data["timeout"] if waited is None else round(waited, 1)


def timeout_text(seconds: Iterable[float | None]) -> str:
    """Return the words for the time that calls waited: `after 0.5 s`.

    >>> timeout_text([0.5, 0.5]), timeout_text([5.0, 0.5]), timeout_text([None])
    ('after 0.5 s', 'after 0.5 to 5 s', '')
    """
    known = sorted({one for one in seconds if one is not None})
    if not known:
        return ""
    return f"after {known[0]:g} s" if len(known) == 1 else f"after {known[0]:g} to {known[-1]:g} s"


def describe_timeout(caller: str, callee: str, data: Mapping[str, Any]) -> str:
    """Return the sentence about an event `call_timed_out`."""
    is_task, line, why = data["way"] == "task", line_of(data), cause_of_timeout(data)
    words = f"{caller} waited in vain for the task {callee}" if is_task else f"a call of {caller} to {callee} timed out"
    at, after = f", at {line}" if line else "", timeout_text([seconds_of(data)])
    request = "" if is_task else f": {close_quote(clip(data['request'], LONGEST))}"
    return f"{words}{f' {after}' if after else ''}{at}{request}{f'; {why}' if why else ''}"
