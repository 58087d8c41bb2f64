"""An answer as people read it: tables at a terminal, aligned text in a pipe, JSON for programs.

Whatever a value holds, a terminal gets printable characters only (see `plain`); so does JSON, where the others are
written as their codes, which is the same JSON.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any, Final, cast

from superlearner.cli.asking import Answer
from superlearner.cli.plain import clip, plain, plain_lines
from superlearner.terminal import say

__all__ = ["json_text", "show", "table"]

WIDEST: Final = 80
LONGEST: Final = 400
CALM: Final = 24


def show(answer: Answer, *, as_json: bool = False) -> None:
    """Write what an operation answered to standard output."""
    if as_json:
        say(json_text(answer.data))
        return
    _show(answer.data, None)
    meta = answer.meta or {}
    if meta.get("total_pages", 1) > 1:
        sys.stderr.write(f"page {meta['page']} of {meta['total_pages']}, {meta['total']} in all; see --page\n")


def json_text(data: Any) -> str:
    r"""JSON whose text can go to a terminal.

    >>> print(json_text(["é", "\x9b31m"]))
    [
      "é",
      "\u009b31m"
    ]
    """
    text = json.dumps(data, ensure_ascii=False, indent=2)
    return "\n".join(line if line.isprintable() else _escaped(line) for line in text.split("\n"))


def table(rows: list[dict[str, Any]]) -> None:
    """Rows with the same fields: a column for each that is not empty in all of them."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    names = [name for name in names if any(row.get(name) not in (None, [], {}) for row in rows)]
    cells = [[_cell(_value(name, row.get(name)), WIDEST) for name in names] for row in rows]
    names = [plain(name) for name in names]
    if sys.stdout.isatty():
        _rich_table(names, cells)
        return
    widths = [max(len(row[at]) for row in [names, *cells]) for at in range(len(names))]
    for row in [names, *cells]:
        say("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def _show(data: Any, heading: str | None) -> None:
    if heading is not None:
        say(f"\n{heading}")
    if isinstance(data, list) and data and all(isinstance(one, dict) for one in data):  # pyright: ignore[reportUnknownVariableType]
        table(data)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(data, dict):
        _fields(data)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(data, str):
        say(plain_lines(data))
    elif data == [] and heading is None:
        sys.stderr.write("nothing\n")
    elif isinstance(data, list):
        for one in data:  # pyright: ignore[reportUnknownVariableType]
            say(_cell(one, LONGEST))
    else:
        say(_cell(data, LONGEST))


def _fields(data: dict[str, Any]) -> None:
    """A line for each field; lists of things and things below come after them, each under its name."""
    below: dict[str, Any] = {
        name: value
        for name, value in data.items()
        if (isinstance(value, dict) and value)
        or (isinstance(value, list) and value and isinstance(value[0], dict))
        or (isinstance(value, str) and "\n" in value)
    }
    names = [plain(name) for name in data if name not in below]
    cells = [[name, _cell(_value(name, data[name]), LONGEST)] for name in data if name not in below]
    if sys.stdout.isatty():
        _rich_fields(cells)
    else:
        width = max(map(len, names), default=0)
        for name, text in cells:
            say(f"{plain(name).ljust(width)}  {text}".rstrip())
    for name, value in below.items():
        _show(value, plain(name))


def _cell(value: Any, longest: int) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):  # pyright: ignore[reportUnknownVariableType]
        return clip(plain(", ".join(map(str, value))), longest)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, dict):
        fields: dict[str, Any] = cast("dict[str, Any]", value)
        parts = (f"{plain(name)} {_cell(_value(name, one), longest)}" for name, one in fields.items())
        return clip(", ".join(parts), longest)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return clip(plain(text), longest)


def _value(name: str, value: Any) -> Any:
    """Times are read as times: `at` and `started_at` are seconds since 1970."""
    if isinstance(value, float) and (name == "at" or name.endswith("_at")):
        return datetime.fromtimestamp(value).astimezone().isoformat(" ", "milliseconds")
    return value


def _escaped(line: str) -> str:
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in line)


def _rich_table(names: list[str], cells: list[list[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    columns = _that_fit(names, cells, console.width)
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    for name in names[:columns]:
        shown.add_column(Text(name), no_wrap=True, overflow="ellipsis")
    for row in cells:
        shown.add_row(*map(Text, row[:columns]))
    console.print(shown)
    if names[columns:]:
        sys.stderr.write(f"not shown, since the terminal is too narrow: {', '.join(names[columns:])}\n")


def _that_fit(names: list[str], cells: list[list[str]], width: int) -> int:
    """How many columns have room, one cut off at `CALM` characters; the first one is always there."""
    room = width
    for at in range(len(names)):
        room -= min(CALM, max(len(row[at]) for row in [names, *cells])) + 2
        if room < 0 and at > 0:
            return at
    return len(names)


def _rich_fields(cells: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table.grid(padding=(0, 2))
    for name, text in cells:
        shown.add_row(Text(plain(name), "bold"), Text(text))
    Console().print(shown)
