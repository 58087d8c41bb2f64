"""Runs of session 8: a name of two processes, a name after the end of its process, and a monitor that was forgotten."""

# Messages have no type here.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

from typing import Any

import otp
from otp.testing import mailbox
from superlearner.course.engine.exercise import picture, scenario
from superlearner.course.engine.scenario import Scenario


async def clear(s: Scenario, *pids: otp.Pid) -> None:
    """End processes, out of sight."""
    with s.unseen():
        for pid in pids:
            otp.exit(pid, "kill")
        await s.settle()


@scenario("s08.p1")
async def two_at_once(s: Scenario) -> str:
    """Two processes register one name."""
    found: list[str] = []

    async def take() -> None:
        try:
            otp.register("boss", otp.self())
            found.append("has it")
        except otp.BadArgument:
            found.append("gets BadArgument")
        s.happens(found[-1])
        await otp.receive(lambda _: False)

    pids = [s.name(otp.spawn(take), name) for name in ("ann", "bob")]
    await s.settle()
    winners = [pid for pid in pids if otp.whereis("boss") == pid]
    await clear(s, *pids)
    if sorted(found) == ["gets BadArgument", "has it"] and len(winners) == 1:
        return "one has it, and the other gets BadArgument"
    return ", ".join(found)


@scenario("s08.p2")
async def gone(s: Scenario) -> str:
    """Look a name up right after the end of its process."""
    printer = s.name(otp.spawn(otp.receive), "printer")
    otp.register("printer", printer)
    await s.settle()
    otp.exit(printer, "kill")
    found = otp.whereis("printer")
    try:
        otp.send("printer", "hello")
        sent = "drops the message"
    except otp.BadArgument:
        sent = "raises BadArgument"
    s.happens(f"otp.whereis returns {found}; otp.send {sent}")
    await s.settle()
    return f"whereis returns {found}, and send {sent}"


@scenario("s08.p3")
async def old_pid(s: Scenario) -> str:
    """Send to the pid of a process that was restarted under its name."""
    reached: list[str] = []

    async def serve(called: str) -> None:
        while True:
            await otp.receive()
            reached.append(called)

    old = s.name(otp.spawn(serve, "the old one"), "old ann")
    otp.register("ann", old)
    await s.settle()
    otp.exit(old, "kill")
    await s.settle()
    new = s.name(otp.spawn(serve, "the new one"), "new ann")
    otp.register("ann", new)
    otp.send(old, "hello")
    await s.settle()
    first = list(reached)
    otp.send("ann", "hello")
    await s.settle()
    s.expect(reached == [*first, "the new one"], "the name should lead to the new process")
    await clear(s, new)
    return first[0] if first else "no process"


@scenario("s08.p4")
async def forgotten(s: Scenario) -> str:
    """End a monitor whose message is in the mailbox already."""
    left: list[int] = []
    for flush in (False, True):
        worker, ref = otp.spawn_monitor(otp.receive)
        s.name(worker, "worker")
        s.name_ref(ref, "ref")
        await s.settle()
        otp.exit(worker, "kill")
        await s.settle()
        otp.demonitor(ref, flush=flush)
        left.append(len(mailbox()))
        s.happens(f"after demonitor(ref, flush={flush}): {left[-1]} in the mailbox")
    return f"{left[0]} without flush, {left[1]} with it"


# Pictures


@picture("s08.w1")
async def cleaned(s: Scenario) -> str:
    """A registry monitors the owner of a name, and drops the name at its end."""
    client = s.name(otp.self(), "client")

    async def registry() -> None:
        owners: dict[Any, tuple[otp.Pid, otp.Ref]] = {}
        while True:
            match await otp.receive():
                case ("register", name, from_, ref):
                    owners[name] = (from_, otp.monitor(from_))
                    otp.send(from_, (ref, "ok"))
                case ("lookup", name, from_, ref):
                    otp.send(from_, (ref, owners[name][0] if name in owners else None))
                case otp.Down(ref=down):
                    s.happens("has Down, and drops the name ann")
                    owners = {name: owner for name, owner in owners.items() if owner[1] != down}
                case _:
                    pass

    names = s.name(otp.spawn(registry), "registry")
    await s.settle()

    async def agent() -> None:
        ref = s.name_ref(otp.make_ref(), "ref 1")
        otp.send(names, ("register", "ann", otp.self(), ref))
        await otp.receive(ref)
        await otp.receive(lambda _: False)

    ann = s.name(otp.spawn(agent), "ann")
    await s.settle()
    found: list[Any] = []
    for number in (2, 3):
        ref = s.name_ref(otp.make_ref(), f"ref {number}")
        otp.send(names, ("lookup", "ann", client, ref))
        found.append((await otp.receive(ref))[1])
        if number == 2:
            otp.exit(ann, "kill")
            await s.settle()
    s.expect(found == [ann, None], "the picture shows another end than the run")
    await clear(s, names)
    return "the name leads to ann; ann is killed, the registry gets its Down, and the name leads to no process"
