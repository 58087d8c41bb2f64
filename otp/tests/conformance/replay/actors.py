"""Plain processes under test: they execute steps, and log every other message they receive."""

from __future__ import annotations

from typing import Any, NamedTuple

import otp
from replay.performing import perform
from replay.terms import Command, decode
from replay.world import Owner, World


class Step(NamedTuple):
    """A message from the driver: execute this step, then say `world.done(token)`."""

    op: dict[str, Any]
    token: object


async def actor(world: World, key: str, trap: bool, owner: Owner | None = None, ready: Any = None) -> Any:
    """The body of a plain process; `ready` is the (pid, ref) to which its start is acknowledged."""
    if trap:
        otp.process_flag("trap_exit", True)
    name, _number = world.enter(key, owner, actor=True)
    if owner is not None:
        world.log.init(name, "ok")
    if ready is not None:
        starter, ref = ready
        otp.send(starter, (ref, "ready"))
    while True:
        match await otp.receive():
            case Step(op={"op": "exit_self"} as op):
                return die(world, op)
            case Step(op, token):
                waits = perform(world, name, [op])
                if waits is not None:
                    await waits
                world.done(token)
            case Command() as command if "die" in command:
                return die(world, {"class": command.get("class", "exit"), "reason": command["die"]})
            case message:
                world.log.callback(name, "msg", message)


def die(world: World, op: dict[str, Any]) -> Any:
    """End the current process as the step says: by an exception, or with the value to return."""
    reason = decode(op.get("reason", ":normal"), world)
    match op.get("class", "exit"):
        case "exit":
            raise otp.Exit(reason)
        case "error":
            raise otp.Error(reason)
        case "throw":
            raise otp.Throw(reason)
        case _:
            return reason


async def spawn(world: World, op: dict[str, Any]) -> Any:
    """The operation `spawn`: returns when the new process has its flags and its name."""
    ref = otp.make_ref()
    args = (actor, world, op["as"], op.get("trap", False), None, (otp.self(), ref))
    result: Any
    match op.get("mode", "plain"):
        case "link":
            result = otp.spawn_link(*args)
        case "monitor":
            result = otp.spawn_monitor(*args)
            world.label(op.get("label", "m"), result[1])
        case _:
            result = otp.spawn(*args)
    await otp.receive(matching=ref)
    return result


async def start_child(world: World, spec: dict[str, Any], owner: Owner | None) -> otp.Pid:
    """The start function of a child that is a plain process."""
    ref = otp.make_ref()
    pid = otp.spawn_link(actor, world, spec["key"], spec.get("trap", False), owner, (otp.self(), ref))
    await otp.receive(matching=ref)
    return pid
