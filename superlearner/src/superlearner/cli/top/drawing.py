"""Frames as lines of text that fit into the terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from rich.text import Text

from superlearner.cli.plain import clip, plain
from superlearner.cli.top.figures import SORTS, ProcessRow, ScreenFrame, ordered

__all__ = ["KEYS", "View", "drawn"]

KEYS: Final = {"c": "callback", "m": "messages", "l": "longest", "b": "mailbox", "r": "restarts", "n": "name"}
"""Keys for the sort order."""

COUNTED: Final = {"processes": "process", "supervisors": "supervisor"}
"""Counted items, plural and singular."""
GAP: Final = 2
NARROWEST: Final = 12


@dataclass(frozen=True, slots=True)
class View:
    """The visible part and order of a frame."""

    by: str = "callback"
    search: str = ""
    typing: bool = False
    paused: bool = False
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class DrawnColumn:
    head: str
    width: int
    text: Callable[[ProcessRow], str]
    by: str
    weight: int
    """Columns with low weight are dropped first if there is no room."""


def _number(value: float | None, digits: int = 0) -> str:
    if value is None:
        return "-"
    return f"{value:,.{digits}f}" if value else "0"


COLUMNS: Final = (
    DrawnColumn("state", 9, lambda row: row.status or "-", "", 2),
    DrawnColumn(
        "callback",
        8,
        lambda row: "-" if row.callback_percent is None else f"{row.callback_percent:.1f} %",
        "callback",
        6,
    ),
    DrawnColumn(
        "longest",
        9,
        lambda row: "-" if row.longest_callback_ms is None else f"{row.longest_callback_ms:,.1f} ms",
        "longest",
        1,
    ),
    DrawnColumn("msg/s", 8, lambda row: _number(row.messages_per_s), "messages", 5),
    DrawnColumn("mailbox", 8, lambda row: _number(row.message_queue_len), "mailbox", 4),
    DrawnColumn("restarts", 8, lambda row: _number(row.restarts), "restarts", 3),
)


HEADS: Final = {one.by: one.head for one in COLUMNS if one.by}


def drawn(frame: ScreenFrame | None, view: View, width: int, lines: int | None) -> Text:
    """Return the whole picture; `lines` is its height, None for as many as necessary."""
    head = [] if frame is None else _head(frame)
    foot = _foot(frame, view)
    text = Text("\n").join([_fitted(line, width) for line in head])
    if frame is not None:
        rows = ordered(frame.processes, view.by, view.search)
        room = len(rows) if lines is None else max(0, lines - len(head) - len(foot) - 1)
        text.append("\n")
        text.append(Text("\n").join(_table(rows[:room], view, width)))
        shown = min(room, len(rows))
        if lines is not None:
            text.append("\n" * (room - shown))
    for line in foot:
        text.append("\n")
        text.append(_fitted(line, width))
    return text


def _head(frame: ScreenFrame) -> list[Text]:
    now = frame.totals
    first = Text(plain(frame.node), "bold")
    if not now:
        return [first]
    counts = (f"{now[name]:,} {name if now[name] != 1 else one}" for name, one in COUNTED.items())
    first.append(f"  {', '.join(counts)}", "not bold")
    parts = [
        f"busy {100 * now['busy']:.0f} %",
        f"cpu {now['cpu_percent']:.0f} %",
        f"lag {now['loop_lag_ms']:.1f} ms",
        f"waiting {now['message_queue_lengths']:,}",
    ]
    if "messages_per_s" in now:
        parts.insert(0, f"{now['messages_per_s']:,.0f} messages/s")
    if now["memory"] is not None:
        parts.append(f"memory {now['memory'] / 1e6:,.0f} MB")
    return [first, Text("  ".join(parts))]


def _foot(frame: ScreenFrame | None, view: View) -> list[Text]:
    if view.trouble:
        return [Text(plain(view.trouble), "bold red")]
    if view.typing:
        return [Text(f"only those with: {plain(view.search)}▏", "bold")]
    line = Text(f"[{plain(view.search)}]  " if view.search else "")
    line.append(f"q quit  / filter  {'p go on' if view.paused else 'p pause'}  by ", "dim")
    for key, by in KEYS.items():
        word = HEADS.get(by, by)
        before, _, after = word.partition(key)
        line.append(before, "dim").append(key, "bold underline").append(f"{after} ", "dim")
    return [line]


def _table(rows: list[ProcessRow], view: View, width: int) -> list[Text]:
    columns = list(COLUMNS)
    room = width - NARROWEST - GAP - NARROWEST
    while columns and sum(one.width + GAP for one in columns) > room:
        columns.remove(min(columns, key=lambda one: one.weight))
    left = width - sum(one.width + GAP for one in columns)
    name_width = max(NARROWEST, (left - GAP) * 6 // 10)
    what_width = max(0, left - name_width - GAP)
    head = Text(style="reverse")
    head.append("name", "underline bold" if view.by == "name" else "").append(" " * (name_width - len("name")))
    head.append("  " + clip("what", what_width).ljust(what_width))
    for one in columns:
        head.append(" " * (GAP + one.width - len(one.head)))
        head.append(one.head, "underline bold" if one.by == view.by else "")
    drawn_rows = [head]
    for row in rows:
        line = Text(clip(plain(row.name or row.pid), name_width).ljust(name_width), "" if row.name else "dim")
        line.append("  " + clip(plain(row.what), what_width).ljust(what_width), "dim")
        for one in columns:
            line.append("  " + clip(one.text(row), one.width).rjust(one.width), _style(one.by, row))
        drawn_rows.append(_fitted(line, width))
    return [_fitted(one, width) for one in drawn_rows]


def _style(by: str, row: ProcessRow) -> str:
    """Highlight notable values; without colours they are bold."""
    value: Any = {"callback": row.callback_percent, "mailbox": row.message_queue_len, "restarts": row.restarts}.get(by)
    limits = {"callback": (10, 50), "mailbox": (10, 1000), "restarts": (1, 10)}.get(by)
    if limits is None or not value or value < limits[0]:
        return "not dim" if not by or getattr(row, SORTS[by]) else "dim"
    return "bold red" if value >= limits[1] else "bold yellow"


def _fitted(line: Text, width: int) -> Text:
    line = line.copy()
    line.truncate(width, overflow="ellipsis")
    line.no_wrap = True
    return line
