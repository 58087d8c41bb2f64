"""Pictures of session 12: a late answer in a mailbox, the callbacks of a server, calls and casts."""

# Messages and states have no type here.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import asyncio
from typing import Any

import otp
from otp import GenServer, NoReply, Ok, Reply, Stop, impl
from otp.testing import advance, wait_all_idle
from superlearner.course.engine.exercise import picture
from superlearner.course.engine.scenario import Scenario


async def forgetful() -> None:
    """Answer two questions, the first of them late."""
    await answer(0.8, "blue")
    await answer(0.1, "Ann")
    await otp.receive()


async def answer(wait: float, value: str) -> None:
    """Answer the next question after a time."""
    _, ref, caller = await otp.receive()
    await asyncio.sleep(wait)
    otp.send(caller, (ref, value))


@picture("s12.w4")
async def late(s: Scenario) -> str:
    """A late answer stays in the mailbox while the answer to the next question is taken."""
    agent = s.name(otp.spawn(forgetful), "agent")
    client = s.name(otp.self(), "client")
    mailbox = s.observe_mailbox(client)
    first = s.name_ref(otp.make_ref(), "ref 1")
    otp.send(agent, ("colour?", first, client))
    try:
        await mailbox.receive(lambda message: message[0] == first, "(ref 1, answer)", 0.5)
    except TimeoutError:
        s.happens("goes on without an answer")
    await advance(0.5)
    second = s.name_ref(otp.make_ref(), "ref 2")
    otp.send(agent, ("name?", second, client))
    _, value = await mailbox.receive(lambda message: message[0] == second, "(ref 2, answer)", 5)
    left = otp.process_info(client, "messages")
    s.expect(left == tuple(mailbox.messages), "the picture shows another mailbox than the runtime")
    return f"the client gets {value!r}, and the late {mailbox.messages[0][1]!r} stays"


class Agent(GenServer[dict[str, Any]]):
    """An agent that remembers facts, and counts its friends."""

    @impl
    def init(self, arg: Any) -> Ok[dict[str, Any]]:
        name, friend = arg
        otp.monitor(friend)
        return Ok({"name": name, "memory": {}, "friends": 1})

    @impl
    def handle_call(self, request: Any, caller: otp.From, state: dict[str, Any]) -> Reply[dict[str, Any]]:
        return Reply(state["memory"].get(request), state)

    @impl
    def handle_cast(self, request: Any, state: dict[str, Any]) -> NoReply[dict[str, Any]] | Stop:
        if request == "stop":
            return Stop("normal", state)
        _, key, value = request
        return NoReply(state | {"memory": state["memory"] | {key: value}})

    @impl
    def handle_info(self, message: Any, state: dict[str, Any]) -> NoReply[dict[str, Any]]:
        return NoReply(state | {"friends": state["friends"] - 1})

    @impl
    def terminate(self, reason: Any, state: dict[str, Any]) -> None:
        pass


@picture("s12.w5")
async def callbacks(s: Scenario) -> str:
    """The callbacks of a server, from its start to its end."""
    s.name(otp.self(), "client")
    friend = s.name(otp.spawn(otp.receive), "bob")
    server = await s.watched(Agent).start(("Ann", friend))
    s.name(server, "ann")
    GenServer.cast(server, ("remember", "colour", "blue"))
    value = await GenServer.call(server, "colour")
    otp.exit(friend, "kill")
    await wait_all_idle()
    GenServer.cast(server, "stop")
    await otp.wait_down(server)
    return f"the call gets {value!r}, and six callbacks run"


class Slow(GenServer[None]):
    """Takes a second for each message."""

    @impl
    def init(self, arg: None) -> Ok[None]:
        return Ok(arg)

    @impl
    async def handle_call(self, request: Any, caller: otp.From, state: None) -> Reply[None]:
        await asyncio.sleep(1)
        return Reply(f"{request}, done", state)

    @impl
    async def handle_cast(self, request: Any, state: None) -> NoReply[None]:
        await asyncio.sleep(1)
        return NoReply(state)


@picture("s12.w6")
async def calls(s: Scenario) -> str:
    """A call, a cast, and a call that times out, of a server that takes a second for each."""
    client = s.name(otp.self(), "client")
    server = s.name(await Slow.start(None), "server")
    s.happens(f"goes on with {await GenServer.call(server, 'sweep')!r}")
    GenServer.cast(server, "wash up")
    s.happens("goes on at once")
    try:
        await GenServer.call(server, "iron", 0.5)
    except otp.CallTimeout:
        s.happens("goes on with CallTimeout after 0.5 s")
    await advance(2)
    s.expect(otp.process_info(client, "messages") == (), "a late answer reached the client")
    return "the cast returns at once, and the answer to the call that timed out is dropped"
