"""Exit reasons: whether they are failures, and their line in user code.

A reason is any value of a program; this module runs none of its code.
"""

from __future__ import annotations

import os
from typing import Any, Final

import otp
from otp import Crash
from otp.sentences import reason_text as text_of_reason
from otp.sentences import tagged
from otp.watchdog import LIBRARY_FOLDERS
from superlearner.control.terms import is_a

__all__ = ["LIBRARY_FOLDERS", "OTP", "is_crash", "own_frame", "tagged", "text_of_reason", "where_of"]

OTP: Final = os.path.dirname(otp.__file__)
NOT_THEIRS: Final = (*LIBRARY_FOLDERS, os.path.join(os.path.dirname(os.path.dirname(__file__)), "sandbox", ""))
"""Of what runs in a person's process; that which ends an endless loop raises on top of the person's own frames."""


def is_crash(reason: Any) -> bool:
    """Return whether `reason` is a failure, not a normal end or a shutdown."""
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
