"""Formatting of values for tables: units for ages, spans and sizes; process names.

In a pipe, values stay exact; only times become dates. The field name gives the meaning of a number: `created_at`,
`took_ms`, `memory`.
"""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import Any, Final, cast

from superlearner.cli.plain import clip, plain

__all__ = ["cell", "exact", "is_coloured_text", "is_small", "label", "span"]

LABELS: Final = {
    "restart_count": "restarts",
    "memory_bytes": "memory",
    "child_count": "children",
    "message_queue_len": "mailbox",
    "state_before": "state before",
    "state_after": "state after",
}
BYTES: Final = frozenset({"memory", "memory_usage", "memory_bytes", "bytes_before", "bytes_after"})
UNITS: Final = {"_ms": 0.001, "_s": 1.0}
SIZES: Final = {"_mb": "MiB", "_kb": "KiB"}
SPANS: Final = ((86_400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (0.001, "ms"))
SMALL: Final = 4
"""Fields of a record that can still be shown on one line."""
JUST_NOW_S: Final = 1.0
EARLIEST: Final = 1e8
"""A time in seconds since 1970; smaller numbers are of another clock."""


def label(name: str, value: Any = 0) -> str:
    """Return a column heading: the field without its unit, which the cells show.

    >>> label("created_at", "2026-11-20T10:00:00Z"), label("took_ms"), label("restart_count"), label("messages_per_s")
    ('created', 'took', 'restarts', 'messages_per_s')
    """
    if name in LABELS:
        return LABELS[name]
    if name == "line" and isinstance(value, str):  # a line of text, not the number of one
        return "what happened"
    if not name.endswith("per_s"):
        for end in (*UNITS, *SIZES, "_at"):
            if name.endswith(end) and (not isinstance(value, int) if end == "_at" else isinstance(value, int | float)):
                name = name.removesuffix(end)
                break
    return plain(name)


def cell(name: str, value: Any, longest: int) -> str:
    """Return a value on one line of at most `longest` characters.

    >>> cell("took_ms", 35752, 80), cell("memory", 136015872, 80), cell("rate", 0.033333, 80)
    ('35.8 s', '130 MiB', '0.0333')
    >>> cell("target", {"pid": "0.7.0", "name": "ledger", "what": "Ledger"}, 80), cell("walls", [{}, {}], 80)
    ('ledger (0.7.0)', '2')
    """
    if isinstance(value, dict) and value:
        fields: dict[str, Any] = cast("dict[str, Any]", value)
        if "pid" in fields and set(fields) <= {"pid", "name", "what"}:
            called = fields.get("name") or fields.get("what")
            return clip(plain(f"{called} ({fields['pid']})" if called else f"{fields['pid']}"), longest)
        return clip(", ".join(f"{label(key, one)} {cell(key, one, longest)}" for key, one in fields.items()), longest)
    if isinstance(value, list):
        items: list[Any] = cast("list[Any]", value)
        if not items:
            return "-"
        if any(isinstance(one, dict | list) for one in items):
            return str(len(items))
        return clip(", ".join(cell("", one, longest) for one in items), longest)
    if value is None or value in ("", {}):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if _is_time(name, value):
        moment = _moment(value)
        if moment is not None:
            return _age(moment) if name.endswith(("_at", "_seen")) else _clock(moment)
    if isinstance(value, int | float):
        return _number(name, value)
    return clip(plain(str(cast("object", value))), longest)


def exact(name: str, value: Any) -> str:
    """Return a value uncut, for programs; all times have one form, with the offset of the time zone.

    >>> exact("since", 1795916452.5) == exact("timestamp", "2026-11-29T01:40:52.500Z"), exact("since", 2.5)
    (True, '2.5')
    """
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if _is_time(name, value) and (moment := _moment(value)) is not None:
        return datetime.fromtimestamp(moment).astimezone().isoformat(" ", "milliseconds")
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in cast("list[Any]", value)):
        return plain(", ".join(map(str, cast("list[Any]", value))))
    if isinstance(value, dict):
        fields: dict[str, Any] = cast("dict[str, Any]", value)
        return ", ".join(f"{plain(key)} {exact(key, one)}" for key, one in fields.items())
    return plain(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def is_small(value: Any) -> bool:
    """Return whether a record fits on one line: few fields, none nested."""
    if not isinstance(value, dict):
        return False
    fields: dict[str, Any] = cast("dict[str, Any]", value)
    return len(fields) <= SMALL and not any(
        isinstance(one, dict | list) or (isinstance(one, str) and len(one) > 40) for one in fields.values()
    )


def is_coloured_text(value: Any) -> bool:
    """Return whether it is highlighted text: `[[["k", "def"], ["", " "], …], …]`."""
    lines: list[Any] = cast("list[Any]", value) if isinstance(value, list) else []
    return bool(lines) and all(
        isinstance(line, list) and all(isinstance(one, list) and len(cast("list[Any]", one)) == 2 and
        all(isinstance(text, str) for text in cast("list[Any]", one)) for one in cast("list[Any]", line))
        for line in lines
    )  # fmt: skip


def span(seconds: float) -> str:
    """Return a duration in the form of all measured times; a negative one has a sign.

    >>> span(1800), span(0.0294), span(35.752), span(0.0), span(90_000), span(-130)
    ('30 min', '29 ms', '35.8 s', '0 s', '25 h', '-2 min 10 s')
    """
    from otp.sentences import elapsed  # 30 ms, which a command that shows no duration saves

    return f"-{elapsed(-seconds)}" if seconds < 0 else elapsed(seconds)


def _number(name: str, value: float) -> str:
    for end, unit in UNITS.items():
        if name.endswith(end) and not name.endswith("per_s"):
            return span(value * unit)
    for end, unit in SIZES.items():
        if name.endswith(end):
            return f"{_digits(value)} {unit}"
    return _size(value) if name in BYTES else _digits(value)


def _digits(value: float) -> str:
    """Return integers in full, other numbers to three digits."""
    if isinstance(value, int) or value.is_integer():
        return str(int(value))
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _size(value: float) -> str:
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if value >= unit:
            return f"{_digits(value / unit)} {name}"
    return f"{_digits(value)} B"


def _is_time(name: str, value: Any) -> bool:
    if name == "since":  # elsewhere, it may be a time of another clock
        return isinstance(value, str) or (isinstance(value, float) and value > EARLIEST)
    return name in ("at", "until", "timestamp", "last_seen") or name.endswith("_at")


def _moment(value: Any) -> float | None:
    """Return the seconds since 1970 of a number or a date text."""
    if isinstance(value, float):
        return value
    try:
        return datetime.fromisoformat(value).timestamp()
    except (TypeError, ValueError):
        return None


def _age(moment: float) -> str:
    ago = time.time() - moment
    if abs(ago) < JUST_NOW_S:
        return "just now"
    for unit, name in SPANS:
        if abs(ago) >= unit:
            return f"{int(ago / unit)} {name} ago" if ago > 0 else f"in {int(-ago / unit)} {name}"
    return "just now"


def _clock(moment: float) -> str:
    """Return the time of day, preceded by the date if it is not today."""
    at = datetime.fromtimestamp(moment)
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}" if at.date() == datetime.now().date() else f"{at:%F %T}"
