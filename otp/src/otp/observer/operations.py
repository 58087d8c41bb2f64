"""Controlling supervisors from outside: children by their shown names, supervisors checked first.

A message that a process does not handle crashes it, and users of a view make mistakes. A request is therefore sent only
to processes that handle it, according to the node's own tables.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Literal, cast

from otp import code
from otp import sys as debug
from otp.behaviours.server.behaviour import Behaviour
from otp.behaviours.server.child_spec import ChildSpec, Startable, child_spec_of
from otp.behaviours.supervisor.dynamic_state import DynamicState
from otp.behaviours.supervisor.operations import counts_of
from otp.behaviours.supervisor.state import ChildRecord, SupervisorState
from otp.behaviours.supervisor.supervisor import Supervisor, ask
from otp.bounded import text
from otp.kernel.values.errors import BadArgument, NotFound
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import Process
from otp.kernel.values.results import Ignore
from otp.observer.tree import child_view, supervisor_state
from otp.observer.views import ChildCounts, ChildPage, Reloaded, ReloadedServer

__all__ = [
    "ChildStart",
    "change_strategy",
    "count_children",
    "delete_child",
    "reload",
    "replace_state",
    "restart_child",
    "spec_of_start",
    "start_child",
    "terminate_child",
    "which_children",
]

_OPTIONS: Final = ("id", "name", "restart", "shutdown")


@dataclass(frozen=True, slots=True)
class ChildStart:
    """A child in plain terms, to start on a node that has its class loaded.

    Args:
        start: `"module:Class"`, a behaviour of a module that the node has imported.
        arg: the argument of its `init`.
        id, name, restart, shutdown: as in a child spec; None means the default.

    >>> from otp.observer import ChildStart
    >>> ChildStart("shop:Counter", 0, name="c3").start
    'shop:Counter'
    """

    start: str
    arg: Any = None
    id: Any = None
    name: Any = None
    restart: Literal["permanent", "transient", "temporary"] | None = None
    shutdown: float | str | None = None


# Reading the tables


def _state_of(p: Pid) -> SupervisorState | DynamicState:
    process = cast("Process", p)  # a pid of this node
    state = supervisor_state(process)
    if state is None:
        found = p.runtime.label(process).rstrip(",")
        raise BadArgument(f"expected a running supervisor, got {found}; try processes(kind='supervisor')")
    return state


def which_children(p: Pid, limit: int) -> ChildPage:
    """Return the first `limit` children in start order, read from the supervisor's table."""
    state = _state_of(p)
    records = islice(cast("Any", state.children), limit)
    return ChildPage(tuple(child_view(record) for record in records), len(state))


def count_children(p: Pid) -> ChildCounts:
    """Return how many children there are, read from the supervisor's table."""
    state = _state_of(p)
    if isinstance(state, SupervisorState):
        return ChildCounts(*counts_of(state))
    number = len(state)
    specs = number if state.template is None else 1
    return ChildCounts(specs, len(state.running), state.supervisors, number - state.supervisors)


def _child(p: Pid, child: Any) -> Any:
    """Return the supervisor's id of a child given by its pid, its id, or its id as a view shows it."""
    state = _state_of(p)
    if isinstance(state, DynamicState):
        if not isinstance(child, Pid):
            raise BadArgument(f"expected the pid of a child: those of {p} have no id, got {text(child)}")
        return child
    if isinstance(child, Pid):
        found = [record for record in state if record.pid is child]
    else:
        found = [record for record in state if _is_id(record, child)]
        if not found and type(child) is str:
            found = [record for record in state if text(record.id, length=80) == child]
    if len(found) > 1:
        raise BadArgument(f"expected one child, {text(child)} matches {len(found)} of {p}; try its pid")
    if not found:
        raise NotFound
    return found[0].id


def _is_id(record: ChildRecord, wanted: Any) -> bool:
    if record.id is wanted:
        return True
    return type(record.id) is type(wanted) and type(wanted) in (str, int, tuple) and bool(record.id == wanted)


# Requests to the supervisor


async def start_child(p: Pid, child: Any) -> Pid | None:
    """Start one more child; return its pid, `None` if its start was ignored."""
    state = _state_of(p)
    if isinstance(state, DynamicState) and state.template is not None:
        if not isinstance(child, list | tuple):
            raise BadArgument(f"expected a list of further arguments for {p} (simple_one_for_one), got {text(child)}")
        return _pid(await ask(p, ("start_child", list(cast("Any", child)))))
    given = spec_of_start(child) if isinstance(child, ChildStart) else child_spec_of(child)
    return _pid(await ask(p, ("start_child", given)))


def spec_of_start(child: ChildStart) -> ChildSpec:
    """Return the spec of a child whose class is given by its name. Raises `BadArgument`."""
    cls = _class_named(child.start)
    options = {name: value for name in _OPTIONS if (value := getattr(child, name)) is not None}
    return cls.child_spec(child.arg, **options)


def _class_named(name: Any) -> type[Startable]:
    """Return a behaviour by the names of its module and class; nothing is imported for it."""
    module, colon, path = name.partition(":") if type(name) is str else ("", "", "")
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, "__dict__", {}).get(part)
    if not colon or not isinstance(found, type) or not issubclass(found, Behaviour) or not issubclass(found, Startable):
        program = getattr(sys.modules.get("__main__"), "__file__", None)
        own = type(program) is str and os.path.basename(program) == f"{module}.py"  # it runs as a script
        meant = f"; did you mean '__main__:{path}'?" if own and module not in sys.modules else ""
        raise BadArgument(
            "ChildStart(start=…): expected 'module:Class', a behaviour of a module that is imported, "
            f"got {text(name)}{meant}"
        )
    return found


async def terminate_child(p: Pid, child: Any) -> None:
    """Stop a child, without a restart."""
    await ask(p, ("terminate_child", _child(p, child)))


async def restart_child(p: Pid, child: Any) -> Pid | None:
    """Start a stopped child."""
    return _pid(await ask(p, ("restart_child", _stopped_child(p, child))))


async def delete_child(p: Pid, child: Any) -> None:
    """Remove a stopped child."""
    await ask(p, ("delete_child", _stopped_child(p, child)))


def _stopped_child(p: Pid, child: Any) -> Any:
    state = _state_of(p)
    if isinstance(state, DynamicState) and state.template is None:
        raise BadArgument(f"a DynamicSupervisor such as {p} does not keep stopped children; try start_child")
    return _child(p, child)


async def change_strategy(p: Pid, strategy: Any, max_restarts: Any, max_seconds: Any) -> None:
    """Change the strategy or intensity of a running supervisor; None leaves a value unchanged."""
    _state_of(p)
    await Supervisor.change_flags(p, strategy=strategy, max_restarts=max_restarts, max_seconds=max_seconds)


def _pid(answer: Any) -> Pid | None:
    if isinstance(answer, Ignore):
        return None
    return answer[0] if isinstance(answer, tuple) else answer  # pyright: ignore[reportUnknownVariableType]


# Servers and modules


async def replace_state(p: Pid, state: Any) -> None:
    """Replace the state of a server between two messages."""
    vt = cast("Process", p).callbacks
    if vt is None or vt.supervisor:
        what = "supervisor" if vt is not None else "coroutine"
        raise BadArgument(f"replace_state: expected a server, got the {what} {p}, whose state is not a term")
    await debug.replace_state(p, lambda _: state)


async def reload(module: Any) -> Reloaded:
    """Reload a loaded module and upgrade its servers."""
    if type(module) is not str or module not in sys.modules:
        raise BadArgument(f"reload(module): expected the name of a module that is imported, got {text(module)}")
    report = await code.reload(module)
    servers = tuple(
        ReloadedServer(server.pid, server.cls.__qualname__, text(server.old_vsn), text(server.new_vsn))
        for server in report.servers
    )
    return Reloaded(report.module, servers, report.still_old)
