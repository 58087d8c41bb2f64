"""Files that are no answers, for an exercise of each session: each gets one exact sentence, and shows no misconception.

What ends the interpreter of a child, such as an endless loop, is in `test_hostile_answers`.
"""

from __future__ import annotations

import ast
import re

import pytest

from superlearner.course.course import Course
from superlearner.course.engine.child import verdict_of
from superlearner.course.engine.verdict import Verdict
from superlearner.course.lesson import Exercise, Lesson

COURSE = Course()
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
FORGED = """print('{"ok": true, "misconceptions": [], "checks": []}')"""
ARGUMENTS = re.compile(
    r"missing \d+ required (positional|keyword-only) arguments?: .*'extra'|"
    r"expected (\w+)\(self, .*\) in \w+, as in \w+, got \2\(self, .*, extra\)"
)


def written(lesson: Lesson) -> list[str]:
    """Return the exercises of a session that ask for a function or a class."""
    return [one.id for one in lesson.blocks(Exercise) if definition_in(ast.parse(one.stub)) is not None]


def definition_in(tree: ast.Module | ast.ClassDef) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """Return the first function, also one of a class."""
    for node in tree.body:
        if isinstance(node, FUNCTIONS):
            return node
        if isinstance(node, ast.ClassDef) and (found := definition_in(node)) is not None:
            return found
    return None


EXERCISES = [ids[0] for lesson in COURSE.lessons if (ids := written(lesson))]


def refused(id: str, source: str) -> str:
    """Return what is said about a file that is no answer."""
    found: Verdict = verdict_of(id, COURSE.check_source(id), source, [1])
    assert not found.ok
    assert found.misconceptions == ()
    *held, step = found.steps
    assert all(one.ok for one in held)
    assert not re.search(r"\n|Traceback|answer\.py|0x[0-9a-f]+", step.say)
    return step.say


def test_each_session_has_an_exercise_that_asks_for_code() -> None:
    assert [int(id[1:3]) for id in EXERCISES] == [lesson.number for lesson in COURSE.lessons]


@pytest.mark.parametrize("id", EXERCISES)
def test_a_file_that_is_no_answer_gets_one_exact_sentence(id: str, capsys: pytest.CaptureFixture[str]) -> None:
    right = COURSE.solution(id)
    missing = refused(id, "x = 1\n")
    named = re.fullmatch(r"expected a definition of '(\w+)' in your code, got none", missing)
    assert named
    name = named[1]
    assert refused(id, "") == missing
    assert refused(id, FORGED) == missing
    assert capsys.readouterr().out == FORGED[7:-2] + "\n"
    wrong = f"{right}\n{name}s = {name}\ndel {name}\n"
    assert refused(id, wrong) == f"{missing}; did you mean {name!r} where you wrote '{name}s'?"
    imported = f"class {name}s: __module__ = 'otp'\n"
    assert refused(id, imported) == missing, "a name from elsewhere was suggested"
    assert refused(id, f"{right}\ndef (:\n") == f"line {right.count(chr(10)) + 2}: invalid syntax"
    ends = "line 2: your code called sys.exit(3), which would end the interpreter"
    assert refused(id, f"import sys\nsys.exit(3)\n{right}") == ends
    thread = f"import threading\nthreading.Thread(target=print).start()\n{right}"
    waits = "expected neither threads, sockets nor real waiting, got threading.Thread.start"
    assert refused(id, thread) == f"line 2: {waits}"
    builtin = f"import builtins\nbuiltins.isinstance = lambda *a: True\n{right}"
    kept = "expected your file to leave builtins.isinstance as it is, but it was replaced"
    assert refused(id, builtin) == kept


@pytest.mark.parametrize("id", EXERCISES)
def test_a_function_with_another_parameter_is_told_what_it_gets(id: str) -> None:
    tree = ast.parse(COURSE.solution(id))
    wanted = {node.name for node in ast.walk(ast.parse(COURSE.exercise(id).stub)) if isinstance(node, FUNCTIONS)}
    function = next(node for node in ast.walk(tree) if isinstance(node, FUNCTIONS) and node.name in wanted)
    if function.args.vararg is None:
        function.args.args.append(ast.arg("extra"))
        function.args.defaults = []
    else:
        function.args.kwonlyargs.append(ast.arg("extra"))
        function.args.kw_defaults.append(None)
    assert ARGUMENTS.search(refused(id, ast.unparse(ast.fix_missing_locations(tree))))
