"""Parser of docs/conformance.md: the cases of each suite, and our tests for them.

A heading names the suite. A table headed ``| case | what it holds | our test |`` maps its cases, one headed ``| case |
why not |`` lists those without a test here. The counts at the top are computed from these rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.files import ROOT

PAGE = "docs/conformance.md"
_HELD = ["case", "what it holds", "our test"]
_NOT_HELD = ["case", "why not"]
_COUNTED = ["suite", "held", "not held"]
_TEST = re.compile(r"otp/tests/[\w/.-]+\.py::\w+(?:\[.+\])?")


@dataclass(frozen=True, slots=True)
class Case:
    """A line of the page; without ``tests``, ``text`` gives the reason."""

    line: int
    suite: str
    name: str
    text: str
    tests: tuple[str, ...] = ()
    held: bool = True

    def __str__(self) -> str:
        return f"{PAGE}:{self.line}: {self.suite}, {self.name}"


def text_of(root: Path = ROOT) -> str:
    """Return the current page."""
    return (root / PAGE).read_text(encoding="utf-8")


def cases_of(text: str) -> list[Case]:
    """Return every line that names a case, in the order of the page."""
    return list(_cases(text))


def _cases(text: str) -> Iterator[Case]:
    suite, header = "", [""]
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#"):
            suite = line.lstrip("#").strip()
        cells = _cells(line)
        if not cells:
            header = [""]
        elif header == [""]:
            header = cells
        elif header in (_HELD, _NOT_HELD) and set(cells[0]) != {"-"}:
            cells += [""] * (len(header) - len(cells))
            tests = tuple(re.findall("`([^`]+)`", cells[2])) if header == _HELD else ()
            yield Case(number, suite, cells[0].replace("`", ""), cells[1], tests, held=header == _HELD)


def _cells(line: str) -> list[str]:
    if not line.startswith("|"):
        return []
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def is_test(name: str) -> bool:
    """Return whether the text has the form of a test id of the library."""
    return _TEST.fullmatch(name) is not None


def with_counts(text: str) -> str:
    """Return the page with its table of counts updated."""
    cases = cases_of(text)
    suites = dict.fromkeys(case.suite for case in cases)
    rows = [_row(suite, [case for case in cases if case.suite == suite]) for suite in suites]
    made = [f"| {' | '.join(_COUNTED)} |", "| --- | --: | --: |", *rows, _row("**all**", cases)]
    lines, counted = [], False
    for line in text.splitlines():
        starts = _cells(line) == _COUNTED
        if starts:
            lines += made
        counted = starts or (counted and line.startswith("|"))
        if not counted:
            lines.append(line)
    return "\n".join(lines) + "\n"


def _row(name: str, cases: list[Case]) -> str:
    held = sum(case.held for case in cases)
    return f"| {name} | {held} | {len(cases) - held} |"
