"""Playing a scenario: its steps in order, on a stage, which is a simulated cluster or real members."""

# Requests and replies are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from otp.cluster.scenarios.actors import Ended, Outcome, found_in, outcome_of
from otp.cluster.scenarios.scenario import FAULTS, Scenario, ScenarioError
from otp.cluster.simulation.history import Event, Violation
from otp.kernel.values.errors import BadArgument

__all__ = ["Failure", "Stage", "Verdict", "run_steps"]

_LOOKS = 4
"""Looks per heartbeat at what is expected."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A step that failed: its number from 1, what was expected, and what happened."""

    step: int
    expected: Any
    got: Any


@dataclass(slots=True)
class Verdict:
    """The outcome of a run: the steps that failed, its history, and how that breaks the rules.

    >>> Verdict().passed
    True
    """

    failed: list[Failure] = field(default_factory=list[Failure])
    violations: list[Violation] = field(default_factory=list[Violation])
    history: list[Event] = field(default_factory=list[Event])

    @property
    def passed(self) -> bool:
        """True if every step did what was expected, and no rule is broken."""
        return not self.failed and not self.violations


class Stage(Protocol):
    """A place that carries the steps out. A view is plain: pids are `(node, incarnation, number)`, as in a history."""

    heartbeat: float

    @property
    def alive(self) -> list[str]:
        """The names of the running members, stalled ones included."""
        ...

    async def fault(self, step: Mapping[str, Any]) -> dict[str, str]:
        """Let something go wrong, or heal; return how the acting processes of a stopped member ended."""
        ...

    async def act(self, on: str, step: Mapping[str, Any]) -> Outcome:
        """Let a member carry out a step."""
        ...

    async def view(self, on: str) -> dict[str, Any]:
        """Return the plain view of a member, with the members that it has `lost`."""
        ...

    async def ended(self, on: str, name: str) -> str | None:
        """Return the first word of the reason with which an acting process of a member ended, or None."""
        ...


async def run_steps(stage: Stage, scenario: Scenario) -> list[Failure]:
    """Play the steps of a scenario; return those that failed. A run goes on after a step that failed."""
    run = _Run(stage)
    failures: list[Failure] = []
    for number, step in enumerate(scenario.steps, 1):
        failed = await run.do(step) if "do" in step else await run.expect(step)
        if failed is not None:
            failures.append(Failure(number, *failed))
    return failures


class _Run:
    """The state of a run: where its processes act, how those of ended members ended, and the saved replies."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.homes: dict[str, str] = {}
        self.ends: dict[str, str] = {}
        self.replies: dict[str, Any] = {}

    async def do(self, step: Mapping[str, Any]) -> tuple[Any, Any] | None:
        """Do a step; return what was expected and what happened if it failed."""
        expected = step.get("raises")
        try:
            outcome = await self._carry_out(step)
        except Exception as error:
            outcome = outcome_of(error)
        if outcome.names:
            return None if expected in outcome.names else (expected or "no error", outcome.text)
        if "save" in step or step["do"] == "call":
            self.replies[step.get("save", "reply")] = outcome.reply
        return None if expected is None else (expected, "no error")

    async def _carry_out(self, step: Mapping[str, Any]) -> Outcome:
        verb = step["do"]
        if verb == "sleep":
            await asyncio.sleep(step["seconds"])
            return Outcome()
        if verb in FAULTS:
            known = await self.stage.fault(step)
            if verb in ("kill", "stop"):
                gone = [name for name, home in self.homes.items() if home == step["member"]]
                self.ends |= {name: known.get(name, "killed") for name in gone if name not in self.ends}
            return Outcome()
        actor = step.get("as")
        if actor in self.ends:
            raise Ended(f"{actor} has ended with {self.ends[actor]}")
        if actor is not None and "on" not in step and actor not in self.homes:
            raise ScenarioError(f"{actor} has not begun")
        on = step["on"] if actor is None else self.homes.setdefault(actor, step.get("on", ""))
        if on not in self.stage.alive:
            raise BadArgument(f"member {on} does not run")
        return await self.stage.act(on, step)

    async def expect(self, step: Mapping[str, Any]) -> tuple[Any, Any] | None:
        """Return what was expected and what was found, if that differs now, after `within`, or once during `for`."""
        loop = asyncio.get_running_loop()
        expected, until = step["expect"], loop.time() + step.get("within", step.get("for", 0))
        while True:
            found = await self._find(step.get("on") or next(iter(self.stage.alive), ""), expected)
            is_met = all(found[key] == value for key, value in expected.items() if key in found)
            if is_met != ("for" in step) or loop.time() >= until:
                return None if is_met else (expected, found)
            await self._let_time_pass()

    async def _let_time_pass(self) -> None:
        await asyncio.sleep(self.stage.heartbeat / _LOOKS)

    async def _find(self, on: str, expected: Mapping[str, Any]) -> dict[str, Any]:
        """Return the present values of what is expected."""
        match expected:
            case {"ended": name}:
                return await self._find_end(name)
            case {"reply": name}:
                return {"equals": self.replies.get(name, "no reply")}
            case _ if on not in self.stage.alive:
                return dict.fromkeys(expected, f"member {on} does not run")
            case _:
                view = await self.stage.view(on)
        match expected:
            case {"members": _}:
                return {"members": sorted(view["members"])}
            case {"lost": _}:
                return {"lost": sorted(view["lost"])}
            case {"owner": _}:
                pid = _found(view, expected)
                return {"owner": None if pid is None else pid[0]}
            case {"group": group}:
                return {"size": sum(len(pids) for (_, name), pids in view["groups"].items() if name == group)}
            case _:
                seen = [name for name in view["members"] if name in self.stage.alive and name != on]
                views = [view, *await asyncio.gather(*map(self.stage.view, seen))]
                pids = {(pid[0], pid[2]) for one in views if (pid := _found(one, expected)) is not None}
                return {"runs": len(pids), "at": min(node for node, _ in pids) if pids else None}

    async def _find_end(self, name: str) -> dict[str, Any]:
        word = self.ends.get(name)
        if word is None and name in self.homes:
            word = await self.stage.ended(self.homes[name], name)
        if word is None:
            return {"ended": f"{name} runs" if name in self.homes else f"{name} has not begun"}
        return {"ended": name, "reason": word}


def _found(view: Mapping[str, Any], of: Mapping[str, Any]) -> Any:
    return found_in(view["names"], view["registries"], view["supervisors"], of)
