"""Times as people type them: `18:14`, `30 min ago`, `2026-11-27 18:14`, or seconds since 1970."""

from __future__ import annotations

import math
import re
import time
from datetime import datetime, timedelta
from typing import Any, Final

__all__ = ["EXAMPLES", "FORM", "LAST", "read_time"]

EXAMPLES: Final = '18:14, 18:14:30, "30 min ago", 30m, 1h, 2026-11-27, "2026-11-27 18:14" or seconds since 1970'
LAST: Final = 253_402_300_799
"""The last second of the year 9999; later times cannot be formatted."""
LONGEST: Final = 60
NUMBER: Final = re.compile(r"(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
CLOCK: Final = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d(?:\.\d{1,6})?))? ?(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE)
SPAN: Final = re.compile(r"((?:\d+(?:\.\d+)? ?[a-z]+ ?)+?)(?: ?ago)?", re.IGNORECASE)
PART: Final = re.compile(r"(\d+(?:\.\d+)?) ?([a-z]+)", re.IGNORECASE)
SECONDS: Final = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3_600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("w", "week", "weeks"), 604_800),
}


def _make_form() -> str:
    """Return a pattern for schemas; each text that it allows is a time. `read_time` also accepts more."""
    number = r"[0-9]{1,11}(\.[0-9]{0,6})?"
    past_hour = r":[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
    zone = r"(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])?"
    clock = rf"([01]?[0-9]|2[0-3]){past_hour} ?{zone}"
    year, leap_year = r"(197[1-9]|19[89][0-9]|20[0-9]{2})", r"(19([79][26]|8[048])|20([02468][048]|[13579][26]))"
    short = r"(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
    rest = r"(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31"
    date = rf"({year}-({short}|{rest})|{leap_year}-02-29)([ T]([01][0-9]|2[0-3]){past_hour}{zone})?"
    part = rf"[0-9]{{1,3}} ?({'|'.join(sorted(SECONDS))})"
    span = rf"({part} ?)?{part}( ago)?"
    return f"^(now|{number}|{clock}|{date}|{span})$"


FORM: Final = _make_form()


def read_time(typed: Any, now: float | None = None) -> float:
    """Return a time in seconds since 1970.

    A time of day means its most recent occurrence. Without an offset such as `+01:00`, it is local time.

    Args:
        typed: a text, or seconds since 1970.
        now: the present, in seconds since 1970.

    Raises:
        ValueError: it is not a time; the message lists examples.

    >>> read_time("30 min ago", 10_000.0), read_time("1h30m", 10_000.0), read_time("1700000000"), read_time(5)
    (8200.0, 4600.0, 1700000000.0, 5.0)
    >>> read_time("18:14Z", 86_400.0 * 3), read_time("1970-01-02T00:00Z")
    (238440.0, 86400.0)
    """
    now = time.time() if now is None else now
    try:
        found = _read(typed, now)
    except (OverflowError, OSError, ValueError):
        found = None
    if found is None or not math.isfinite(found) or not 0 <= found <= LAST:
        raise ValueError(f"expected a time such as {EXAMPLES}")
    return found


def _read(typed: Any, now: float) -> float | None:
    if isinstance(typed, (int, float)) and not isinstance(typed, bool):
        return float(typed)
    if not isinstance(typed, str) or len(typed) > LONGEST:
        return None
    text = " ".join(typed.split())
    if text.casefold() == "now":
        return now
    if NUMBER.fullmatch(text):
        return float(text)
    if (clock := CLOCK.fullmatch(text)) is not None:
        return _read_clock(clock, now)
    if (span := SPAN.fullmatch(text)) is not None:
        return _read_span(span[1], now)
    return datetime.fromisoformat(text).timestamp()


def _read_clock(found: re.Match[str], now: float) -> float:
    """Return the most recent occurrence of a time of day; when clocks are set back, an hour comes twice."""
    zone = None if found[4] is None else datetime.strptime(found[4].upper(), "%z").tzinfo
    seconds = float(found[3] or 0)
    today = datetime.fromtimestamp(now, zone).replace(
        hour=int(found[1]), minute=int(found[2]), second=int(seconds), microsecond=round(seconds % 1 * 1e6)
    )
    days = today, today - timedelta(days=1)
    return max(at for day in days for fold in (0, 1) if (at := day.replace(fold=fold).timestamp()) <= now)


def _read_span(text: str, now: float) -> float | None:
    parts = [(float(one[1]), SECONDS.get(one[2].casefold())) for one in PART.finditer(text)]
    if any(unit is None for _, unit in parts):
        return None
    return now - sum(count * (unit or 0) for count, unit in parts)
