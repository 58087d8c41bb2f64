"""Answers of the course as text for a terminal: sessions, hints, and the outcomes of predictions and reflections.

The platform sends texts as HTML, for its pages; `--json` prints them as they are.
"""

from __future__ import annotations

import itertools
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from html.parser import HTMLParser
from typing import Any, Final

from superlearner.base.commands import command, complete
from superlearner.base.printable import printable, printable_lines
from superlearner.cli.cells import exact
from superlearner.cli.plain import clip
from superlearner.cli.showing import drawn

__all__ = ["in_words", "text_of"]

WIDTH: Final = 80
INDENT: Final = "    "
GAP: Final = 2
"""Characters between two columns of a table."""
LEAST: Final = 12
"""Minimum width of a column of a table that is wrapped."""
CODE: Final = re.compile("`[^`]*`")
JOINED: Final = "\x00"
"""Stands for a space in code that fits into a line, while its paragraph is wrapped."""
STATES: Final = {"untouched": "not begun"}
DRAWN: Final = ("sequence", "state", "mailbox")
"""Kinds of pictures that a run draws."""
TYPED: Final = ("times", "tree")
"""Kinds of choices that begin with a file of their own."""
ITEMS: Final = ("ul", "ol")
BLOCKS: Final = ("p", "li", "blockquote")
HEADINGS: Final = ("h3", "h4")


def in_words(name: str, data: Any, begin: str = "superlearner") -> str | None:
    """Return an answer of the course as text; None for one that is a file, or has no text of its own.

    Args:
        name: that of the operation.
        data: its answer.
        begin: the beginning of commands in this terminal.
    """
    write = WRITERS.get(name)
    if write is None or isinstance(data, str):  # a file, such as CSV, stays as it is
        return None
    width = min(shutil.get_terminal_size((WIDTH, 0)).columns, WIDTH)
    return complete(printable_lines("\n".join(write(data, width)).rstrip()), begin)


def text_of(html: str, width: int = WIDTH) -> str:
    r"""Return the HTML of a lesson as plain text.

    >>> print(
    ...     text_of(
    ...         "<p>Send <code>&quot;stop&quot;</code> to</p><ul><li>one</li><li>the <em>other</em></li></ul><p>now</p>"
    ...     )
    ... )
    Send `"stop"` to
    <BLANKLINE>
    - one
    - the other
    <BLANKLINE>
    now
    >>> print(text_of("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>"))
    a  b
    -  -
    1  2
    """
    reader = _Reader(width)
    reader.feed(html)
    reader.close()
    return reader.text()


class _Reader(HTMLParser):
    """Collects paragraphs, each wrapped to a width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self._width = width
        self._parts: list[str] = []
        self._words: list[str] = []
        self._lists: list[Iterable[str]] = []
        self._mark = ""
        self._listing = False
        self._rows: list[list[str]] = []
        self._address = ""
        self._close = False
        """The next part follows without an empty line."""

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag in ITEMS:
            self._end()
            self._lists.append(itertools.repeat("- ") if tag == "ul" else (f"{n}. " for n in itertools.count(1)))
        elif tag == "li":
            self._end()
            self._mark = next(iter(self._lists[-1])) if self._lists else "- "
        elif tag == "pre":
            self._end()
            self._listing = True
        elif tag == "tr":
            self._rows.append([])
        elif tag == "code" and not self._listing:
            self._words.append("`")
        elif tag == "a":
            self._address = dict(attrs).get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag in ITEMS:
            self._end()
            self._lists.pop()
            self._mark, self._in_list = "", False
            self._close = bool(self._lists)
        elif tag in ("th", "td"):
            self._rows[-1].append(" ".join("".join(self._words).split()))
            self._words = []
        elif tag == "table":
            self._put("\n".join(_table(self._rows, self._width)))
            self._rows = []
        elif tag == "pre":
            self._put(textwrap.indent("".join(self._words).rstrip("\n"), INDENT))
            self._words, self._listing = [], False
        elif tag == "code" and not self._listing:
            self._words.append("`")
        elif tag == "a" and self._address.startswith("http"):  # the others lead to sessions
            self._words.append(f" <{self._address}>")
        elif tag in HEADINGS:
            self._end()
            self._close = True
            self._put("-" * min(len(self._parts[-1]), self._width))
        elif tag in BLOCKS:
            self._end()

    def handle_data(self, data: str) -> None:
        if not self._rows or data.strip():
            self._words.append(data)

    def text(self) -> str:
        self._end()
        return "\n".join(self._parts)

    def _end(self) -> None:
        """End a paragraph."""
        words = " ".join("".join(self._words).split())
        self._words = []
        if not words or self._rows:
            return
        before = "  " * (len(self._lists) - 1) if self._lists else ""
        begin = f"{before}{self._mark}"
        self._close = self._close or (bool(self._mark) and bool(self._parts) and self._in_list)
        self._put("\n".join(_wrapped(words, self._width, begin, " " * len(begin))))
        self._in_list = bool(self._lists)
        self._mark = " " * len(self._mark)

    _in_list = False
    """The last part was an item of a list."""

    def _put(self, part: str) -> None:
        if self._parts and not self._close:
            self._parts.append("")
        self._parts.append(part)
        self._close = self._in_list = False


def _wrapped(text: str, width: int, begin: str = "", then: str = "") -> list[str]:
    """Return a paragraph in lines; code breaks only if a line is too short for it."""
    room = width - max(len(begin), len(then))
    joined = CODE.sub(lambda code: code[0].replace(" ", JOINED) if len(code[0]) <= room else code[0], text)
    lines = textwrap.wrap(
        joined, width, initial_indent=begin, subsequent_indent=then, break_long_words=False, break_on_hyphens=False
    )
    return [line.replace(JOINED, " ") for line in lines] or [begin.rstrip()]


def _table(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return a table whose widest columns are wrapped."""
    columns = list(itertools.zip_longest(*rows, fillvalue=""))
    widths = [max(map(len, column)) for column in columns]
    while sum(widths) + GAP * (len(widths) - 1) > width and max(widths) > LEAST:
        widths[widths.index(max(widths))] -= 1
    lines: list[str] = []
    for number, row in enumerate(zip(*columns, strict=True)):
        if number == 1:
            lines.append((" " * GAP).join("-" * room for room in widths))
        cells = [_wrapped(cell, room) for cell, room in zip(row, widths, strict=True)]
        lines += [
            (" " * GAP).join(map(str.ljust, texts, widths)).rstrip()
            for texts in itertools.zip_longest(*cells, fillvalue="")
        ]
    return lines


# The operations


def _lesson(data: Mapping[str, Any], width: int) -> list[str]:
    state = STATES.get(data["state"], data["state"])
    lines = [f"Session {data['number']}. {data['title']}", f"{data['minutes']} minutes; {state}"]
    lines += ["", *_list(data["goals"], width), ""]
    lines += ["Its page runs code:", f"{INDENT}{command('course open', data['number'])}", ""]
    lines += _wrapped("In a file, put code into `async def main():`, and end with `otp.run(main)`.", width)
    for section in data["sections"]:
        lines += ["", "", section["title"], "=" * len(section["title"])]
        for block in section["blocks"]:
            lines += ["", *_block(block, width)]
    return lines


def _block(block: Mapping[str, Any], width: int) -> list[str]:
    id, kind = block.get("id"), block["kind"]
    text = text_of(block.get("html") or block.get("text") or "", width).splitlines()
    match kind:
        case "cell":
            return [f"[code {id}]", "", *_indented(block["code"])]
        case "predict":
            options = [
                line for n, each in enumerate(block["options"], 1) for line in _wrapped(each, width, f"{n}. ", "   ")
            ]
            how = f"Answer: `{command('course.predict', id, 'NUMBER')}`"
            return [_head("prediction", block), "", *text, "", *options, "", *(_earned(block, width) or [how])]
        case "reflect":
            how = f"Answer: `{command('course.reflect', id, 'YOUR WORDS')}`"
            return [_head("question", block), "", *text, "", *(_earned(block, width) or [how])]
        case "exercise":
            title = f"{block['title']}, {block['minutes']} minutes"
            how = [f"Check: `{command('course.check', id, 'FILE.py')}`", f"Hint:  `{command('course.hint', id)}`"]
            begin = _choice(block.get("choice"), width)
            choice: dict[str, Any] = block.get("choice") or {}
            if choice.get("kind", "tree") in TYPED:
                begin = ["Begin with this file:", "", *_indented(block["code"]), *begin]
            earlier = [
                line
                for one in block.get("builds_on") or ()
                for line in _wrapped(
                    f"It goes on with your answer to {one['id']}, {one['title']}, of session {one['session']}.", width
                )
            ]
            parts = [_head("exercise", block, title), "", *text, *(["", *earlier] if earlier else []), "", *begin]
            return [*parts, "", *_earned(block, width), *how]
        case "measure":
            return [_head("measurement", block), "", *text, "", f"Run: `{command('course.measure', id)}`"]
        case "picture":
            see = ["", f"Run: `{command('course.picture', id)}`"] if block["title"] in DRAWN else []
            return [_head("picture", block), "", *text, *see]
        case _:
            return text


def _head(kind: str, block: Mapping[str, Any], title: str = "") -> str:
    """Return the line with which a block begins: its kind, id, title and state."""
    state = block.get("state")
    done = "" if not state or not state["attempts"] else ("passed" if state["passed"] else "not passed yet")
    if done and kind != "exercise":
        done = "answered"
    return f"[{kind} {block['id']}]{f' {title}' if title else ''}{f' ({done})' if done else ''}"


def _earned(block: Mapping[str, Any], width: int) -> list[str]:
    """Return what an answer or a hint has opened."""
    earned = block.get("earned")
    if not earned:
        return []
    lines: list[str] = []
    if earned.get("option"):
        lines += [f"You answered {block['state']['answer']}; right is {earned['option']}.", ""]
    hints = (f"Hint {n}: {text_of(one, width)}" for n, one in enumerate(earned.get("hints", ()), 1))
    for text in (*hints, earned.get("answer"), earned.get("why")):
        lines += [*text_of(text, width).splitlines(), ""] if text else []
    return lines[:-1] if block["kind"] != "exercise" else lines


def _choice(choice: Mapping[str, Any] | None, width: int) -> list[str]:
    """Return how to write an answer that is chosen on the page; nothing for one that is code."""
    if choice is None:
        return []
    labels = choice.get("labels", {})
    values, keys = (
        [f"{one if one.isdigit() else repr(one)}{f': {labels[one]}' if one in labels else ''}" for one in given]
        for given in (choice.get("values", ()), choice.get("keys", ()))
    )
    match choice["kind"]:
        case "match":
            said = "Write a file with `answer`, a dict. Its keys:"
            lines = [said, "", *_list(keys, width), "", "The value of each is one of:", "", *_list(values, width)]
        case "set":
            lines = ["Write a file with `answer`, the set of those that are right among:", "", *_list(values, width)]
        case _:
            lines = ["", *text_of(choice["typed"], width).splitlines()] if choice.get("typed") else []
    return lines


def _list(items: Iterable[str], width: int) -> list[str]:
    return [line for one in items for line in _wrapped(one, width, "- ", "  ")]


def _indented(code: str) -> list[str]:
    return textwrap.indent(code.rstrip("\n"), INDENT).splitlines()


def _hint(data: Mapping[str, Any], width: int) -> list[str]:
    text = text_of(data["text"], width).splitlines()
    return [f"Hint {data['level']} of {data['hints']} to {data['exercise']}:", "", *text]


def _next(data: Mapping[str, Any], width: int) -> list[str]:
    if data.get("id") is None:
        return [f"Everything is done. To repeat: `{command('course.review')}`"]
    what = {"exercise": "exercise", "predict": "prediction", "reflect": "question"}[data["kind"]]
    title = f": {data['title']}" if data.get("title") else ""
    how = {
        "exercise": ("Check", command("course.check", data["id"], "FILE.py")),
        "predict": ("Answer", command("course.predict", data["id"], "NUMBER")),
        "reflect": ("Answer", command("course.reflect", data["id"], "YOUR WORDS")),
    }[data["kind"]]
    lines = _wrapped(f"The {what} {data['id']} of session {data['session']}{title}", width)
    return [*lines, f"Read:   `{command('course.lesson', data['session'])}`", f"{f'{how[0]}:':<8}`{how[1]}`"]


def _predicted(data: Mapping[str, Any], width: int) -> list[str]:
    lines = [f"The run: {printable(data['happened'])}"]
    verdict = "Right." if data["right"] else f"Not so: option {data['option']} is right."
    shown: dict[str, Any] = data.get("misconception") or {}
    why = data.get("say") or shown.get("fact")
    lines += ["", *_wrapped(f"{verdict} {why}" if why and not data["right"] else verdict, width)]
    return [*lines, "", *text_of(data["explain"], width).splitlines(), *_not_stored(data)]


def _reflected(data: Mapping[str, Any], width: int) -> list[str]:
    return [
        "A model answer, to compare with yours:",
        "",
        *text_of(data["answer"], width).splitlines(),
        *_not_stored(data),
    ]


def _review(data: Mapping[str, Any], width: int) -> list[str]:
    if not data["due"]:
        when = "" if data.get("next_at") is not None else " What you answer comes back on later days."
        return [f"Nothing is due today.{when}"]
    lines: list[str] = []
    for one in data["due"]:
        lines += _wrapped(f"{one['id']}  {one['title']} (session {one['session']}, {one['topic']})", width, "", "  ")
    return lines


def _learners(data: Sequence[Mapping[str, Any]], width: int) -> list[str]:
    """Return a table of the learners; in a terminal, each row is cut to one line."""
    if not data:
        return [f"There are no learners yet. To add some: `{command('user.links', '@names.txt')}`"]
    rows: list[dict[str, Any]] = []
    for one in data:
        current: Mapping[str, Any] = one["current"] or {}
        rows.append(
            {
                "learner": one["name"],
                "last activity": exact("at", one["at"]).partition(".")[0],
                "session": one["session"],
                "stuck": "stuck" if one["stuck"] else "-",
                "passed": f"{one['passed']} of {one['exercises']}",
                "predictions": f"{one['predicted']} right, {one['mispredicted']} wrong",
                "exercise": current.get("id"),
                "attempts": current.get("attempts"),
                "hints": current.get("hints"),
                "solution": "opened" if current.get("seen") else "-",
                "what was wrong": _describe_standing(current),
            }
        )
    lines = drawn(rows).splitlines()
    return [clip(line, shutil.get_terminal_size().columns) for line in lines] if sys.stdout.isatty() else lines


def _describe_standing(current: Mapping[str, Any]) -> str:
    """Return whether the current exercise is passed, or what was wrong with its newest answer, as on the page Class."""
    if current.get("passed"):
        return "passed with help" if current["helped"] else "passed"
    return current.get("said", "").partition("\n")[0] or current.get("fact") or "-"


def _learner(data: Mapping[str, Any], width: int) -> list[str]:
    named = data["shown"] if data["shown"] == data["name"] else f"{data['shown']} ({data['name']})"
    lines = [named, "=" * len(named)]
    if not data["exercises"]:
        lines += ["", "No exercises have been started."]
    for one in data["exercises"]:
        state = ("passed with help" if one["helped"] else "passed") if one["passed"] else "not passed yet"
        work = [f"{one['attempts']} attempt{'' if one['attempts'] == 1 else 's'}"]
        work += [f"{one['hints']} hint{'' if one['hints'] == 1 else 's'}"] if one["hints"] else []
        work += ["solution opened"] if one["seen"] else []
        at = exact("at", one["at"]).partition(".")[0]
        head = f"[exercise {one['id']}] {one['title']}, session {one['session']}: {state}; {', '.join(work)}; last {at}"
        lines += ["", *_wrapped(head, width)]
        lines += [f"{'ok' if step['ok'] else 'FAILED':<8}{step['step']}" for step in one["steps"]]
        for text in (one["said"], one["fact"] or ""):
            lines += [part for line in text.splitlines() for part in _wrapped(line, width)]
        if one["answer"]:
            lines += ["", "Newest answer:", "", *_indented(one["answer"])]
    if data["predictions"]:
        lines += ["", "Predictions"]
    for one in data["predictions"]:
        lines += _wrapped(
            f"{one['id']} (session {one['session']}): {one['question']}",
            width,
            f"{'right' if one['right'] else 'wrong':<8}",
            " " * 8,
        )
    return lines


def _not_stored(data: Mapping[str, Any]) -> list[str]:
    return [] if data["kept"] else ["", "This is not kept: the platform has no database."]


WRITERS: Final[Mapping[str, Callable[[Any, int], list[str]]]] = {
    "course.lesson": _lesson,
    "course.hint": _hint,
    "course.next": _next,
    "course.predict": _predicted,
    "course.reflect": _reflected,
    "course.review": _review,
    "course.learner": _learner,
    "course.learners": _learners,
}
"""By operation."""
