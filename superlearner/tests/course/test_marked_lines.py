"""The line that a check marks in an answer is in the class that its sentence is about, not in a similar one."""

from __future__ import annotations

import ast
import re
from types import ModuleType

import pytest

from superlearner.course.course import Course
from superlearner.course.engine.child import verdict_of
from superlearner.course.engine.lines import AnswerLines
from superlearner.course.lesson import Exercise

COURSE = Course()
EXERCISES = [one.id for lesson in COURSE.lessons for one in lesson.blocks(Exercise)]
ANSWERS = {
    (id, name): source
    for id in EXERCISES
    for name, source in {"stub": COURSE.exercise(id).stub, **COURSE.wrong(id)}.items()
}


def classes_of(source: str) -> dict[str, range]:
    """Return the lines of each class of an answer; none if the answer is not a program, such as a drawing."""
    try:
        module = ast.parse(source)
    except SyntaxError:
        return {}
    return {
        node.name: range(node.lineno, 1 + (node.end_lineno or 0))
        for node in module.body
        if isinstance(node, ast.ClassDef)
    }


WITH_CLASSES = [at for at, source in ANSWERS.items() if len(classes_of(source)) > 1]


@pytest.mark.parametrize(("id", "name"), WITH_CLASSES)
def test_the_marked_line_lies_in_the_class_that_the_sentence_or_its_step_names(id: str, name: str) -> None:
    source = ANSWERS[id, name]
    classes = classes_of(source)
    step = verdict_of(id, COURSE.check_source(id), source, [1, 2, 3]).steps[-1]
    if marked := re.match(r"line (\d+): ", step.say):
        lies_in = [each for each, lines in classes.items() if int(marked[1]) in lines]
        about = [each for text in (step.say, step.step) for each in re.findall(r"\w+", text) if each in classes]
        assert not lies_in or not about or lies_in[0] in about, f"{step.step} {step.say}"


STUBS = ("s03.counter", "s03.two_agents", "s04.store", "s05.attempt", "s07.tasks", "s11.system", "s13.cache")


@pytest.mark.parametrize("id", [*STUBS, "s12.minimal"])
def test_the_first_failure_of_a_stub_marks_the_part_that_is_missing_or_wrong(id: str) -> None:
    """Regression: it had no line, and everybody begins with it."""
    stub = COURSE.exercise(id).stub
    say = verdict_of(id, COURSE.check_source(id), stub, [1]).steps[-1].say
    marked = re.match(r"line (\d+): ", say)
    assert marked, say
    line = stub.splitlines()[int(marked[1]) - 1].partition("#")[0]
    assert line.strip() == ("return NoReply(state)" if id == "s12.minimal" else "...")


TREES = """
STRATEGY = "rest_for_one"

def limits():
    return {"max_restarts": 3}

class Base(Supervisor):
    def init(self, arg):
        return Children([], max_seconds=5)

class One(Base):
    def init(self, arg):
        return Children([], strategy="one_for_one")

class Two(Base):
    def init(self, arg):
        return Children([Three], strategy=STRATEGY, **limits())

class Three(Supervisor):
    def init(self, arg):
        return Children([], strategy="one_for_all", auto="temporary")
"""


@pytest.mark.parametrize(
    ("texts", "line"),
    [
        (("one_for_all", "one_for_one", "Children"), 17),
        (("one_for_one", "rest_for_one"), 2),
        (("max_restarts",), 5),
        (("max_seconds",), 9),
        (("temporary",), 15),
    ],
    ids=["in it", "in a constant", "in a function", "in its base", "elsewhere"],
)
def test_a_text_is_searched_in_a_class_and_in_what_it_uses_and_in_no_other_class(
    texts: tuple[str, ...], line: int
) -> None:
    answer = ModuleType("answer")
    answer.__file__ = "answer.py"
    assert AnswerLines(compile(TREES, "answer.py", "exec"), answer).of_name("Two", *texts) == f"line {line}: "
