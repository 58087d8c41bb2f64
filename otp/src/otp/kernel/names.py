"""Registered names: at most one name per process, released in the step in which the process ends.

Source: Erlang/OTP, `erlang:register/2`.
"""

from __future__ import annotations

import contextlib
import threading
from asyncio import _get_running_loop as running_loop  # pyright: ignore[reportPrivateUsage]
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, cast

from otp.kernel.errors import BadArgument
from otp.kernel.kept import bounded_text
from otp.kernel.leaving import NONE_IN_FORK
from otp.kernel.process import OWNER, Process, Side
from otp.kernel.scheduler import FROM_THREADS, Scheduler, find_scheduler, here, thread, thread_current
from otp.kernel.states import DEAD, EXITING, REMOTE
from otp.kernel.unawaited import unawaited

if TYPE_CHECKING:
    from otp.kernel.node import Node
    from otp.kernel.pids import Pid
    from otp.kernel.terms import Dest, Name

__all__ = [
    "not_a_pid",
    "check_name",
    "check_some_node",
    "enter_name",
    "find_node",
    "is_name_and_node",
    "node_here",
    "nodes_here",
    "register",
    "registered",
    "resolve",
    "some_names",
    "take_name",
    "unknown_name",
    "unregister",
    "whereis",
]

SUGGESTED: Final = 64  # names searched for a suggestion: a failed call must stay cheap


def node_here(what: str, scheduler: Scheduler | None = None) -> Node:
    """Return the node of the running process; outside one, the only node of this loop."""
    running = thread_current()
    if running is not None:
        return running._node
    s = scheduler or find_scheduler()
    owner = OWNER.get()
    if owner is not None and owner._node._s is s and owner._node._life != "closed":
        return owner._node
    nodes = [] if s is None else [node for same in s.nodes.values() for node in same if not node.hidden]
    if len(nodes) == 1:
        return nodes[0]
    if not nodes:
        raise BadArgument(f"{what}: {_nowhere()}")
    names = ", ".join(repr(node.name) for node in nodes)
    raise BadArgument(f"{what}: several nodes run in this event loop ({names}); write (name, node)")


def _nowhere() -> str:
    if thread.is_fork:
        return NONE_IN_FORK
    if running_loop() is None:
        return (
            "no node runs in this thread, which has no event loop; to reach a node of another thread try "
            f"{FROM_THREADS}; to begin a program, otp.run(main)"
        )
    begin = "no node runs in this event loop; start one with `async with otp.Node(name)`, or run all with otp.run(main)"
    if threading.current_thread() is threading.main_thread():
        return begin
    return f"{begin}; to reach a node of another thread try {FROM_THREADS}"


def check_some_node(what: str) -> None:
    """Raise `BadArgument` if no node runs in this loop, so that nothing can be sent from here."""
    s = find_scheduler()
    if s is None or not s.nodes:
        raise BadArgument(f"{what}: {_nowhere()}")


def find_node(node: Any, what: str) -> Node | None:
    """Return a node by its name (or the node itself), local or connected.

    Returns `None` if no node has this name. Two nodes of one loop that both take part in a
    distribution use it, as if they were remote. Raises `BadArgument` if several nodes of this loop have the name.
    """
    if not isinstance(node, str):
        return node
    s = find_scheduler()
    same_name = [] if s is None else s.nodes.get(node, [])
    if len(same_name) > 1:
        raise BadArgument(f"{what}: {len(same_name)} nodes of this loop have the name {node!r}; give the Node itself")
    found = same_name[0] if same_name else None
    distribution = _distribution_here(s)
    if distribution is None or (found is not None and found._distribution in (None, distribution)):
        return found
    return distribution.find(node)


def _distribution_here(s: Scheduler | None) -> Any:
    """Return the distribution of the running process's node; otherwise that of the only node here."""
    if s is None:
        return None
    running = thread_current() or OWNER.get()
    if running is not None and running._node._s is s and running._node._distribution is not None:
        return running._node._distribution
    nodes = [node for same in s.nodes.values() for node in same if not node.hidden]
    found = [node._distribution for node in nodes if node._distribution is not None]
    return found[0] if len(found) == 1 else None


def is_name_and_node(dest: Any) -> bool:
    """Return whether a destination is `(name, node)`, with a node or its name; other tuples are names."""
    return type(dest) is tuple and len(dest) == 2 and (type(dest[1]) is str or hasattr(dest[1], "_names"))  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _resolve_pair(dest: tuple[Any, Any], what: str) -> Process | None:
    """Resolve `(name, node)`; without such a node, try it as a name, such as `("room", "lobby")`."""
    found = find_node(dest[1], what)
    if found is not None:
        return found._names.get(dest[0])
    with contextlib.suppress(BadArgument):  # outside a process, with several nodes, there is no current node
        holder = node_here(what)._names.get(dest)
        if holder is not None:
            return holder
    distribution = _distribution_here(find_scheduler())
    if distribution is not None and type(dest[1]) is str:
        return distribution.absent(dest[1])._names.get(dest[0])
    raise BadArgument(f"{what}: no node {dest[1]!r} here, and no process has the name {bounded_text(dest)}")


def some_names() -> tuple[Any, ...]:
    """Return some registered names, so that a failure can suggest one."""
    me = thread_current()
    if me is not None:
        return tuple(islice(me._node._names, SUGGESTED))
    try:
        return tuple(islice(node_here("a name")._names, SUGGESTED))
    except BadArgument:
        return ()


def unknown_name(name: Any, text: str) -> BadArgument:
    """Return the error for an unregistered name; a close name is suggested when it is read."""
    error = BadArgument(text)
    error.name = name
    error.known = some_names()
    return error


def nodes_here(what: str) -> list[Any]:
    """Return all reachable nodes, the own one first: their names, or the `Node` for an ambiguous name."""
    s = find_scheduler()
    by_name: dict[str, list[Node]] = {} if s is None else s.nodes
    if not by_name:
        node_here(what)  # raises an error that says what is missing
    running = thread_current()
    own = None if running is None else running._node
    shown = (node for same_name in by_name.values() for node in same_name if node is own or not node.hidden)
    everybody = sorted(shown, key=lambda node: node is not own)
    distribution = _distribution_here(s)
    if distribution is None:
        return [node.name if len(by_name[node.name]) == 1 else node for node in everybody]
    near = [node for node in everybody if node._distribution in (None, distribution)]
    return [*(node.name if len(by_name[node.name]) == 1 else node for node in near), *distribution.nodes()]


def resolve(dest: Any, what: str = "dest") -> Process | None:
    """Return the process of a destination (pid, name, `(name, node)`, `via` object), or `None`."""
    if type(dest) is str and dest != "undefined":
        try:
            me = here.last.current  # like `thread_current`, without the call
        except AttributeError:
            me = None
        return (node_here(what) if me is None else me._node)._names.get(dest)
    if isinstance(dest, Process):
        return dest
    via = getattr(dest, "whereis", None)
    if via is not None and not isinstance(dest, (str, type)):
        return via()
    if is_name_and_node(dest):
        return _resolve_pair(cast("tuple[Any, Any]", dest), what)
    check_name(dest, what)
    return node_here(what)._names.get(dest)


def check_name(name: Any, what: str) -> None:
    """Raise `BadArgument` unless `name` can be a name."""
    if forgotten := unawaited(name):
        raise BadArgument(f"{what}: expected a pid, a name, (name, node) or Registry.via(…), {forgotten}")
    if name is None or isinstance(name, (bool, int, float, list, dict, set, Process)) or name == "undefined":
        raise BadArgument(f"{what}: expected a pid, a name, (name, node) or Registry.via(…), got {name!r}")
    if is_name_and_node(name) and find_node(name[1], what) is not None:
        raise BadArgument(f"{what}: {name!r} reads as the name {name[0]!r} on node {name[1]!r}; try Registry.via(…)")
    try:
        hash(name)
    except TypeError:
        raise BadArgument(f"{what}: {bounded_text(name)} cannot be a name, it is not hashable") from None


def register(name: Name, pid: Pid) -> bool:
    """Give the living process `pid` the name `name` on its node.

    Raises `BadArgument` if the name is taken, the process is dead or has a name already.

    >>> import otp
    >>> async def main():
    ...     otp.register("me", otp.self())
    ...     return otp.whereis("me") == otp.self()
    >>> otp.run(main)
    True
    """
    if isinstance(name, Process) and not isinstance(pid, Process):
        raise BadArgument(f"register(name, pid): the arguments are swapped; try register({pid!r}, {name})")
    check_name(name, "register(name, pid)")
    if not isinstance(pid, Process):
        raise not_a_pid("register(name, pid)", pid)
    pid._node._s.check_thread("register(name, pid)", "node.call_from_thread(f()), where `async def f()` does it")
    take_name(name, pid)
    return True


def take_name(name: Any, p: Process) -> None:
    """Enter a name in the table of the process's node; raises `BadArgument` like `register`."""
    if p._st == REMOTE:
        raise BadArgument(f"register: {p} is a process of another node; register it there")
    node = p._node
    holder = node._names.get(name)
    if holder is not None:
        raise BadArgument(f"register: the name {bounded_text(name)} is taken by {holder}")
    if p._st in (DEAD, EXITING):
        raise BadArgument(f"register: process {p} is dead and cannot be registered as {bounded_text(name)}")
    if p._name is not None:
        raise BadArgument(f"register: process {p} already has the name {bounded_text(p._name)}; unregister it first")
    enter_name(node, name, p)


def enter_name(node: Node, name: Any, p: Process) -> None:
    """Give a free name to a process without one."""
    side = p._side
    if side is None:
        side = p._side = Side()
    side.name = name
    node._names[name] = p
    if node._trace.subscriptions:
        node._trace.emit("registered", p, {"name": name})


def unregister(name: Name) -> bool:
    """Free a name; raises `BadArgument` if no process has it."""
    node = node_here("unregister(name)")
    p = node._names.get(name)
    if p is None:
        raise unknown_name(name, f"unregister: no process has the name {name!r}")
    node.release_name(p)
    return True


def whereis(name: Dest) -> Pid | None:
    """Return the pid registered as `name`, or None. Also accepts `(name, node)`."""
    if type(name) is str and name != "undefined":  # like `resolve`: without that call it takes two thirds of the time
        try:
            me = here.last.current  # like `thread_current`, without the call
        except AttributeError:
            me = None
        p = (node_here("whereis(name)") if me is None else me._node)._names.get(name)
    else:
        p = resolve(name, "whereis(name)")
        if p is not None and p._st == REMOTE and not isinstance(name, Process):
            raise BadArgument(f"whereis: {name!r} is elsewhere; try await distribution.whereis(name, node)")
    return None if p is None or p._st == DEAD else p


def registered() -> list[Name]:
    """Return all names of this node, in order of registration."""
    return list(node_here("registered()")._names)


def not_a_pid(what: str, got: Any, instead: str = "") -> BadArgument:
    """Return the error of a function that needs a pid; `instead` is what to try for a name."""
    return BadArgument(f"{what}: expected a pid, {unawaited(got) or f'got {got!r}{instead}'}")
