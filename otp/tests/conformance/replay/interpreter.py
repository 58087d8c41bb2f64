"""Runs the steps of one scenario: send a step to its executor, wait until the system is idle, take the trace."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import otp
from otp.testing import advance, wait_all_idle
from replay.actors import Step, actor
from replay.operations import TABLE
from replay.world import World

Record = dict[str, Any]


class NeedsClock(Exception):
    """An error: the scenario lets time pass where it must not."""


class Clock(Protocol):
    """The way in which a scenario lets time pass."""

    async def advance(self, seconds: float) -> None:
        """Let exactly this much time pass."""
        ...

    async def progress(self, world: World) -> None:
        """Let time pass until an operation or a sleep is over."""
        ...


class OwnClock:
    """The scenario may move the virtual clock as it likes."""

    async def advance(self, seconds: float) -> None:
        """Move the clock."""
        await advance(seconds)

    async def progress(self, world: World) -> None:
        """Wait; the clock moves because nothing else can happen."""
        await world.progress()


class RealClock:
    """Time passes by itself: `advance` sleeps."""

    async def advance(self, seconds: float) -> None:
        """Sleep."""
        await asyncio.sleep(seconds)

    async def progress(self, world: World) -> None:
        """Wait."""
        await world.progress()


class StoppedClock:
    """Other scenarios share the clock: this one must do without."""

    async def advance(self, seconds: float) -> None:
        """Refused."""
        raise NeedsClock

    async def progress(self, world: World) -> None:
        """Refused."""
        raise NeedsClock


async def replay(record: Record, node: otp.Node, clock: Clock) -> tuple[list[Any], Any]:
    """Replay a record's scenario on `node`, in the current process: the traces of its steps and the final state."""
    world = World(node, TABLE)
    scenario = record["scenario"]
    try:
        otp.spawn(actor, world, "main", scenario.get("main_trap", True))
        await settle(world, clock)
        world.log.take()
        traces: list[Any] = []
        for step in scenario["steps"]:
            await world.refill_ghosts()
            await execute(world, step, clock)
            await settle(world, clock)
            traces.append(world.log.take())
        return traces, {"alive": world.alive(), "registered": world.registered()}
    finally:
        world.close()


async def execute(world: World, step: dict[str, Any], clock: Clock) -> None:
    """Start one step."""
    if step["op"] == "advance":
        await clock.advance(step["ms"] / 1000)
        return
    by = step.get("by", "main")
    executor = world.find(by)
    if executor is None:
        world.log.skipped(by, "unknown")
    elif not otp.is_alive(executor):
        world.log.skipped(by, "dead")
    else:
        otp.send(executor, Step(step, object() if step.get("async") else world.expect(executor)))


async def settle(world: World, clock: Clock) -> None:
    """Wait until the system is idle in the sense of the corpus' SCHEMA, section 3."""
    await wait_all_idle()
    while world.busy():
        await clock.progress(world)
        await wait_all_idle()
