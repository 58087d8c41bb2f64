"""Session 8: what its checks say about common slips."""

from __future__ import annotations

import pytest

from superlearner.course.course import Course
from superlearner.course.engine.checking import SEEDS
from superlearner.course.engine.child import verdict_of

COURSE = Course()


@pytest.mark.parametrize(
    ("id", "before", "after", "said"),
    [
        ("s08.names", "sorted(owners)", "sorted(owners) or ()", "expected names(second registry) to return [], got ()"),
        ("s08.names", "return otp.spawn(loop)", "otp.spawn(loop)", "start() to return the pid of a process, got None"),
        ("s08.names", "def start", "async def start", "write `def start`"),
        ("s08.names", "sorted(owners)", "list(owners)", "got ['ann', 'dan', 'bob', 'eve', 'carl']"),
        (
            "s08.names",
            '("error", "already_registered")',
            '"already_registered"',
            "return ('error', 'already_registered'), got 'already_registered'",
        ),
        ("s08.names", "owners.pop(name, None)", "owners.pop(name)", "the registry ended: KeyError: 'nobody'"),
        ("s08.names", 'await ask(registry, "register"', 'ask(registry, "register"', "`await` is missing before the c"),
        ("s08.names", "pid or otp.self()", "pid", "lookup(registry, 'ann') to return (client, None), got (None, None)"),
        ("s08.cleanup", "owner[2] != down", "owner[2] == down", "expected count(registry) to return 1, got 0"),
        (
            "s08.send",
            "owners.values()}\n",
            "owners.values()} - {from_}\n",
            "expected broadcast(registry, 'to all') to return 2, got 1",
        ),
        (
            "s08.send",
            "    otp.send(found[0], message)",
            "    found[0] != otp.self() and otp.send(found[0], message)",
            "the caller has sent 'note' to its own name: expected it to get it",
        ),
        ("s08.send", '    return "ok"\n', "", "expected send(registry, 'ann', 'hello') to return 'ok', got None"),
        ("s08.send", 'return ("error", "not_found")', "return None", "return ('error', 'not_found'), got None"),
        ("s08.send", "len(pids)))", "pids))", "expected broadcast(registry, 'news') to return 2, got {"),
    ],
)
def test_a_common_slip_is_named_with_its_cure(id: str, before: str, after: str, said: str) -> None:
    right = COURSE.solution(id)
    assert before in right
    found = verdict_of(id, COURSE.check_source(id), right.replace(before, after), list(SEEDS))
    assert not found.ok
    assert said in found.steps[-1].say
    assert found.misconceptions == ()


def test_no_case_is_blamed_for_a_message_that_goes_to_another_process() -> None:
    request = 'case ("names", from_, ref):'
    right = COURSE.solution("s08.send")
    assert request in right
    lost = right.replace(
        request, f'case ("send", name, message, from_, ref):\n                pass\n            {request}'
    )
    wrong = lost.replace('return ("error", "not_found")', 'return "error"')
    found = verdict_of("s08.send", COURSE.check_source("s08.send"), wrong, list(SEEDS))
    expected = "expected send(registry, 'nobody', 'hello') to return ('error', 'not_found'), got 'error'"
    assert found.steps[-1].say == expected
