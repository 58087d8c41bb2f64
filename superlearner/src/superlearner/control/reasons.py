"""Exit reasons as people read them: `ValueError('negative amount')`, `killed`, `shutdown`."""

from __future__ import annotations

import os
import sysconfig
from typing import Any, Final

import otp
from otp import Crash
from superlearner.control.terms import clip, text_of

__all__ = ["is_crash", "own_frame", "text_of_reason", "where_of"]

SHORT: Final = 200
LIBRARY_FOLDERS: Final = (
    os.path.dirname(otp.__file__),
    sysconfig.get_path("stdlib"),
    sysconfig.get_path("purelib"),
)


def text_of_reason(reason: Any, limit: int = SHORT) -> str:
    """A reason in short plain text, at most `limit` characters.

    >>> text_of_reason("killed")
    'killed'
    """
    term = reason.term if isinstance(reason, Crash) else reason
    type_name = getattr(term, "type_name", None)
    if isinstance(type_name, str):
        arguments = ", ".join(text_of(argument, limit) for argument in getattr(term, "args", ()))
        return clip(f"{type_name}({arguments})", limit)
    if isinstance(term, str):
        return clip(term, limit)
    return text_of(term, limit)


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
