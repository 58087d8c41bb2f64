"""Session 15: what its checks say about common slips, and the cell for the learner's own applications."""

from __future__ import annotations

import ast
import inspect

import pytest

from otp.testing import Scheduler
from superlearner.course.course import Course
from superlearner.course.engine.child import verdict_of
from superlearner.course.lesson import Cell, Exercise, Predict

COURSE = Course()
LESSON = COURSE.lesson(15)
ALL = {"crashy", "limits", "escalate", "pool", "tasks", "agent_cache", "application"}
ACTIVE = "return (await DynamicSupervisor.count_children(pool)).active"
RETURNS = "    return await DynamicSupervisor.start_link"
KILLS = ', on_timeout="kill_task"'


@pytest.mark.parametrize("seed", range(1, 13))
@pytest.mark.parametrize(
    ("id", "name"), [("s15.pool", "P3"), ("s15.agent_cache", "P3"), ("s15.agent_cache", "P3_entries")]
)
def test_a_race_between_two_calls_is_found_under_every_seed(id: str, name: str, seed: int) -> None:
    assert verdict_of(id, COURSE.check_source(id), COURSE.wrong(id)[name], [seed]).misconceptions == ("P3",)


def test_a_database_in_the_tree_of_the_shop_ends_with_the_shop() -> None:
    orders = 'Tree.start_link([Orders.child_spec(None, name="orders")])'
    database = 'Tree.start_link([Connection.child_spec(url, name="connection")])'
    right = COURSE.solution("s15.application")
    assert orders in right and database in right
    both = 'url = Application.get_env(Database, "url")\n        return await Tree.start_link([SPECS])'.replace(
        "SPECS", 'Connection.child_spec(url, name="connection"), Orders.child_spec(None, name="orders")'
    )
    wrong = right.replace(f"return await {orders}", both).replace(database, "Tree.start_link([])")
    say = verdict_of("s15.application", COURSE.check_source("s15.application"), wrong, [1]).steps[-1].say
    assert say == "the shop was stopped, and the connection with it"


def test_the_lesson_has_every_exercise_and_prediction() -> None:
    assert {one.id for one in LESSON.blocks(Exercise)} == {f"s15.{name}" for name in ALL}
    assert sorted(one.id for one in LESSON.blocks(Predict)) == [f"s15.p{number}" for number in range(1, 6)]


@pytest.mark.parametrize(
    ("id", "before", "after", "misconceptions", "said"),
    [
        (
            "s15.escalate",
            'raise RuntimeError("as you wished")',
            '__import__("otp").exit("normal")',
            (),
            "ended with 'normal', which is no crash",
        ),
        (
            "s15.pool",
            "    try:\n",
            # an answer that opens a job late; the second is one of the virtual time of its check
            "    import asyncio\n    await asyncio.sleep(1)\n    try:\n",
            (),
            "expected open_job",
        ),
        ("s15.crashy", 'name="crashy"', 'id="crashy"', (), "write name='crashy' in its child spec"),
        (
            "s15.crashy",
            "raise Runtime",
            "return Runtime",
            (),
            "did not raise an error: handle_cast returned RuntimeErr",
        ),
        ("s15.crashy", "_cast(self, request,", "_call(self, request, caller,", (), "but has no handle_cast; try @impl"),
        ("s15.crashy", "max_restarts=3", "max_restart=3", (), "did you mean 'max_restarts' where"),
        ("s15.limits", "(3, 5)", "3", (), "expected a pair (max_restarts, max_seconds) for 'mail', such as (3, 5)"),
        ("s15.limits", "(1, 60)", "(1, 61)", ("M22",), "with 1 restart in 61 s it gives up after 61 s"),
        ("s15.limits", "(20, 10)", "(40, 10)", ("M22",), "40 crashes 0.01 s apart should end it"),
        ("s15.escalate", ', name="middle"', "", (), "write name='middle' in its child spec"),
        ("s15.escalate", "[leaf, sibling]", "[leaf]", (), "registered as 'sibling'"),
        (
            "s15.application",
            'Tree.start_link([Connection.child_spec(url, name="connection")])',
            'Connection.start_link(url, name="connection")',
            (),
            "was not started again: make it a permanent child of a supervisor, and return the pid of the super",
        ),
        (
            "s15.application",
            'name="orders"',
            'name="orders", restart="temporary"',
            (),
            "make it a permanent child of a s",
        ),
        (
            "s15.application",
            'Tree.start_link([Orders.child_spec(None, name="orders")])',
            'Orders.start_link(None, name="orders")',
            (),
            "orders was killed, and it was not started again",
        ),
        ("s15.escalate", "raise RuntimeError", "print", ("M11",), 'leaf got the cast "crash", and goes on'),
        (
            "s15.pool",
            "    return await DynamicSupervisor.start_link",
            RETURNS[:11] + RETURNS[17:],
            (),
            "`await` is missing",
        ),
        ("s15.pool", RETURNS, RETURNS.replace("return ", ""), (), "start_pool returned None: is a `return` missing?"),
        ("s15.pool", "max_children=limit", "", (), "open_job started one more: expected 'full'"),
        ("s15.pool", ACTIVE, ACTIVE.replace(".active", ""), (), "expected count to return 0, got Counts(specs=0"),
        ("s15.pool", ACTIVE, f"{ACTIVE} and 3", (), "expected count to return 2, got 3"),
        ("s15.pool", ", timeout=seconds", "", (), "expected a job of 2 s to end after 2 s, but it runs on"),
        ("s15.tasks", KILLS, "", (), "an item took longer than 5 s, and fetch_all ended: expected the other results"),
        (
            "s15.tasks",
            "timeout=timeout, ",
            "",
            (),
            "with timeout=2, an item that takes longer than 2 s was still waited",
        ),
        ("s15.tasks", "max_concurrency=8", "max_concurrency=50", (), "expected at most 8 at a time, got 50"),
        ("s15.tasks", "    await Supervisor.stop(supervisor)\n", "", ("M17",), "1 of its processes run on"),
        (
            "s15.tasks",
            "stream_nolink(\n        supervisor, ",
            "stream(\n        supervisor, ",
            ("M8",),
            "failed with it",
        ),
        ("s15.agent_cache", "Agent.start(", "Agent.start_link(", (), "start() links the cache with the process that"),
        ("s15.agent_cache", "start(dict)", "start({})", (), "expected a function, got {}; try lambda: {}"),
        ("s15.agent_cache", "await Agent.update", "Agent.update", (), "`await` is missing before the call of update"),
        ("s15.agent_cache", "value = make()", "value = [make(), make()][0]", (), "expected one call of make"),
        ("s15.application", "    applications = (Database,)\n", "", (), "name what it needs in `applications`"),
        (
            "s15.application",
            "(Database,)",
            "(Database)",
            (),
            "expected applications to hold classes, such as (Database,)",
        ),
        ("s15.application", '"connection", "url"', '"conection", "url"', (), "its call 'url' to 'conection' found no"),
        (
            "s15.application",
            'await GenServer.call("connection", "url"))',
            "None)",
            (),
            "orders should ask when it starts",
        ),
        ("s15.application", 'name="orders"', 'id="orders"', (), "expected a process that is registered as 'orders'"),
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


def test_the_last_cell_runs_the_applications_of_the_learner(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    cells = {cell.id: cell.code for cell in LESSON.blocks(Cell)}
    source = cells["s15.c1"], cells["s15.c3"], COURSE.solution("s15.application") + cells["s15.c4"]

    async def main() -> None:
        for text in (*source, source[-1]):
            running = eval(compile(text, "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
            if inspect.isawaitable(running):
                await running

    Scheduler().run(main)
    assert capsys.readouterr().out.endswith("started: ['database', 'shop']\norders: memory:\n" * 2)
