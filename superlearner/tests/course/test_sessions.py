"""Each session: references pass, wrong programs are told by their misconception, and its words and figures hold."""

from __future__ import annotations

import ast
import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest

from otp.testing import Scheduler
from superlearner.course.course import FOLDER, Course
from superlearner.course.engine import child
from superlearner.course.engine.checking import CI_SEEDS, SEEDS
from superlearner.course.engine.child import outcome_of, verdict_of
from superlearner.course.engine.excerpt import GAP, GIVES_UP
from superlearner.course.engine.scenario import Scenario
from superlearner.course.engine.verdict import CourseRow, Verdict
from superlearner.course.lesson import Cell, Exercise, Lesson, Picture, Predict, Reflect, Text
from superlearner.course.misconceptions import MISCONCEPTIONS
from superlearner.course.progress import ASKS

COURSE = Course()
LESSONS = [pytest.param(lesson, id=f"session {lesson.number}") for lesson in COURSE.lessons]
EXERCISES = [one.id for lesson in COURSE.lessons for one in lesson.blocks(Exercise)]
PREDICTIONS = [one for lesson in COURSE.lessons for one in lesson.blocks(Predict)]
PICTURES = [one for lesson in COURSE.lessons for one in lesson.blocks(Picture) if one.kind != "restart"]
WRONG = [(id, name) for id in EXERCISES for name in COURSE.wrong(id)]
VARIANTS = [(id, name) for id in EXERCISES for name in COURSE.variants(id)]
INTERNAL = re.compile(r"<(?:function|class|bound|method|built-in)|#Ref<|(?:ExitSignal|Down|ChildSpec)\(\w+=|start_spec")
"""What only the library reads, in a text of a diagram."""
OTHER_SEEDS = pytest.param(CI_SEEDS[5:], marks=pytest.mark.repeated)


def first_of_each(pairs: list[tuple[str, str]]) -> list[Any]:
    """Return pairs for ``parametrize``; only `make full` runs more than one program of an exercise."""
    seen = set[str]()
    return [pytest.param(id, name, marks=pytest.mark.slow if id in seen or seen.add(id) else ()) for id, name in pairs]


def verdict(id: str, source: str, seeds: tuple[int, ...] = SEEDS) -> Verdict:
    return verdict_of(id, COURSE.check_source(id), source, list(seeds))


@pytest.mark.parametrize("seeds", [CI_SEEDS[:5], OTHER_SEEDS], ids=["first", "others"])
@pytest.mark.parametrize("id", EXERCISES)
def test_the_reference_passes_under_twenty_seeds(id: str, seeds: tuple[int, ...]) -> None:
    found = verdict(id, COURSE.solution(id), seeds)
    assert found.ok, [step for step in found.steps if not step.ok]
    assert found.misconceptions == ()
    assert COURSE.exercise(id).why


@pytest.mark.parametrize("id", EXERCISES)
def test_a_check_declares_whether_it_reads_the_messages_of_a_right_answer(
    id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded: list[bool] = []

    class Counted(Scenario):
        def __init__(self, *args: Any) -> None:
            recorded.append(args[-1])
            super().__init__(*args)

    monkeypatch.setattr(child, "Scenario", Counted)
    assert verdict(id, COURSE.solution(id), (1,)).ok
    (declared,) = recorded  # no run is repeated
    monkeypatch.setattr(child, "reads_messages", lambda _: False)
    assert verdict(id, COURSE.solution(id), (1,)).ok
    assert recorded == [declared, False, *[True] * declared]


@pytest.mark.parametrize(("id", "name"), first_of_each(VARIANTS))
def test_another_right_program_passes_as_well(id: str, name: str) -> None:
    source = COURSE.variants(id)[name]
    found = verdict(id, source)
    assert found.ok, [step for step in found.steps if not step.ok]
    assert ast.dump(ast.parse(source)) != ast.dump(ast.parse(COURSE.solution(id)))


BEFORE_OTP = {name.partition("_")[0] for id, name in WRONG if int(id[1:3]) < 12}


@pytest.mark.parametrize("id", sorted(BEFORE_OTP))
def test_what_is_told_before_calls_and_casts_are_taught_does_not_speak_of_them(id: str) -> None:
    told = MISCONCEPTIONS[id]
    assert not re.search(r"\b[Aa] (call|cast)\b|calls itself waits|can call itself", f"{told.fact} {told.belief}")


@pytest.mark.parametrize(("id", "name"), first_of_each(WRONG))
def test_a_wrong_program_is_told_by_its_misconception_and_no_other(id: str, name: str) -> None:
    found = verdict(id, COURSE.wrong(id)[name])
    assert not found.ok
    assert found.steps[-1].say
    assert found.misconceptions == (name.partition("_")[0],), found.steps[-1]
    assert name.partition("_")[0] in MISCONCEPTIONS
    # Nothing is marked in a correct run, which the answer predicts
    predicted = id in ("s12.tree", "s12.callbacks") and bool(found.marks)
    assert_excerpt_is_short_and_ends_at_the_message_in_question(found.excerpt, marked=not predicted)


def assert_excerpt_is_short_and_ends_at_the_message_in_question(
    rows: tuple[CourseRow, ...], *, marked: bool = True
) -> None:
    assert len([row for row in rows if row.kind != GAP]) <= 12
    lanes = {lane for row in rows for lane in (row.of, row.to) if lane}
    assert len(lanes) <= 6
    assert not [lane for lane in lanes if lane.startswith(("process", "<"))]
    assert not [row for row in rows if "ChildInfo" in row.text or row.text in ("'which_children'", "('ok', None)")]
    assert not [row for row in rows if INTERNAL.search(row.text)]
    last = rows[-1] if rows else None
    crashes = [row for row in rows if last and row.text == last.text and row.text.startswith("Crash(")]
    after = [row for row in rows if (row.kind, row.text) != ("exit", "'shutdown'")]
    gave_up = [row for row in after[-1:] if row.text == GIVES_UP]
    expected = [*gave_up, *crashes, *rows[-1:]][:1]  # of equal crashes, the cause
    assert [row for row in rows if row.marked] == (expected if marked else [])


@pytest.mark.parametrize("id", EXERCISES)
def test_the_stub_fails_with_the_first_step_and_two_runs_say_the_same(id: str) -> None:
    stub = COURSE.exercise(id).stub
    found = verdict(id, stub)
    assert len(found.steps) == 1
    assert not found.ok
    assert json.dumps(found.as_json()) == json.dumps(verdict(id, stub).as_json())


@pytest.mark.parametrize("asked", PREDICTIONS, ids=lambda one: one.id)
def test_the_run_of_a_prediction_gives_the_right_option(asked: Predict) -> None:
    (right,) = (option.text for option in asked.options if option.right)
    assert {outcome_of(asked.scenario, COURSE.check_source(asked.scenario), seed).happened for seed in SEEDS} == {right}


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_right_option_of_a_session_is_not_always_in_the_same_place(lesson: Lesson) -> None:
    places = {[option.right for option in asked.options].index(True) for asked in lesson.blocks(Predict)}
    assert len(places) > 1


@pytest.mark.parametrize("picture", PICTURES, ids=lambda one: one.id)
def test_the_run_of_a_picture_is_the_same_under_every_seed(picture: Picture) -> None:
    first, *others = (outcome_of(picture.of, COURSE.check_source(picture.of), seed) for seed in SEEDS)
    assert {"sequence": first.excerpt, "state": first.callbacks, "mailbox": first.mailbox}[picture.kind]
    assert all(other == first for other in others)


def test_the_sessions_that_lessons_link_to_are_there() -> None:
    numbers = {str(lesson.number) for lesson in COURSE.lessons}
    for path in (FOLDER / "lessons").glob("*.md"):
        linked = set(re.findall(r"\(/learn/(\d+)", path.read_text(encoding="utf-8")))
        assert linked <= numbers, path.name


@pytest.mark.parametrize("lesson", LESSONS)
def test_no_lesson_shows_a_solution(lesson: Lesson) -> None:
    text = json.dumps([section.blocks for section in lesson.sections], default=str)
    for one in lesson.blocks(Exercise):
        assert COURSE.solution(one.id).strip() not in text


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_cells_run_one_after_the_other_in_one_workbench_and_each_prints(
    lesson: Lesson, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, object] = {}
    printed: dict[str, str] = {}

    async def main() -> None:
        for cell in lesson.blocks(Cell):
            for _ in range(2):  # one can run each of them again
                running = eval(compile(cell.code, cell.id, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
                if inspect.isawaitable(running):
                    await running
                printed[cell.id] = capsys.readouterr().out

    Scheduler().run(main)
    assert all(printed.values())
    assert all(len(text) < 4000 for text in printed.values()), "the workbench cuts longer output"


MINUTES = {Cell: 0.5, Picture: 0.5, Predict: 1, Reflect: 1.5}


def core_minutes(lesson: Lesson) -> float:
    """Return an estimate of the core path, with 240 words of text a minute."""
    blocks = [block for section in lesson.sections if section.core for block in section.blocks]
    words = sum(len(re.sub(r"<[^>]+>", " ", block.html).split()) for block in blocks if isinstance(block, Text))
    exercises = sum(block.minutes for block in blocks if isinstance(block, Exercise))
    return words / 240 + exercises + sum(MINUTES.get(type(block), 0) for block in blocks)


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_core_path_takes_the_minutes_that_the_lesson_and_the_documentation_name(lesson: Lesson) -> None:
    assert core_minutes(lesson) <= lesson.minutes <= 45
    assert lesson.title in [phase.sessions.get(lesson.number) for phase in COURSE.phases]
    page = (Path(__file__).parents[3] / "docs" / "course.md").read_text(encoding="utf-8")
    assert f"| {lesson.number} | {lesson.title} | {lesson.minutes} |" in page


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_core_path_stands_before_the_practice(lesson: Lesson) -> None:
    kinds = [section.core for section in lesson.sections]
    assert kinds == sorted(kinds, reverse=True)
    asked = [block for section in lesson.sections for block in section.blocks if isinstance(block, ASKS)]
    assert [block.core for block in asked] == sorted((block.core for block in asked), reverse=True)
    for section in lesson.sections:
        assert all(block.core == section.core for block in section.blocks if isinstance(block, Reflect))


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_session_opens_with_something_that_happens(lesson: Lesson) -> None:
    first = next(block for block in lesson.sections[0].blocks if not isinstance(block, Text))
    assert isinstance(first, Cell | Predict | Picture)
    before = lesson.sections[0].blocks[: lesson.sections[0].blocks.index(first)]
    assert sum(len(block.html.split()) for block in before if isinstance(block, Text)) <= 150


def test_an_exercise_builds_on_others_of_the_course() -> None:
    written = {lesson.number for lesson in COURSE.lessons}
    for id in EXERCISES:
        for earlier in COURSE.exercise(id).builds_on:
            assert earlier in EXERCISES or int(earlier[1:3]) not in written, f"{id} builds on {earlier}"
