"""Lessons with faults are refused with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from superlearner.course.course import Course, UnknownItem
from superlearner.course.lesson import Cell, Exercise, Predict
from superlearner.course.reading import LessonError, read_lesson

HEAD = '+++\ntitle = "Nothing"\nminutes = 1\ngoals = ["Read"]\n+++\n'
PREDICT = """
```predict
id = "s01.p1"
question = "Which?"
scenario = "s01.p1"
[[options]]
text = "this"
right = true
[[options]]
text = "that"
misconception = "M1"
```
"""
EXERCISE = """
```exercise
id = "s01.one"
title = "One"
minutes = 2
task = "Write it."
stub = '''
answer = None
'''
hints = ["a", "b", "c", "d"]
```
"""
CELL = "\n```cell\n# id: s01.c1\nx = 1\n```\n"
PRACTISE = PREDICT.replace('"s01.p1"\nq', '"s01.p2"\npractise = ["s01.p1", "{}"]\nq')


def test_blocks_have_their_places_in_sections() -> None:
    text = f"{HEAD}## First\nText.\n{PREDICT}\nMore text.\n## Second\n```cell\n# id: s01.c1\nawait x\n```\n{EXERCISE}"
    lesson = read_lesson("01-nothing.md", text)
    first, second = lesson.sections
    assert [type(block).__name__ for block in first.blocks] == ["Text", "Predict", "Text"]
    assert [type(block).__name__ for block in second.blocks] == ["Cell", "Exercise"]
    assert lesson.blocks(Predict)[0].options[1].misconception == "M1"
    assert lesson.blocks(Cell)[0].code == "await x\n"
    assert lesson.blocks(Exercise)[0].stub == "answer = None\n"


@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        ("Text.", 6, "expected a heading ## before the text"),
        (
            "## A\n```picture\nid = 's01.w1'\nkind = 'restart'\nof = 'two_for_one'\ntext = 'x'\n```",
            7,
            "expected of to be one of one_for_one, rest_for_one",
        ),
        ("", 6, "expected a section, ## Heading"),
        ("## A\n```predikt\nid = 'x'\n```", 7, "expected a block of cell, predict"),
        (f"## A{PREDICT.replace('right = true', 'right = 1 2')}", 13, "Expected newline"),
        (f"## A{PREDICT.replace('right = true', '')}", 7, "expected one right option"),
        (f"## A{PREDICT.replace('M1', 'M99')}", 7, "there is no misconception M99"),
        (f"## A{PREDICT.replace('misconception = ', 'belief = ')}", 7, "expected right, misconception or say"),
        (f"## A{PREDICT.replace('scenario', 'senario')}", 7, "expected 'scenario', got none"),
        (f"## A{PREDICT}{PREDICT}", 19, "expected an id of its own, got s01.p1 a second time"),
        (f"## A{EXERCISE.replace(', chr(34)d', '')}".replace(', "d"', ""), 7, "expected 4 hints, got 3"),
        (f"## A{EXERCISE}".replace("stub", "stubb"), 7, "expected a stub or a choice"),
        ("## A\n```cell\nx = 1\n```", 8, "expected a cell to begin with `# id:"),
        ("## A\n```cell\n# id: s01.c1\nx =\n```", 9, "cell s01.c1: invalid syntax"),
        ("## A\nx\n## A\ny", 1, "expected one section 'A', got two"),
        (f"## A{PREDICT}{EXERCISE}{PRACTISE.format('s01.two')}", 30, "s01.p2: expected practise to name exercises and"),
        (f"## A{PREDICT}{CELL}{PRACTISE.format('s01.c1')}", 24, "predictions of this lesson, got s01.c1"),
    ],
)
def test_a_fault_is_told_with_file_and_line(body: str, line: int, said: str) -> None:
    with pytest.raises(LessonError) as caught:
        read_lesson("01-nothing.md", HEAD + body)
    assert str(caught.value).startswith(f"01-nothing.md:{line}: ")
    assert said in str(caught.value)


def test_a_wrong_name_and_a_missing_head_are_told() -> None:
    with pytest.raises(LessonError, match=r"lesson\.md:1: expected a name like"):
        read_lesson("lesson.md", HEAD)
    with pytest.raises(LessonError, match=r"01-a\.md:1: expected TOML between two lines"):
        read_lesson("01-a.md", "## A")


def test_times_have_a_form_and_a_stub() -> None:
    times = EXERCISE.replace(
        'hints = ["a", "b", "c", "d"]', 'hints = ["a", "b", "c", "d"]\n[choice]\nkind = "times"\nallowed = 3'
    )
    (one,) = read_lesson("01-nothing.md", f"{HEAD}## A{times}").blocks(Exercise)
    assert (one.stub, one.choice.kind, one.choice.allowed) == ("answer = None\n", "times", 3)


def test_html_of_a_lesson_is_shown_as_text() -> None:
    lesson = read_lesson("01-nothing.md", f"{HEAD}## A\n<script>alert(1)</script>\n")
    assert "<script" not in str(lesson.sections[0].blocks[0])


def test_an_unknown_exercise_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownItem, match=r"there is no exercise s12\.minimla; did you mean s12\.minimal\?"):
        Course().exercise("s12.minimla")
    with pytest.raises(UnknownItem, match=r"there is no prediction s05\.p92; did you mean s05\.p2\?"):
        Course().predict("s5.p92")  # regression: did you mean s15.p2?
    assert Course().predict("s5.p2").id == "s05.p2"
    with pytest.raises(UnknownItem, match=r"there is no session 99; expected one of [0-9, ]*12"):
        Course().lesson(99)


def test_a_wrong_program_is_a_file_or_changes_of_a_solution(tmp_path: Path) -> None:
    for name, text in (
        ("solutions/s01_one.py", "a = 1\nb = 2\n"),
        ("solutions/other/s01_one__sum.py", "b = 1 + 1\n"),
        ("wrong/s01_one/M1.py", "a = 0\n"),
        ("wrong/s01_one.toml", "[[M2]]\nold='b = 2'\nnew='b = 3'\n[[M3]]\nof='s01_one__sum'\nold='1 + 1'\nnew='1'\n"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    course = Course(tmp_path)
    assert course.wrong("s01.one") == {"M1": "a = 0\n", "M2": "a = 1\nb = 3\n", "M3": "b = 1\n"}
    (tmp_path / "solutions/s01_one.py").write_text("b = 1\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"s01\.one M2: expected these lines once, not 0 times: b = 2"):
        course.wrong("s01.one")
