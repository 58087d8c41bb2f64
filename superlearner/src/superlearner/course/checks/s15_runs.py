"""Runs of session 15: crash times, supervisors that give up, temporary children and tasks."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import asyncio
from typing import Any

import otp
from otp import ChildSpec, Supervisor, Task, TaskSupervisor
from otp.testing import advance
from superlearner.course.engine.drawn_tree import Part
from superlearner.course.engine.exercise import picture, scenario
from superlearner.course.engine.scenario import Scenario


async def end_of(s: Scenario, every: float, count: int = 30) -> str:
    """Return when a supervisor with 3 restarts in 5 s gives up, if its child crashes at these intervals."""
    supervisor = await s.supervise(Part.child_spec(None, id="worker"))
    begun = otp.monotonic()
    for _ in range(count):
        await advance(every)
        (worker,) = (await s.children(supervisor)).values()
        await s.kill(worker)
        if not otp.is_alive(supervisor):
            return f"gives up at {otp.monotonic() - begun:g} s"
    return "never gives up"


@scenario("s15.p1")
async def p1(s: Scenario) -> str:
    """A crash every 1.3 s, and a crash every 2 s, under 3 restarts in 5 s."""
    often = await end_of(s, 1.3)
    with s.unseen():
        seldom = await end_of(s, 2)
    return f"every 1.3 s: {often}; every 2 s: {seldom}"


@scenario("s15.p2")
async def p2(s: Scenario) -> str:
    """Four children crash once each at the same moment, with the default limits."""
    supervisor = await s.supervise_all([Part.child_spec(None, id=id) for id in "ABCD"])
    children, since = (await s.children(supervisor)).values(), s.mark()
    for pid in children:
        otp.exit(pid, "kill")
    await s.settle()
    again = s.trace.started(since)
    for id, pid in zip("ABCD", again, strict=False):
        s.name(pid, f"new {id}")
    if not otp.is_alive(supervisor):
        return "the supervisor gives up"
    return f"{len(await s.children(supervisor))} children run"


@scenario("s15.p3")
async def p3(s: Scenario) -> str:
    """A supervisor gives up while another of its children is healthy."""

    async def start() -> otp.Pid:
        children = [Part.child_spec(None, id="healthy"), Part.child_spec(None, id="crashing")]
        return await Supervisor.start_link_children(children, max_restarts=0)

    parent = await s.supervise(ChildSpec("supervisor below", start=(start,), type="supervisor"))
    below = (await s.children(parent))["supervisor below"]
    old = await s.children(below)
    await s.kill(old["crashing"])
    again = (await s.children(parent))["supervisor below"]
    new = await s.children(again)
    s.happens("starts it again, with both children", parent)
    if otp.is_alive(old["healthy"]):
        return "they go on running"
    assert again != below
    assert len(new) == 2
    return "they are stopped, and then the level above decides"


@scenario("s15.p4")
async def p4(s: Scenario) -> str:
    """Six temporary children crash at the same moment."""
    supervisor = await s.supervise_all([Part.child_spec(None, id=id, restart="temporary") for id in "ABCDEF"])
    for pid in (await s.children(supervisor)).values():
        otp.exit(pid, "kill")
    await s.settle()
    if not otp.is_alive(supervisor):
        return "the supervisor gives up"
    left = len(await s.children(supervisor))
    return f"{left or 'none'} of them is restarted, and the supervisor goes on"


@scenario("s15.p5")
async def p5(s: Scenario) -> str:
    """A process awaits a task that another one started."""
    told: list[str] = []
    task = Task.async_(asyncio.sleep, 1, "the value")
    s.name_ref(task.ref, "its ref")
    s.name(otp.self(), "owner")
    if task.pid is not None:
        s.name(task.pid, "task")

    async def other() -> None:
        try:
            told.append(f"it gets {await Task.await_(task)}")
        except otp.BadArgument:
            told.append("BadArgument is raised at once")

    s.name(otp.spawn(other), "other process")
    await s.settle()
    at_once = list(told)
    await Task.await_(task)
    return (at_once or ["it waits"])[0]


@picture("s15.w1")
async def escalation(s: Scenario) -> str:
    """A leaf crashes once too often: its supervisor gives up, and the level above starts all of it again."""

    async def start() -> otp.Pid:
        children = [Part.child_spec(None, id=id, name=id) for id in ("sibling", "leaf")]
        return await Supervisor.start_link_children(children, name="middle", max_restarts=1)

    children = [Part.child_spec(None, id="witness"), ChildSpec("middle", start=(start,), type="supervisor")]
    root = await s.supervise_all(children)
    s.name(root, "root")
    for text in ("starts leaf again", "starts middle again, and with it sibling and leaf"):
        below = (await s.children(root))["middle"]
        leaf = (await s.children(below))["leaf"]
        await advance(1)
        otp.exit(leaf, "kill")
        await s.settle()
        s.happens(text, below if text == "starts leaf again" else root)
        await s.children((await s.children(root))["middle"])
    with s.unseen():
        otp.exit(root, "shutdown")
        await otp.wait_down(root)
    return "the second crash ends sibling and middle, and root starts them again"


@picture("s15.w2")
async def tasks(s: Scenario) -> str:
    """Two tasks, the second of which fails, and a caller that goes on."""
    client = s.name(otp.self(), "client")
    supervisor = s.name(await TaskSupervisor.start_link(), "task supervisor")

    async def fetch(page: str) -> str:
        await asyncio.sleep(1)
        if page == "cake":
            raise ValueError(page)
        return f"page of {page}"

    started: list[Any] = []
    for page in ("tea", "cake"):
        s.happens(f"starts a task for {page}", client)
        with s.unseen():
            started.append(await TaskSupervisor.async_nolink(supervisor, fetch, page))
        s.name(started[-1].pid, page)
        s.name_ref(started[-1].ref, f"ref of {page}")
    found = [await Task.yield_(task, 5) for task in started]
    s.happens("has one page, and one failure", client)
    with s.unseen():
        otp.unlink(supervisor)
        otp.exit(supervisor, "shutdown")
        await otp.wait_down(supervisor)
    kinds = [type(each).__name__ for each in found]
    return f"the client gets {kinds[0]} and {kinds[1]}, and goes on"
