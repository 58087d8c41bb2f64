"""Session 16: what its checks say about common slips, and the guesses beside what was measured."""

from __future__ import annotations

import pytest

from superlearner.course.course import Course
from superlearner.course.engine.checking import SEEDS
from superlearner.course.engine.child import verdict_of
from superlearner.course.engine.verdict import Verdict
from superlearner.course.lesson import Exercise, Predict

COURSE = Course()
LESSON = COURSE.lesson(16)
TOLD = {
    "supervisor": {"M12", "M13", "M22", "M24", "M26"},
    "application": {"M20", "M21", "M22", "M23", "M24"},
    "compare": set[str](),
}


def verdict(id: str, source: str, seeds: tuple[int, ...] = SEEDS) -> Verdict:
    return verdict_of(id, COURSE.check_source(id), source, list(seeds))


def test_the_lesson_has_every_exercise_and_prediction() -> None:
    assert {one.id for one in LESSON.blocks(Exercise)} == {f"s16.{name}" for name in TOLD}
    assert sorted(one.id for one in LESSON.blocks(Predict)) == ["s16.p1", "s16.p2", "s16.p3"]
    for name, ids in TOLD.items():
        assert {file.partition("_")[0] for file in COURSE.wrong(f"s16.{name}")} == ids


START = "        return await DynamicSupervisor.start_child(supervisor, spec)"
WHEREIS = """        if otp.whereis("AgentRegistry"):
            return"""


@pytest.mark.parametrize(
    ("id", "before", "after", "said"),
    [
        ("s16.supervisor", START, START.replace("return ", ""), "expected start_agent('alone') to return the pid"),
        ("s16.supervisor", START, START.replace("await ", ""), "`await` is missing"),
        ("s16.supervisor", "super().start_link(name=name, ", "super().start_link(", "to register the name 'AgentSup"),
        ("s16.supervisor", "    def whereis", "    async def whereis", "expected a plain function, `def whereis`"),
        (
            "s16.supervisor",
            WHEREIS,
            "        if True:\n            return",
            "to return None without a registry, got the exc",
        ),
        (
            "s16.supervisor",
            "name=via)",
            "name=None)",
            "return their pids and None, (ann, bob, None), got (None, None, None)",
        ),
        (
            "s16.supervisor",
            "[child.pid for child in children if isinstance(child.pid, otp.Pid)]",
            "children",
            "the pids of 1 agent, got",
        ),
        (
            "s16.supervisor",
            "child(supervisor, spec)",
            'child("AgentSupervisor", spec)',
            "list_agents to return the pids",
        ),
        ("s16.application", "agent_framework", "agents", "to start ['agent_framework'], got ['agents']"),
        ("s16.supervisor", '(name, {"memory": memory})', "name", "to give the agent this memory, got {}"),
        ("s16.supervisor", "DynamicSupervisor.terminate_child(supervisor, pid)", "stop(pid)", "name 'stop' is not de"),
        (
            "s16.supervisor",
            "await DynamicSupervisor.terminate_child(supervisor, pid)",
            "otp.exit(pid, 'kill')",
            "the only agent, ",
        ),
        (
            "s16.supervisor",
            "await DynamicSupervisor.count_children(supervisor)",
            "1",
            "DynamicSupervisor.count_children retu",
        ),
        ("s16.application", 'Children(children, strategy="rest_for_one")', "children", "`init` to return Children"),
        (
            "s16.supervisor",
            'Registry.via("AgentRegistry", name)',
            "name",
            "to lead to ann: the registry does not know this name",
        ),
        ("s16.application", "return await Agent", "await Agent", "start returned None, not the pid of its topmost"),
        ("s16.application", "return await Agent", "return Agent", "`await` is missing before a call in it"),
        ("s16.application", "return Children", "Children", "expected `init` to return Children"),
        ("s16.application", 'name="AgentDirectory"', "", "got none for AgentDirectory"),
        ("s16.compare", "450", "None", "'lines_by_hand' has none yet"),
        ("s16.compare", "450", "'many'", "expected a number for 'lines_by_hand', got 'many'"),
    ],
)
def test_a_common_slip_is_named_with_its_cure(id: str, before: str, after: str, said: str) -> None:
    right = COURSE.solution(id)
    assert before in right
    found = verdict(id, right.replace(before, after))
    assert not found.ok
    assert said in found.steps[-1].say


def test_guesses_are_shown_beside_what_was_measured() -> None:
    notes = [step.say for step in verdict("s16.compare", COURSE.solution("s16.compare"), (1,)).steps]
    assert "(you: 450), with OTP" in notes[1]
    assert notes[2] == "by hand 0 (you: 0), with OTP 4 (you: 4)"
