"""Values that the runtime keeps of programs: small ones unchanged, others as bounded text.

An exit reason may hold any object. The event ring and the records of supervisors outlive the process by thousands of
events, so they must not keep its objects alive. No text made here runs the value's own code.
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

LONGEST: Final = 200  # characters of a text, bytes of a bytes
MEMBERS: Final = 8  # of a tuple or a list
DEPTH: Final = 4
TEXT: Final = 500  # of an exception and of a stand-in
FRAMES: Final = (10, 40)  # of a stack: outermost, innermost

_name_of: Any = type.__dict__["__name__"].__get__  # a metaclass may override `__name__`, or raise
_LARGEST_INT: Final = 1 << 512


def _is_atom(value: Any, longest: int) -> bool:
    kind = type(value)
    if kind is str or kind is bytes:
        return len(value) <= longest
    if kind is int:
        return -_LARGEST_INT < value < _LARGEST_INT
    # compared one by one: a set would ask the metaclass of a class for a hash
    return value is None or kind is bool or kind is float or kind is complex or value is ...


def bounded_text(value: Any, limit: int = 200) -> str:
    """Return a text of at most `limit` characters; the `repr` if it is short and safe to call."""
    kind = type(value)
    if kind is str and len(value) <= limit:  # the common case first
        shown = repr(value)
        return shown if len(shown) <= limit else shown[: limit - 1] + "…"
    if _is_atom(value, limit) or (
        kind is tuple and len(value) <= MEMBERS and all(_is_atom(member, limit) for member in value)
    ):
        shown = repr(value)
        return shown if len(shown) <= limit else shown[: limit - 1] + "…"
    return text(value, length=limit, depth=10, items=limit, redact=None)


def kept(reason: Any) -> Any:
    """Return an exit reason as it may be kept: its large parts replaced by stand-ins."""
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
