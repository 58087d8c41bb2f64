"""Runs of session 7: what a client of an agent gets when the agent is late, crashes, or hands out its own state."""

# Messages have no type here.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import asyncio

import otp
from superlearner.course.engine.exercise import picture, scenario
from superlearner.course.engine.reports import without_reports
from superlearner.course.engine.scenario import Scenario


@scenario("s07.p1")
async def late(s: Scenario) -> str:
    """Ask again after a time-out, without references."""
    client = s.name(otp.self(), "client")

    async def slow() -> None:
        while True:
            question = await otp.receive()
            await asyncio.sleep(2)
            otp.send(client, ("reply", f"the answer to the {question} question"))

    agent = s.name(otp.spawn(slow), "agent")
    otp.send(agent, "first")
    try:
        await otp.receive(otp.Tag("reply"), timeout=1)
    except otp.ReceiveTimeout:
        s.happens("gives up")
    otp.send(agent, "second")
    _, got = await otp.receive(otp.Tag("reply"), timeout=5)
    s.happens(f"takes {got!r} for its second question")
    with s.unseen():
        otp.exit(agent, "kill")
        await s.settle()
    return got


@scenario("s07.p2")
async def crash(s: Scenario) -> str:
    """Wait for an agent that crashes, with a reference and with a monitor."""
    s.name(otp.self(), "asker")
    found: list[str] = []
    for make in (lambda _: otp.make_ref(), otp.monitor):
        begun = otp.monotonic()
        with without_reports():
            agent = s.name(otp.spawn(divide), "agent")
            ref = s.name_ref(make(agent), "ref")
            otp.send(agent, (otp.self(), ref))
            try:
                got = type(await otp.receive(ref, timeout=5)).__name__
            except otp.ReceiveTimeout:
                got = "ReceiveTimeout"
        after = otp.monotonic() - begun
        found.append(f"{f'after {after:g} s' if after else 'at once'}, {got}")
        s.happens(f"has {got}")
    return f"without a monitor: {found[0]}; with it: {found[1]}"


async def divide() -> None:
    """Crash instead of answering."""
    from_, ref = await otp.receive()
    otp.send(from_, (ref, 1 / 0))


@scenario("s07.p3")
async def given_up(s: Scenario) -> str:
    """Give up before the agent has done its work."""
    client = s.name(otp.self(), "client")
    done: list[float] = []

    async def work() -> None:
        ref = await otp.receive()
        await asyncio.sleep(3)
        done.append(otp.monotonic())
        s.happens("has done the work")
        otp.send(client, (ref, "done"))

    agent = s.name(otp.spawn(work), "agent")
    ref = s.name_ref(otp.make_ref(), "ref")
    otp.send(agent, ref)
    try:
        await otp.receive(ref, timeout=1)
    except otp.ReceiveTimeout:
        s.happens("gives up")
    await s.advance(9)
    await otp.receive(ref, timeout=0)  # the late answer
    return f"yes, at {done[0]:g} s" if done else "no"


@scenario("s07.p4")
async def own_state(s: Scenario) -> str:
    """Change the state that an agent handed out."""
    client = s.name(otp.self(), "client")

    async def agent() -> None:
        memory = {"mood": "calm"}
        while True:
            tag, ref = await otp.receive()
            otp.send(client, (ref, memory if tag == "get_state" else memory[tag]))

    ann = s.name(otp.spawn(agent), "ann")

    async def ask(tag: str) -> object:
        ref = s.numbered_ref()
        otp.send(ann, (tag, ref))
        return (await otp.receive(ref, timeout=5))[1]

    state = await ask("get_state")
    if isinstance(state, dict):
        state["mood"] = "angry"
        s.happens("changes the dict that it got")
    mood = await ask("mood")
    with s.unseen():
        otp.exit(ann, "kill")
        await s.settle()
    return str(mood)


# Pictures


@picture("s07.w1")
async def monitored(s: Scenario) -> str:
    """A client asks with a monitor: an agent that answers, and one that crashes."""
    s.name(otp.self(), "client")

    async def agent(crashes: bool) -> None:
        from_, ref = await otp.receive()
        if crashes:
            otp.exit("boom")
        otp.send(from_, (ref, "blue"))
        await otp.receive(lambda _: False)

    pids: list[otp.Pid] = []
    for name, crashes in (("ann", False), ("bob", True)):
        pid = s.name(otp.spawn(agent, crashes), name)
        pids.append(pid)
        await s.settle()
        ref = s.name_ref(otp.monitor(pid), f"ref of {name}")
        otp.send(pid, (otp.self(), ref))
        got = await otp.receive(ref, timeout=5)
        s.happens("has Down, and knows the reason: 'boom'" if isinstance(got, otp.Down) else f"has {got[1]!r}")
        otp.demonitor(ref, flush=True)
    with s.unseen():
        otp.exit(pids[0], "kill")
        await s.settle()
    return "ann answers, and bob ends before it answers; the client learns of both at once"
