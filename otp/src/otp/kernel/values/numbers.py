"""Numbers in sentences: durations, counts and ordinals."""

from __future__ import annotations

from typing import Any

__all__ = ["duration", "elapsed", "ordinal", "times_text"]


def times_text(times: int) -> str:
    """Return how often something happened.

    >>> times_text(1), times_text(2), times_text(3), times_text(1200)
    ('once', 'twice', '3 times', '1,200 times')
    """
    return {1: "once", 2: "twice"}.get(times, f"{times:,} times")


def duration(seconds: Any) -> str:
    """Return a duration in seconds as text.

    >>> duration(5.0), duration(2.5), duration("infinity")
    ('5 s', '2.5 s', 'infinity')
    """
    return f"{seconds:g} s" if type(seconds) in (int, float) else str(seconds)


def elapsed(seconds: float) -> str:
    """Return a measured duration as text, rounded to its last shown unit.

    >>> [elapsed(one) for one in (0, 0.00042, 0.0042, 0.042, 0.123, 4.21, 5.02, 12.0, 35.77)]
    ['0 s', '0.42 ms', '4.2 ms', '42 ms', '0.12 s', '4.2 s', '5 s', '12 s', '35.8 s']
    >>> [elapsed(one) for one in (119.7, 130.2, 630, 659, 3900.0)]
    ['2 min', '2 min 10 s', '10 min', '11 min', '65 min']
    >>> [elapsed(one) for one in (7199, 7500.0, 10_799, 39_500, 180_000, 260_000, 950_000)]
    ['2 h', '2 h 5 min', '3 h', '11 h', '2 days 2 h', '3 days', '11 days']
    """
    if seconds < 0.0995:
        ms = max(seconds, 0.0) * 1000
        ms = round(ms, 2 if ms < 1 else 1 if ms < 10 else 0)
        return f"{ms:g} ms" if ms else "0 s"
    whole = round(seconds)
    if whole < 100:
        return f"{round(seconds, 2 if seconds < 1 else 1):g} s"
    if whole < 120:
        return f"{whole} s"
    if round(seconds / 60) < 120:
        size, unit, part_size, part = 60, "min", 1, "s"
    elif round(seconds / 3600) < 48:
        size, unit, part_size, part = 3600, "h", 60, "min"
    else:
        size, unit, part_size, part = 86_400, "days", 3600, "h"
    count, rest = divmod(round(seconds / part_size), size // part_size)
    if count >= 10:
        count, rest = round(seconds / size), 0
    return f"{count:,} {unit} {rest} {part}" if rest else f"{count:,} {unit}"


def ordinal(number: int) -> str:
    """Return a number as an ordinal.

    >>> ordinal(2), ordinal(4), ordinal(11), ordinal(23)
    ('2nd', '4th', '11th', '23rd')
    """
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"
