"""Session 6: what its checks say about common slips."""

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
            "s06.protocol",
            "@dataclass(frozen=True)\nclass Request",
            "@dataclass\nclass Request",
            "expected a request to b",
        ),
        ("s06.protocol", "def respond", "async def respond", "waits for nothing: write `def respond`"),
        ("s06.protocol", 'return Request("query"', 'Request("query"', "to have .tag, got None"),
        ("s06.protocol", "Response(request.id, body)", "(request.id, body)", "expected the response to have .id, got"),
        ("s06.protocol", "(action, tuple(params))", "tuple(params)", "to be ('search', ('otp', 3)), got ('otp', 3)"),
        (
            "s06.protocol",
            "isinstance(message, Response)",
            "hasattr(message, 'id')",
            "the request itself) to return False, got",
        ),
        (
            "s06.protocol",
            "return isinstance(message, Response)",
            "return message and isinstance(message, Response)",
            "expected answers(request, None) to return False, got None",
        ),
        (
            "s06.coordinator",
            "await otp.receive()",
            "otp.receive()",
            "line 12: `await` is missing before the call of receive",
        ),
        (
            "s06.coordinator",
            "spawn_link(worker) for",
            "spawn_link(worker()) for",
            "spawn(worker, …) instead of spawn(work",
        ),
        ("s06.coordinator", "tuple(results[place] for", "list(results[place] for", "to ('run', []), got []"),
        ("s06.coordinator", "range(n)]", "range(1)]", "expected 3 workers to work at the same time, got 1"),
        (
            "s06.balancer",
            '("ok", result)',
            "result",
            "expected the answer ('ok', 'B') to ('request', ('b', 1)), got 'B'",
        ),
        ("s06.balancer", "min(", "max(", "expected 'b' to be sent to bob, the earliest with"),
        ("s06.balancer", "if not loads", "if False", "balancer ended: ValueError: min() "),
        ("s06.pubsub", "topics.get(topic, set())", "topics[topic]", "pubsub ended: KeyError: 'weather'"),
        (
            "s06.pubsub",
            "otp.Down(item=pid)",
            "otp.Down(pid)",
            "line 22: `otp.Down(pid)` takes the part `ref`, and calls it `pid`; the parts are ref, item, reason. In",
        ),
        (
            "s06.pubsub",
            "otp.send(pid, (",
            "pid != from_ and otp.send(pid, (",
            "ann published to 'news', which she has subscribed to herself: expected her to get the event",
        ),
        (
            "s06.pubsub",
            "setdefault(topic, set()).add",
            "setdefault(topic, []).append",
            "2 to ('publish', 'news', 'rain'), got 3",
        ),
        (
            "s06.pubsub",
            '("event", topic, message)',
            '("event", message)',
            "expected ann to get [('event', 'news', 'rain')]",
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
