"""Scenarios at random, by a seed: members that end, stall and start, cuts and losses, names, children and calls."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from otp.cluster.scenarios import Scenario, Verdict

__all__ = ["failures", "random_scenario"]

STEPS = 14
CHILDREN = 4
Step = dict[str, Any]


class _Steps:
    """The steps so far, and which members run and are stalled after them."""

    def __init__(self, source: random.Random, names: list[str], leases: bool) -> None:
        self.random = source
        self.leases = leases
        self.names = names
        self.up = set(names)
        self.stalled = set[str]()
        self.numbers = iter(range(1_000))

    def go_on(self) -> Step | None:
        """Return another step, or None if none of the drawn kind is possible."""
        draw: Callable[[], Step | None] = self.random.choice(
            [self.end, self.end, self.start, self.start, self.stall, self.resume, self.cut, self.cut, self.heal,
             self.drop, self.register, self.register, self.register, self.call, *[self.cut_store] * 3 * self.leases]
        )  # fmt: skip
        return draw()

    def active(self) -> list[str]:
        return sorted(self.up - self.stalled)

    def end(self) -> Step | None:
        if len(self.active()) < 3:
            return None
        member = self.random.choice(self.active())
        self.up.discard(member)
        return {"do": self.random.choice(["kill", "stop"]), "member": member}

    def start(self) -> Step | None:
        down = sorted(set(self.names) - self.up)
        if not down:
            return None
        member = self.random.choice(down)
        self.up.add(member)
        return {"do": "start", "member": member}

    def stall(self) -> Step | None:
        if len(self.active()) < 3:
            return None
        member = self.random.choice(self.active())
        self.stalled.add(member)
        return {"do": "stall", "member": member}

    def resume(self) -> Step | None:
        if not self.stalled:
            return None
        member = self.random.choice(sorted(self.stalled))
        self.stalled.discard(member)
        return {"do": "resume", "member": member}

    def cut(self) -> Step:
        a, b = self.random.sample(self.names, 2)
        return {"do": "cut", "from": a, "to": b, "one_way": self.random.random() < 0.4}

    def cut_store(self) -> Step:
        return {"do": "cut", "from": self.random.choice(self.names), "to": "leases"}

    def heal(self) -> Step:
        return {"do": "heal"}

    def drop(self) -> Step:
        a, b = self.random.sample(self.names, 2)
        return {"do": "drop", "from": a, "to": b, "share": self.random.random() * 0.4}

    def register(self) -> Step:
        key = self.random.choice(
            [{"registry": "rooms", "key": self.random.choice("abcd")}, {"name": self.random.choice("xyz")}]
        )
        return {"do": "register", "on": self.random.choice(self.active()), "as": f"p{next(self.numbers)}", **key}

    def call(self) -> Step:
        child = f"w{self.random.randrange(CHILDREN)}"
        on = self.random.choice(self.active())
        return {"do": "call", "on": on, "supervisor": "workers", "child": child, "request": "next"}


def _steps(steps: _Steps) -> Iterator[Step]:
    for number in range(CHILDREN):
        on, prefer = (steps.random.choice(steps.names) for _ in range(2))
        yield {
            "do": "start_child", "on": on, "supervisor": "workers", "start": "worker_moves.py:Worker", "arg": 0,
            "id": f"w{number}", "prefer": prefer,
        }  # fmt: skip
    for _ in range(STEPS):
        step = steps.go_on()
        if step is not None:
            yield step
        yield {"do": "sleep", "seconds": steps.random.random()}
    yield {"do": "heal"}
    for member in sorted(steps.stalled):
        yield {"do": "resume", "member": member}
    yield {"do": "converge", "within": 60}
    for number in range(CHILDREN):
        yield {"expect": {"child": f"w{number}", "of": "workers", "runs": 1}, "on": min(steps.up), "within": 30}


def random_scenario(seed: int, program: Path, *, leases: bool = False) -> Scenario:
    """Return a scenario whose children run once each in the end; `program` is that of the examples."""
    source = random.Random(seed)
    names = [f"n{number}" for number in range(1, source.choice([4, 4, 5]))]
    steps = list(_steps(_Steps(source, names, leases)))
    children = "leased" if leases else "children"
    return Scenario(f"random {seed}", names, steps, program=program, children=children, leases=leases)


def failures(scenario: Scenario, verdict: Verdict) -> list[Any]:
    """Return the violations, and the steps that failed although no fault is a reason for it."""
    sure = ("kill", "stop", "start", "stall", "resume", "converge", None)
    failed = [(scenario.steps[one.step - 1], one.got) for one in verdict.failed]
    return [*verdict.violations, *((step, got) for step, got in failed if step.get("do") in sure)]
