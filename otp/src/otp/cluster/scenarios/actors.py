"""The steps that a member carries out itself: its processes act, call and start children. The same on each stage."""

# Requests, replies and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from otp.behaviours.server.gen_server import GenServer
from otp.cluster import pg
from otp.cluster.cluster import Cluster
from otp.cluster.distributed_registry import DistributedRegistry
from otp.cluster.distributed_supervisor import DistributedSupervisor
from otp.cluster.global_names import Global
from otp.cluster.scenarios.scenario import Program, ScenarioError
from otp.cluster.simulation.running import run_into
from otp.cluster.simulation.view import View, view_of
from otp.kernel.ends.mailbox import receive
from otp.kernel.steps.signals import send, wait_down
from otp.kernel.values.errors import CallExit
from otp.kernel.values.pids import Pid

__all__ = ["Actors", "Ended", "Outcome", "first_word", "found_in", "hashable", "outcome_of"]


class Ended(Exception):
    """The process that should act has ended."""


class Outcome(NamedTuple):
    """The outcome of a step: the reply, or the words that name its error, and the text of the error.

    >>> outcome_of(Ended("a has ended"))
    Outcome(reply=None, names=('Ended',), text='Ended: a has ended')
    """

    reply: Any = None
    names: tuple[str, ...] = ()
    text: str = ""


def outcome_of(error: Exception) -> Outcome:
    """Return the outcome of a step that raised an error."""
    kind, reason = type(error).__name__, getattr(error, "reason", None)
    return Outcome(None, (kind,) if reason is None else (kind, first_word(reason)), f"{kind}: {error}"[:500])


def first_word(reason: Any) -> str:
    """Return a reason, or the first element of one that is a tuple, as a text to compare with.

    >>> first_word(("name_conflict", "lobby", "n1")), first_word("killed")
    ('name_conflict', 'killed')
    """
    first = reason[0] if isinstance(reason, tuple) and reason else reason
    return first if isinstance(first, str) else repr(first)


def hashable(value: Any) -> Any:
    """Return a value of a file as a key: lists become tuples."""
    return tuple(map(hashable, value)) if isinstance(value, list) else value


def found_in(names: Mapping[Any, Any], registries: Any, supervisors: Any, of: Mapping[str, Any]) -> Any:
    """Return what the tables of a view have for the name, key or child of a step, or None."""
    match of:
        case {"name": name}:
            return names.get(name)
        case {"registry": registry, "key": key}:
            found: Any = registries.get(registry, {}).get(hashable(key))
            return found[0] if isinstance(found, list) and found else found or None
        case {"supervisor": supervisor, "child": id} | {"of": supervisor, "child": id}:
            return supervisors.get(supervisor, {}).get(hashable(id))
        case _:
            raise ScenarioError("expected name, or registry and key, or supervisor and child")


class Actors:
    """The processes of one member that act in a scenario, by their names."""

    def __init__(self, cluster: Cluster, program: Program) -> None:
        self.cluster: Cluster = cluster
        self._program = program
        self._pids: dict[str, Pid] = {}
        self._ends: dict[str, asyncio.Future[Any]] = {}

    def view(self) -> View:
        """Return what the member sees."""
        return view_of(self.cluster)

    def ended(self, name: str) -> str | None:
        """Return the first word of the reason with which a process has ended, or None."""
        end = self._ends.get(name)
        return None if end is None or not end.done() else first_word(end.result())

    def all_ended(self) -> dict[str, str]:
        """Return how the processes ended that have ended."""
        return {name: word for name in self._ends if (word := self.ended(name)) is not None}

    async def do(self, step: Mapping[str, Any]) -> Outcome:
        """Carry out a step."""
        try:
            return Outcome(await getattr(self, f"_{step['do']}")(step))
        except Exception as error:
            return outcome_of(error)

    # Processes that own names and groups

    async def _act(self, step: Mapping[str, Any], fn: Any, *args: Any) -> None:
        """Run a function in the process `as`, which starts with its first step."""
        name, done = step["as"], asyncio.get_running_loop().create_future()
        if name not in self._pids:
            pid = self._pids[name] = self.cluster.node.spawn(_serve)
            self._ends[name] = asyncio.ensure_future(wait_down(pid))
        end = self._ends[name]
        if not end.done():
            send(self._pids[name], (fn, args, done))
            await asyncio.wait([done, end], return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            raise Ended(f"{name} has ended with {end.result()!r:.200}")
        done.result()

    async def _register(self, step: Mapping[str, Any]) -> None:
        if "name" in step:
            await self._act(step, Global.register, step["name"])
        else:
            await self._act(step, DistributedRegistry.register, step["registry"], hashable(step["key"]))

    async def _unregister(self, step: Mapping[str, Any]) -> None:
        if "name" in step:
            await self._act(step, Global.unregister, step["name"])
        else:
            await self._act(step, DistributedRegistry.unregister, step["registry"], hashable(step["key"]))

    async def _join(self, step: Mapping[str, Any]) -> None:
        await self._act(step, pg.join, step["group"])

    async def _leave(self, step: Mapping[str, Any]) -> None:
        await self._act(step, pg.leave, step["group"])

    async def _end(self, step: Mapping[str, Any]) -> None:
        send(self._pids[step["as"]], None)
        await self._ends[step["as"]]

    # Children and calls

    async def _start_child(self, step: Mapping[str, Any]) -> None:
        options = {"id": hashable(step["id"])} if "id" in step else {}
        child = self._program.class_named(step["start"]).child_spec(step.get("arg"), **options)
        await self._run(DistributedSupervisor.start_child, step["supervisor"], child, on=step.get("prefer"))

    async def _terminate_child(self, step: Mapping[str, Any]) -> None:
        await self._run(DistributedSupervisor.terminate_child, step["supervisor"], hashable(step["id"]))

    async def _call(self, step: Mapping[str, Any]) -> Any:
        view = self.view()
        pid = found_in(view.names, view.registries, view.supervisors, step)
        if pid is None:
            raise CallExit("noproc", step.get("name"), step["request"])
        reply = await self._run(GenServer.call, pid, step["request"])
        try:
            return json.loads(json.dumps(reply, default=repr))  # to compare with values of a file: tuples become lists
        except (TypeError, ValueError):
            return repr(reply)

    async def _run(self, fn: Any, *args: Any, **options: Any) -> Any:
        """Run a function in a process of its own."""
        done = asyncio.get_running_loop().create_future()
        end = asyncio.ensure_future(wait_down(self.cluster.node.spawn(run_into, done, fn, *args, **options)))
        await asyncio.wait([done, end], return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            raise Ended(f"the member has ended, with {end.result()!r:.200}")
        await end
        return done.result()


async def _serve() -> None:
    """Run what the steps of a process ask for, until it is to end."""
    while (job := await receive()) is not None:
        fn, args, done = job
        await run_into(done, fn, *args)
