"""Session 14: what its checks say about common slips."""

from __future__ import annotations

import pytest

from superlearner.course.course import Course
from superlearner.course.engine.child import verdict_of
from superlearner.course.lesson import Exercise, Predict

COURSE = Course()
LESSON = COURSE.lesson(14)
WORKERS = 'Workers.child_spec(None, id="workers", name="workers")'
MEMORY = '(name, {"memory": memory})'


def test_the_lesson_has_every_exercise_and_prediction() -> None:
    assert {one.id for one in LESSON.blocks(Exercise)} == {"s14.fix", "s14.app", "s14.agents", "s14.choose"}
    assert sorted(one.id for one in LESSON.blocks(Predict)) == ["s14.p1", "s14.p2", "s14.p3", "s14.p4"]


@pytest.mark.parametrize(
    ("id", "before", "after", "misconceptions", "said"),
    [
        (
            "s14.app",
            "        return Children(children",
            "        Children(children",
            (),
            "did you forget to return it?",
        ),
        (
            "s14.app",
            "return Children([Worker",
            "Children([Worker",
            (),
            "line 39: MyApp.start_link() failed: its child 'workers' does not start: Workers.init: expected Children(",
        ),
        (
            "s14.app",
            "id=name, name=name",
            "name=name",
            (),
            "line 39: MyApp.start_link() failed: its child 'workers' does not start: expected a different id for each "
            'child, got Worker twice; try Worker.child_spec(arg, id="worker_2")',
        ),
        ("s14.app", 'id="config", name="config"', 'id="config"', (), "'prefix' to 'config' found no process"),
        ("s14.app", 'id="workers", name="workers"', 'id="workers"', (), "write name='workers' in its child spec"),
        ("s14.app", 'id="workers", name="workers"', 'name="workers"', (), "got 'config', 'logger', the class Workers"),
        ("s14.app", '["worker_1",', '["worker1",', (), "got no such name; did you mean 'worker1'?"),
        ("s14.app", WORKERS, "Workers", (), "line 50: expected children with the ids 'config', 'logger' and 'workers'"),
        ("s14.app", "MyApp(Supervisor)", "MyApp(GenServer)", ("M25",), "write class MyApp(Supervisor)"),
        ("s14.app", "MyApp(Supervisor)", "MyApp", (), "to be a supervisor, class MyApp(Supervisor), got another class"),
        ("s14.app", ', "every": 5', "", (), "its call 'every' to 'config' failed: KeyError: 'every'"),
        ("s14.app", '="one_for_one"', '="one_for_one", max_restarts=0', ("M22",), "its supervisor workers gave up"),
        ("s14.app", '="rest_for_one"', '="rest_for_one", max_restarts=0', ("M22",), "MyApp gave up and ended"),
        ("s14.app", 'name="logger")', 'name="logger", restart="temporary")', ("M24",), "it was not started again"),
        (
            "s14.fix",
            '"transient"',
            '"transiant"',
            (),
            "is unknown; did you mean 'transient'?",
        ),
        ("s14.fix", 'id="sink"', 'id="snk"', (), "expected TreeA to have the children source, sink, got source, snk"),
        ("s14.fix", 'whereis("source")', 'whereis("Source")', (), "sink to answer with the pid of source, got None"),
        ("s14.fix", "send_after(1,", "send_after(99,", (), "expected job to end normally after 1 s, but it runs on"),
        (
            "s14.fix",
            'return Stop("normal"',
            'return Stop("boom"',
            (),
            "expected job to end normally after 1 s, but it ended: 'boom'",
        ),
        ("s14.agents", ", name=name)", ")", (), "line 9: expected a child that is registered as 'ann', got none"),
        ("s14.agents", MEMORY, "name", (), "at the start, expected ann to recall 'blue' for 'colour', got None"),
        ("s14.agents", "name, memory in", "name in", (), "NameError: name 'memory' is not defined"),
        ("s14.agents", "name=name", 'name=name, id="agent"', (), "a different id for each child, got 'agent' twice"),
    ],
)
def test_a_common_slip_is_named_with_its_cure(
    id: str, before: str, after: str, misconceptions: tuple[str, ...], said: str
) -> None:
    right = COURSE.solution(id)
    assert before in right
    found = verdict_of(id, COURSE.check_source(id), right.replace(before, after), [1])
    assert not found.ok
    assert said in found.steps[-1].say
    assert found.misconceptions == misconceptions


def test_no_message_is_marked_for_a_name_that_is_not_registered() -> None:
    right = COURSE.solution("s14.app")
    unnamed = right.replace('id="workers", name="workers"', 'id="workers"')
    elsewhere = right.replace('["worker_1",', '["worker1",')
    found = [verdict_of("s14.app", COURSE.check_source("s14.app"), one, [1]) for one in (unnamed, elsewhere)]
    assert all("got no such name" in one.steps[-1].say and one.excerpt for one in found)
    assert not [row for one in found for row in one.excerpt if row.marked]


def test_the_end_of_the_child_that_was_restarted_without_need_is_marked() -> None:
    answer = COURSE.solution("s14.app").replace("rest_for_one", "one_for_all")
    found = verdict_of("s14.app", COURSE.check_source("s14.app"), answer, [1])
    assert "logger crashed, and config, which does not need it, was restarted" in found.steps[-1].say
    assert [(row.of, row.kind) for row in found.excerpt if row.marked] == [("config", "exit")]
