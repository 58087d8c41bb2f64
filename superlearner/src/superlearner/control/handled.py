"""The callback in which a process ended, and what it was handling, from the data of its end.

A state machine takes each message in a callback of the runtime; the `event` in the data names the user's function.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, cast

from otp import sentences
from superlearner.control.slots import id_text
from superlearner.control.terms import message_text

__all__ = ["Handled", "callback_of", "class_of", "describe_doing", "describe_function", "handled_by"]

Handled: TypeAlias = "str | tuple[str, ...] | None"
"""The message of a callback as text; for a state machine the first arguments of its function; None if not known."""
Event: TypeAlias = tuple[str, str | None, str | None, str | None]

LONGEST: int = 200


def _event_of(end: Mapping[str, Any]) -> Event | None:
    match end.get("event"):
        case (str(), _, _, _) as found:
            return cast("Event", tuple(cast("list[Any]", found)))
        case _:
            return None


def callback_of(end: Mapping[str, Any]) -> str | None:
    """Return the name of the user's function in which a process ended.

    >>> callback_of({"callback": "handle_cast", "event": ("Door.locked", "'cast'", "'open'", "'locked'")})
    'locked'
    """
    event = _event_of(end)
    return end.get("callback") if event is None else event[0].rpartition(".")[2]


def class_of(end: Mapping[str, Any]) -> str:
    """Return the name of the class whose function that is."""
    event = _event_of(end)
    return id_text(end.get("what")) if event is None else event[0].rpartition(".")[0]


def handled_by(end: Mapping[str, Any]) -> Handled:
    """Return what that function was handling.

    >>> handled_by({"callback": "handle_cast", "event": ("Door.locked", "'cast'", "'open'", "'locked'")})
    ("'cast'", "'open'")
    """
    event = _event_of(end)
    if event is None:
        return end.get("message")
    known = event[1:] if callback_of(end) == "handle_event" else event[1:3]
    return tuple(one for one in known if one is not None) or None


def describe_doing(end: Mapping[str, Any]) -> str:
    """Return the clause about what a process was doing, redacted.

    >>> describe_doing({"callback": "handle_cast", "message": "'open'"})
    "in handle_cast('open')"
    >>> describe_doing({"callback": "handle_cast", "event": ("Door.locked", "'cast'", "'open'", "'locked'")})
    "in Door.locked('cast', 'open'), state 'locked'"
    """
    event, message = _event_of(end), end.get("message")
    if event is None:
        return sentences.handling(None if message is None else message_text(message, LONGEST), end.get("callback"))
    callback, kind, content, state = event
    asked = None if kind is None else f"{message_text(kind, LONGEST)}, {message_text(content or '', LONGEST)}"
    return sentences.handling(asked, callback, None if state is None else message_text(state, LONGEST))


def describe_function(end: Mapping[str, Any]) -> str:
    """Return the clause about the function of a state machine, for a sentence that names its message; else "".

    >>> describe_function({"message": "'open'", "event": ("Door.locked", "'cast'", "'open'", "'locked'")})
    "in Door.locked, state 'locked'"
    >>> describe_function({"message": "'open'", "event": ("Door.locked", "'internal'", "'beep'", "'locked'")})
    "in Door.locked('internal', 'beep'), state 'locked'"
    """
    event = _event_of(end)
    if event is None:
        return ""
    if event[2] != end.get("message") or event[3] is None:  # an event that its handling has caused
        return describe_doing(end)
    return sentences.handling(None, event[0], message_text(event[3], LONGEST))
