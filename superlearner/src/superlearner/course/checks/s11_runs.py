"""Runs of session 11: what a monitor counts, what it leaves, and what an agent remembers."""

# Messages have no type here.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import otp
from superlearner.agents.by_hand import AgentMonitor, ProcessAgent
from superlearner.course.engine.exercise import scenario
from superlearner.course.engine.scenario import Scenario


@scenario("s11.p1")
async def for_life(s: Scenario) -> str:
    """Crash an agent six times, an hour apart."""
    monitor = s.name(await AgentMonitor.start_link(max_restarts=5, max_seconds=None), "monitor")
    await AgentMonitor.start_agent(monitor, "ann")
    crashes = 0
    while running := await AgentMonitor.list_agents(monitor):
        crashes += 1
        with s.unseen():
            ProcessAgent.crash(running[0][1], "boom")
            await s.advance(3600)
        s.happens(f"crash {crashes}, then an hour passes")
    lives = otp.is_alive(monitor)
    s.happens("has no agent any more, and lives", monitor)
    with s.unseen():
        await AgentMonitor.stop(monitor)
        await s.settle()
    return "it is dropped: its restarts are counted for life" if lives and crashes == 6 else f"{crashes} crashes"


@scenario("s11.p2")
async def killed(s: Scenario) -> str:
    """Kill a monitor that has agents."""
    monitor = s.name(await AgentMonitor.start_link(), "monitor")
    pids = [s.name(await AgentMonitor.start_agent(monitor, name), name) for name in ("ann", "bob")]
    otp.unlink(monitor)
    otp.exit(monitor, "kill")
    await s.settle()
    left = [pid for pid in pids if otp.is_alive(pid)]
    return "they end, too: they are linked to it" if not left else f"{len(left)} live"


@scenario("s11.p3")
async def memory(s: Scenario) -> str:
    """Crash an agent that has learnt something."""
    monitor = s.name(await AgentMonitor.start_link(delay=0), "monitor")
    old = s.name(await AgentMonitor.start_agent(monitor, "ann", memory={"a": 1}), "ann")
    ProcessAgent.remember(old, "k", 1)
    ProcessAgent.crash(old, "boom")
    await s.settle()
    ((_, new),) = await AgentMonitor.list_agents(monitor)
    s.name(new, "new ann")
    found = [await ProcessAgent.recall(new, key) for key in ("k", "a")]
    with s.unseen():
        await AgentMonitor.stop(monitor)
        await s.settle()
    return " and ".join(map(str, found))
