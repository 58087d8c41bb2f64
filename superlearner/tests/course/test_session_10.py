"""Session 10: what its checks say about common slips, and about a program that stays as it was given."""

from __future__ import annotations

import pytest

from superlearner.course.course import Course
from superlearner.course.engine.checking import SEEDS
from superlearner.course.engine.child import verdict_of

COURSE = Course()
REPAIRS = {"s10.late_reply": "M5", "s10.deaf_monitor": "P1", "s10.twice": "P12"}


@pytest.mark.parametrize(("id", "fault"), REPAIRS.items())
def test_a_program_that_stays_as_it_was_given_shows_the_fault_that_is_its_diagnosis(id: str, fault: str) -> None:
    given = COURSE.exercise(id).stub.replace('DIAGNOSIS = ""', f"DIAGNOSIS = {fault!r}")
    assert verdict_of(id, COURSE.check_source(id), given, list(SEEDS)).misconceptions == (fault,)


@pytest.mark.parametrize("id", REPAIRS)
def test_a_right_repair_with_another_diagnosis_does_not_pass(id: str) -> None:
    source = COURSE.solution(id).replace(f'"{REPAIRS[id]}"', '"M26"')
    found = verdict_of(id, COURSE.check_source(id), source, list(SEEDS))
    assert [step.ok for step in found.steps] == [False]
    assert found.steps[0].say == "the fault is not M26: with it, a name would lead to a process that has ended"


@pytest.mark.parametrize(
    ("id", "before", "after", "said"),
    [
        ("s10.late_reply", '"M5"', '"m5"', "DIAGNOSIS is 'm5': expected an id of the table, such as 'M1'"),
        ("s10.late_reply", '"M5"', '""', "DIAGNOSIS is empty: expected an id of the table"),
        ("s10.late_reply", 'DIAGNOSIS = "M5"', "", "expected a definition of 'DIAGNOSIS' in your code, got none"),
        ("s10.late_reply", "return answer[1]", "return answer", "to return {'name': 'ann'"),
        ("s10.deaf_monitor", "send_after(delay,", "send_after(0,", "ann was started again at once"),
        ("s10.deaf_monitor", "send_after(delay, otp.self()", "send_after(otp.self(), delay", "a time in seconds >= 0"),
        ("s10.deaf_monitor", 'case ("restart", agent)', 'case ("again", agent)', "the monitor to start it again"),
        ("s10.twice", "otp.ExitSignal(pid, reason)", "otp.Down(_, pid, reason)", "the monitor to start it again"),
        ("s10.twice", "spawn_link(self.fn, *self.args)", "spawn(self.fn, *self.args)", "the monitor to start it again"),
        ("s10.cards", '"card 1": "M12"', '"card 1": "M13"', "M13"),
    ],
)  # fmt: skip
def test_a_common_slip_is_named_with_its_cure(id: str, before: str, after: str, said: str) -> None:
    right = COURSE.solution(id)
    assert before in right
    found = verdict_of(id, COURSE.check_source(id), right.replace(before, after), list(SEEDS))
    assert not found.ok
    assert said in found.steps[-1].say
    assert found.misconceptions == ()


def test_a_card_with_another_fault_is_told_what_that_fault_shows() -> None:
    source = COURSE.solution("s10.cards").replace('"card 4": "M1"', '"card 4": "M31"')
    found = verdict_of("s10.cards", COURSE.check_source("s10.cards"), source, [1])
    assert [mark.key for mark in found.marks if not mark.ok] == ["card 4"]
    assert "a request would get no answer" in found.steps[-1].say
