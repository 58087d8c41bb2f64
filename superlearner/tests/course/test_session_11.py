"""Session 11: what its checks say about common slips."""

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
            "s11.system",
            "await AgentMonitor.start_agent(",
            "AgentMonitor.start_agent(",
            "`await` is missing",
        ),
        ("s11.pipeline", "await AgentRegistry.lookup", "AgentRegistry.lookup", "`await` is missing before the call of"),
        (
            "s11.pipeline",
            "(ref, await run(topic))",
            "(ref, run(topic))",
            "answered with a coroutine: `await` is missing before",
        ),
        ("s11.pipeline", "async def pipeline()", "async def pipeline(topic)", "a process is started as pipeline()"),
        ("s11.pipeline", 'return "ok", text', "return text", "('ok', 'Analysis of: Search results for: otp')"),
        (
            "s11.pipeline",
            '"noproc"',
            '"dead"',
            "('failed', 'summarise', 'noproc') to ('run', 'otp'), got ('failed', 's",
        ),
        (
            "s11.pipeline",
            "name, reason\n",
            "name, error.reason\n",
            "got ('failed', 'research', ('agent_down', 'boom'))",
        ),
        (
            "s11.pipeline",
            "_, reason = error.reason",
            'reason = "noproc"',
            "'otp'), got ('failed', 'research', 'noproc')",
        ),
        ("s11.pipeline", '"analyze", "data"', '"search", "query"', "expected the answer ('ok', 'Analysis of: Sea"),
        ("s11.system", "return {", "{", "expected start(names) to return a dict with 'registry', 'monitor' and"),
        ("s11.system", '"monitor": monitor,', "", "expected start(names) to return a dict with 'registry', 'monitor'"),
        ("s11.system", "max_restarts=1000", "", "got None; how many restarts of an agent does the monitor allow?"),
        (
            "s11.system",
            "1000",
            "50, max_seconds=60",
            "two a second: how many restarts does it allow, and in which time?",
        ),
        ("s11.system", "max_restarts=1000", "delay=2", "got None; no process was started within this second"),
        ("s11.system", "await AgentRegistry.start_link()", "None", "there is no registry yet, or no monitor"),
        (
            "s11.system",
            "await AgentRegistry.start",
            "AgentRegistry.start",
            "line 6: `await` is missing before the call",
        ),
        ("s11.system", 'await AgentMonitor.stop(system["monitor"])', "return", "expected no process after stop, got"),
        ("s11.system", 'otp.exit(registry, "shutdown")', "return", "expected no process after stop, got registry"),
        ("s11.framework", "otp.demonitor(ref, flush=True)", "pass", "the asker still monitors the monitor: `otp."),
        ("s11.framework", "async def status", "async def stats", "expected AgentMonitor.status(…), got none"),
        ("s11.framework", "class AgentMonitor", "class Monitor", "AgentMonitor"),
        ("s11.framework", '"restart_count": count', '"restarts": count', "expected the status {"),
        ("s11.framework", "reversed(agents.values())", "agents.values()", "to end in reverse order of their start"),
    ],
)
def test_a_common_slip_is_named_with_its_cure(id: str, before: str, after: str, said: str) -> None:
    right = COURSE.solution(id)
    assert before in right
    found = verdict_of(id, COURSE.check_source(id), right.replace(before, after), list(SEEDS))
    assert not found.ok
    assert said in found.steps[-1].say
    assert found.misconceptions == (("P5",) if "demonitor" in before else ())


def test_two_runs_at_once_can_take_the_task_of_each_other() -> None:
    right = COURSE.solution("s11.pipeline")
    wrong = right.replace("otp.send(from_, (ref, await run(topic)))", "otp.spawn(one, topic, from_, ref)")
    wrong += "\n\nasync def one(topic, from_, ref):\n    otp.send(from_, (ref, await run(topic)))\n"
    found = verdict_of("s11.pipeline", COURSE.check_source("s11.pipeline"), wrong, list(SEEDS))
    assert "process_next has an agent do its oldest task" in found.steps[-1].say


def test_no_case_is_blamed_for_a_message_to_a_process_of_the_package() -> None:
    changes = {
        "serve(": "watch(",
        "spawn_link(serve,": "spawn_link(watch,",
        'case "stop"': 'case ("stop", from_, ref)',
        'otp.send(monitor, "stop")': 'await ask(monitor, "stop")',
    }
    wrong = COURSE.solution("s11.framework").replace('"restart_count": count', '"restarts": count')
    for before, after in changes.items():
        assert before in wrong
        wrong = wrong.replace(before, after)
    found = verdict_of("s11.framework", COURSE.check_source("s11.framework"), wrong, list(SEEDS))
    assert found.steps[-1].say.startswith("expected the status {")
