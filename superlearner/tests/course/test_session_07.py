"""Session 7: what its checks say about common slips."""

from __future__ import annotations

import pytest

from superlearner.course.course import Course
from superlearner.course.engine.checking import SEEDS
from superlearner.course.engine.child import verdict_of

COURSE = Course()


@pytest.mark.parametrize(
    ("id", "before", "after", "said"),
    [
        ("s07.tasks", 'state["inbox"][0] if', 'state["inbox"][0][0] if', "to 'peek_task', got 't1'"),
        (
            "s07.client",
            'otp.exit(("agent_down", reason))',
            'otp.exit(otp.self(), ("agent_down", reason))\n                await otp.receive()',
            "ended the process that called it: ('agent_down', 'boom')",
        ),
        ("s07.memory", '"inbox": ()', '"inbox": []', "expected the state of ann to have 'inbox': (), got []"),
        ("s07.memory", "await otp.receive()", "otp.receive()", "`await` is missing before the c"),
        ("s07.memory", "name, memory=None", "name, memory", "a process is started as process_agent('ann'): "),
        ("s07.memory", ".get(key)", "[key]", "line 17: ('recall', 'a') got no answer: ann ended: KeyError: 'a'"),
        ("s07.memory", 'from_, (ref, state["status"])', 'from_, ref, state["status"]', "send() takes"),
        ("s07.memory", "dict(memory or {})", "dict(memory)", "line 5: 'get_state' got no answer: ann ended: TypeError"),
        (
            "s07.memory",
            'case "stop":',
            'case (_, from_, ref):\n                otp.send(from_, (ref, None))\n            case "stop":',
            "('an unknown request', from_, ref) is no message of the task: expected no answer, got (ref 1, None)",
        ),
        ("s07.tasks", '["text"][:50]', '["text"]', "expected ('processed', 't3', ('ok', 'Processes share nothing"),
        ("s07.tasks", '["processed_count"] += 1', '["processed_count"] = 1', "to have 'processed_count': 6, got 1"),
        (
            "s07.tasks",
            'state["inbox"] += (task,)',
            'result_of(*task[1:]), state.update(inbox=(*state["inbox"], task))',
            "was received, and should wait in the inbox: search agent ended: KeyError",
        ),
        ("s07.tasks", "params['query']", "params.get('query')", "expected it to crash the agent, got the answer ('pr"),
        ("s07.client", 'return await ask(agent, "recall"', 'await ask(agent, "recall"', "to return 1, got None"),
        ("s07.client", 'return await ask(agent, "recall"', 'return ask(agent, "recall"', "`await` is missing before"),
        ("s07.client", "def remember", "async def remember", "write `def remember`"),
        (
            "s07.client",
            "*request, otp.self(), ref",
            "*request, ref, otp.self()",
            "from_, ref), got ('get_state', ref, client)",
        ),
        ("s07.client", '("agent_down", reason)', "reason", "raise otp.Exit with ('agent_down', 'boom'), got 'boom'"),
        (
            "s07.client",
            "timeout=timeout)\n\n\nasync def recall",
            "timeout=5)\n\n\nasync def recall",
            "after 1 s, got it after 5",
        ),
        (
            "s07.delegate",
            "otp.register(name, otp.self())",
            "pass",
            "expected otp.whereis('ann') to be the agent, got None",
        ),
        (
            "s07.delegate",
            "(id, action, params)))",
            "(action, params)))",
            "expected bob to get ('receive_task', (id, 'sea",
        ),
        ("s07.delegate", "id = otp.make_ref()", "id = ref", "got that of the request"),
        ("s07.delegate", "otp.exit(reason)", "raise ValueError(reason)", "expected agent 0 to end with 'boom', got"),
    ],
)
def test_a_common_slip_is_named_with_its_cure(id: str, before: str, after: str, said: str) -> None:
    right = COURSE.solution(id)
    assert before in right
    found = verdict_of(id, COURSE.check_source(id), right.replace(before, after), list(SEEDS))
    assert not found.ok
    assert said in found.steps[-1].say
    assert found.misconceptions == ()
