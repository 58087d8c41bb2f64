"""The table *step op -> call*: what a process under test does for each operation of a scenario.

Every entry takes the world and the step and gives a value, or an awaitable of one, in Erlang's spelling of results:
`("ok", pid)`, `("error", reason)`, `"ok"`, `True`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import otp
from otp import GenServer, Supervisor, sys
from replay import actors, servers, supervisors
from replay.terms import Command, decode, decode_atom, in_milliseconds, seconds
from replay.world import Table, World

Op = dict[str, Any]


# Results as Erlang spells them


async def _started(starting: Awaitable[Any], ignored: Any = "ignore") -> Any:
    try:
        result = await starting
    except otp.StartError as error:
        return ("error", error.reason)
    if isinstance(result, otp.Ignore):
        return ignored
    if isinstance(result, otp.Pid):
        return ("ok", result)
    return ("ok", *result) if isinstance(result, tuple) else result  # an answer of what is no supervisor


async def _ok(doing: Awaitable[Any]) -> Any:
    try:
        await doing
    except otp.StartError as error:
        return ("error", error.reason)
    return "ok"


def _after(value: Any, _done: Any) -> Any:
    """`value`, once the call whose result nobody needs was made."""
    return value


# Servers


def _start_server(world: World, op: Op) -> Awaitable[Any]:
    options = {"timeout": seconds(op["timeout"])} if "timeout" in op else {}
    plan = servers.Plan(world, _with_key(op), None)
    name = op["spec"].get("name")
    match op.get("mode", "link"):
        case "link":
            return _started(servers.ScriptedServer.start_link(plan, name=name, **options))
        case "nolink":
            return _started(servers.ScriptedServer.start(plan, name=name, **options))
        case _:
            return _start_monitor(world, op, servers.ScriptedServer.start_monitor(plan, name=name, **options))


async def _start_monitor(world: World, op: Op, starting: Awaitable[Any]) -> Any:
    result = await _started(starting)
    if result[0] != "ok":
        return result
    _ok_word, pid, ref = result
    return ("ok", (pid, world.label(op.get("label", "m"), ref)))


def _with_key(op: Op) -> Op:
    return {**op["spec"], "key": op["as"]} if "as" in op else op["spec"]


def _call(world: World, op: Op) -> Awaitable[Any]:
    options = {"timeout": seconds(op["timeout"])} if "timeout" in op else {}
    return GenServer.call(world.dest(op["to"]), decode(op["msg"], world), **options)


def _cast(world: World, op: Op) -> Any:
    return _after("ok", GenServer.cast(world.dest(op["to"]), decode(op["msg"], world)))


def _stop(world: World, op: Op) -> Awaitable[Any]:
    if "reason" not in op:
        return _ok(GenServer.stop(world.dest(op["to"])))
    timeout = seconds(op.get("timeout", ":infinity"))
    return _ok(GenServer.stop(world.dest(op["to"]), decode(op["reason"], world), timeout=timeout))


# Supervisors


def _start_sup(world: World, op: Op) -> Awaitable[Any]:
    return _started(supervisors.start(world, _with_key(op), None))


def _start_child(world: World, op: Op) -> Awaitable[Any]:
    return _started(_starting_child(world, op), ignored=("ok", None))


def _starting_child(world: World, op: Op) -> Awaitable[Any]:
    sup = world.dest(op["sup"])
    if "args" in op:
        return Supervisor.start_child(sup, [Command(arg) for arg in op["args"]])
    return Supervisor.start_child(sup, supervisors.child_spec(world, op["child"], world.owner(op["sup"])))


def _child_id(world: World, op: Op) -> Any:
    return op["id"] if "id" in op else world.dest(op["pid"])


async def _which_children(world: World, op: Op) -> Any:
    children = await Supervisor.which_children(world.dest(op["sup"]))
    if not isinstance(children, list):  # what is no supervisor answers as it likes; Erlang's comprehension says this
        raise otp.Error(("bad_generator", children))
    rows = [(child.id, child.pid, child.type) for child in children]
    if rows and rows[0][0] is None:
        rows.sort(
            key=lambda row: world.name_of_pid(row[1]) if isinstance(row[1], otp.Pid) else str(row[1] or "undefined")
        )
    return rows


async def _count_children(world: World, op: Op) -> Any:
    counts = await Supervisor.count_children(world.dest(op["sup"]))
    return list(counts._asdict().items()) if isinstance(counts, otp.Counts) else counts


async def _get_childspec(world: World, op: Op) -> Any:
    try:
        spec = await Supervisor.get_childspec(world.dest(op["sup"]), _child_id(world, op))
    except otp.StartError as error:
        return ("error", error.reason)
    if not isinstance(spec, otp.ChildSpec):
        return spec
    shown = {"id": spec.id, "restart": spec.restart, "significant": spec.significant}
    return ("ok", [*shown.items(), ("shutdown", in_milliseconds(spec.shutdown)), ("type", spec.type)])


def _check_childspecs(world: World, op: Op) -> Any:
    specs = [supervisors.child_spec(world, child, None) for child in op["children"]]
    options = {"auto_shutdown": decode_atom(op["auto_shutdown"])} if "auto_shutdown" in op else {}
    try:
        Supervisor.check_childspecs(specs, **options)
    except otp.StartError as error:
        return ("error", error.reason)
    return "ok"


# Processes


def _send(world: World, op: Op) -> Any:
    message = decode(op["msg"], world)
    return _after(message, otp.send(world.dest(op["to"]), message))


def _exit_signal(world: World, op: Op) -> Any:
    return _after(True, otp.exit(world.only_pid(op["to"]), decode(op["reason"], world)))


def _demonitor(world: World, op: Op) -> Any:
    options = op.get("opts", [])
    return otp.demonitor(world.ref_of(op["label"]), flush="flush" in options, info="info" in options)


def _process_info(world: World, op: Op) -> Any:
    item, info = op["item"], otp.process_info(world.dest(op["to"]))
    if info is None:
        return None
    value = getattr(info, item)
    match item:
        case "links" | "monitored_by":
            return (item, world.known(value))
        case "monitors":
            return (item, [("process", target) for target in sorted(value, key=lambda to: _sort_key(world, to))])
        case "registered_name" if value is None:
            return []
        case _:
            return (item, value)


def _sort_key(world: World, target: Any) -> str:
    return world.name_of_pid(target) if isinstance(target, otp.Pid) else str(target[0])


def _timer(world: World, op: Op, start: Callable[..., otp.Ref]) -> Any:
    ref = start(seconds(op["ms"]), world.dest(op["to"]), decode(op["msg"], world))
    return _after("ok", world.label(op.get("label", "t"), ref))


def _left(remaining: float | None) -> Any:
    return False if remaining is None else remaining


TABLE: Table = {
    # processes
    "spawn": actors.spawn,
    "raise": actors.die,
    "exit_signal": _exit_signal,
    "link": lambda world, op: _after(True, otp.link(world.only_pid(op["to"]))),
    "unlink": lambda world, op: _after(True, otp.unlink(world.only_pid(op["to"]))),
    "monitor": lambda world, op: world.label(op.get("label", "m"), otp.monitor(world.dest(op["to"]))),
    "demonitor": _demonitor,
    "trap": lambda world, op: otp.process_flag("trap_exit", op["on"]),
    "send": _send,
    "register": lambda world, op: _after(True, otp.register(op["name"], world.dest(op["to"]))),
    "unregister": lambda world, op: _after(True, otp.unregister(op["name"])),
    "whereis": lambda world, op: otp.whereis(op["name"]),
    "is_alive": lambda world, op: otp.is_alive(world.dest(op["to"])),
    "self": lambda world, op: otp.self(),
    "process_info": _process_info,
    # servers
    "start_server": _start_server,
    "call": _call,
    "cast": _cast,
    "stop": _stop,
    "sys_suspend": lambda world, op: _ok(sys.suspend(world.only_pid(op["to"]))),
    "sys_resume": lambda world, op: _ok(sys.resume(world.only_pid(op["to"]))),
    # supervisors
    "start_sup": _start_sup,
    "start_child": _start_child,
    "terminate_child": lambda world, op: _ok(Supervisor.terminate_child(world.dest(op["sup"]), _child_id(world, op))),
    "restart_child": lambda world, op: _started(
        Supervisor.restart_child(world.dest(op["sup"]), _child_id(world, op)), ignored=("ok", None)
    ),
    "delete_child": lambda world, op: _ok(Supervisor.delete_child(world.dest(op["sup"]), _child_id(world, op))),
    "get_childspec": _get_childspec,
    "which_children": _which_children,
    "count_children": _count_children,
    "check_childspecs": _check_childspecs,
    # timers
    "send_after": lambda world, op: _timer(world, op, otp.send_after),
    "start_timer": lambda world, op: _timer(world, op, otp.start_timer),
    "cancel_timer": lambda world, op: _left(otp.cancel_timer(world.ref_of(op["label"]))),
    "read_timer": lambda world, op: _left(otp.read_timer(world.ref_of(op["label"]))),
    # the harness itself
    "slow": lambda world, op: _ok(world.sleep(op["ms"])),
    "nop": lambda world, op: "ok",
}
