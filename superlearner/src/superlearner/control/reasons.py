"""Exit reasons: whether they are failures, and their line in user code.

A reason is any value of a program; this module runs none of its code.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any, Final

import otp
from otp import Crash, sentences
from otp.observer.prediction import is_clean
from otp.sentences import place_text, tagged
from otp.sentences import reason_text as text_of_reason
from otp.watchdog import LIBRARY_FOLDERS
from superlearner.control.terms import is_a

__all__ = [
    "BLOCKS", "LIBRARY_FOLDERS", "OTP", "callers_of", "failed_call", "fell_after", "has_own_frame",
    "is_crash", "own_frame", "place_text", "tagged",
    "text_of_reason", "where_of", "without_arguments", "without_numbers",
]  # fmt: skip

BLOCKS: Final = "blocks the one thread of the runtime, and with it every process; use await asyncio.sleep(…)"
"""The effect of a call such as `time.sleep`, and what to use instead."""
OTP: Final = os.path.dirname(otp.__file__)
ARGUMENTS: Final = re.compile(r"(?<=\w)\(.*", re.DOTALL)
NUMBER: Final = re.compile(r"(?<![:\w.])\d[\d.]*")
NOT_THEIRS: Final = (*LIBRARY_FOLDERS, "<frozen ")
"""Prefixes of files that are not the user's."""


def is_crash(reason: Any) -> bool:
    """Return whether `reason` is a failure: an exception, or not a clean end by the runtime's rule."""
    return is_a(reason, Crash) or not is_clean(reason)


def failed_call(reason: Any) -> tuple[Any, Any] | None:
    """Return the reason and the server of a failed call that ended a process; None for another reason.

    >>> failed_call(("shutdown", ("gen_server", "call", ["till", "total", 5])))
    ('shutdown', 'till')
    """
    match reason:
        case (why, (("gen_server" | "gen_statem"), _, [server, *_])):
            return why, server
        case _:
            return None


def own_frame(reason: Any) -> tuple[str, int, str] | None:
    """Return file, line and function of the innermost frame of a crash in user code, else in a library.

    None if only code of the runtime raised: its lines say nothing about a program.
    """
    if not is_a(reason, Crash):
        return None
    own = [entry for entry in reason.stack if not entry[0].startswith(NOT_THEIRS)]
    others = [entry for entry in reason.stack if not entry[0].startswith(os.path.join(OTP, ""))]
    return next(reversed(own or others), None)


def callers_of(reason: Any) -> list[tuple[str, int, str]]:
    """Return the frames of a crash in the user's code that led to its innermost one, innermost first."""
    if not is_a(reason, Crash):
        return []
    return [entry for entry in reason.stack if not entry[0].startswith(NOT_THEIRS)][-2::-1]


def has_own_frame(reason: Any) -> bool:
    """Return whether the stack of a crash has a line of the user's code."""
    frame = own_frame(reason)
    return frame is not None and not frame[0].startswith(NOT_THEIRS)


def where_of(reason: Any) -> str | None:
    """Return the innermost frame of the user's code as `shop.py:58 in handle_call`; None without a stack."""
    frame = own_frame(reason)
    return None if frame is None else place_text(frame)


def fell_after(names: Sequence[str]) -> str:
    """Return the clause about supervisors that gave up because one below them did, the lowest first.

    >>> fell_after(["core", "root"]), fell_after([])
    ('core and root gave up after it', '')
    """
    return f"{sentences.listed(names)} gave up after it" if names else ""


def without_arguments(reason: str) -> str:
    """Return the text of a reason without the arguments of an exception: ends of one class are alike.

    >>> without_arguments("KeyError('a')"), without_arguments("('bad_return', 5)")
    ('KeyError', "('bad_return', 5)")
    """
    return ARGUMENTS.sub("", reason)


def without_numbers(text: str) -> str:
    """Return a text in which numbers and pids, which differ each time, are alike; those of lines of code stay.

    >>> without_numbers("('bad', 17)"), without_numbers("its call to <0.31.0> failed, till.py:9 in pay")
    ("('bad', 0)", 'its call to <0> failed, till.py:9 in pay')
    """
    return NUMBER.sub("0", text)
