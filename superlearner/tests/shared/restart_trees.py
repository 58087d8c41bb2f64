"""Small trees whose restarts are shown, and their moments in short lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import otp
from otp import Children, ChildSpec, GenServer, NoReply, Ok, Supervisor, impl
from otp.testing import Scheduler, wait_all_idle
from superlearner.control.events import OF_CHILDREN
from superlearner.control.terms import plain_pid
from superlearner.control.tree import place_of, supervisor_state
from superlearner.restarts.drawing import MomentNode
from superlearner.restarts.groups import Group, groups
from superlearner.restarts.moments import Happening, Moment, moment_of
from superlearner.restarts.present import Running, waits


class Worker(GenServer[Any]):
    @impl
    async def init(self, arg: Any) -> Ok[Any]:
        if isinstance(arg, FunctionType):
            await arg()
        elif isinstance(arg, str) and (friend := otp.whereis(arg)) is not None:
            otp.link(friend)
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
        raise ValueError(request)


class Group_(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        children, options = arg
        return Children(list(children), **options)


def worker(name: str, arg: Any = None, **spec: Any) -> ChildSpec:
    return Worker.child_spec(arg, id=name, name=name, **spec)


def group(name: str, *children: ChildSpec, restart: Any = "permanent", **options: Any) -> ChildSpec:
    return Group_.child_spec((children, options), id=name, name=name, restart=restart)


def run(test: Callable[[otp.Node], Any], *children: ChildSpec, **options: Any) -> Any:
    """Run `await test(node)` with these children under `top`."""

    async def main() -> Any:
        await Group_.start_link((children, {"max_restarts": 20, **options}), name="top")
        return await test(otp.trace.node_of(otp.self()))

    return Scheduler().run(main)


def number(name: str) -> str:
    pid = otp.whereis(name)
    assert pid is not None
    return plain_pid(pid)


def found(node: otp.Node, since: int = 0) -> list[Group]:
    """Return the groups that a supervisor acted in, oldest first."""
    now = Running(node)
    sorted_ = groups(otp.trace.history(node, since), lambda end: waits(now, end))
    return [one for one in {id(one): one for one in sorted_.values()}.values() if one.of(*OF_CHILDREN)]


def newest(node: otp.Node) -> Moment:
    return moment_of(otp.trace.history(node), found(node)[-1], Running(node))


async def end(name: str, reason: str = "kill") -> Moment:
    """End a process and return the moment, once everything is quiet."""
    otp.exit(name, reason)
    await wait_all_idle()
    return newest(otp.trace.node_of(otp.self()))


def short(one: Happening) -> str:
    """Return an event in one line: `stop d by top`."""
    last = {"decide": f"{one.what} {one.left}", "stop": f"by {one.by}", "start": f"by {one.by}"}
    parts = [one.kind, one.id, last.get(one.kind) or ("" if one.to is None else f"to {one.to}")]
    return " ".join(filter(None, parts))


def list_steps(moment: Moment) -> list[str]:
    return [short(one) for one in moment.events]


def all_of(node: MomentNode) -> Iterator[MomentNode]:
    yield node
    for child in node.children:
        yield from all_of(child)


def shape(node: MomentNode) -> dict[str, str | None]:
    return {one.id: one.pid for one in all_of(node)}


def tree_now(node: otp.Node, root: otp.Pid) -> dict[str, str | None]:
    """Return the pid in each slot below a supervisor, from the tables."""
    path = place_of(root)
    assert path is not None
    slots: dict[str, str | None] = {path: plain_pid(root)}
    for record in supervisor_state(root).children:
        if record.pid is None:
            slots[f"{path}/{record.id}"] = None
        elif supervisor_state(record.pid) is not None:
            slots |= tree_now(node, record.pid)
        else:
            slots[f"{path}/{record.id}"] = plain_pid(record.pid)
    return slots
