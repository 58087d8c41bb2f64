"""Slips that Python runs without an error: a verdict names each with its line, before what happened in the run."""

from __future__ import annotations

import ast
import re

import pytest

from superlearner.control.missing_returns import find_missing_return
from superlearner.course.course import Course
from superlearner.course.engine.child import verdict_of
from superlearner.course.engine.slips import slips_in
from superlearner.course.engine.verdict import Verdict
from superlearner.course.lesson import Exercise

COURSE = Course()
SEND = "otp.send(from_, (ref, text))"
UPDATE = 'await GenServer.call(server, ("update", function))'
NEVER = "\n        return Reply(None, state)\n"


def verdict_with(id: str, *replaced: tuple[str, str]) -> Verdict:
    """Return the verdict on the solution with these texts replaced."""
    source = COURSE.solution(id)
    for before, after in replaced:
        assert before in source
        source = source.replace(before, after, 1)
    return verdict_of(id, COURSE.check_source(id), source, [1, 2])


@pytest.mark.parametrize(
    ("id", "before", "after", "said"),
    [
        ("s03.echo", 'case "stop"', "case stop", "line 9: `case stop:` takes any value, and calls it `stop`; write `c"),
        ("s03.counter", 'case "stop"', "case stop", "line 12: `case stop:` takes any value, and calls it `stop`; wri"),
        ("s03.echo", '("echo",', "(echo,", "line 7: `echo` takes any value in `case (echo, text, from_, ref):`; writ"),
        ("s03.echo", SEND, "return (ref, text)", "line 8: `return` ends the process and sends nothing; send the answ"),
        ("s03.echo", SEND, "return text", f"send the answer with `{SEND}`. In the run: ('echo', 'hello') got no a"),
        ("s03.echo", SEND, "(ref, text)", "line 8: `(ref, text)` does nothing; assign it, send it or return it. In"),
        ("s03.counter", "number += 1", "number + 1", "line 9: `number + 1` computes a value that is not kept; w"),
        ("s03.counter", "number += 1", "number == 1", "line 9: `number == 1` only compares; use one `=` to assign "),
        (
            "s03.counter",
            'case "increment"',
            'case ("increment",)',
            'line 8: `case ("increment",):` does not match the message \'increment\'; write `case "increment":`. In',
        ),
        (
            "s03.counter",
            '("get", from_, ref)',
            '("get", from_)',
            "line 10: `case (\"get\", from_):` does not match the message ('get', ",
        ),
        (
            "s12.minimal",
            "NoReply(value)",
            "NoReply(state)",
            "line 22: `NoReply(state)` keeps the old state, and `value` is not used. In the run: expected get",
        ),
        (
            "s12.minimal",
            "new = function(state)",
            "new = function(state)\n                return NoReply(new)",
            "line 16: `N",
        ),
        ("s12.minimal", "Reply(new, new)", "Reply(new, state)", "line 16: `Reply(new, state)` keeps the old state: th"),
        ("s12.minimal", "Reply(new, new)", "Reply(state, new)", "line 16: `Reply(state, new)` answers the old value: "),
        ("s12.minimal", f"return {UPDATE}", UPDATE, "line 31: the answer of `GenServer.call` is not returned; write"),
        (
            "s12.minimal",
            f"return {UPDATE}",
            f"new = {UPDATE}",
            "is not returned: a `return` is missing. In the run: exp",
        ),
        (
            "s12.minimal",
            f"return {UPDATE}",
            UPDATE[6:].replace("call", "cast"),
            "line 31: expected update to answer the",
        ),
        ("s13.cache", 'case "stats"', 'case ("stats",)', 'line 16: `case ("stats",):` does not match the message'),
    ],
)
def test_the_verdict_names_the_slip_with_its_line(id: str, before: str, after: str, said: str) -> None:
    verdict = verdict_with(id, (before, after))
    assert not verdict.ok
    assert said in verdict.steps[-1].say


def test_a_bare_name_that_does_no_harm_is_a_note_of_the_last_step() -> None:
    verdict = verdict_with("s03.worker", ('case "stop"', "case stop"))
    assert verdict.ok
    assert verdict.steps[-1].say.endswith('`case stop:` takes any value, and calls it `stop`; write `case "stop":`')


CASES = [
    (exercise.id, word)
    for lesson in COURSE.lessons
    for exercise in lesson.blocks(Exercise)
    for word in re.findall(r'case "(\w+)":', COURSE.solution(exercise.id))
    if (exercise.id, word) != ("s13.cache", "stats")  # this case assigns the name and reads it
]


@pytest.mark.parametrize(("id", "word"), CASES)
def test_a_bare_name_in_the_place_of_a_text_is_named_in_every_exercise(id: str, word: str) -> None:
    verdict = verdict_with(id, (f'case "{word}":', f"case {word}:"))
    assert f"`case {word}:`" in verdict.steps[-1].say


def test_two_slips_have_one_verdict_with_both_lines() -> None:
    slips = ('case "increment"', 'case ("increment",)'), ("number += 1", "number + 1")
    say = verdict_with("s03.counter", *slips).steps[-1].say
    assert say.startswith('line 8: `case ("increment",):`')
    assert "; line 9: `number + 1` computes a value that is not kept; write `number += 1`. In the run: exp" in say


@pytest.mark.parametrize("make", ["items.append(items)", "for _ in range(5000): items = [items]"])
def test_a_message_that_is_too_deep_to_compare_has_a_verdict(make: str) -> None:
    send = f"items = []\n    {make}\n    otp.send(otp.self(), ('get', items))\n    number = start"
    verdict = verdict_with("s03.counter", ("number = start", send), ('("get", from_, ref)', '("get", from_)'))
    assert "'get' got no answer" in verdict.steps[-1].say


@pytest.mark.parametrize("statement", ["otp.send(from_, 1),", "items.append(1), items.pop()", "await ask() < 1"])
def test_a_statement_that_calls_something_does_something(statement: str) -> None:
    assert slips_in(statement) == []


PART = """
import otp


async def calculator():
    while True:
        match await otp.receive():
            case (op, a, b, from_, ref):
                otp.send(from_, (ref, result(op, a, b)))
            case "stop":
                return


def result(op, a, b):
    SUBJECT
        case CASES"add"REST:
            return ("ok", a)
        case CASES"div"REST:
            return ("ok", a / b if b else 0)
    return ("error", "unknown_operation")
"""


@pytest.mark.parametrize(
    ("subject", "before", "after"),
    [
        ("match op:", "", ""),
        ("match op, b:", "(", ", _)"),
        ("match [op, a, b][0]:", "", ""),
        ("tag, _ = op, a\n    match tag:", "", ""),
        ("match (op, a, b):\n        case (name, _, _): pass\n    match name:", "", ""),
    ],
)
def test_a_case_about_a_part_of_a_message_is_no_slip(subject: str, before: str, after: str) -> None:
    source = PART.replace("SUBJECT", subject).replace("CASES", before).replace("REST", after)
    say = verdict_of("s03.calculator", COURSE.check_source("s03.calculator"), source, [1, 2]).steps[-1].say
    assert say == "expected the answer ('ok', 5) to ('add', 2, 3), got ('ok', 2)"


def test_a_result_that_one_branch_makes_and_does_not_return_is_named() -> None:
    branch = 'return Reply(state["entries"][key], state'
    verdict = verdict_with(
        "s13.cache", (branch, branch[7:]), ("Reply(stats, state)\n", f"Reply(stats, state)\n{NEVER}")
    )
    assert verdict.steps[-1].say.startswith("line 13: `Reply(…)` is created but not returned; write `return Reply(…)`.")


def test_a_returned_answer_is_explained_by_what_answers_and_not_by_a_missing_loop() -> None:
    verdict = verdict_with("s03.echo", (SEND, "return (ref, text)"))
    assert verdict.look == "A process answers with otp.send: what its function returns goes nowhere."


def test_a_reply_to_a_cast_is_explained_by_the_cast() -> None:
    say = "A call waits for a reply, which only handle_call gives; a cast has no reply."
    assert say == verdict_with("s13.cache", ('return NoReply(state | {"entries": {}})', "return Reply(1, state)")).look


@pytest.mark.parametrize("name", ["other", "unknown", "message"])
def test_a_last_case_that_drops_any_message_is_no_slip(name: str) -> None:
    stops = 'case "stop":\n                return'
    say = verdict_with("s03.counter", (stops, f"case {name}:\n                pass")).steps[-1].say
    assert re.fullmatch('(line 7: )?expected counter to end after "stop", but it is alive', say)


def test_the_message_of_a_call_may_hold_a_reference() -> None:
    text = "def handle_cast(self, message, state):\n  match message:\n    case ('put', ref): return NoReply(1)"
    (cast,) = ast.parse(text).body
    assert isinstance(cast, ast.FunctionDef)
    found = find_missing_return(cast, "('get', #Ref<0.0.1.2>)")
    assert found is not None and found.why == "no case matches ('get', #Ref<0.0.1.2>)"
