"""Runs of session 9: which messages a monitor of agents gets, what it starts again, and what it leaves."""

# Messages have no type here.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import asyncio
from typing import Any

import otp
from otp.testing import mailbox
from superlearner.agents.by_hand import AgentMonitor, ProcessAgent
from superlearner.course.engine.exercise import picture, scenario
from superlearner.course.engine.scenario import Scenario


async def idle() -> None:
    """Wait for ever."""
    await otp.receive(lambda _: False)


@scenario("s09.p1")
async def linked_and_monitored(s: Scenario) -> str:
    """Kill an agent to which a monitor has both a link and a monitor."""
    s.name(otp.self(), "monitor")
    otp.process_flag("trap_exit", True)
    agent = s.name(otp.spawn_link(idle), "agent")
    otp.monitor(agent)
    otp.exit(agent, "kill")
    await s.settle()
    found = sorted(type(message).__name__ for message in mailbox())
    otp.process_flag("trap_exit", False)
    for kind in found:
        s.happens(f"has {kind}")
    return "two: an ExitSignal and a Down" if found == ["Down", "ExitSignal"] else ", ".join(found)


@scenario("s09.p2")
async def sleeping(s: Scenario) -> str:
    """A monitor that sleeps before each restart, and two agents that crash at once."""
    times: list[float] = []

    def start(name: str) -> otp.Pid:
        return s.name(otp.spawn_link(idle), name)

    async def monitor() -> None:
        otp.process_flag("trap_exit", True)
        agents = {start("ann"): "ann", start("bob"): "bob"}
        while True:
            signal = await otp.receive()
            name = agents.pop(signal.pid)
            await asyncio.sleep(0.1)
            times.append(otp.monotonic() - begun)
            s.happens(f"starts {name} again")
            agents[start(f"new {name}")] = name

    pid = s.name(otp.spawn(monitor), "monitor")
    await s.settle()
    begun = otp.monotonic()
    for agent in s.started_by(pid):
        otp.exit(agent, "kill")
    await s.advance(1)
    with s.unseen():
        otp.exit(pid, "kill")
        await s.settle()
    first, second = (f"{at:.1f}" for at in times)
    return f"at {first} s and at {second} s" if first != second else f"both at {first} s"


@scenario("s09.p3")
async def orphans(s: Scenario) -> str:
    """Kill a monitor whose agent is only monitored, and one whose agent is linked."""
    found = {}
    for way in ("monitored", "linked"):

        async def monitor(way: str = way) -> None:
            agent = otp.spawn_link(idle) if way == "linked" else otp.spawn_monitor(idle)[0]
            s.name(agent, f"{way} agent")
            await idle()

        pid = s.name(otp.spawn(monitor), f"monitor of the {way} agent")
        await s.settle()
        (agent,) = s.started_by(pid)
        otp.exit(pid, "kill")
        await s.settle()
        found[way] = "lives" if otp.is_alive(agent) else "dies"
        s.happens("lives on, without a monitor" if otp.is_alive(agent) else "has ended, too", agent)
        with s.unseen():
            otp.exit(agent, "kill")
            await s.settle()
    return f"the monitored one {found['monitored']}, the linked one {found['linked']}"


@scenario("s09.p4")
async def returns(s: Scenario) -> str:
    """A monitor whose function returns."""

    async def monitor() -> None:
        s.name(otp.spawn_link(idle), "agent")
        await otp.receive()

    pid = s.name(otp.spawn(monitor), "monitor")
    await s.settle()
    (agent,) = s.started_by(pid)
    otp.send(pid, "stop")
    await s.settle()
    lives = otp.is_alive(agent)
    s.happens("lives on" if lives else "has ended", agent)
    with s.unseen():
        otp.exit(agent, "kill")
        await s.settle()
    return "it lives" if lives else "it dies"


@scenario("s09.p5")
async def memory(s: Scenario) -> str:
    """An agent that has learnt something, and is started again."""
    monitor = s.name(await AgentMonitor.start_link(delay=0), "monitor")
    old = s.name(await AgentMonitor.start_agent(monitor, "ann", memory={"a": 1}), "ann")
    ProcessAgent.remember(old, "b", 2)
    await ProcessAgent.recall(old, "b")
    ProcessAgent.crash(old, "boom")
    await s.settle()
    ((_, new),) = await AgentMonitor.list_agents(monitor)
    s.name(new, "new ann")
    state = await ProcessAgent.get_state(new)
    s.happens(f"remembers {state['memory']}", new)
    with s.unseen():
        await AgentMonitor.stop(monitor)
        await s.settle()
    return f"only {', '.join(state['memory'])}" if len(state["memory"]) == 1 else " and ".join(state["memory"])


@picture("s09.w1")
async def timer(s: Scenario) -> str:
    """A monitor that waits by a timer, and is asked meanwhile."""
    count = 0

    def start() -> otp.Pid:
        nonlocal count
        count += 1
        return s.name(otp.spawn_link(idle), f"ann {count}")

    async def monitor() -> None:
        otp.process_flag("trap_exit", True)
        ann: otp.Pid | None = start()
        while True:
            match await otp.receive():
                case otp.ExitSignal():
                    s.happens("has ExitSignal, and starts a timer of 0.1 s")
                    ann = None
                    otp.send_after(0.1, otp.self(), "restart")
                case "restart":
                    ann = start()
                case (_, from_, ref):
                    otp.send(from_, (ref, ann))
                case _:
                    pass

    client = s.name(otp.self(), "client")
    pid = s.name(otp.spawn(monitor), "monitor")
    await s.settle()
    refs = [s.name_ref(otp.make_ref(), f"ref {number}") for number in (1, 2)]
    (agent,) = s.started_by(pid)
    otp.exit(agent, "kill")
    await s.advance(0.05)
    answers: list[Any] = []
    for number in (0, 1):
        otp.send(pid, ("who", client, refs[number]))
        answers.append((await otp.receive(refs[number]))[1])
        await s.advance(0.1)
    s.expect(answers[0] is None and answers[1] is not None, "expected another answer")
    with s.unseen():
        otp.exit(pid, "kill")
        await s.settle()
    return "ann is killed; the monitor starts a timer, answers, and starts another ann when the timer fires"
