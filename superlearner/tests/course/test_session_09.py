"""Session 9: what its checks say about common slips."""

from __future__ import annotations

import pytest

from superlearner.course.course import Course
from superlearner.course.engine.checking import SEEDS
from superlearner.course.engine.child import verdict_of

COURSE = Course()


def test_an_excerpt_marks_the_end_that_is_the_cause_and_not_its_consequence() -> None:
    right, source = COURSE.solution("s09.policies"), COURSE.check_source("s09.policies")
    crashed = verdict_of("s09.policies", source, right.replace("restarts + 1)", "restarts.nothing)"), list(SEEDS))
    ends = [(row.of, row.marked) for row in crashed.excerpt if row.text.startswith("Crash(")]
    assert ends == [("always monitor", True), ("agent", False)]


@pytest.mark.parametrize(
    ("id", "before", "after", "said"),
    [
        ("s09.policies", "match await otp.receive()", "match otp.receive()", "`await` is missing before the call of r"),
        ("s09.policies", "async def agent_monitor", "async def monitor", "agent_monitor"),
        (
            "s09.policies",
            "spawn_link(fn, *args)\n",
            "spawn_link(fn, args)\n",
            "to start agent('bob', 2), got agent(('bob', 2),)",
        ),
        ("s09.policies", "spawn_link(fn, *args)\n", "spawn_link(fn(*args))\n", "try spawn(agent, …) instead of"),
        ("s09.policies", '("ok", pid))', "pid)", "('ok', bob) to ('start_agent', 'bob', …), got bob"),
        ("s09.policies", "(ref, tuple((", "(ref, list((", "to 'list', got [('ann', ann), ('bob', bob)]"),
        ("s09.policies", "in sorted(agents)", "in agents", "got (('bob', bob), ('ann', ann))"),
        (
            "s09.policies",
            '("error", "already_exists")',
            '"already_exists"',
            "('start_agent', 'cid', …), got 'already_exi",
        ),
        ("s09.policies", "restarts + 1)", "restarts)", "('ok', cid 2, 1) to ('status', 'cid'), got ('ok', cid 2, 0)"),
        (
            "s09.policies",
            'exit(pid, "shutdown")',
            'exit(pid, "kill")',
            "expected ann to end with 'shutdown', got 'kill",
        ),
        ("s09.policies", "agents.pop(name)[0]", "agents[name][0]", "cid was stopped by request, and was started again"),
        ("s09.policies", "    await otp.wait_down(pid)\n", "", "'stop_agent' was answered before its end"),
        (
            "s09.policies",
            "otp.wait_down(pid)",
            "otp.receive()",
            "'list' came while sue was ending, and was taken for the end",
        ),
        (
            "s09.policies",
            'otp.process_flag("trap_exit", True)',
            'otp.process_flag("trap_exit", True)\n    otp.spawn(otp.receive)',
            'to leave no process after "stop": one that it started lives on',
        ),
        (
            "s09.policies",
            "otp.ExitSignal(pid, reason)",
            "otp.ExitSignal(reason, pid)",
            "`otp.ExitSignal(reason, pid)` takes the part `pid`, and calls it `reason`; the parts are pid, reason. In",
        ),
        (
            "s09.policies",
            "restarts + 1)",
            "1 + max(entry[-1] for entry in [(restarts,), *agents.values()]))",
            "expected the answer ('ok', bob 2, 1) to ('status', 'bob'), got ('ok', bob 2, 4)",
        ),
        ("s09.delay", "send_after(delay, otp.self()", "send_after(otp.self(), delay", "send_after"),
        ("s09.delay", "agent.pid = None", "pass", "(('ann', None), ('bob', bob 2)) to 'list', got (('ann', ann 2)"),
        ("s09.delay", "send_after(delay,", "send_after(0,", "ann was started again at once: expected 0.1 s later"),
        (
            "s09.limit",
            'await stop_all(agents)\n                            otp.exit("shutdown")',
            "for each in reversed(agents.values()):\n"
            '                                each.pid and otp.exit(each.pid, "shutdown")\n'
            '                            otp.exit("shutdown")',
            "sue was started last, and takes 0.1 s to end: expected ann to end after it",
        ),
        ("s09.limit", "> max_restarts", ">= max_restarts", "expected 3 restarts with a limit of 3 in 5 s, got 2"),
        (
            "s09.limit",
            "reversed(agents.values())",
            "agents.values()",
            "in reverse order of their start, got ann, bob, c",
        ),
        ("s09.limit", 'otp.exit("shutdown")', 'otp.exit("gave_up")', "to end with 'shutdown', got 'gave_up'"),
    ],
)
def test_a_common_slip_is_named_with_its_cure(id: str, before: str, after: str, said: str) -> None:
    right = COURSE.solution(id)
    assert before in right
    found = verdict_of(id, COURSE.check_source(id), right.replace(before, after), list(SEEDS))
    assert not found.ok
    assert said in found.steps[-1].say
    assert found.misconceptions == ()
