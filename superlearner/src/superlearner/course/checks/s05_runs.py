"""Runs of session 5: who lives after the end of another process, and which messages there are."""

# Messages have no type here.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import otp
from otp.testing import mailbox
from superlearner.course.engine.exercise import picture, scenario
from superlearner.course.engine.reports import without_reports
from superlearner.course.engine.scenario import Scenario

WAYS: Final[dict[str, Callable[[Any], Any]]] = {
    "spawn": otp.spawn, "spawn_link": otp.spawn_link, "spawn_monitor": otp.spawn_monitor,
}  # fmt: skip
ENDS: Final = ("ends normally", "crashes", "is killed")
FOUND: Final = {
    "spawn": ["lives"] * 3,
    "spawn_link": ["lives", "dies", "dies"],
    "spawn_monitor": ["lives, has Down"] * 3,
}


@scenario("s05.p1")
async def who_lives(s: Scenario) -> str:
    """Each way to start a child, and each end of it."""
    found: dict[str, list[str]] = {}
    for way, start in WAYS.items():
        found[way] = []
        for end in ENDS:
            state = await parent_after(s, start, end)
            s.happens(f"{way}, child {end}: the parent {state}")
            found[way].append(state)
    if found == FOUND:
        return "a link ends the parent after a crash or a kill; only a monitor sends it a message"
    return str(found)


async def parent_after(s: Scenario, start: Callable[[Any], Any], end: str) -> str:
    """Return what became of a parent after the end of its child."""
    children: list[otp.Pid] = []

    async def child() -> None:
        if await otp.receive() == "crash":
            raise ValueError("a bug")

    async def parent() -> None:
        started = start(child)
        children.append(started[0] if isinstance(started, tuple) else started)
        await otp.receive(lambda _: False)

    with s.unseen(), without_reports():
        pid = otp.spawn(parent)
        await s.settle()
        if end == "is killed":
            otp.exit(children[0], "kill")
        else:
            otp.send(children[0], "crash" if end == "crashes" else "end")
        await s.settle()
        if not otp.is_alive(pid):
            return "dies"
        messages = otp.process_info(pid, "messages") or ()
        otp.exit(pid, "kill")
        await s.settle()
    return ", has ".join(["lives", *(type(message).__name__ for message in messages)])


@scenario("s05.p2")
async def three_monitors(s: Scenario) -> str:
    """Monitor a process three times."""
    watched = s.name(otp.spawn(otp.receive), "watched")
    s.name(otp.self(), "watcher")
    refs = [s.name_ref(otp.monitor(watched), f"ref {number}") for number in (1, 2, 3)]
    otp.exit(watched, "shutdown")
    await s.settle()
    downs = mailbox()
    for down in downs:
        s.happens(s.worded(f"has Down({down.ref}, …)"))
    if sorted(map(str, refs)) == sorted(str(down.ref) for down in downs):
        return "three Down, each with its reference"
    return f"{len(downs)} messages"


@scenario("s05.p3")
async def kill(s: Scenario) -> str:
    """Kill a process that traps exits."""

    async def trapping() -> None:
        otp.process_flag("trap_exit", True)
        while True:
            message = await otp.receive()
            s.happens(f"has {type(message).__name__}, and lives")

    pid = s.name(otp.spawn(trapping), "trapping")
    await s.settle()
    otp.exit(pid, "please end")
    await s.settle()
    otp.exit(pid, "kill")
    await s.settle()
    return f"it ends, with the reason {s.reason_of(pid)!r}" if not otp.is_alive(pid) else "it lives"


@scenario("s05.p4")
async def normal(s: Scenario) -> str:
    """Send the exit signal "normal" to a process that does not trap exits."""
    pid = s.name(otp.spawn(otp.receive), "process")
    await s.settle()
    otp.exit(pid, "normal")
    await s.settle()
    lives = otp.is_alive(pid)
    s.happens("was sent the exit signal 'normal', and lives" if lives else "has ended", pid)
    with s.unseen():
        otp.exit(pid, "shutdown")
        await s.settle()
    return "it lives" if lives else "it ends"


# Pictures


async def idle() -> None:
    """Wait for ever."""
    await otp.receive(lambda _: False)


@picture("s05.w1")
async def chain(s: Scenario) -> str:
    """A crash goes along links; a process that traps exits gets a message instead."""

    async def linked(to: otp.Pid) -> None:
        otp.link(to)
        await idle()

    async def traps(to: otp.Pid) -> None:
        otp.process_flag("trap_exit", True)
        otp.link(to)
        signal = await otp.receive()
        s.happens(f"has ExitSignal(b, {signal.reason!r}), and lives")
        await idle()

    names = [s.name(otp.spawn(idle), "a")]
    await s.settle()
    names.append(s.name(otp.spawn(linked, names[0]), "b"))
    await s.settle()
    names.append(s.name(otp.spawn(traps, names[1]), "c"))
    await s.settle()
    alone = s.name(otp.spawn(idle), "d")
    await s.settle()
    otp.exit(names[0], "boom")
    await s.settle()
    s.expect([otp.is_alive(pid) for pid in (*names, alone)] == [False, False, True, True], "another end")
    with s.unseen():
        for pid in (names[2], alone):
            otp.exit(pid, "kill")
        await s.settle()
    return "a ends with boom, and b with it; c traps exits, and d is not linked: both live"


@picture("s05.w2")
async def restarted(s: Scenario) -> str:
    """A supervisor by hand starts its child again."""
    client = s.name(otp.self(), "client")
    count = 0

    def start() -> otp.Pid:
        nonlocal count
        count += 1
        return s.name(otp.spawn_link(idle), f"child {count}")

    async def supervise() -> None:
        otp.process_flag("trap_exit", True)
        child = start()
        while True:
            match await otp.receive():
                case otp.ExitSignal(pid=pid) if pid == child:
                    s.happens("has ExitSignal, and starts another child")
                    child = start()
                case (_, from_, ref):
                    otp.send(from_, (ref, child))
                case _:
                    pass

    supervisor = s.name(otp.spawn(supervise), "supervisor")
    await s.settle()
    children: list[otp.Pid] = []
    for number in (1, 2):
        ref = s.name_ref(otp.make_ref(), f"ref {number}")
        otp.send(supervisor, ("child", client, ref))
        _, child = await otp.receive(ref)
        children.append(child)
        if number == 1:
            otp.exit(child, "kill")
            await s.settle()
    s.expect(children[0] != children[1], "expected another pid")
    with s.unseen():
        otp.exit(supervisor, "kill")
        await s.settle()
    return "the child is killed, and the supervisor starts another one, which has another pid"
