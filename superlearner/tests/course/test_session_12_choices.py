"""Answers to the choices of session 12: which pass, and the sentence about each that does not."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from superlearner.course.course import Course
from superlearner.course.engine.checking import SEEDS
from superlearner.course.engine.child import verdict_of
from superlearner.course.engine.verdict import Verdict

COURSE = Course()
CHOICES = ("requirements", "generic", "mapping", "callbacks", "calls", "giveup", "identify")


def verdict(name: str, source: str) -> Verdict:
    return verdict_of(f"s12.{name}", COURSE.check_source(f"s12.{name}"), source, list(SEEDS))


def answers(name: str) -> dict[object, object]:
    names: dict[str, dict[object, object]] = {}
    exec(COURSE.solution(f"s12.{name}"), names)
    return names["answer"]


def refused(name: str, answer: object) -> tuple[str, tuple[str, ...]]:
    found = verdict(name, f"answer = {answer!r}\n")
    assert not found.ok
    return found.steps[-1].say, found.misconceptions


@pytest.mark.parametrize("made", ["OrderedDict(right)", "MappingProxyType(right)", "defaultdict(str, right)"])
@pytest.mark.parametrize("name", [*CHOICES, "results", "strategies"])
def test_any_kind_of_dict_is_an_answer(name: str, made: str) -> None:
    imports = "from collections import OrderedDict, defaultdict\nfrom types import MappingProxyType\n"
    assert verdict(name, f"{imports}right = {answers(name)!r}\nanswer = {made}\n").ok


def test_a_default_of_a_dict_is_no_choice() -> None:
    source = "from collections import defaultdict\nanswer = defaultdict(lambda: True)\n"
    said = verdict("results", source).steps[-1].say
    assert said == "choose True or False for each pair: init and Ok has None"


@pytest.mark.parametrize("name", [*CHOICES, "results", "strategies"])
def test_a_key_that_the_exercise_does_not_have_is_named(name: str) -> None:
    said, misconceptions = refused(name, {**answers(name), "log": "one_for_one"})
    assert said == "expected only the keys of the exercise in answer, got 'log' as well"
    assert misconceptions == ()


@pytest.mark.parametrize(
    ("name", "key", "value", "said"),
    [
        (
            "mapping",
            "send, then receive the answer",
            "call",
            "'call' is not a choice for 'send, then receive the answer'; did you mean 'GenServer.call'?",
        ),
        (
            "giveup",
            "the bug is still there",
            "Root cause hidden",
            "'Root cause hidden' is not a choice for 'the bug is still there'; did you mean 'root cause hidden'?",
        ),
        ("requirements", "fault tolerance", "luck", "'luck' is not a choice for 'fault tolerance'"),
        ("identify", "cache", "Registry", "'Registry' is not a choice for 'cache'"),
        (
            "strategies",
            "agents",
            "one-for-one",
            "choose 'one_for_one', 'rest_for_one' or 'one_for_all' for each supervisor: "
            "agents is 'one-for-one'; did you mean 'one_for_one'?",
        ),
    ],
)
def test_a_value_that_cannot_be_chosen_is_told_from_a_wrong_one(name: str, key: str, value: str, said: str) -> None:
    assert refused(name, {**answers(name), key: value}) == (said, ())


@pytest.mark.parametrize("name", ["requirements", "mapping", "giveup", "identify"])
def test_every_value_of_the_page_can_be_chosen(name: str) -> None:
    choice = COURSE.exercise(f"s12.{name}").choice
    assert choice is not None
    for value in choice.values:
        found = verdict(name, f"answer = {dict.fromkeys(answers(name), value)!r}\n")
        assert "is not a choice" not in found.steps[-1].say


@pytest.mark.parametrize(
    ("name", "answer", "said"),
    [
        (
            "remember",
            {"confirmation", "backpressure", "other reader"},
            "choose among the five situations, got 'backpressure'; did you mean 'back-pressure'?",
        ),
        (
            "remember",
            {"confirmation", "back-pressure", "other reader", "banana"},
            "choose among the five situations, got 'banana'",
        ),
        (
            "differences",
            {"loop", "receive", "from", "code_change"},
            "choose among the roles, got 'code_change'; did you mean 'code change'?",
        ),
    ],
)
def test_a_misspelt_member_is_named_before_one_is_missed(name: str, answer: set[str], said: str) -> None:
    assert refused(name, answer) == (said, ())


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ("handle_cast", "handle_cast ran before that, for the cast itself"),
        ("handle_call", "handle_call did not run, since no client waits for an answer"),
        ("handle_info", "handle_info did not run, since the request to stop came by cast"),
        ("init", "init ran only when it started"),
    ],
)
def test_each_wrong_callback_for_stop_has_its_reason(chosen: str, said: str) -> None:
    """A missing sentence ended the check with a KeyError."""
    expected = f"in the run terminate ran because the agent stopped; {said}"
    assert refused("callbacks", {**answers("callbacks"), "stop": chosen}) == (expected, ())


@pytest.mark.parametrize(
    "answer",
    [
        {30, 32, 45, 24},
        {30, 32, 45, 33},
        {30, 32, 45, 34, 26, 27},
        {30, 31, 32, 44},
        {30, 32, 45, 35, 36},
        {30, 221, 45},
    ],
    ids=["name", "limit of a wait", "continue and the taken name", "try", "stop", "another receive"],
)
def test_lines_of_any_role_that_a_genserver_has_itself_may_be_named(answer: set[int]) -> None:
    assert verdict("own", f"answer = {answer!r}\n").ok


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("{30, 32, 44, 49}", "line 49 stays when the agent becomes a GenServer, perhaps in another form: 'mem"),
        ("{30, 32, 44, 18}", "line 18 holds no code"),
        ("{30, 32, 44, 41}", "line 41 holds no code"),
        ("{30, 32, 44, 29}", '\'state: dict[str, Any] = {"name": name, "status": "idle", '),
        ("{30, 32, 33}", "one line is missing, 'the reference and pid to which an answer goes'"),
        ("{30, 32}", "of superlearner.agents.by_hand.process_agent, got 2"),
        ("{30, 32, '45'}", "expected line numbers such as 12, got '45'"),
        ("{30, 32, 45.0}", "expected line numbers such as 12, got 45.0"),
        ("{30, 32, 45, True}", "expected only line numbers in answer, got True"),
        ("'30, 32, 45'", "expected answer to be a set of line numbers, got '30, 32, 45'"),
    ],
)
def test_a_line_that_is_not_one_of_them_has_its_reason(answer: str, said: str) -> None:
    found = verdict("own", f"answer = {answer}\n")
    assert not found.ok
    assert said in found.steps[-1].say


def test_names_with_their_number_of_arguments_are_refused_with_the_cure() -> None:
    source = COURSE.solution("s12.required").replace('required = {"init"}', 'required = {("init", 1)}')
    said = verdict("required", source).steps[-1].say
    assert said == "expected only names in required, without the number of arguments: 'init', not ('init', 1)"


def test_rest_for_one_for_independent_agents_is_not_told_as_a_belief_in_one_for_all() -> None:
    said, misconceptions = refused("strategies", {**answers("strategies"), "agents": "rest_for_one"})
    assert said == "`agents`: Agent 2 crashed, and Agent 3 was restarted needlessly under rest_for_one"
    assert misconceptions == ()


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ([0, 1, 2, 3, 4], "the crash at 3 s is one too many, after those at 0, 1 and 2 s"),
        ([0, 1, 2, 5], "the crash at 5 s is one too many, after those at 0, 1 and 2 s"),
        ([0, 5.5, 6, 6.5, 7], "the crash at 7 s is one too many, after those at 5.5, 6 and 6.5 s"),
    ],
)
def test_the_crash_at_which_a_supervisor_gives_up_is_named(times: list[float], said: str) -> None:
    found = verdict("limits", f"times = {times!r}\n")
    assert found.misconceptions == ("M22",)
    assert found.steps[-1].say.startswith(f"it gave up: {said}; ")


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("results", COURSE.wrong("s12.results")["M14"]),
        ("limits", COURSE.wrong("s12.limits")["M22"]),
        ("impl", COURSE.wrong("s12.impl")["M31"]),
    ],
    ids=["results", "limits", "impl"],
)
def test_crashes_of_the_checks_own_servers_are_no_output(
    name: str, source: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The crashes of `s12.results` named illegal pairs that had not been reached yet."""
    assert not verdict(name, source).ok
    assert caplog.records == []
    assert logging.root.manager.disable == logging.NOTSET


def test_a_crash_of_the_answers_server_is_still_reported(caplog: pytest.LogCaptureFixture) -> None:
    right = COURSE.solution("s12.minimal")
    assert not verdict("minimal", right.replace("return NoReply(value)", "return value")).ok
    assert "MinimalServer" in caplog.text


def marks(name: str, source: str) -> dict[str, bool]:
    return {mark.key: mark.ok for mark in verdict(name, source).marks}


def test_each_row_is_marked_and_the_sentence_counts_them_and_the_rule_they_look_like() -> None:
    right: dict[object, object] = answers("results")
    casts = {("handle_call", kind): right["handle_cast", kind] for kind in ("Ok", "Reply", "NoReply", "Stop")}
    started = {("init", kind): kind != "Reply" for kind in ("Ok", "Reply", "NoReply", "Stop")}
    found = verdict("results", f"answer = {right | casts | started!r}\n")
    said = found.steps[-1].say.splitlines()
    assert said[0] == "2 of 12 are wrong, 1 of them looks like the rule for handle_cast:"
    assert said[1].startswith("you said True for NoReply from init; in the run it is not legal")
    assert [mark.key for mark in found.marks if not mark.ok] == ["init NoReply", "handle_call Reply"]
    assert len(found.marks) == 12
    assert found.misconceptions == ()  # that of the first wrong row
    [one] = [mark for mark in found.marks if mark.key == "handle_call Reply"]
    assert one.like == "the rule for handle_cast"


@pytest.mark.parametrize("name", [*CHOICES, "results", "strategies"])
def test_an_answer_that_passes_has_no_wrong_row(name: str) -> None:
    assert all(marks(name, COURSE.solution(f"s12.{name}")).values())


@pytest.mark.parametrize("name", ["requirements", "mapping", "callbacks", "calls", "giveup", "identify"])
def test_every_wrong_row_is_marked_with_its_reason(name: str) -> None:
    value = {"callbacks": "handle_cast", "calls": "call", "identify": "Application"}.get(name)
    value = value or next(iter(answers(name).values()))
    found = verdict(name, f"answer = {dict.fromkeys(answers(name), value)!r}\n")
    wrong = [mark for mark in found.marks if not mark.ok]
    assert {mark.key for mark in wrong} == {key for key, right in answers(name).items() if right != value}
    assert found.steps[-1].say.splitlines() == [
        f"{len(wrong)} of {len(found.marks)} are wrong:", *(mark.say for mark in wrong)
    ]  # fmt: skip
    assert len({mark.say for mark in wrong}) == len(wrong)


def test_members_of_a_set_and_lines_of_a_listing_are_rows() -> None:
    assert marks("remember", "answer = {'confirmation', 'faster'}\n") == {
        "own later call": True, "faster": False, "confirmation": True, "back-pressure": False, "other reader": False,
    }  # fmt: skip
    wrong = COURSE.solution("s12.generic").replace("generic", "specific")
    assert [key for key, ok in marks("generic", wrong).items() if not ok] == ["1", "2", "5", "9", "10"]


def test_a_figure_shows_the_times_of_the_answer() -> None:
    """The answer 0, 1, 2, 6 was followed by a figure of 6, 7, 8 and 11.9 s: of the run after that of the answer."""
    found = verdict("limits", "times = [0, 1, 2, 6]\n")
    assert [row.at for row in found.excerpt if row.kind == "exit"] == [0, 1, 2, 6]
    said = "with the last crash at 5.9 s, 0.1 s earlier, it survives as well: the 5 seconds up to it hold only"
    assert found.steps[-1].say.startswith(said)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("strategies", "answer = {'agents': 'one_for_one', 'pipeline': 'one_for_one', 'connections': 'one_for_one'}"),
        ("strategies", "answer = {'agents': 'one_for_all', 'pipeline': 'rest_for_one', 'connections': 'one_for_all'}"),
    ],
)
def test_an_excerpt_shows_every_process_that_the_sentence_names(name: str, source: str) -> None:
    found = verdict(name, source)
    shown = {lane for row in found.excerpt for lane in (row.of, row.to) if lane}
    first = next(mark.say for mark in found.marks if not mark.ok)
    names = {"Parser", "Validator", "Transformer", "Writer", *(f"Agent {number}" for number in range(1, 6))}
    assert {one for one in names if one in first} <= shown
    assert any(one in first for one in names)


VARYING = {
    "a function": ("callbacks", "def answer(): pass\n"),
    "a generator": ("limits", "times = (time for time in (0, 1, 2, 5.05))\n"),
    "an object": ("results", "class E: pass\nanswer = {('init', 'Ok'): E()}\n"),
    "a set": ("results", "answer = {'init', 'Ok', 'Stop', 'handle_call'}\n"),
    "pairs in a set": ("required", "required = {('x', 2), ('init', 1), ('handle_call', 3)}\noptional = set()\n"),
    "a function as an answer": (
        "minimal",
        COURSE.solution("s12.minimal").replace("Reply(new, new)", "Reply(function, new)"),
    ),
}
SHOW = """
import json, sys
from superlearner.course.course import Course
from superlearner.course.engine.child import verdict_of
course = Course()
for name, source in json.load(sys.stdin):
    print(verdict_of(f"s12.{name}", course.check_source(f"s12.{name}"), source, [1]).steps[-1].say)
"""


@pytest.mark.program
def test_two_runs_of_an_answer_say_the_same_whatever_their_hashes_and_addresses() -> None:
    order = json.dumps(list(VARYING.values()))
    first, second = (
        subprocess.run(
            [sys.executable, "-c", SHOW], input=order, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True
        ).stdout
        for seed in ("1", "2")
    )
    assert len(first.splitlines()) == len(VARYING)
    assert first == second
    assert "0x" not in first


def test_a_behaviour_that_passes_although_another_one_fits_better_is_named() -> None:
    source = COURSE.solution("s12.identify").replace("DynamicSupervisor", "Supervisor").replace("Agent", "GenServer")
    passed = verdict("identify", source)
    assert passed.ok
    assert "a DynamicSupervisor fits `worker_pool` better" in passed.steps[-1].say
    assert "an Agent is enough" in passed.steps[-1].say
    assert verdict("identify", COURSE.solution("s12.identify")).steps[-1].say == ""


def test_the_wrong_ones_of_a_set_are_counted_among_all_that_can_be_chosen() -> None:
    found = verdict("differences", 'answer = {"loop", "name", "memory"}')
    assert found.steps[-1].say.startswith("3 of 8 are wrong:")
