"""Sentences about the held event loop of a service; its program may have written anything."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from otp.doors.holds import Hold
from otp.redaction import without_secrets
from superlearner.base.printable import printable

__all__ = ["describe_hold", "describe_last_hold"]

LONGEST: Final = 300


def describe_hold(hold: Hold) -> str:
    """Return the sentence about a callback that holds the event loop now.

    >>> describe_hold(Hold(7, 0.0, "till", "shop.py", 12, "handle_cast")).partition(" since ")[0]
    'till has held the event loop'
    """
    return _safe(
        f"{_who(hold)} has held the event loop since {datetime.fromtimestamp(hold.since):%H:%M:%S}: {_at(hold)}"
    )


def describe_last_hold(hold: Hold, until: float) -> str:
    """Return the sentence about a callback that held the event loop when its program ended.

    >>> describe_last_hold(Hold(7, 0.0, "till", "shop.py", 12, "handle_cast"), 20.0)
    'till held the event loop for at least 20 s, at shop.py:12 in handle_cast, until its process ended'
    """
    return _safe(
        f"{_who(hold)} held the event loop for at least {until - hold.since:.0f} s, at {_at(hold)}, "
        "until its process ended"
    )


def _who(hold: Hold) -> str:
    return hold.who or "something outside of any process"


def _at(hold: Hold) -> str:
    return f"{hold.file}:{hold.line} in {hold.function}"


def _safe(text: str) -> str:
    return without_secrets(printable(text), LONGEST)
