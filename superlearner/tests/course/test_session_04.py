"""Session 4: what its checks say about common slips."""

from __future__ import annotations

import pytest

from superlearner.course.course import Course
from superlearner.course.engine.checking import SEEDS
from superlearner.course.engine.child import verdict_of

COURSE = Course()
APPEND = "waiting.append((from_, ref))"
ONCE = "jobs[priority] += [job] if job not in jobs[priority] else []"
SORTS = """\
    all = []
    try:
        while True:
            all.append(await otp.receive(timeout=0))
    except otp.ReceiveTimeout:
        for message in sorted(all, key=lambda one: not (type(one) is tuple and one[:1] == ("urgent",))):
            otp.send(otp.self(), message)
    try:
"""


@pytest.mark.parametrize(
    ("id", "before", "after", "said"),
    [
        ("s04.priority", 'otp.Tag("urgent")', 'lambda m: m[0] == "urgent"', "got ['urgent', 0]: a list is no tuple"),
        ("s04.priority", "await otp.receive(otp", "otp.receive(otp", "line 6: take() returned a coroutine: `await` is"),
        ("s04.priority", "return await otp.receive(otp", "await otp.receive(otp", "'fire'), got None"),
        ("s04.priority", "timeout=0", "timeout=None", "expected take() to end at once, but it still waits after 60 s"),
        ("s04.priority", 'otp.Tag("urgent")', '"urgent"', "try Is('urgent'), Tag('urgent') or lambda message"),
        ("s04.priority", "    try:\n", SORTS, "('urgent', 2, 'more'), ('urgent',), None] to stay in this order, got ["),
        ("s04.rate_limiter", "(n)", "()", "line 4: a process is started as rate_limiter(3): rate_limiter() takes 0"),
        ("s04.rate_limiter", '"rate_limited"', '"limited"', "the answer 'ok' or 'rate_limited', got 'limited'"),
        ("s04.rate_limiter", "< n", "<= n", "9 requests at 0.000 s: expected 3 of them to be allowed, got 4"),
        ("s04.buffer", "(*items, item)", "(item, *items)", "('batch', (1, 2, 3)) at once, got ('batch', (3, 2, 1))"),
        ("s04.buffer", 'batch", items', 'batch", list(items)', "(1, 2, 3)) at once, got ('batch', [1, 2, 3])"),
        ("s04.buffer", "        if items:\n", "        if True:\n", "expected no batch without items, got ('batch'"),
        ("s04.store", "def start", "async def start", "start() has to be awaited, but it waits for nothing: write `d"),
        ("s04.store", "return otp.spawn", "otp.spawn", "expected start() to return the pid of a process, got None"),
        ("s04.store", "    return value", "", "expected get(store, 'a', default=7) to return 7, got None"),
        ("s04.store", "await otp.receive", "otp.receive", "line 6: `await` is missing before the call of receive"),
        ("s04.job_queue", " if priority in PRIORITIES", "", "job_queue ended: KeyError: 'urgent'"),
        ("s04.store", "default=None, timeout=5", "timeout=5, default=None", "get(store, 'a', 7) to return 7, got None"),
        (
            "s04.job_queue",
            APPEND,
            f"otp.link(from_)\n{16 * ' '}{APPEND}",
            "the reason 'killed': is yours linked with it?",
        ),
        (
            "s04.job_queue",
            APPEND,
            f"if not any(jobs.values()):\n{20 * ' '}otp.send(from_, (ref, ('job', None)))\n{16 * ' '}{APPEND}",
            "there is no job, and worker 1 was answered at once, with (ref, ('job', None))",
        ),
        ("s04.job_queue", "jobs[priority].append(job)", ONCE, "the same job was added twice: expected the answer 2"),
        (
            "s04.job_queue",
            APPEND,
            "waiting[:] = [one for one in waiting if one[0] != from_] + [(from_, ref)]",
            "each of its req",
        ),
        (
            "s04.job_queue",
            '("high", "normal", "low")',
            '("low", "high", "normal")',
            "('job', 3) to 'next', got ('job', 1)",
        ),
        ("s04.job_queue", '("job", line.pop(0))', "line.pop(0)", "expected the answer ('job', 3) to 'next', got 3"),
    ],
)
def test_a_common_slip_is_named_with_its_cure(id: str, before: str, after: str, said: str) -> None:
    right = COURSE.solution(id)
    assert before in right
    found = verdict_of(id, COURSE.check_source(id), right.replace(before, after), list(SEEDS))
    assert not found.ok
    assert said in found.steps[-1].say
    assert found.misconceptions == ()


def test_a_limit_for_each_client_is_no_limit_of_the_service() -> None:
    recent = "[when for when in allowed if"
    right = COURSE.solution("s04.rate_limiter")
    assert recent in right
    each = right.replace("allowed = []", "clients = {}").replace(
        f"allowed = {recent}", f"allowed = clients[from_] = {recent.replace('allowed', 'clients.get(from_, [])')}"
    )
    found = verdict_of("s04.rate_limiter", COURSE.check_source("s04.rate_limiter"), each, list(SEEDS))
    assert "expected the answer 'rate_limited' to another client, got (ref, 'ok')" in found.steps[-1].say
