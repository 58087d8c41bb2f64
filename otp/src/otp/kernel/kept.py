"""What the runtime keeps of values that are not its own: small ones as they are, of others a bounded text.

An exit reason may hold anything. The event ring and the records of supervisors outlive the process by thousands of
events, so they must not keep its objects alive; and no text made here runs a line of the value's own code.
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from enum import Enum
from typing import Any, Final

from otp.kernel.bounded import Shortened, text
from otp.kernel.pids import Pid, Ref
from otp.kernel.reasons import Crash, ExceptionTerm
from otp.redaction import without_secrets

__all__ = ["bounded_text", "kept"]

LONGEST: Final = 200  # characters of a text, bytes of bytes
MEMBERS: Final = 8  # of a tuple or a list
DEPTH: Final = 4
TEXT: Final = 500  # of an exception, and of a stand-in
FRAMES: Final = (10, 40)  # of a stack: outermost, innermost

_name_of: Any = type.__dict__["__name__"].__get__  # a metaclass may answer for `__name__`, or raise
_LARGEST_INT: Final = 1 << 512


def _is_atom(value: Any, longest: int) -> bool:
    kind = type(value)
    if kind is str or kind is bytes:
        return len(value) <= longest
    if kind is int:
        return -_LARGEST_INT < value < _LARGEST_INT
    # one by one: to look a class up in a set asks its metaclass for a hash
    return value is None or kind is bool or kind is float or kind is complex or value is ...


def bounded_text(value: Any, limit: int = 200) -> str:
    """The value in at most `limit` characters, for logs and events: its `repr` where that is short and ours to call."""
    kind = type(value)
    if kind is str and len(value) <= limit:  # most messages: no further question
        shown = repr(value)
        return shown if len(shown) <= limit else shown[: limit - 1] + "…"
    if _is_atom(value, limit) or (
        kind is tuple and len(value) <= MEMBERS and all(_is_atom(member, limit) for member in value)
    ):
        shown = repr(value)
        return shown if len(shown) <= limit else shown[: limit - 1] + "…"
    return text(value, length=limit, depth=10, items=limit, redact=None)


def kept(reason: Any) -> Any:
    """An exit reason as it may be kept: itself if it is small, else with stand-ins for its large parts."""
    return reason if (type(reason) is str and len(reason) <= LONGEST) or reason is None else _kept(reason, DEPTH)


def _kept(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind is str:
        if len(value) <= LONGEST:
            return value
    elif kind is tuple and depth > 0 and len(value) <= MEMBERS:
        for at, member in enumerate(value):
            less = _kept(member, depth - 1)
            if less is not member:
                return (*value[:at], less, *[_kept(other, depth - 1) for other in value[at + 1 :]])
        return value
    elif kind is Crash and depth > 0:
        return _kept_crash(value, depth)
    elif kind is ExceptionTerm and depth > 0:
        return _kept_exception(value, depth)
    elif kind is list and depth > 0 and len(value) <= MEMBERS:  # copied: it could grow
        return [_kept(member, depth - 1) for member in value]
    elif _is_atom(value, LONGEST) or issubclass(kind, (Pid, Ref, Enum)) or kind is Shortened:
        return value
    return Shortened(_name_of(kind), text(value, length=TEXT))


def _kept_crash(crash: Any, depth: int) -> Crash:
    term, stack = crash
    less = _kept(term, depth - 1)
    first, last = FRAMES
    if len(stack) > first + last:
        stack = (*stack[:first], *stack[-last:])
    return crash if less is term and stack is crash[1] else Crash(less, stack)


def _kept_exception(term: Any, depth: int) -> ExceptionTerm:
    args = _kept(term.args, depth - 1)
    if type(args) is not tuple:
        args = (args,)
    words = term.text if len(term.text) <= TEXT else without_secrets(term.text, TEXT)
    return term if args is term.args and words is term.text else ExceptionTerm(term.type_name, args, words)
