"""Exit reasons as people read them: `ValueError('negative amount')`, `killed`, `shutdown`."""

from __future__ import annotations

import os
import sysconfig
from typing import Any, Final

import otp
from otp import Crash, Pid
from superlearner.control.slots import id_text
from superlearner.control.terms import clip, plain_pid, text_of

__all__ = ["LIBRARY_FOLDERS", "is_crash", "own_frame", "text_of_reason", "where_of"]

SHORT: Final = 200
OTP: Final = os.path.dirname(otp.__file__)
LIBRARY_FOLDERS: Final = tuple(
    os.path.join(folder, "") for folder in (OTP, sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"))
)
"""What lies below them is not the person's own code."""

BEHAVIOURS: Final = os.path.join(OTP, "behaviours")
DEPTH: Final = 10


def text_of_reason(reason: Any, limit: int = SHORT) -> str:
    """A reason in short plain text, at most `limit` characters.

    >>> text_of_reason("killed")
    'killed'
    >>> text_of_reason(("bad_return_value", None))
    'a callback returned None: did no case match, or is a return missing?'
    """
    plain = _plain_words(reason, limit, DEPTH)
    if plain:
        return clip(plain, limit)
    term = reason.term if isinstance(reason, Crash) else reason
    type_name = getattr(term, "type_name", None)
    if isinstance(type_name, str):
        arguments = ", ".join(text_of(argument, limit) for argument in getattr(term, "args", ()))
        return clip(f"{type_name}({arguments})", limit)
    if isinstance(term, str):
        return clip(term, limit)
    return text_of(term, limit)


def _plain_words(reason: Any, limit: int, depth: int) -> str:
    """What the runtime's own reasons mean; empty for those of a program."""
    if isinstance(reason, Crash):
        unknown = isinstance(reason.term, str) and reason.term == "function_clause"
        in_behaviour = bool(reason.stack) and str(reason.stack[-1][0]).startswith(BEHAVIOURS)
        return "got a message it does not know (function_clause)" if unknown and in_behaviour else ""
    match reason:
        case ("bad_return_value", None):
            return "a callback returned None: did no case match, or is a return missing?"
        case ("bad_return_value", value):
            return f"a callback returned {text_of(value, limit)}, which is no result"
        case ("shutdown", ("failed_to_start_child", child, ("already_started", Pid() as pid))):
            return f"its child {id_text(child)} did not start: {_taken(id_text(child), pid)}"
        case ("shutdown", ("failed_to_start_child", child, inner)) if depth:
            why = _plain_words(inner, limit, depth - 1) or text_of_reason(inner, limit)
            return f"its child {id_text(child)} did not start: {why}"
        case ("already_started", Pid() as pid):
            return f"its name is taken by {plain_pid(pid)}"
        case _:
            return ""


def _taken(child: str, pid: Pid) -> str:
    """A process without its supervisor is the predecessor, still on its way out; another one has the name rightly."""
    parent = otp.process_info(pid, "parent")
    if parent is None or not otp.is_alive(parent):
        return f"the old {child} had not finished stopping"
    return f"its name is taken by {plain_pid(pid)}"


def is_crash(reason: Any) -> bool:
    """Whether a process that ended with `reason` failed: anything but normal, shutdown and (shutdown, term)."""
    if isinstance(reason, tuple) and len(reason) == 2 and not isinstance(reason, Crash):  # pyright: ignore[reportUnknownArgumentType]
        reason = reason[0]  # pyright: ignore[reportUnknownVariableType]
        return not (isinstance(reason, str) and reason == "shutdown")
    return not (isinstance(reason, str) and reason in ("normal", "shutdown"))


def own_frame(reason: Any) -> tuple[str, int, str] | None:
    """File, line and function of the innermost frame of a crash that is neither the runtime's nor a library's."""
    if not isinstance(reason, Crash) or not reason.stack:
        return None
    own = [entry for entry in reason.stack if not entry[0].startswith(LIBRARY_FOLDERS)]
    return (own or reason.stack)[-1]


def where_of(reason: Any) -> str | None:
    """`shop.py:58 in handle_call`: the innermost frame of the person's own code, None where there is no stack."""
    frame = own_frame(reason)
    if frame is None:
        return None
    file, line, function = frame
    return f"{os.path.basename(file)}:{line} in {function.rpartition('.')[2]}"
