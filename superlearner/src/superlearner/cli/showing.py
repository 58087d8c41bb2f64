"""An answer as people read it: tables at a terminal, aligned text in a pipe, uncut, JSON for programs.

Whatever a value holds, a terminal gets printable characters only (see `plain`); so does JSON, where the others are
written as their codes, which is the same JSON.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TextIO, cast

from superlearner.cli.asking import Answer
from superlearner.cli.plain import clip, plain, plain_lines
from superlearner.terminal import say

__all__ = ["drawn", "json_text", "show", "table"]

WIDEST: Final = 80
LONGEST: Final = 400
CALM: Final = 24


def show(answer: Answer, *, as_json: bool = False) -> None:
    """Write what an operation answered to standard output."""
    if as_json:
        say(json_text(answer.data))
    else:
        _Writer(sys.stdout, sys.stderr, sys.stdout.isatty()).answer(answer.data, answer.meta)


def drawn(data: Any, meta: Mapping[str, Any] | None = None, *, terminal: bool = False) -> str:
    """The same as text; with the colours and the width of a terminal if it goes to one."""
    text = io.StringIO()
    _Writer(text, text, terminal).answer(data, meta)
    return text.getvalue().rstrip("\n")


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
    """Rows with the same fields on standard output: a column for each that is not empty in all of them."""
    _Writer(sys.stdout, sys.stderr, sys.stdout.isatty()).table(rows)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes values as text; `terminal` says whether there are colours, and a width to keep to."""

    out: TextIO
    notes: TextIO
    terminal: bool

    def answer(self, data: Any, meta: Mapping[str, Any] | None) -> None:
        self.value(data, None)
        if meta and meta.get("total_pages", 1) > 1:
            self.note(f"page {meta['page']} of {meta['total_pages']}, {meta['total']} in all; see --page")

    def value(self, data: Any, heading: str | None) -> None:
        if heading is not None:
            self.say(f"\n{heading}")
        if isinstance(data, list) and data and all(isinstance(one, dict) for one in data):  # pyright: ignore[reportUnknownVariableType]
            self.table(data)  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(data, dict):
            self.fields(data)  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(data, str):
            self.say(plain_lines(data))
        elif data == [] and heading is None:
            self.note("nothing")
        elif isinstance(data, list):
            for one in data:  # pyright: ignore[reportUnknownVariableType]
                self.say(_cell(one, self.most(LONGEST)))
        else:
            self.say(_cell(data, self.most(LONGEST)))

    def table(self, rows: list[dict[str, Any]]) -> None:
        names = list(dict.fromkeys(name for row in rows for name in row))
        names = [name for name in names if any(row.get(name) not in (None, [], {}) for row in rows)]
        cells = [[_cell(_value(name, row.get(name)), self.most(WIDEST)) for name in names] for row in rows]
        names = [plain(name) for name in names]
        if self.terminal:
            self.rich_table(names, cells)
            return
        widths = [min(WIDEST, max(len(row[at]) for row in [names, *cells])) for at in range(len(names))]
        for row in [names, *cells]:
            self.say("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())

    def fields(self, data: dict[str, Any]) -> None:
        """A line for each field; lists of things and things below come after them, each under its name."""
        below: dict[str, Any] = {
            name: value
            for name, value in data.items()
            if (isinstance(value, dict) and value)
            or (isinstance(value, list) and value and isinstance(value[0], dict))
            or (isinstance(value, str) and "\n" in value)
        }
        names = [plain(name) for name in data if name not in below]
        cells = [[name, _cell(_value(name, data[name]), self.most(LONGEST))] for name in data if name not in below]
        if self.terminal:
            self.rich_fields(cells)
        else:
            width = max(map(len, names), default=0)
            for name, text in cells:
                self.say(f"{plain(name).ljust(width)}  {text}".rstrip())
        for name, value in below.items():
            self.value(value, plain(name))

    def most(self, characters: int) -> int:
        """So many of a value at a terminal; elsewhere all of them: a program may read it."""
        return characters if self.terminal else sys.maxsize

    def say(self, text: str) -> None:
        """A line; what the terminal has no character for becomes a question mark."""
        encoding = self.out.encoding or "utf-8"
        self.out.write(f"{text}\n".encode(encoding, "replace").decode(encoding))
        self.out.flush()

    def note(self, text: str) -> None:
        self.notes.write(f"{text}\n")

    def rich_table(self, names: list[str], cells: list[list[str]]) -> None:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        console = self.console()
        columns = _that_fit(names, cells, console.width)
        shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
        for name in names[:columns]:
            shown.add_column(Text(name), no_wrap=True, overflow="ellipsis")
        for row in cells:
            shown.add_row(*map(Text, row[:columns]))
        console.print(shown)
        if names[columns:]:
            self.note(f"not shown, since the terminal is too narrow: {', '.join(names[columns:])}")

    def rich_fields(self, cells: list[list[str]]) -> None:
        from rich.table import Table
        from rich.text import Text

        shown = Table.grid(padding=(0, 2))
        for name, text in cells:
            shown.add_row(Text(plain(name), "bold"), Text(text))
        self.console().print(shown)

    def console(self) -> Any:
        from rich.console import Console

        return Console(file=self.out, force_terminal=None if self.out is sys.stdout else self.terminal)


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


def _that_fit(names: list[str], cells: list[list[str]], width: int) -> int:
    """How many columns have room, one cut off at `CALM` characters; the first one is always there."""
    room = width - 2
    for at in range(len(names)):
        room -= min(CALM, max(len(row[at]) for row in [names, *cells])) + 3
        if room < 0 and at > 0:
            return at
    return len(names)
