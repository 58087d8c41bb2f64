r'''Reads a lesson: Markdown whose interactive parts are fences with one word and a TOML or Python body.

>>> text = """+++
... title = "Nothing"
... minutes = 1
... goals = ["Read"]
... +++
... ## First
... Some *text*.
... """
>>> lesson = read_lesson("07-nothing.md", text)
>>> lesson.number, lesson.sections[0].id, lesson.sections[0].blocks
(7, 'first', (Text(html='<p>Some <em>text</em>.</p>\n'),))
'''

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from superlearner.course.lesson import (
    Block,
    Cell,
    Choice,
    Exercise,
    Hint,
    Lesson,
    Measure,
    Option,
    Picture,
    Predict,
    Reflect,
    Section,
    Source,
    Text,
)
from superlearner.course.misconceptions import MISCONCEPTIONS

__all__ = ["MARKDOWN", "LessonError", "read_file", "read_lesson", "render_html"]

NAME: Final = re.compile(r"(\d\d)-([a-z0-9-]+)\.md")
LISTINGS: Final = ("", "python", "text", "console", "sh", "elixir")
HINTS: Final = 4
MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).enable("table")
"""The Markdown of lessons, without HTML in it."""
PICTURES: Final = ("tree", "sequence", "timeline", "mailbox", "state", "diff", "restart")
RESTARTS: Final = ("one_for_one", "rest_for_one", "one_for_all", "gives_up", "linked")
"""The recorded restarts of the documentation."""

STUB: Final = "answer = None\n"


class LessonError(Exception):
    """A fault in a lesson, with its file and line."""

    def __init__(self, file: str, line: int, text: str) -> None:
        super().__init__(f"{file}:{line}: {text}")


def read_file(path: Path) -> Lesson:
    """Return the lesson in a file. Raises `LessonError`."""
    return read_lesson(path.name, path.read_text(encoding="utf-8"))


def read_lesson(file: str, text: str) -> Lesson:
    """Return the lesson of a text; `file` is its name, with the number. Raises `LessonError`."""
    return _Reader(file, text).lesson()


def render_html(text: Sequence[Token]) -> str:
    r"""Return parsed Markdown as HTML, with links to sessions that hold below any prefix of the platform's pages.

    >>> render_html(MARKDOWN.parse("See [session 12](/learn/12)."))
    '<p>See <a href="12">session 12</a>.</p>\n'
    """
    return MARKDOWN.renderer.render(text, MARKDOWN.options, {}).replace('href="/learn/', 'href="')


class _Reader:
    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._text = text
        self._lines: dict[str, int] = {}
        """The line of each id."""

    def lesson(self) -> Lesson:
        named = NAME.fullmatch(self._file)
        if named is None:
            raise LessonError(self._file, 1, "expected a name like 12-what-is-otp.md")
        head, body, skipped = self._head()
        return Lesson(
            number=int(named[1]),
            slug=named[2],
            title=self._take(head, "title", str, 1),
            minutes=self._take(head, "minutes", int, 1),
            goals=tuple(self._texts(head, "goals", 1)),
            prerequisites=tuple(head.get("prerequisites", ())),
            sources=tuple(self._made(Source, one, 1, "a source") for one in head.get("sources", ())),
            sections=self._sections(body, skipped),
        )

    def _head(self) -> tuple[dict[str, Any], str, int]:
        lines = self._text.split("\n")
        if lines[0] != "+++" or "+++" not in lines[1:]:
            raise LessonError(self._file, 1, "expected TOML between two lines +++, got none")
        end = lines.index("+++", 1)
        return self._toml("\n".join(lines[1:end]), 2), "\n".join(lines[end + 1 :]), end + 1

    def _sections(self, body: str, skipped: int) -> tuple[Section, ...]:
        sections: list[tuple[str, list[Block], list[Token]]] = []
        tokens = MARKDOWN.parse(body)
        place = 0
        while place < len(tokens):
            token = tokens[place]
            line = skipped + (token.map[0] + 1 if token.map else 1)
            if token.type == "heading_open" and token.tag == "h2":
                sections.append((tokens[place + 1].content, [], []))
                place += 3
                continue
            if not sections:
                raise LessonError(self._file, line, "expected a heading ## before the text, got none")
            _, blocks, text = sections[-1]
            word = token.info.strip() if token.type == "fence" else ""
            if token.type == "fence" and word not in LISTINGS:
                self._flush(blocks, text)
                blocks.append(self._block(word, token.content, line))
            else:
                text.append(token)
            place += 1
        for _, blocks, text in sections:
            self._flush(blocks, text)
        if not sections:
            raise LessonError(self._file, skipped + 1, "expected a section, ## Heading, got none")
        found = tuple(Section(_slug(title), title, tuple(blocks)) for title, blocks, _ in sections)
        asks = [block for section in found for block in section.blocks if isinstance(block, Exercise | Predict)]
        for block in asks:
            if other := next((id for id in block.practise if id not in {one.id for one in asks}), None):
                expected = "expected practise to name exercises and predictions of this lesson"
                raise LessonError(self._file, self._lines[block.id], f"{block.id}: {expected}, got {other}")
        for number, section in enumerate(found):
            if any(other.id == section.id for other in found[:number]):
                raise LessonError(self._file, 1, f"expected one section {section.title!r}, got two")
        return found

    def _flush(self, blocks: list[Block], text: list[Token]) -> None:
        if text:
            blocks.append(Text(render_html(text)))
            text.clear()

    def _block(self, word: str, body: str, line: int) -> Block:
        if word == "cell":
            return self._cell(body, line)
        make = BLOCKS.get(word)
        if make is None:
            known = ", ".join(("cell", *BLOCKS))
            raise LessonError(self._file, line, f"expected a block of {known}, got {word!r}")
        given = self._toml(body, line + 1)
        id = self._id(self._take(given, "id", str, line), line)
        block = make(self, given, line)
        strange = sorted(set(given) - {"id"} - set(type(block).__dataclass_fields__))
        if strange:
            raise LessonError(self._file, line, f"{word} {id}: expected no {strange[0]!r}")
        return block

    def _cell(self, body: str, line: int) -> Cell:
        first, _, code = body.partition("\n")
        named = re.fullmatch(r"# id: (\S+)", first)
        if named is None:
            raise LessonError(self._file, line + 1, "expected a cell to begin with `# id: s12.c1`")
        try:
            compile(code, self._file, "exec", 0x2000)  # ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        except SyntaxError as error:
            raise LessonError(self._file, line + 1 + (error.lineno or 0), f"cell {named[1]}: {error.msg}") from None
        return Cell(self._id(named[1], line), code)

    def predict(self, given: dict[str, Any], line: int) -> Predict:
        options = tuple(self._made(Option, one, line, "an option") for one in given.get("options", ()))
        where = f"predict {given['id']}"
        if sum(option.right for option in options) != 1 or len(options) < 2:
            raise LessonError(self._file, line, f"{where}: expected one right option and at least one other")
        for option in options:
            if option.right == (option.misconception is not None or option.say is not None):
                text = f"{where}: expected right, misconception or say for the option {option.text!r}"
                raise LessonError(self._file, line, text)
            if option.misconception is not None and option.misconception not in MISCONCEPTIONS:
                raise LessonError(self._file, line, f"{where}: there is no misconception {option.misconception}")
        practise = tuple(given.get("practise", ()))
        return self._made(Predict, {**given, "options": options, "practise": practise}, line, where)

    def reflect(self, given: dict[str, Any], line: int) -> Reflect:
        return self._made(Reflect, given, line, f"reflect {given['id']}")

    def exercise(self, given: dict[str, Any], line: int) -> Exercise:
        where = f"exercise {given['id']}"
        hints = tuple(self._hint(one, line) for one in self._take(given, "hints", list, line))
        if len(hints) != HINTS:
            raise LessonError(self._file, line, f"{where}: expected {HINTS} hints, got {len(hints)}")
        choice = given.get("choice")
        typed = choice is not None and choice.get("kind") in ("times", "tree")
        if not typed and (choice is None) == ("stub" not in given):
            raise LessonError(self._file, line, f"{where}: expected a stub or a choice")
        stub = given.get("stub", STUB).removeprefix("\n")
        made = None if choice is None else self._choice(choice, line, where)
        lists = {name: tuple(given.get(name, ())) for name in ("practise", "builds_on")}
        parts = {"hints": hints, "stub": stub, "choice": made, **lists}
        return self._made(Exercise, {**given, **parts}, line, where)

    def _choice(self, given: dict[str, Any], line: int, where: str) -> Choice:
        if given.get("kind") not in ("match", "set", "times", "tree"):
            raise LessonError(self._file, line, f"{where}: expected a choice of kind match, set, times or tree")
        tuples = {name: tuple(given.get(name, ())) for name in ("keys", "values")}
        return self._made(Choice, {**given, **tuples}, line, where)

    def picture(self, given: dict[str, Any], line: int) -> Picture:
        if given.get("kind") not in PICTURES:
            raise LessonError(
                self._file, line, f"picture {given['id']}: expected kind to be one of {', '.join(PICTURES)}"
            )
        if given["kind"] == "restart" and given.get("of") not in RESTARTS:
            known = ", ".join(RESTARTS)
            raise LessonError(self._file, line, f"picture {given['id']}: expected of to be one of {known}")
        return self._made(Picture, given, line, f"picture {given['id']}")

    def measure(self, given: dict[str, Any], line: int) -> Measure:
        return self._made(Measure, given, line, f"measure {given['id']}")

    # Parts

    def _toml(self, text: str, line: int) -> dict[str, Any]:
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            at = re.search(r"at line (\d+)", str(error))
            number = line + int(at[1]) - 1 if at else line + text.count("\n")
            raise LessonError(self._file, number, re.sub(r" \(at .*\)", "", str(error))) from None

    def _id(self, id: str, line: int) -> str:
        if id in self._lines:
            raise LessonError(self._file, line, f"expected an id of its own, got {id} a second time")
        self._lines[id] = line
        return id

    def _take(self, given: Mapping[str, Any], name: str, kind: type[Any], line: int) -> Any:
        value = given.get(name)
        if not isinstance(value, kind):
            raise LessonError(self._file, line, f"expected {name} to be a {kind.__name__}, got {value!r:.100}")
        return value

    def _texts(self, given: Mapping[str, Any], name: str, line: int) -> list[str]:
        value = self._take(given, name, list, line)
        if not all(isinstance(one, str) for one in value):
            raise LessonError(self._file, line, f"expected {name} to be a list of texts")
        return value

    def _hint(self, given: Any, line: int) -> Hint:
        """Return a hint: a text, or a table of texts by the first step for which each holds."""
        texts: dict[str, Any] = {"1": given} if isinstance(given, str) else given
        if type(texts) is not dict or "1" not in texts or not all(type(one) is str for one in texts.values()):
            expected = "expected a hint to be a text, or texts by step from 1"
            raise LessonError(self._file, line, f"{expected}, got {given!r:.100}")
        return Hint({int(step): text for step, text in texts.items()})

    def _made(self, kind: type[Any], given: Mapping[str, Any], line: int, where: str) -> Any:
        known = set(kind.__dataclass_fields__)
        try:
            return kind(**{name: value for name, value in given.items() if name in known})
        except TypeError as error:
            missing = str(error).partition("argument")[2].lstrip("s: ")
            raise LessonError(self._file, line, f"{where}: expected {missing}, got none") from None


BLOCKS: Final[dict[str, Callable[[_Reader, dict[str, Any], int], Block]]] = {
    "predict": _Reader.predict,
    "reflect": _Reader.reflect,
    "exercise": _Reader.exercise,
    "picture": _Reader.picture,
    "measure": _Reader.measure,
}


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
