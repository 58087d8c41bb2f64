"""Runs of session 14: the order of starts and stops, failing starts, and calls to a process that was replaced."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import asyncio
from typing import Any

import otp
from otp import GenServer, Ok, Reply, Stop, Supervisor, impl
from otp.testing import mailbox
from superlearner.course.engine.drawn_tree import Part
from superlearner.course.engine.exercise import picture, scenario
from superlearner.course.engine.scenario import Scenario


@scenario("s14.p1")
async def p1(s: Scenario) -> str:
    """B of A, B, C crashes under one_for_all."""
    supervisor = await s.supervise_all([Part.child_spec(None, id=id) for id in "ABC"], strategy="one_for_all")
    before = {pid: id for id, pid in (await s.children(supervisor)).items()}
    since = s.mark()
    crashed = next(pid for pid, id in before.items() if id == "B")
    otp.exit(crashed, "kill")
    await s.settle()
    new = {pid: id for id, pid in (await s.children(supervisor)).items()}
    ended = [before[pid] for pid in s.trace.ended(since) if pid in before]
    started = [new[pid] for pid in s.trace.started(since) if pid in new]
    for pid in new:
        s.happens("starts", pid)
    return f"{', '.join(f'{id} stops' for id in ended if id != 'B')}; {', '.join(started)} start"


class Slow(GenServer[int]):
    """Takes some seconds to clean up."""

    @impl
    def init(self, arg: int) -> Ok[int]:
        otp.process_flag("trap_exit", True)
        return Ok(arg)

    @impl
    async def terminate(self, reason: Any, state: int) -> None:
        await asyncio.sleep(state)


@scenario("s14.p2")
async def p2(s: Scenario) -> str:
    """A supervisor stops three children that clean up for 1, 30 and 1 seconds."""
    children = [Slow.child_spec(time, id=id, shutdown=5) for id, time in (("A", 1), ("B", 30), ("C", 1))]
    supervisor = await s.supervise_all(children)
    pids = await s.children(supervisor)
    begun = otp.monotonic()
    otp.exit(supervisor, "shutdown")
    await otp.wait_down(supervisor)
    killed = [id for id, pid in sorted(pids.items()) if s.reason_of(pid) == "killed"]
    return f"{otp.monotonic() - begun:g} s, and {' and '.join(killed) or 'none'} is killed"


@scenario("s14.p3")
async def p3(s: Scenario) -> str:
    """The init of a child fails, at the first start and at each restart."""
    tries: list[str] = []

    class Failing(GenServer[None]):
        @impl
        def init(self, arg: int) -> Ok[None] | Stop:
            tries.append(f"B, start {len(tries) + 1}")
            s.name(otp.self(), tries[-1])
            return Ok(None) if len(tries) <= arg else Stop("no_disk")

    otp.process_flag("trap_exit", True)
    since = s.mark()
    first = "B is left out"
    with s.unseen():
        try:
            await Supervisor.start_link_children([Part.child_spec(None, id="A"), Failing.child_spec(0, id="B")])
        except otp.StartError:
            living = [pid for pid in s.trace.started(since) if otp.is_alive(pid)]
            first = f"the tree does not start, and A {'runs on' if living else 'is stopped'}"
        tries.clear()
        mailbox()
    otp.process_flag("trap_exit", False)
    supervisor = await s.supervise_all([Part.child_spec(None, id="A"), Failing.child_spec(1, id="B")])
    await s.kill((await s.children(supervisor))["B"])
    end = (
        "it is tried for ever" if otp.is_alive(supervisor) else f"{len(tries) - 1} tries, then the supervisor gives up"
    )
    return f"first start: {first}; restart: {end}"


@scenario("s14.p4")
async def p4(s: Scenario) -> str:
    """A call to a pid that was noted before a restart."""
    supervisor = await s.supervise_all([Part.child_spec(None, id="thermometer", name="thermometer")])
    noted = (await s.children(supervisor))["thermometer"]
    await s.kill(noted)
    await s.children(supervisor)
    begun = otp.monotonic()
    try:
        await GenServer.call(noted, "read")
    except otp.NoProcess:
        return f"the call raises NoProcess {'at once' if otp.monotonic() == begun else 'later'}"
    except otp.CallTimeout:
        return "the call raises CallTimeout after 5 s"
    return "the new thermometer answers"


class Setting(GenServer[str]):
    """Answers with its setting."""

    @impl
    def init(self, arg: str) -> Ok[str]:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: otp.From, state: str) -> Reply[str]:
        return Reply(state, state)


class Asking(GenServer[Any]):
    """Asks the one before it when it starts, and answers what it got."""

    @impl
    async def init(self, arg: tuple[str, str]) -> Ok[Any]:
        other, request = arg
        return Ok(await GenServer.call(other, request))

    @impl
    def handle_call(self, request: Any, caller: otp.From, state: Any) -> Reply[Any]:
        return Reply("welcome", state)


@picture("s14.w1")
async def starting(s: Scenario) -> str:
    """The start of a tree, a crash in the middle of it, and its stop."""
    children = [
        Setting.child_spec("app", id="config", name="config"),
        Asking.child_spec(("config", "which prefix?"), id="logger", name="logger"),
        Asking.child_spec(("logger", "join"), id="worker", name="worker"),
    ]
    supervisor = await s.supervise_all(children, strategy="rest_for_one")
    old = await s.children(supervisor)
    otp.exit(old["logger"], "kill")
    await s.settle()
    new = await s.children(supervisor)
    s.expect(otp.is_alive(old["config"]) and new["worker"] != old["worker"], "expected the worker to be new")
    otp.exit(supervisor, "shutdown")
    await otp.wait_down(supervisor)
    return "the logger and the worker ask again after the crash, and all stop in reverse"
