"""Checks of session 12: choices about parts, lines and situations."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from superlearner.course.engine.exercise import exercise
from superlearner.course.engine.scenario import Scenario
from superlearner.course.engine.values import as_mapping, did_you_mean, render
from superlearner.course.engine.verdict import CourseMark, Incomplete, Wrong


@exercise("s12.requirements")
async def requirements(s: Scenario) -> None:
    """Requirements and mechanisms."""
    s.step("Each of the four requirements has its mechanism.")
    right = {
        "high availability": "supervision and restarts",
        "fault tolerance": "isolated processes, links and monitors",
        "hot code upgrades": "code_change while the server is suspended",
        "concurrent connections": "one cheap process each",
    }
    why = {
        "high availability": "what has failed has to come back by itself",
        "fault tolerance": "a failure must not reach the others, and those that depend on it have to learn of it",
        "hot code upgrades": "a running server has to take its state along from the old code to the new one",
        "concurrent connections": "very many clients have to be served at once, and none may wait for another",
    }
    wrong = {"catching every exception": "M11", "importing the module again": "M30"}
    matched(s, right, why, lambda key, value: wrong.get(value), wrong)


@exercise("s12.mapping")
async def mapping(s: Scenario) -> None:
    """Parts of a hand-written framework and their counterparts in OTP."""
    s.step("Each part of the hand-written framework has its counterpart in OTP.")
    right = {
        "the loop of ProcessAgent": "GenServer",
        "send, then receive the answer": "GenServer.call",
        "send and go on": "GenServer.cast",
        "the loop of AgentMonitor": "Supervisor",
        "policy and start arguments of an agent": "child spec",
        "AgentRegistry": "Registry",
    }
    why = {
        "the loop of ProcessAgent": "this part takes the messages of one agent in turn, and keeps its state",
        "send, then receive the answer": "the sender waits here until the answer is there",
        "send and go on": "the sender does not wait, and gets no answer",
        "the loop of AgentMonitor": "this part watches processes, and restarts those that crash",
        "policy and start arguments of an agent": "this is a value: it says how one child starts, and when it restarts",
        "AgentRegistry": "this part finds a process by its name",
    }
    ways = {"GenServer.call", "GenServer.cast"}
    matched(s, right, why, lambda key, value: "M14" if right[key] in ways and value in ways else None)


@exercise("s12.giveup")
async def giveup(s: Scenario) -> None:
    """Reasons to give up."""
    s.step("Each effect of endless restarts has its reason.")
    right = {
        "CPU and memory are spent on starting": "churn",
        "the log is full of the same report": "log flood",
        "the bug is still there": "root cause hidden",
        "each crash disturbs others": "cascade",
    }
    why = {
        "CPU and memory are spent on starting": "the work is repeated again and again, and produces nothing",
        "the log is full of the same report": "this effect is about reports",
        "the bug is still there": "the restarts make the system look healthy, so the cause is not looked for",
        "each crash disturbs others": "one failure causes the next one",
    }
    matched(s, right, why, lambda key, value: None)


@exercise("s12.identify")
async def identify(s: Scenario) -> None:
    """The behaviour of four things."""
    s.step("Each thing has its behaviour.")
    right = {
        "cache": ("GenServer",),
        "worker_pool": ("Supervisor", "DynamicSupervisor"),
        "counter": ("Agent", "GenServer"),
        "app_entry": ("Application",),
    }
    why = {
        "cache": "it keeps a state, and drops values by itself after a time",
        "worker_pool": "it does no work of its own; it starts workers, and restarts those that crash",
        "counter": "it is a state that others read and change",
        "app_entry": "it says what is started and stopped as a whole; the topmost supervisor is only a part of that",
    }
    answer = s.choices(tuple(right), BEHAVIOURS)
    logic = {
        "worker_pool": ("GenServer", "Agent"),
        "app_entry": ("Supervisor", "DynamicSupervisor"),
    }
    s.judge(
        CourseMark(key, ok=True)
        if answer[key] in values
        else CourseMark(
            key,
            False,
            f"`{key}` is not {a_or_an(answer[key])}: {why[key]}",
            "M25" if answer[key] in logic.get(key, ()) else None,
        )
        for key, values in right.items()
    )
    s.note(" ".join(say for (key, value), say in ALSO_RIGHT.items() if answer[key] == value))


ALSO_RIGHT = {
    ("worker_pool", "Supervisor"): "A Supervisor restarts workers, but a DynamicSupervisor fits `worker_pool` better: "
    "it begins without children and starts them on request.",
    ("counter", "GenServer"): "A GenServer can be a counter, but an Agent is enough: no callback is needed.",
}
"""Remarks on behaviours that pass although another one fits better."""
BEHAVIOURS = {"Agent", "Application", "GenServer", "Supervisor", "DynamicSupervisor"}


def a_or_an(behaviour: str) -> str:
    """Return a chosen behaviour with its article."""
    return f"{'an' if behaviour[0] in 'AEIOU' else 'a'} {behaviour}"


@exercise("s12.remember")
async def remember(s: Scenario) -> None:
    """When remember should be a call."""
    s.step("A call is needed where its sender has to know that it is done.")
    chosen = s.names_in("answer")
    known_in(chosen, SITUATIONS, "the five situations")
    why = "a cast and a later call of one sender keep their order, so the call sees what the cast has changed"
    needless = {
        "own later call": f"{SITUATIONS['own later call']!r} needs no call: {why}",
        "faster": "a call is slower for its sender, which waits for the answer",
    }
    needed = {name: f"{SITUATIONS[name]!r} needs a call as well: {why}" for name, why in WHY_CALL.items()}
    s.judge(
        CourseMark(name, ok=True) if (name in chosen) == (name in needed) else CourseMark(name, False, say, "M14")
        for name, say in (needless | needed).items()
    )


def known_in(chosen: set[Any], known: Collection[str], among: str) -> None:
    """Raise `Wrong` if something was chosen that cannot be chosen."""
    if strange := sorted(chosen.difference(known), key=render):
        raise Wrong(f"choose among {among}, got {render(strange[0])}{did_you_mean(strange[0], known)}")


SITUATIONS = {
    "confirmation": "the sender has to know that the fact is kept",
    "own later call": "the same sender reads the fact by a later call",
    "back-pressure": "a sender of very many facts has to be slowed down",
    "faster": "it has to be faster for the sender",
    "other reader": "another process reads the fact as soon as the sender asks it to",
}
"""Labels of the lesson."""
WHY_CALL = {
    "confirmation": "a cast returns before anything has happened",
    "back-pressure": "a cast never makes its sender wait",
    "other reader": "the other process may ask before the cast has arrived",
}


@exercise("s12.generic")
async def generic(s: Scenario) -> None:
    """Generic and specific lines."""
    s.step("At least eight of the ten lines are right.")
    given = s.need("answer")
    if given is None:
        raise Incomplete("choose one for each line: nothing is chosen yet")
    answer = as_mapping(given)
    if answer is None:
        raise Wrong(f"expected answer to be a dict from line numbers to 'generic' or 'specific', got {render(given)}")
    marks = {int(key) if type(key) is str and key.isdecimal() else key: value for key, value in answer.items()}
    s.no_other_keys("answer", marks, LISTING_MARKS)
    missing = [line for line in LISTING_MARKS if marks.get(line) not in ("generic", "specific")]
    if missing:
        raise Incomplete(f"choose 'generic' or 'specific' for each line: line {missing[0]} has neither")
    wrong = [line for line, mark in LISTING_MARKS.items() if marks[line] != mark]
    share = 1 - len(wrong) / len(LISTING_MARKS)
    s.marks = tuple(
        CourseMark(str(line), line not in wrong, WHY_MARK[line] if line in wrong else "") for line in LISTING_MARKS
    )
    if share < ENOUGH:
        many = f"{len(wrong)} of the {len(LISTING_MARKS)} lines are wrong"
        ask = "would a server for something else need it as it stands?"
        first = f"{many}. Of each line that you call generic: {ask} The next check marks the lines."
        raise Wrong(f"{many}, line {wrong[0]} among them: {ask}", first=first)
    s.note("; ".join(f"line {line} is {LISTING_MARKS[line]}: {WHY_MARK[line]}" for line in wrong))


LISTING_MARKS = {
    1: "generic", 2: "generic", 3: "specific", 4: "specific", 5: "generic",
    6: "specific", 7: "specific", 8: "specific", 9: "generic", 10: "generic",
}  # fmt: skip
"""Marks of the lines of the listing in the lesson: taking a message, telling requests apart by tag and answering, going
on and stopping are generic; what an agent keeps and answers is specific."""
WHY_MARK = {
    1: "a counter or a cache also goes on to the next message",
    2: "whatever a server does, it first takes a message",
    3: "a counter has no facts to remember",
    4: "a counter has no such memory",
    5: "every server tells questions from commands, and has to know who waits for the answer",
    6: "a counter is not asked for the weather",
    7: "a counter knows no weather station",
    8: "a counter looks up no facts",
    9: "whatever the answer is, it goes to the process that asked",
    10: "every server needs a way to be stopped",
}
ENOUGH = 0.8


@exercise("s12.differences")
async def differences(s: Scenario) -> None:
    """Lines that a GenServer does not need."""
    s.step("The three roles that are in every hand-written loop are found.")
    found = s.names_in("answer")
    known_in(found, DIFFERENCES, "the roles")
    wrong = {
        role: f"{DIFFERENCES[role]!r} is not needed in a GenServer either: {why}"
        for role, why in (
            ("loop", "a callback returns, and the library takes the next message"),
            ("receive", "the library takes the messages"),
            ("from", "the library knows who called, and sends the answer there"),
        )
        if role not in found
    }
    if "memory" in found:
        wrong["memory"] = f"{DIFFERENCES['memory']!r} is in both listings: it is what is specific"
    s.judge(CourseMark(role, role not in wrong, wrong.get(role, "")) for role in DIFFERENCES)


DIFFERENCES = {
    "loop": "the line that repeats the loop",
    "receive": "the line that takes a message",
    "from": "the reference and pid to which an answer goes",
    "memory": "what the agent remembers",
    "timeout": "the limit of a wait",
    "name": "the registration of a name",
    "trace": "output for debugging",
    "code change": "the change to new code",
}
"""Labels of the lesson."""


ROLES = (
    ("receive", ("receive(",)),
    ("from", ("from_", "ref,", "(ref")),
    ("loop", ("while ", "loop(", "continue")),
    ("timeout", ("TimeoutError", "SILENCE_S")),
    ("name", ("register", "AlreadyRegistered", "starter")),
    ("stop", ('"stop":',)),
)
"""The roles of lines, each with the signs of one. A GenServer has names, limits of a wait and a way to stop as well."""


@exercise("s12.own")
async def own(s: Scenario) -> None:
    """Three lines of ProcessAgent."""
    s.step("Three lines of ProcessAgent are found whose work a GenServer does.")
    given = s.need("answer")
    answer = s.names_in("answer", "line numbers") if given is not None else set[Any]()
    for number in sorted(answer, key=render):
        s.expect(type(number) is int, f"expected line numbers such as 12, got {render(number)}")
    which = "of superlearner.agents.by_hand.process_agent"
    s.expect(len(answer) >= 3, f"expected at least three line numbers {which}, got {len(answer) or 'none'}")
    from superlearner.agents.by_hand import process_agent

    source = inspect.getsource(process_agent)
    lines, words = source.splitlines(), docstring_lines(source)
    roles: set[str] = set()
    for number in sorted(answer):
        s.expect(0 < number <= len(lines), f"expected line numbers from 1 to {len(lines)}, got {number}")
        text = lines[number - 1].strip()
        s.expect(text != "" and number not in words, f"line {number} holds no code")
        role = role_of(lines, number - 1)
        say = f"line {number} stays when the agent becomes a GenServer, perhaps in another form: {render(text)}"
        s.expect(role != "", say)
        roles.add(role)
    for role in ("loop", "receive", "from"):
        s.expect(role in roles, f"one line is missing, {DIFFERENCES[role]!r}: see the exercise Spot the differences")


def role_of(lines: Sequence[str], place: int) -> str:
    """Return the role of a line of ProcessAgent; "" if it is specific to the agent.

    A `try:` has that of its `except`, and a `return` that of the line above that it depends on. The last two functions
    only register an agent before `start` returns.
    """
    text = lines[place].strip()
    if place >= next(number for number, line in enumerate(lines) if "def _begun(" in line):
        return "receive" if "receive(" in text else "name"
    if text == "try:":
        return role_of(lines, next(n for n in range(place, len(lines)) if lines[n].strip()[:6] == "except"))
    if text == "return":
        return role_of(lines, place - 1 if indent_of(lines[place - 1]) < indent_of(lines[place]) else place - 2)
    return next((role for role, signs in ROLES if any(sign in text for sign in signs)), "")


def indent_of(line: str) -> int:
    """Return the number of spaces before a line."""
    return len(line) - len(line.lstrip())


def docstring_lines(source: str) -> set[int]:
    """Return the numbers of the lines of docstrings."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Expr)]
    texts = [node for node in nodes if isinstance(node.value, ast.Constant)]
    return {number for node in texts for number in range(node.lineno, 1 + (node.end_lineno or node.lineno))}


def matched(
    s: Scenario,
    right: Mapping[str, str],
    why: Mapping[str, str],
    fault: Callable[[str, str], str | None],
    others: Collection[str] = (),
) -> None:
    """Compare the chosen values with the right ones.

    Args:
        s: the run.
        right: the right value of each key.
        why: what each key needs.
        fault: returns the misconception of a wrong value.
        others: values that can be chosen, and are right for no key.
    """
    answer = s.choices(tuple(right), {*right.values(), *others})

    def mark(key: str, value: str) -> CourseMark:
        if answer[key] == value:
            return CourseMark(key, ok=True)
        return CourseMark(
            key, False, f"{render(answer[key])} does not fit {key!r}: {why[key]}", fault(key, answer[key])
        )

    s.judge(mark(key, value) for key, value in right.items())
