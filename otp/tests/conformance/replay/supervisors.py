"""Supervisors under test, their child specs, and the start functions of their children."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import otp
from otp import Children, ChildSpec, Supervisor
from replay import actors, servers
from replay.servers import Plan
from replay.terms import Command, decode, seconds
from replay.world import Owner, World

OPTIONS = {
    "strategy": "strategy",
    "intensity": "max_restarts",
    "period": "max_seconds",
    "auto_shutdown": "auto_shutdown",
}
OTP_DEFAULTS = {"strategy": "one_for_one", "max_restarts": 1, "max_seconds": 5}


class ScriptedSupervisor(Supervisor):
    """A supervisor whose init shows the scenario's behaviour."""

    def init(self, arg: Plan) -> Any:
        """Enter the log under a new name; then give the children, or do what the behaviour says."""
        world, spec = arg.world, arg.spec
        dynamic = spec.get("strategy") == "simple_one_for_one"
        name, number = world.enter(spec["key"], arg.owner, dynamic=dynamic)
        behaviour = servers.attempt(spec.get("init", ["ok"]), number)
        world.log.init(name, behaviour)
        if behaviour != "ok":
            return servers.begin(behaviour, servers.State(world, name, spec))
        options = OTP_DEFAULTS | {option: spec[key] for key, option in OPTIONS.items() if key in spec}
        owner = Owner(name, dynamic)
        return Children([child_spec(world, child, owner) for child in spec.get("children", [])], **options)


def start(world: World, spec: dict[str, Any], owner: Owner | None) -> Awaitable[Any]:
    """Start a supervisor under test, linked to the current process."""
    return ScriptedSupervisor.start_link(Plan(world, spec, owner), name=spec.get("name"))


def child_spec(world: World, child: Any, owner: Owner | None) -> Any:
    """A child of a scenario as a child spec; a string is a term that is no spec."""
    if isinstance(child, str):
        return decode(child, world)
    fields = {key: child[key] for key in ("id", "restart", "type", "significant") if key in child}
    if "shutdown" in child:
        fields["shutdown"] = seconds(child["shutdown"]) if isinstance(child["shutdown"], int) else child["shutdown"]
    plan = Plan(world, {"key": child.get("id"), **child.get("start", {})}, owner)
    match plan.spec.get("kind"):
        case "none":
            pass
        case "bad_mfa":
            fields["start"] = "not_an_mfa"
        case _:
            fields["start"] = (start_child, plan)
    return ChildSpec(**fields) if {"id", "start"} <= fields.keys() else fields


async def start_child(plan: Plan, override: Command | None = None) -> Any:
    """The start function of every child; a dynamic one brings what differs from the template."""
    world, spec, owner = plan.world, {**plan.spec, **(override or {})}, plan.owner
    match spec.get("kind", "server"):
        case "sup":
            return await start(world, spec, owner)
        case "actor":
            return await actors.start_child(world, spec, owner)
        case "return":
            return returned(decode(spec["value"], world))
        case "raise":
            return actors.die(world, spec)
        case "undef":
            raise otp.Error("undef")
        case _:
            return await start_server(Plan(world, spec, owner))


async def start_server(plan: Plan) -> Any:
    """Start a server under test as a child."""
    spec = plan.spec
    options: dict[str, Any] = {"name": spec.get("name")}
    if "start_timeout" in spec:
        options["timeout"] = seconds(spec["start_timeout"])
    begin = servers.ScriptedServer.start if spec.get("unlinked") else servers.ScriptedServer.start_link
    result = await begin(plan, **options)
    if "extra" in spec and isinstance(result, otp.Pid):
        return (result, decode(spec["extra"], plan.world))
    return result


def returned(value: Any) -> Any:
    """Convert the result of Erlang's start function to what ours returns or raises."""
    match value:
        case "ignore":
            return otp.Ignore()
        case ("error", reason):
            raise otp.StartError(reason)
        case _:
            return value
