"""A measurement of session 12: what a GenServer has without code for it, and a bare loop lacks."""

# Messages and states have no type here.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Final

import otp
from otp import GenServer, NoReply, Ok, Reply, impl
from superlearner.course.engine.exercise import scenario
from superlearner.course.engine.scenario import Scenario

LOOP: Final = "the loop alone"
SERVER: Final = "GenServer"
HOUR_S: Final = 3600
WAIT_S: Final = 1
"""Seconds for an answer to `otp.sys`, which a loop does not give."""


async def loop(memory: dict[str, Any]) -> None:
    """Run an agent by hand: it remembers facts, and answers questions about them."""
    while True:
        match await otp.receive():
            case ("remember", key, value):
                memory[key] = value
            case ("recall", key, caller, ref):
                otp.send(caller, (ref, memory.get(key)))
            case _:
                pass


class Agent(GenServer[dict[str, Any]]):
    """The same agent as a server."""

    @impl
    def init(self, arg: dict[str, Any]) -> Ok[dict[str, Any]]:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, from_: otp.From, state: dict[str, Any]) -> Reply[dict[str, Any]]:
        return Reply(state.get(request), state)

    @impl
    def handle_cast(self, request: Any, state: dict[str, Any]) -> NoReply[dict[str, Any]]:
        key, value = request
        return NoReply(state | {key: value})


class NewAgent(Agent):
    """Its next version, which keeps all values as lists."""

    @impl
    def code_change(self, old_vsn: Any, state: dict[str, Any], extra: Any) -> Ok[dict[str, Any]]:
        return Ok({key: [value] for key, value in state.items()})


@scenario("s12.m4")
async def claims(s: Scenario) -> str:
    """Start an agent twice, ask in vain, inspect it, and change its code."""
    s.stop_tracing()
    loops = [otp.spawn(loop, {}) for _ in range(2)]
    server = await Agent.start({}, name="ann")
    try:
        await Agent.start({}, name="ann")
        servers = 2
    except otp.AlreadyStarted:
        servers = 1
    s.figure("Agents after starting ann twice", sum(map(otp.is_alive, loops)), of=LOOP)
    s.figure("Agents after starting ann twice", servers, of=SERVER)

    ends: dict[str, float | str] = {}
    for side, agent in ((LOOP, loops[0]), (SERVER, server)):
        s.figure("Messages counted while it runs", await counted(agent, side), of=side)
        s.figure("State, read from outside", str(await answered(otp.sys.get_state(agent, WAIT_S))), of=side)
        s.figure("State after a change to new code", str(await answered(changed(agent))), of=side)
        ends[side] = await unanswered(agent, side)
        s.figure("Time until an unanswered question ends", ends[side], "s" if side == SERVER else "", side)
    for agent in (*loops, server):
        otp.exit(agent, "kill")
        await otp.wait_down(agent)
    return f"an unanswered question to the GenServer ends after {ends[SERVER]} s, one to the loop {ends[LOOP]}"


async def answered(asked: Awaitable[Any]) -> Any:
    """Wait for an answer; return it, or `no answer` after a timeout."""
    try:
        return await asked
    except otp.CallTimeout:
        return "no answer"


async def counted(agent: otp.Pid, side: str) -> int | str:
    """Tell an agent three facts while its messages are counted; return the count."""
    await answered(otp.sys.statistics(agent, True, WAIT_S))
    for colour in ("red", "green", "blue"):
        if side == LOOP:
            otp.send(agent, ("remember", "colour", colour))
        else:
            GenServer.cast(agent, ("colour", colour))
    found = await answered(otp.sys.statistics(agent, "get", WAIT_S))
    return getattr(found, "messages_in", found)


async def changed(agent: otp.Pid) -> Any:
    """Change an agent to its next version; return its state."""
    await otp.sys.suspend(agent, WAIT_S)
    await otp.sys.change_code(agent, NewAgent, None)
    await otp.sys.resume(agent)
    return await otp.sys.get_state(agent)


async def unanswered(agent: otp.Pid, side: str) -> float | str:
    """Ask an agent that does not answer; return the time until its asker goes on."""

    async def ask() -> None:
        if side == LOOP:
            ref = otp.make_ref()
            otp.send(agent, ("forecast", "tomorrow", otp.self(), ref))
            await otp.receive(lambda message: message[0] == ref)
        else:
            await GenServer.call(agent, "colour")

    if side == SERVER:
        await otp.sys.suspend(agent)
    begun, asker = otp.monotonic(), otp.spawn(ask)
    otp.monitor(asker)
    try:
        down = await otp.receive(timeout=HOUR_S)
    except TimeoutError:
        otp.exit(asker, "kill")
        await otp.receive()
        return "not within an hour"
    assert isinstance(down, otp.Down)
    return round(otp.monotonic() - begun)
