"""The page about the source of the course names only what the lesson has, and all that it asks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from superlearner.course.course import FOLDER, Course
from superlearner.course.lesson import Exercise, Predict, Reflect

PAGE: Final = Path(__file__).resolve().parents[3] / "docs" / "course-source.md"
ROWS: Final = [line.split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| \d", line)]
LESSON: Final = (FOLDER / "lessons" / "12-what-is-otp.md").read_text(encoding="utf-8")


def test_the_rows_are_numbered() -> None:
    assert [int(row[0].strip("| ")) for row in ROWS] == list(range(1, len(ROWS) + 1))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].strip("| "))
def test_what_a_row_names_exists(row: list[str]) -> None:
    here = row[2].removesuffix(" |")
    for name in re.findall(r"`([^`]+)`", here):
        if re.fullmatch(r"s\d\d\.\w+", name):
            assert f'id = "{name}"' in LESSON or f"# id: {name}\n" in LESSON, name
    for title in re.findall(r"\*([^*]+)\*", here):
        assert re.search(rf"^##+ {re.escape(title)}$", LESSON, re.MULTILINE), title


def test_every_question_of_session_12_is_in_a_row() -> None:
    named = set(re.findall(r"`(s12\.\w+)`", PAGE.read_text(encoding="utf-8")))
    asked = {block.id for kind in (Exercise, Predict, Reflect) for block in Course().lesson(12).blocks(kind)}
    assert asked - named == set()
