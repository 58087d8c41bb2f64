"""Session 5: what its checks say about common slips."""

from __future__ import annotations

import pytest

from superlearner.course.course import Course
from superlearner.course.engine.checking import SEEDS
from superlearner.course.engine.child import verdict_of

COURSE = Course()


@pytest.mark.parametrize(
    ("id", "before", "after", "said"),
    [
        (
            "s05.attempt",
            "value = await value",
            "pass",
            "line 11: attempt(later, 0, ['a']) returned a coroutine: `await` is",
        ),
        (
            "s05.attempt",
            "await otp.receive(about_it",
            "otp.receive(about_it",
            "line 26: `await` is missing before the c",
        ),
        (
            "s05.attempt",
            'exit(pid, "kill")\n        await otp.receive(monitor)',
            'exit(pid, "shutdown")',
            "nothing traps a kill",
        ),
        ("s05.attempt", '("timeout", None)', '"timeout"', "to return ('timeout', None), got 'timeout'"),
        ("s05.attempt", '("exit", reason)', '("exit", str(reason))', "('exit', ('shutdown', 1)), got ('exit', \"('s"),
        ("s05.attempt", "fn(*args)", "fn(args)", "divide() missing 1 required positional argument: 'other'"),
        ("s05.attempt", "spawn_monitor(run)", "spawn_monitor(run())", "try spawn(run, …) instead of spawn(run(…))"),
        (
            "s05.supervisor",
            "spawn_link(fn), 0",
            "spawn_link(fn()), 0",
            "try spawn(child, …) instead of spawn(child(…))",
        ),
        ("s05.supervisor", "limit=5", "limit", "a process is started as supervise(child): supervise() missing 1"),
        ("s05.supervisor", '"too_many_restarts"', '"too_many"', "end with 'too_many_restarts', got 'too_many'"),
        ("s05.supervisor", '(child, "shutdown")', '(child, "kill")', "child to end with 'shutdown', got 'killed'"),
        ("s05.pool", "range(n)", "range(2)", "expected 3 living workers, got 2"),
        ("s05.pool", "free.pop(0) if free else None", "free.pop(0)", "pool ended: IndexError: pop from empty list"),
        ("s05.pool", "out.append(pid)", "pass", "expected the pid of a worker that is not out, got None"),
        ("s05.shutdown", '("error", "stopping")', '"stopping"', "('error', 'stopping') to ('task', 1), got 'stopping'"),
        (
            "s05.shutdown",
            "await asyncio.sleep",
            "asyncio.sleep",
            "line 22: `await` is missing before the call of sleep",
        ),
        (
            "s05.supervisor",
            "else:\n                    child",
            "else:\n                    1 / 0\n                    child",
            "ended, too: supe",
        ),
        (
            "s05.shutdown",
            " if stopping:",
            " if not running and stopping:",
            "('task', 1) was answered after 1 s, with 'done'",
        ),
        ("s05.shutdown", "otp.Down(ref)", "otp.Down(ref, pid=_)", "line 15: otp.Down has no part `pid`, so this case"),
        ("s05.shutdown", "not (stopping and not running)", "True", "to end with 'normal', but it is alive"),
        (
            "s05.shutdown",
            "running.discard(ref)",
            "running.discard(ref)\n                if stopping and not running: otp.exit('shutdown')",
            "to end with 'normal', got 'shutdown'",
        ),
    ],
)
def test_a_common_slip_is_named_with_its_cure(id: str, before: str, after: str, said: str) -> None:
    right = COURSE.solution(id)
    assert before in right
    found = verdict_of(id, COURSE.check_source(id), right.replace(before, after), list(SEEDS))
    assert not found.ok
    assert said in found.steps[-1].say
    assert found.misconceptions == ()


def test_a_pool_may_end_with_any_reason() -> None:
    right = COURSE.solution("s05.pool")
    head, stop, _ = right.partition("                for pid in free + out:")
    assert stop
    ends = f'{head}                otp.exit("shutdown")\n'
    found = verdict_of("s05.pool", COURSE.check_source("s05.pool"), ends, list(SEEDS))
    assert found.ok, found.steps[-1]


@pytest.mark.parametrize(("id", "name", "look"), [
    ("s05.supervisor", "M24", "A child that ended normally has done its work"),
    ("s05.supervisor", "M13_gone", "leads to no process, now and later"),
    ("s03.echo", "M3", "take every message, and drop some"),
    ("s14.fix", "M20_rest", "Only children that need each other restart together"),
    ("s12.supervisor", "M20", "a restart of a healthy one is needless"),
    ("s15.escalate", "M20", "a restart of a healthy one is needless"),
])  # fmt: skip
def test_a_look_says_what_fits_better_than_the_general_fact(id: str, name: str, look: str) -> None:
    assert look in verdict_of(id, COURSE.check_source(id), COURSE.wrong(id)[name], list(SEEDS)).look
