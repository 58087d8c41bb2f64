"""Runs of session 16: its predictions, a picture, and the same crashes on both frameworks."""

# Messages and states have no type here.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import Final

import otp
from otp import Application
from otp.testing import advance, wait_all_idle
from superlearner.agents.by_hand import AgentMonitor
from superlearner.agents.with_otp import AgentApplication, AgentServer, AgentSupervisor
from superlearner.course.engine.exercise import picture, scenario
from superlearner.course.engine.scenario import Scenario

TEAM: Final = ("ann", "bob", "eve")
PARTS: Final = ("AgentRegistry", "AgentDirectory", "AgentSupervisor")


def named(s: Scenario) -> None:
    """Call the parts of the application by their names."""
    for part in PARTS:
        if (pid := otp.whereis(part)) is not None:
            s.name(pid, part)


@scenario("s16.p1")
async def registry(s: Scenario) -> str:
    """The registry of the application is killed."""
    await Application.ensure_all_started(AgentApplication)
    named(s)
    agents = [s.name(await AgentSupervisor.start_agent(name), name) for name in TEAM]
    killed = otp.whereis("AgentRegistry")
    assert killed is not None
    otp.exit(killed, "kill")
    await wait_all_idle()
    alive, listed = sum(map(otp.is_alive, agents)), len(await AgentSupervisor.list_agents())
    found = sum(AgentSupervisor.whereis(name) is not None for name in TEAM)
    await Application.stop(AgentApplication)
    if (alive, listed, found) == (0, 0, 0):
        return "they end, and do not come back: AgentSupervisor starts empty"
    return f"{alive} run on, {listed} are listed, {found} have a name"


async def by_hand(s: Scenario, apart: float) -> tuple[bool, bool]:
    """Crash an agent of a monitor six times; return whether it and the others run."""
    monitor = s.name(await AgentMonitor.start_link(max_restarts=5), "monitor")
    for name in TEAM:
        s.name(await AgentMonitor.start_agent(monitor, name), name)
    for _ in range(6):
        otp.exit(dict(await AgentMonitor.list_agents(monitor))["ann"], "bug")
        await advance(apart)
    left = dict(await AgentMonitor.list_agents(monitor))
    return "ann" in left, otp.is_alive(monitor) and "bob" in left and "eve" in left


async def with_otp(s: Scenario, apart: float) -> tuple[bool, bool]:
    """Crash an agent of a supervisor six times; return whether it and the others run."""
    supervisor = s.name(await AgentSupervisor.start_link(), "supervisor")
    otp.unlink(supervisor)
    agents = [s.name(await AgentSupervisor.start_agent(name), f"{name} (OTP)") for name in TEAM]
    others = set(agents[1:])
    for _ in range(6):
        (ann,) = set(await AgentSupervisor.list_agents()) - others
        otp.exit(ann, "bug")
        await advance(apart)
    runs = otp.is_alive(supervisor)
    ann_runs = runs and len(set(await AgentSupervisor.list_agents()) - others) == 1
    return ann_runs, runs and all(map(otp.is_alive, others))


@scenario("s16.p2")
async def in_a_minute(s: Scenario) -> str:
    """Six crashes within a minute."""
    ann, others = await by_hand(s, 5)
    monitor = "the agent is dropped, the others run on" if (ann, others) == (False, True) else f"{ann}, {others}"
    ann, others = await with_otp(s, 5)
    supervisor = (
        "the supervisor ends, and all agents with it" if (ann, others) == (False, False) else f"{ann}, {others}"
    )
    return f"AgentMonitor: {monitor}; AgentSupervisor: {supervisor}"


@scenario("s16.p3")
async def ten_minutes_apart(s: Scenario) -> str:
    """Six crashes, ten minutes apart."""
    s.stop_tracing()
    ann, _ = await by_hand(s, 600)
    monitor = "restarted each time" if ann else "dropped at the sixth"
    ann, _ = await with_otp(s, 600)
    supervisor = "restarted each time" if ann else "dropped at the sixth"
    return f"AgentMonitor: {monitor}; AgentSupervisor: {supervisor}"


@picture("s16.w1")
async def crash(s: Scenario) -> str:
    """An agent crashes, and is asked by its name before and after."""
    await Application.ensure_all_started(AgentApplication)
    named(s)
    s.name(otp.self(), "client")
    ann = s.name(await AgentSupervisor.start_agent("ann", memory={"colour": "blue"}), "ann")
    AgentServer.remember(ann, "size", 7)
    first = await AgentServer.recall(ann, "size")
    otp.exit(ann, "bug")
    await wait_all_idle()
    again = AgentSupervisor.whereis("ann")
    assert again is not None
    s.name(again, "new ann")
    second = await AgentServer.recall(again, "size"), await AgentServer.recall(again, "colour")
    with s.unseen():
        await Application.stop(AgentApplication)
    return f"size is {first}, then {second[0]}; colour is {second[1]!r}"


CRASHES: Final = 20
APART_S: Final = 15


@scenario("s16.m1")
async def recovery(s: Scenario) -> str:
    """The same twenty crashes on both frameworks, with limits that allow them."""
    monitor = await AgentMonitor.start_link(max_restarts=CRASHES)
    for name in TEAM:
        await AgentMonitor.start_agent(monitor, name)
    supervisor = await AgentSupervisor.start_link()
    otp.unlink(supervisor)
    for name in TEAM:
        await AgentSupervisor.start_agent(name)

    async def hand() -> list[otp.Pid]:
        return [pid for _, pid in await AgentMonitor.list_agents(monitor)]

    found: dict[str, float] = {}
    for side, find in (("by hand", hand), ("with OTP", AgentSupervisor.list_agents)):
        pauses, ended = 0.0, 0
        for count in range(CRASHES):
            before = await find()
            victim = before[count % len(before)]
            since = s.mark()
            otp.exit(victim, "kill")
            await advance(APART_S)
            events = s.trace.events(since)
            begun = next(event for event in events if event.kind == "spawned")
            died = next(event for event in events if event.kind == "exited")
            pauses += (begun.at - died.at) / 1e9
            after = await find()
            ended += sum(pid not in after for pid in before) - 1
        found[side] = round(pauses / CRASHES, 3)
        s.figure("Agents restarted", CRASHES, of=side)
        s.figure("Other agents that ended", ended, of=side)
        s.figure("Mean time until a new agent runs", found[side], "s", side)
        s.figure("Agents at the end", len(await find()), of=side)
    return f"a new agent runs after {found['by hand']:g} s by hand, after {found['with OTP']:g} s with OTP"
