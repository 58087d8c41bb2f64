"""Exit reasons as people read them: `ValueError('negative amount')`, `killed`, `shutdown`.

A reason is any value of a program; none of its own code runs here, whatever it defines.
"""

from __future__ import annotations

import os
from itertools import islice
from typing import Any, Final

import otp
from otp import Crash, ExceptionTerm, Pid
from otp.redaction import without_secrets
from otp.watchdog import LIBRARY_FOLDERS
from superlearner.control.slots import id_text
from superlearner.control.terms import clip, is_a, plain_pid, text_of

__all__ = ["LIBRARY_FOLDERS", "OTP", "is_crash", "own_frame", "tagged", "text_of_reason", "where_of"]

SHORT: Final = 200
OTP: Final = os.path.dirname(otp.__file__)
BEHAVIOURS: Final = os.path.join(OTP, "behaviours")
DEPTH: Final = 10
NOT_THEIRS: Final = (*LIBRARY_FOLDERS, os.path.join(os.path.dirname(os.path.dirname(__file__)), "sandbox", ""))
"""Of what runs in a person's process; that which ends an endless loop raises on top of the person's own frames."""


def text_of_reason(reason: Any, limit: int = SHORT) -> str:
    """A reason in short plain text, at most `limit` characters.

    >>> text_of_reason("killed")
    'killed'
    >>> text_of_reason(("bad_return_value", None))
    'a callback returned None: did no case match, or is a return missing?'
    """
    if type(reason) is str:
        return _without_secrets(reason, limit)
    plain = _plain_words(reason, limit, DEPTH)
    if plain:
        return clip(plain, limit)
    term = reason.term if is_a(reason, Crash) else reason
    if is_a(term, ExceptionTerm):
        arguments = ", ".join(text_of(argument, limit) for argument in islice(term.args, limit))
        return clip(f"{term.type_name}({arguments})", limit)
    if is_a(term, str):
        return _without_secrets(term, limit)
    return text_of(term, limit)


def _without_secrets(words: str, limit: int) -> str:
    if str.isidentifier(words):  # most are: `killed`, `shutdown`
        return clip(words, limit)
    return clip(without_secrets(words, limit), limit)


def _plain_words(reason: Any, limit: int, depth: int) -> str:
    """What the runtime's own reasons mean; empty for those of a program."""
    if is_a(reason, Crash):
        unknown = type(reason.term) is str and reason.term == "function_clause"
        in_behaviour = bool(reason.stack) and str(reason.stack[-1][0]).startswith(BEHAVIOURS)
        return "got a message it does not know (function_clause)" if unknown and in_behaviour else ""
    tag, rest = tagged(reason)
    match tag, len(rest):
        case "bad_return_value", 1:
            if rest[0] is None:
                return "a callback returned None: did no case match, or is a return missing?"
            return f"a callback returned {text_of(rest[0], limit)}, which is no result"
        case "already_started", 1 if is_a(rest[0], Pid):
            return f"its name is taken by {plain_pid(rest[0])}"
        case "shutdown", 1 if depth:
            inner_tag, inner = tagged(rest[0])
            if inner_tag != "failed_to_start_child" or len(inner) != 2:
                return ""
            child, cause = id_text(inner[0]), inner[1]
            cause_tag, taken = tagged(cause)
            if cause_tag == "already_started" and len(taken) == 1 and is_a(taken[0], Pid):
                return f"its child {child} did not start: {_taken(child, taken[0])}"
            why = _plain_words(cause, limit, depth - 1) or text_of_reason(cause, limit)
            return f"its child {child} did not start: {why}"
        case _:
            return ""


def tagged(term: Any) -> tuple[str, tuple[Any, ...]]:
    """The tag of a plain tuple and what follows; "" for another value. Nothing in it is compared."""
    return (term[0], term[1:]) if type(term) is tuple and term and type(term[0]) is str else ("", ())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _taken(child: str, pid: Pid) -> str:
    """A process without its supervisor is the predecessor, still on its way out; another one has the name rightly."""
    parent = otp.process_info(pid, "parent")
    if parent is None or not otp.is_alive(parent):
        return f"the old {child} had not finished stopping"
    return f"its name is taken by {plain_pid(pid)}"


def is_crash(reason: Any) -> bool:
    """Whether a process that ended with `reason` failed: anything but normal, shutdown and (shutdown, term)."""
    if type(reason) is str:
        return reason not in ("normal", "shutdown")
    if is_a(reason, tuple) and not is_a(reason, Crash):
        tag, rest = tagged(reason)
        return not (tag == "shutdown" and len(rest) == 1)
    return True


def own_frame(reason: Any) -> tuple[str, int, str] | None:
    """File, line and function of the innermost frame of a crash that is neither the runtime's nor a library's."""
    if not is_a(reason, Crash) or not reason.stack:
        return None
    own = [entry for entry in reason.stack if not entry[0].startswith(NOT_THEIRS)]
    return (own or reason.stack)[-1]


def where_of(reason: Any) -> str | None:
    """`shop.py:58 in handle_call`: the innermost frame of the person's own code, None where there is no stack."""
    frame = own_frame(reason)
    if frame is None:
        return None
    file, line, function = frame
    return f"{os.path.basename(file)}:{line} in {function.rpartition('.')[2]}"
