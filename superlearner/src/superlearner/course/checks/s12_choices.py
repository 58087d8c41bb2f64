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
    wrong = {"catching every exception": "M11", "importing the module again": "M30"}
    matched(s, right, lambda key, value: wrong.get(value))


@exercise("s12.mapping")
async def mapping(s: Scenario) -> None:
    """Parts of a framework by hand and their counterparts in OTP."""
    s.step("Each part of the framework by hand has its counterpart in OTP.")
    right = {
        "the loop of ProcessAgent": "GenServer",
        "send, then receive the answer": "GenServer.call",
        "send and go on": "GenServer.cast",
        "the loop of AgentMonitor": "Supervisor",
        "policy and start arguments of an agent": "child spec",
        "AgentRegistry": "Registry",
    }
    ways = {"GenServer.call", "GenServer.cast"}
    matched(s, right, lambda key, value: "M14" if right[key] in ways and value in ways else None)


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
    matched(s, right, lambda key, value: None)


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
    answer = s.choices(tuple(right))
    for key, values in right.items():
        if answer[key] in values:
            continue
        logic = (key == "worker_pool" and answer[key] in ("GenServer", "Agent")) or (
            key == "app_entry" and answer[key] in ("Supervisor", "DynamicSupervisor")
        )
        raise Wrong(f"expected {' or '.join(values)} for {key}, got {shown(answer[key])}", "M25" if logic else None)


@exercise("s12.remember")
async def remember(s: Scenario) -> None:
    """When remember should be a call."""
    s.step("A call is needed where its sender has to know that it is done.")
    chosen = s.names_in("answer")
    if chosen & {"own later call"}:
        raise Wrong(
            "a cast and a later call of one sender keep their order: the call sees what the cast has changed", "M14"
        )
    if chosen & {"faster"}:
        raise Wrong("a call is slower for its sender, which waits for the answer", "M14")
    for missing in ("confirmation", "back-pressure", "other reader"):
        s.expect(missing in chosen, f"expected {missing!r} as well: {WHY_CALL[missing]}", "M14")
    s.expect(chosen == set(WHY_CALL), f"expected some of the five situations, got {shown(chosen - set(WHY_CALL))}")


WHY_CALL = {
    "confirmation": "a cast returns before anything has happened",
    "back-pressure": "a cast never makes its sender wait",
    "other reader": "another process may ask before the cast has arrived",
}


@exercise("s12.generic")
async def generic(s: Scenario) -> None:
    """Generic and specific lines."""
    s.step("At least four of five lines are marked as they are.")
    answer = s.need("answer")
    if type(answer) is not dict:
        raise Wrong(
            f"expected answer to be a mapping from line numbers to 'generic' or 'specific', got {shown(answer)}"
        )
    marks = {
        int(key): value for key, value in answer.items() if type(key) is int or (type(key) is str and key.isdigit())
    }
    missing = [line for line in LISTING_MARKS if marks.get(line) not in ("generic", "specific")]
    if missing:
        lines = f"each line from 1 to {len(LISTING_MARKS)}; line {missing[0]} has neither"
        raise Wrong(f"expected 'generic' or 'specific' for {lines}")
    wrong = [line for line, mark in LISTING_MARKS.items() if marks[line] != mark]
    share = 1 - len(wrong) / len(LISTING_MARKS)
    if share < ENOUGH:
        many = f"{len(wrong)} of {len(LISTING_MARKS)} lines are otherwise, line {wrong[0]} for one"
        raise Wrong(f"{many}: would a server for something else need it as it stands?")


LISTING_MARKS = {
    1: "generic", 2: "generic", 3: "generic", 4: "specific", 5: "specific", 6: "generic",
    7: "specific", 8: "specific", 9: "specific", 10: "generic", 11: "generic",
}  # fmt: skip
"""Marks of the lines of the listing in the lesson: taking a message, telling requests apart by tag and answering, going
on and stopping are generic; what an agent keeps and answers is specific."""
ENOUGH = 0.8


@exercise("s12.differences")
async def differences(s: Scenario) -> None:
    """Lines that a GenServer does not need."""
    s.step("What the loop by hand has and a GenServer does not need is found.")
    found = s.names_in("answer")
    for role, why in (
        ("loop", "the call that begins the loop again"),
        ("receive", "the line that takes a message"),
        ("from", "the pid and reference to which an answer goes"),
    ):
        s.expect(role in found, f"expected {role!r} as well: {why}, which the GenServer version does not have")
    s.expect("memory" not in found, "the memory of the agent is in both: it is what is specific")
    known = {"loop", "receive", "from", "timeout", "name", "trace", "code change"}
    s.expect(found <= known, f"expected roles of lines, got {shown(min(map(str, found - known), default=''))}")


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
        s.expect(role in roles, f"expected a line with the role {role!r} as well: see *Spot the differences*")


def matched(s: Scenario, right: Mapping[str, str], fault: Callable[[str, str], str | None]) -> None:
    """Compare the chosen values with the right ones; `fault` names the misconception of a wrong one."""
    answer = s.choices(tuple(right))
    for key, value in right.items():
        if answer[key] != value:
            raise Wrong(f"expected another choice for {key!r} than {shown(answer[key])}", fault(key, answer[key]))
