"""Session 3: what its checks say about common slips."""

from __future__ import annotations

import pytest

from superlearner.course.course import Course
from superlearner.course.engine.checking import SEEDS
from superlearner.course.engine.child import verdict_of

COURSE = Course()


@pytest.mark.parametrize(
    ("id", "before", "after", "said"),
    [
        ("s03.echo", "await otp.receive()", "otp.receive()", "line 6: `await` is missing before the call of receive"),
        ("s03.echo", "otp.send(", "await otp.send(", "otp.send is not async: remove the `await` before it"),
        ("s03.echo", "async def", "def", "line 6: 'await' outside async function"),
        ("s03.echo", "(ref, text))", "(text, ref))", "a tuple of exactly these two, got ('hello', ref)"),
        ("s03.echo", "from_, (ref, text)", "ref, (from_, text)", "line 8: ('echo', 'hello') got no answer: echo ended"),
        (
            "s03.echo",
            "async def",
            "await otp.receive()\nasync def",
            "line 4: 'await' outside function; write it in an `a",
        ),
        ("s03.echo", "def echo", "def ecko", "did you mean 'echo' where you wrote 'ecko'?"),
        ("s03.echo", "async def echo():", "class echo:\n  async def run(self):", "an async function, got a class"),
        ("s03.echo", "echo():", "echo(server):", "line 4: a process is started as echo(): echo() missing 1 required"),
        ("s03.echo", "return", "continue", 'expected echo to end after "stop", but it is alive'),
        ("s03.echo", "return", "otp.exit('stop')", 'expected echo to end with "normal" after "stop", got \'stop\''),
        (
            "s03.echo",
            "receive()",
            "receive(timeout=5)",
            "line 6: no message came for 90 s, and it waited no longer: echo e",
        ),
        (
            "s03.echo",
            '("echo", text,',
            '("echo", *_, text,',
            "('echo', 'one', 'two', check, ref 1), without `ref`, is no message",
        ),
        (
            "s03.counter",
            '("get", from_',
            '("get", *_, from_',
            "is no message of the task: expected no answer, got (ref 1, 103)",
        ),
        ("s03.counter", "number += 1", "number + 1", "expected the answer 1 to 'get', got 0"),
        ("s03.counter", "number = start", "number = 0", "expected counter(10) to begin with 10, got 0"),
        ("s03.counter", "start=0", "start", "a process is started as counter(): counter() missing 1 required"),
        ("s03.calculator", "a / b", "a // b", "expected the answer ('ok', 0.25) to ('div', 1, 4), got ('ok', 0)"),
        (
            "s03.calculator",
            "a / b",
            "round(a / b, 2) if b % 1 == 0 else 0",
            "expected the answer ('ok', 6.0) to ('div', 3",
        ),
        ("s03.worker", "await asyncio", "asyncio", "line 10: `await` is missing before the call of sleep"),
        ("s03.worker", "await asyncio.sleep(seconds)", "pass", "answered after 0 s: expected the answer after 2 s"),
        (
            "s03.two_agents",
            'case "stop":\n                return\n\n\nasync def second',
            'case "stop":\n                otp.send(second, "stop")\n                return\n\n\nasync def second',
            'has ended the second, too: each gets a "stop" of its own',
        ),
        (
            "s03.two_agents",
            'otp.send(second, ("sum", ',
            'otp.send(second, "sum follows")\n                otp.send(second, ("sum", ',
            "got 4 messages: check → first, first → second, first → second, second → check",
        ),
        ("s03.two_agents", "sum(squares)", "squares", "expected the answer 14 to ('sum_squares', [1, 2, 3]), got [1, "),
    ],
)
def test_a_common_slip_is_named_with_its_cure(id: str, before: str, after: str, said: str) -> None:
    right = COURSE.solution(id)
    assert before in right
    found = verdict_of(id, COURSE.check_source(id), right.replace(before, after), list(SEEDS))
    assert not found.ok
    assert said in found.steps[-1].say
    assert found.misconceptions == ()


@pytest.mark.parametrize(("id", "name", "said"), [
    ("s03.calculator", "V4", "A request that cannot be computed needs an answer"),
    ("s03.two_agents", "M4", "so the first need not know whether the second lives"),
])  # fmt: skip
def test_an_end_is_explained_by_what_caused_it(id: str, name: str, said: str) -> None:
    assert said in verdict_of(id, COURSE.check_source(id), COURSE.wrong(id)[name], list(SEEDS)).look
