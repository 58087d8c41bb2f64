"""Checks of session 12: choices about parts, lines and situations."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from superlearner.course.engine.exercise import exercise
from superlearner.course.engine.scenario import Scenario
from superlearner.course.engine.values import shown
from superlearner.course.engine.verdict import Wrong


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
    matched(s, right, why, lambda key, value: wrong.get(value))


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
    answer = s.choices(tuple(right))
    for key, values in right.items():
        if answer[key] in values:
            continue
        logic = (key == "worker_pool" and answer[key] in ("GenServer", "Agent")) or (
            key == "app_entry" and answer[key] in ("Supervisor", "DynamicSupervisor")
        )
        raise Wrong(f"`{key}` is not {a_or_an(answer[key])}: {why[key]}", "M25" if logic else None)


def a_or_an(behaviour: object) -> str:
    """Return a chosen behaviour with its article."""
    return (
        f"{'an' if str(behaviour)[:1] in 'AEIOU' else 'a'} {behaviour}" if type(behaviour) is str else shown(behaviour)
    )


@exercise("s12.remember")
async def remember(s: Scenario) -> None:
    """When remember should be a call."""
    s.step("A call is needed where its sender has to know that it is done.")
    chosen = s.names_in("answer")
    if "own later call" in chosen:
        why = "a cast and a later call of one sender keep their order, so the call sees what the cast has changed"
        raise Wrong(f"{SITUATIONS['own later call']!r} needs no call: {why}", "M14")
    if "faster" in chosen:
        raise Wrong("a call is slower for its sender, which waits for the answer", "M14")
    for missing, why in WHY_CALL.items():
        s.expect(missing in chosen, f"{SITUATIONS[missing]!r} needs a call as well: {why}", "M14")
    s.expect(chosen <= set(SITUATIONS), f"choose among the five situations, got {shown(chosen - set(SITUATIONS))}")


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
    s.step("At least nine of the eleven lines are right.")
    answer = s.need("answer")
    if answer is None:
        raise Wrong("choose one for each line: nothing is chosen yet")
    if type(answer) is not dict:
        raise Wrong(
            f"expected answer to be a mapping from line numbers to 'generic' or 'specific', got {shown(answer)}"
        )
    marks = {
        int(key): value for key, value in answer.items() if type(key) is int or (type(key) is str and key.isdigit())
    }
    missing = [line for line in LISTING_MARKS if marks.get(line) not in ("generic", "specific")]
    if missing:
        raise Wrong(f"choose 'generic' or 'specific' for each line: line {missing[0]} has neither")
    wrong = [line for line, mark in LISTING_MARKS.items() if marks[line] != mark]
    share = 1 - len(wrong) / len(LISTING_MARKS)
    if share < ENOUGH:
        many = f"{len(wrong)} of the {len(LISTING_MARKS)} lines are wrong, line {wrong[0]} among them"
        raise Wrong(f"{many}: would a server for something else need it as it stands?")
    s.note("; ".join(f"line {line} is {LISTING_MARKS[line]}: {WHY_MARK[LISTING_MARKS[line]]}" for line in wrong))


LISTING_MARKS = {
    1: "generic", 2: "generic", 3: "generic", 4: "specific", 5: "specific", 6: "generic",
    7: "specific", 8: "specific", 9: "specific", 10: "generic", 11: "generic",
}  # fmt: skip
"""Marks of the lines of the listing in the lesson: taking a message, telling requests apart by tag and answering, going
on and stopping are generic; what an agent keeps and answers is specific."""
WHY_MARK = {
    "generic": "every server needs it as it stands",
    "specific": "it says what this agent keeps, or what it answers",
}
ENOUGH = 0.8


@exercise("s12.differences")
async def differences(s: Scenario) -> None:
    """Lines that a GenServer does not need."""
    s.step("The three roles that are in every hand-written loop are found.")
    found = s.names_in("answer")
    for role, why in (
        ("loop", "a callback returns, and the library takes the next message"),
        ("receive", "the library takes the messages"),
        ("from", "the library knows who called, and sends the answer there"),
    ):
        s.expect(role in found, f"{DIFFERENCES[role]!r} is not needed in a GenServer either: {why}")
    s.expect("memory" not in found, f"{DIFFERENCES['memory']!r} is in both listings: it is what is specific")
    known = set(DIFFERENCES)
    s.expect(found <= known, f"choose among the roles, got {shown(min(map(str, found - known), default=''))}")


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
    ("from", ("from_", "ref,", "(ref", "caller")),
    ("loop", ("while ", "_loop(", "loop(")),
)


@exercise("s12.own")
async def own(s: Scenario) -> None:
    """Three lines of ProcessAgent."""
    s.step("Three lines of ProcessAgent are found whose work a GenServer does.")
    answer = s.names_in("answer") if s.need("answer") is not None else set[Any]()
    lines = [number for number in answer if type(number) is int]
    s.expect(len(lines) >= 3, "expected at least three line numbers of superlearner.agents.by_hand.process_agent")
    from superlearner.agents.by_hand import process_agent

    source = inspect.getsource(process_agent).splitlines()
    roles: set[str] = set()
    for number in lines:
        s.expect(0 < number <= len(source), f"expected line numbers from 1 to {len(source)}, got {number}")
        text = source[number - 1]
        role = next((role for role, signs in ROLES if any(sign in text for sign in signs)), None)
        s.expect(role is not None, f"line {number}, {text.strip()!r:.80}, would be in a GenServer as well")
        roles.add(str(role))
    for role in ("loop", "receive", "from"):
        s.expect(role in roles, f"one line is missing, {DIFFERENCES[role]!r}: see the exercise Spot the differences")


def matched(
    s: Scenario, right: Mapping[str, str], why: Mapping[str, str], fault: Callable[[str, str], str | None]
) -> None:
    """Compare the chosen values with the right ones; `why` says what a key needs, `fault` names a misconception."""
    answer = s.choices(tuple(right))
    for key, value in right.items():
        if answer[key] != value:
            raise Wrong(f"{shown(answer[key])} does not fit {key!r}: {why[key]}", fault(key, answer[key]))
