"""Runs of session 10: programs that are wrong in one place, and what they leave."""

# Messages have no type here.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import asyncio
from typing import Any

import otp
from otp.testing import mailbox
from superlearner.course.engine.exercise import picture, scenario
from superlearner.course.engine.scenario import Scenario


async def idle() -> None:
    """Wait for ever."""
    await otp.receive(lambda _: False)


def ended(message: Any) -> otp.Pid:
    """Return the process whose end a message reports."""
    return getattr(message, "item", None) or message.pid


@scenario("s10.p1")
async def forgotten(s: Scenario) -> str:
    """End a monitor without `flush`, after the end of the server; ten times."""
    s.name(otp.self(), "client")

    async def server() -> None:
        _, from_, ref = await otp.receive()
        otp.send(from_, (ref, "answer"))

    async def ask(number: int) -> None:
        pid = s.name(otp.spawn(server), f"server {number}")
        ref = s.name_ref(otp.monitor(pid), f"ref {number}")
        otp.send(pid, ("ask", otp.self(), ref))
        await otp.receive(ref)
        await s.settle()
        otp.demonitor(ref)

    await ask(1)
    await ask(2)
    s.happens("does the same with eight other servers")
    with s.unseen():
        for number in range(3, 11):
            await ask(number)
    left = len(mailbox())
    s.happens(f"has {left} messages left, each a Down")
    return f"{left} messages"


@scenario("s10.p2")
async def swallowed(s: Scenario) -> str:
    """Catch every exception in a loop, and fail between two changes of the state."""
    state = {"orders": 0, "total": 0}

    async def shop() -> None:
        while True:
            price: Any = await otp.receive()
            try:
                state["orders"] += 1
                state["total"] += price
            except Exception as error:  # that is the fault
                s.happens(f"catches {type(error).__name__}, and goes on")

    pid = s.name(otp.spawn(shop), "shop")
    for price in (10, "ten", 10):
        otp.send(pid, price)
        await s.settle()
    lives = otp.is_alive(pid)
    s.happens(f"has orders {state['orders']}, total {state['total']}", pid)
    with s.unseen():
        otp.exit(pid, "kill")
        await s.settle()
    return "it lives, and its two numbers do not agree" if lives and state == {"orders": 3, "total": 20} else str(state)


@scenario("s10.p3")
async def doubles(s: Scenario) -> str:
    """Kill each of two agents of a monitor that starts one for both messages of an end."""
    known: dict[str, otp.Pid] = {}
    names: dict[otp.Pid, str] = {}

    def start(name: str) -> None:
        count = list(names.values()).count(name) + 1
        pid = s.name(otp.spawn_link(idle), f"{name} {count}")
        s.name_ref(otp.monitor(pid), f"ref of {name} {count}")
        known[name], names[pid] = pid, name

    async def monitor() -> None:
        otp.process_flag("trap_exit", True)
        for name in ("ann", "bob"):
            start(name)
        while True:
            message: Any = await otp.receive()
            start(names[ended(message)])

    pid = s.name(otp.spawn(monitor), "monitor")
    await s.settle()
    for agent in list(known.values()):
        otp.exit(agent, "kill")
        await s.settle()
    running, knows = len(s.started_by(pid)), sum(map(otp.is_alive, known.values()))
    s.happens(f"knows {' and '.join(map(s.called, known.values()))}", pid)
    with s.unseen():
        otp.exit(pid, "kill")
        await s.settle()
    return f"{running} run, and the monitor knows {knows} of them"


@picture("s10.w1")
async def one_reference(s: Scenario) -> str:
    """A client that uses one reference for two questions."""

    async def agent() -> None:
        while True:
            _, key, from_, ref = await otp.receive()
            await asyncio.sleep(2)  # a slow agent, in virtual time: its late answer is the picture
            otp.send(from_, (ref, f"value of {key}"))

    client = s.name(otp.self(), "client")
    pid = s.name(otp.spawn(agent), "agent")
    ref = s.name_ref(otp.make_ref(), "ref")
    otp.send(pid, ("recall", "a", client, ref))
    await s.advance(1)
    s.happens("gives up after 1 s")
    await s.advance(0.5)
    otp.send(pid, ("recall", "b", client, ref))
    _, value = await otp.receive(ref, timeout=5)
    s.happens(f"returns {value!r} for b")
    s.expect(value == "value of a", "expected the late answer")
    with s.unseen():
        await s.advance(5)
        mailbox()
        otp.exit(pid, "kill")
        await s.settle()
    return "the client asks for a, gives up, asks for b with the same reference, and gets the late answer about a"


@picture("s10.w2")
async def sleeps(s: Scenario) -> str:
    """A monitor that sleeps before each restart, and is asked meanwhile."""
    times: list[float] = []

    async def monitor() -> None:
        otp.process_flag("trap_exit", True)
        for name in ("ann", "bob"):
            s.name(otp.spawn_link(idle), name)
        while True:
            match await otp.receive():
                case otp.ExitSignal(pid=pid):
                    name = s.called(pid)
                    await asyncio.sleep(0.1)
                    s.happens(f"starts {name} again")
                    s.name(otp.spawn_link(idle), f"new {name}")
                case (_, from_, ref):
                    otp.send(from_, (ref, "the list"))
                case _:
                    pass

    client = s.name(otp.self(), "client")
    pid = s.name(otp.spawn(monitor), "monitor")
    await s.settle()
    begun = otp.monotonic()
    for agent in sorted(s.started_by(pid), key=s.called):
        otp.exit(agent, "kill")
        await s.settle()
    await s.advance(0.05)
    ref = s.name_ref(otp.make_ref(), "ref")
    otp.send(pid, ("list", client, ref))
    await otp.receive(ref)
    times.append(otp.monotonic() - begun)
    s.expect(times[0] > 0.19, "expected a late answer")
    with s.unseen():
        otp.exit(pid, "kill")
        await s.settle()
    return "two agents are killed; the monitor starts them at 0.1 s and at 0.2 s, and answers a question only then"


@picture("s10.w3")
async def two_messages(s: Scenario) -> str:
    """A monitor that starts an agent for both messages about its end."""
    started: list[otp.Pid] = []

    def start() -> None:
        number = len(started) + 1
        started.append(s.name(otp.spawn_link(idle), f"ann {number}"))
        s.name_ref(otp.monitor(started[-1]), f"ref {number}")

    async def monitor() -> None:
        otp.process_flag("trap_exit", True)
        start()
        while True:
            message: Any = await otp.receive()
            s.happens(f"has {type(message).__name__} of {s.called(ended(message))}, and starts ann again")
            start()

    pid = s.name(otp.spawn(monitor), "monitor")
    await s.settle()
    (agent,) = s.started_by(pid)
    otp.exit(agent, "kill")
    await s.settle()
    s.expect(len(started) == 3, "expected two restarts")
    with s.unseen():
        otp.exit(pid, "kill")
        await s.settle()
    return "ann is killed once; the monitor gets an ExitSignal and a Down, and starts her twice"
