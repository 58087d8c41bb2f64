"""Output of answers: tables at a terminal, aligned text in a pipe, or JSON.

A terminal only gets printable characters (see `plain`); JSON escapes the others, which gives equivalent JSON.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TextIO, cast

from superlearner.base.commands import complete
from superlearner.base.terminal import print_line
from superlearner.cli.asking import PlatformAnswer
from superlearner.cli.cells import cell, exact, is_coloured_text, is_small, label
from superlearner.cli.plain import plain, plain_lines
from superlearner.cli.short import shortened

__all__ = ["completed", "drawn", "json_text", "note_elsewhere", "show", "table"]

SENTENCE: Final = 400
"""Maximum length of a sentence in a table."""
LONGEST: Final = 400
"""Maximum length of a single value."""
PADDED: Final = 40
"""In a pipe, longer cells pad no other row."""
STYLES: Final = {
    **dict.fromkeys(("running", "up", "open", "healthy", "ok", "yes"), "green"),
    **dict.fromkeys(("ended", "down", "gone", "failed", "error", "crashed", "unhealthy"), "red"),
    **dict.fromkeys(("starting", "stopping", "lost", "warning", "degraded"), "yellow"),
}
COMMAND: Final = "watch"
"""The field that is a command."""
SUMMARY: Final = "summary"
"""The field whose lines are sentences."""
STATES: Final = frozenset({"status", "state", "alive", "outcome", "level", "up"})
"""Fields whose values are coloured as good or bad."""


def show(
    answer: PlatformAnswer,
    *,
    as_json: bool = False,
    short: Sequence[str] = (),
    begin: str = "superlearner",
    filters: str = "",
) -> None:
    """Write an answer to standard output, reduced to the fields in `short`.

    Args:
        answer: the answer.
        as_json: write its data as it is.
        short: the fields to write; all if empty.
        begin: the beginning of commands in this terminal, for those in the text.
        filters: the options by which a list was selected, as typed.
    """
    meta = answer.meta if begin == "superlearner" else completed(answer.meta, begin)
    if as_json:
        print_line(json_text(answer.data))
    else:
        data = answer.data if begin == "superlearner" else completed(answer.data, begin)
        writer = _Writer(sys.stdout, sys.stderr, sys.stdout.isatty())
        if data == []:
            writer.note(_describe_empty(meta or {}, filters))
        else:
            writer.answer(data, meta, short)
    note_elsewhere(meta)


def note_elsewhere(meta: Mapping[str, Any] | None) -> None:
    """Write to standard error which node an answer is about and what other nodes have, if the request named none."""
    if meta is not None and (others := meta.get("elsewhere")):
        words = "; ".join([f"this is about {meta['node']}", *others])
        sys.stderr.write(f"{plain(words)}\n")


def _describe_empty(meta: Mapping[str, Any], filters: str) -> str:
    """Return why a list is empty, as far as that is known."""
    if meta.get("total"):
        return f"nothing on page {meta['page']}, the last one is {meta['total_pages']}"
    return meta.get("note") or (f"nothing matches {filters}" if filters else "nothing")


def completed(data: Any, begin: str) -> Any:
    """Return an answer whose commands run in this terminal."""
    if isinstance(data, dict):
        return {name: _command(name, value, begin) for name, value in cast("dict[str, Any]", data).items()}
    if isinstance(data, list):
        return [completed(one, begin) for one in cast("list[Any]", data)]
    return complete(data, begin) if isinstance(data, str) else data


def _command(name: str, value: Any, begin: str) -> Any:
    if name == COMMAND and isinstance(value, str):
        return complete(f"`{value}`", begin).strip("`")
    return completed(value, begin)


def drawn(data: Any, meta: Mapping[str, Any] | None = None, *, terminal: bool = False) -> str:
    """Return the same text, for a terminal with colours and its width."""
    text = io.StringIO()
    _Writer(text, text, terminal).answer(data, meta, ())
    return text.getvalue().rstrip("\n")


def json_text(data: Any) -> str:
    r"""Return JSON that is safe for a terminal.

    >>> print(json_text(["é", "\x9b31m"]))
    [
      "é",
      "\u009b31m"
    ]
    """
    text = json.dumps(data, ensure_ascii=False, indent=2)
    return "\n".join(line if line.isprintable() else _escaped(line) for line in text.split("\n"))


def table(rows: list[dict[str, Any]]) -> None:
    """Write rows with the same fields as a table, without columns that are empty."""
    _Writer(sys.stdout, sys.stderr, sys.stdout.isatty()).table(rows)


@dataclass(frozen=True, slots=True)
class _Writer:
    """A writer of values as text; a `terminal` has colours and a width."""

    out: TextIO
    notes: TextIO
    terminal: bool

    def answer(self, data: Any, meta: Mapping[str, Any] | None, short: Sequence[str]) -> None:
        chosen = shortened(data, short) or data
        if short and isinstance(chosen, dict) and len(chosen) == 1:  # pyright: ignore[reportUnknownArgumentType]
            (chosen,) = cast("dict[str, Any]", chosen).values()
        elif short and isinstance(chosen, dict):
            chosen = {name: value for name, value in cast("dict[str, Any]", chosen).items() if value != []} or []
        self.value(chosen)
        if short and isinstance(data, dict) and cast("dict[str, Any]", data).get("cut") is True:
            self.note("not all of it: the rest was cut")
        if meta and meta.get("total_pages", 1) > 1:
            self.note(f"page {meta['page']} of {meta['total_pages']}, {meta['total']} in all; see --page")
        if meta and (missing := meta.get("note")):
            self.note(missing)

    def value(self, data: Any) -> None:
        if is_coloured_text(data):
            data = "\n".join("".join(piece for _, piece in line) for line in data)
        if isinstance(data, list) and data and all(isinstance(one, dict) for one in cast("list[Any]", data)):
            self.table(cast("list[dict[str, Any]]", data))
        elif isinstance(data, dict):
            self.fields(cast("dict[str, Any]", data))
        elif data in ([], ""):
            self.note("nothing")
        elif isinstance(data, str):
            self.say(plain_lines(data).rstrip("\n"))
        else:
            for one in cast("list[Any]", data) if isinstance(data, list) else [data]:
                self.say(self.cell("", one))

    def cell(self, name: str, value: Any) -> str:
        """Return a cell: shortened at a terminal, complete elsewhere, for programs."""
        return cell(name, value, LONGEST) if self.terminal else exact(name, value)

    def table(self, rows: list[dict[str, Any]]) -> None:
        names = list(dict.fromkeys(name for row in rows for name in row))
        names = [name for name in names if any(row.get(name) not in (None, "", [], {}) for row in rows)]
        if self.terminal and "at" in names:
            names = [name for name in names if name != "timestamp"]  # a duplicate
        cells = [[self.cell(name, _first_line(row.get(name)) if self.terminal else row.get(name)) for name in names]
                 for row in rows]  # fmt: skip
        if self.terminal:
            self.rich_table(names, [label(name, _first(rows, name)) for name in names], cells)
            return
        heads = [plain(name) for name in names]
        lengths = [[len(row[at]) for row in [heads, *cells]] for at in range(len(names))]
        widths = [max((one for one in column if one <= PADDED), default=0) for column in lengths]
        for row in [heads, *cells]:
            self.say("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())

    def fields(self, data: dict[str, Any]) -> None:
        """Write a summary of several lines, then a line per field, then lists and nested records under headings."""
        summary = data.get(SUMMARY)
        if isinstance(summary, str) and "\n" in summary:
            self.say(f"{plain_lines(summary)}\n")
            data = {name: value for name, value in data.items() if name != SUMMARY}
        below = {name: value for name, value in data.items() if self.is_below(value)}
        lines = {name: self.cell(name, value) for name, value in data.items() if name not in below}
        if self.terminal:
            if "at" in lines:
                lines.pop("timestamp", None)
            self.rich_fields({label(name, data[name]): (name, text) for name, text in lines.items()})
        else:
            width = max((len(plain(name)) for name in lines), default=0)
            for name, text in lines.items():
                self.say(f"{plain(name).ljust(width)}  {text}".rstrip())
        for name, value in below.items():
            self.heading(name)
            self.value(value)

    def is_below(self, value: Any) -> bool:
        """Return whether a value needs lines of its own below the others."""
        if not value:
            return False
        if isinstance(value, dict):
            return not (self.terminal and is_small(cast("Any", value)))
        if isinstance(value, list):
            return isinstance(cast("list[Any]", value)[0], dict) or is_coloured_text(cast("Any", value))
        return isinstance(value, str) and "\n" in value

    def say(self, text: str) -> None:
        """Write a line; characters that the terminal cannot encode become question marks."""
        encoding = self.out.encoding or "utf-8"
        self.out.write(f"{text}\n".encode(encoding, "replace").decode(encoding))
        self.out.flush()

    def note(self, text: str) -> None:
        self.notes.write(f"{text}\n")

    def heading(self, name: str) -> None:
        if not self.terminal:
            self.say(f"\n{plain(name)}")
            return
        from rich.text import Text

        self.console().print(Text(f"\n{label(name, None)}", "bold underline"))

    def rich_table(self, names: list[str], heads: list[str], cells: list[list[str]]) -> None:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        from superlearner.cli.columns import GAP, fitted

        console = self.console()
        kept = fitted(heads, cells, console.width)
        shown = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))
        for one in kept:
            shown.add_column(
                Text(heads[one.at]),
                width=one.width,
                justify="right" if one.number else "left",
                no_wrap=not one.sentence,
                overflow="fold" if one.sentence else "ellipsis",
            )
        for row in cells:
            texts = [_clipped(row[one.at]) if one.sentence else row[one.at] for one in kept]
            shown.add_row(*(Text(text, _style(names[one.at], text)) for one, text in zip(kept, texts, strict=True)))
        console.print(shown)
        there = {one.at for one in kept}
        if left := [head for at, head in enumerate(heads) if at not in there]:
            self.note(f"no room here for: {', '.join(left)}; --json has all of it")

    def rich_fields(self, lines: dict[str, tuple[str, str]]) -> None:
        from rich.table import Table
        from rich.text import Text

        shown = Table.grid(padding=(0, 2, 0, 0))
        for head, (name, text) in lines.items():
            shown.add_row(Text(head, "bold"), Text(text, _style(name, text)))
        self.console().print(shown)

    def console(self) -> Any:
        from rich.console import Console

        return Console(file=self.out, highlight=False, force_terminal=None if self.out is sys.stdout else self.terminal)


def _first(rows: list[dict[str, Any]], name: str) -> Any:
    """Return a value of the column that shows its type."""
    return next((row[name] for row in rows if row.get(name) is not None), None)


def _first_line(value: Any) -> Any:
    """Return the first line of a text; further lines would break the table."""
    line, more, _ = value.partition("\n") if isinstance(value, str) else (value, "", "")
    return f"{line} …" if more else value


def _clipped(text: str) -> str:
    return text if len(text) <= SENTENCE else f"{text[: SENTENCE - 1]}…"


def _style(name: str, text: str) -> str:
    return STYLES.get(text, "") if name in STATES else ""


def _escaped(line: str) -> str:
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in line)
