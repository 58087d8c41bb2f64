"""Each name and promise of the original's cluster has an answer: tests, or a row of docs/differences.md."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

import superlearner

ROOT: Final = Path(superlearner.__file__).parents[3]
LINES: Final[dict[str, dict[str, Any]]] = tomllib.loads(
    Path(__file__).with_name("original_names.toml").read_text("utf-8")
)
COUNTS: Final = {"A1": 18, "A2": 26, "A3": 12, "A4": 16, "A5": 34, "A6": 10, "A7": 40, "A8": 11, "A9": 31}
"""The number of entries of each section."""
MOST_WORDS: Final = 15
KEYS: Final = [{"asks", "tests"}, {"asks", "better", "tests"}, {"asks", "differs"}]


@cache
def read_tests(path: str) -> frozenset[str]:
    """Return the names of the tests in a file, those of classes as `Class::test`."""
    file = ROOT / path
    if not file.is_file():
        return frozenset()
    text = file.read_text("utf-8")
    if file.suffix == ".js":
        return frozenset(re.findall(r'^test\("([^"]+)"', text, re.MULTILINE))
    return frozenset(_functions(ast.parse(text)))


def _functions(tree: ast.Module | ast.ClassDef) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name
        elif isinstance(node, ast.ClassDef):
            yield from (f"{node.name}::{name}" for name in _functions(node))


def missing_tests(named: Iterable[str]) -> list[str]:
    """Return those that do not exist; a name may be followed by a parameter id in brackets."""
    found = [(one, *one.partition("::")[::2]) for one in named]
    return [one for one, path, test in found if re.sub(r"\[.*]$", "", test) not in read_tests(path)]


def rows() -> set[str]:
    """Return the first cells of the rows of docs/differences.md."""
    text = (ROOT / "docs" / "differences.md").read_text("utf-8")
    return {line.split(" | ")[0].removeprefix("| ") for line in text.splitlines() if line.startswith("| ")}


def test_every_line_has_a_number_and_none_is_missing() -> None:
    assert [f"{part}.{number}" for part, count in COUNTS.items() for number in range(1, count + 1)] == list(LINES)


@pytest.mark.parametrize("number", LINES)
def test_a_line_has_one_answer_that_exists(number: str) -> None:
    line = LINES[number]
    assert set(line) in KEYS
    assert MOST_WORDS >= len(line["asks"].split())
    assert all(line.values()), "expected no empty answer"
    assert [] == missing_tests(line.get("tests", ()))
    assert "differs" not in line or line["differs"] in rows()


def test_what_does_not_exist_is_found() -> None:
    here = Path(__file__).relative_to(ROOT).as_posix()
    assert [] == missing_tests([f"{here}::test_what_does_not_exist_is_found[a b]"])
    wrong = [f"{here}::test_of_nothing", f"{here}::rows", "tests/test_of_nothing.py::test_a", here]
    assert wrong == missing_tests(wrong)
    assert "setting the mode of the cluster" in rows()
