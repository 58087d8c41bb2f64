"""Sentences about the held event loop of a service; its program may have written anything."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from otp import sentences
from otp.doors.holds import Hold
from otp.redaction import without_secrets
from superlearner.base.printable import printable

__all__ = ["advise_on_hold", "describe_hold", "describe_last_hold", "describe_stop"]

LONGEST: Final = 300


def describe_hold(hold: Hold) -> str:
    """Return the sentence about a callback that holds the event loop now.

    >>> describe_hold(Hold(7, 0.0, "till", "shop.py", 12, "handle_cast")).partition(" since ")[0]
    'till has held the event loop'
    """
    return _safe(
        f"{_who(hold)} has held the event loop since {datetime.fromtimestamp(hold.since):%H:%M:%S}: {_at(hold)}"
    )


def advise_on_hold(hold: Hold) -> str:
    """Return that sentence with what helps while it lasts.

    >>> advise_on_hold(Hold(7, 0.0, "till", "shop.py", 12, "handle_cast")).partition("; ")[2]
    'if it never returns, end its process with `kill -9 7`'
    """
    return f"{describe_hold(hold)}; if it never returns, end its process with `kill -9 {hold.os_pid}`"


def describe_stop(os_pid: int, silent: str = "") -> str:
    """Return the sentence about a process that does not run now, with what helps.

    >>> describe_stop(7)
    'its process 7 has been stopped by a signal; continue it with `kill -CONT 7`'
    """
    return f"its process {os_pid} has been stopped by a signal{silent}; continue it with `kill -CONT {os_pid}`"


def describe_last_hold(hold: Hold, until: float) -> str:
    """Return the sentence about a callback that held the event loop when its program ended.

    >>> describe_last_hold(Hold(7, 0.0, "till", "shop.py", 12, "handle_cast"), 20.0)
    'till held the event loop for at least 20 s, at shop.py:12 in handle_cast, until its process ended'
    """
    least = sentences.elapsed(round(until - hold.since))
    return _safe(f"{_who(hold)} held the event loop for at least {least}, at {_at(hold)}, until its process ended")


def _who(hold: Hold) -> str:
    return hold.who or "something outside of any process"


def _at(hold: Hold) -> str:
    return f"{hold.file}:{hold.line} in {hold.function}"


def _safe(text: str) -> str:
    return without_secrets(printable(text), LONGEST)
