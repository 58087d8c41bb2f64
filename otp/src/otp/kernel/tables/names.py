"""Registered names: at most one name per process, released in the step in which the process ends.

Source: Erlang/OTP, `erlang:register/2`.
"""

# Names are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import contextlib
import threading
from asyncio import _get_running_loop as running_loop  # pyright: ignore[reportPrivateUsage]
from collections.abc import Callable, Hashable
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast, overload

from otp.kernel.tables.scheduler import (
    FROM_THREADS,
    Scheduler,
    current_process,
    find_scheduler,
    here,
    nanoseconds,
    spend,
    thread,
    thread_current,
)
from otp.kernel.values.bounded import bounded_text
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.leaving import NONE_IN_FORK
from otp.kernel.values.process import DEAD, EXITING, OWNER, REMOTE, Process, Side
from otp.kernel.values.results import ABSENT, unawaited

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node
    from otp.kernel.tables.tracing import Event
    from otp.kernel.values.pids import Pid
    from otp.kernel.values.terms import Dest, Name


SUGGESTED: Final = 64  # names searched for a suggestion: a failed call must stay cheap


def node_here(what: str, scheduler: Scheduler | None = None) -> Node:
    """Return the node of the running process; outside one, the only node of this loop."""
    running = thread_current()
    if running is not None:
        return running.runtime
    s = scheduler or find_scheduler()
    owner = OWNER.get()
    if owner is not None and owner.runtime.scheduler is s and owner.runtime.life != "closed":
        return owner.runtime
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
    same_name = None if s is None else s.nodes.get(node)
    found = None
    if same_name:
        if len(same_name) > 1:
            many = len(same_name)
            raise BadArgument(f"{what}: {many} nodes of this loop have the name {node!r}; give the Node itself")
        found = same_name[0]
    distribution = _distribution_here(s)
    if distribution is None or (found is not None and found.distribution in (None, distribution)):
        return found
    return distribution.find(node)


def _distribution_here(s: Scheduler | None) -> Any:
    """Return the distribution of the running process's node; otherwise that of the only node here."""
    if s is None:
        return None
    running = thread_current() or OWNER.get()
    if running is not None and running.runtime.scheduler is s and running.runtime.distribution is not None:
        return running.runtime.distribution
    nodes = [node for same in s.nodes.values() for node in same if not node.hidden]
    found = [node.distribution for node in nodes if node.distribution is not None]
    return found[0] if len(found) == 1 else None


def is_name_and_node(dest: Any) -> bool:
    """Return whether a destination is `(name, node)`, with a node or its name; other tuples are names."""
    return type(dest) is tuple and len(dest) == 2 and (type(dest[1]) is str or hasattr(dest[1], "process_table"))  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _resolve_pair(dest: tuple[Any, Any], what: str) -> Process | None:
    """Resolve `(name, node)`; without such a node, try it as a name, such as `("room", "lobby")`."""
    found = find_node(dest[1], what)
    if found is not None:
        return found.names.get(dest[0])
    with contextlib.suppress(BadArgument):  # outside a process, with several nodes, there is no current node
        holder = node_here(what).names.get(dest)
        if holder is not None:
            return holder
    distribution = _distribution_here(find_scheduler())
    if distribution is not None and type(dest[1]) is str:
        return distribution.absent(dest[1]).names.get(dest[0])
    raise BadArgument(f"{what}: no node {dest[1]!r} here, and no process has the name {bounded_text(dest)}")


def some_names() -> tuple[Any, ...]:
    """Return some registered names, so that a failure can suggest one."""
    me = thread_current()
    if me is not None:
        return tuple(islice(me.runtime.names, SUGGESTED))
    try:
        return tuple(islice(node_here("a name").names, SUGGESTED))
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
    own = None if running is None else running.runtime
    shown = (node for same_name in by_name.values() for node in same_name if node is own or not node.hidden)
    everybody = sorted(shown, key=lambda node: node is not own)
    distribution = _distribution_here(s)
    if distribution is None:
        return [node.name if len(by_name[node.name]) == 1 else node for node in everybody]
    near = [node for node in everybody if node.distribution in (None, distribution)]
    return [*(node.name if len(by_name[node.name]) == 1 else node for node in near), *distribution.nodes()]


def resolve(dest: Any, what: str = "dest") -> Process | None:
    """Return the process of a destination (pid, name, `(name, node)`, `via` object), or `None`."""
    if type(dest) is str and dest != "undefined":
        try:
            me = here.last.current  # like `thread_current`, without the call
        except AttributeError:
            me = None
        return (node_here(what) if me is None else me.runtime).names.get(dest)
    if isinstance(dest, Process):
        return dest
    via = None if type(dest) is tuple else getattr(dest, "whereis", None)
    if via is not None and not isinstance(dest, (str, type)):
        return via()
    if is_name_and_node(dest):
        return _resolve_pair(cast("tuple[Any, Any]", dest), what)
    check_name(dest, what)
    return node_here(what).names.get(dest)


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
    pid.runtime.scheduler.check_thread(
        "register(name, pid)", "node.call_from_thread(f()), where `async def f()` does it"
    )
    take_name(name, pid)
    return True


def take_name(name: Any, p: Process) -> None:
    """Enter a name in the table of the process's node; raises `BadArgument` like `register`."""
    if p.status == REMOTE:
        raise BadArgument(f"register: {p} is a process of another node; register it there")
    node = p.runtime
    holder = node.names.get(name)
    if holder is not None:
        raise BadArgument(f"register: the name {bounded_text(name)} is taken by {holder}")
    if p.status in (DEAD, EXITING):
        raise BadArgument(f"register: process {p} is dead and cannot be registered as {bounded_text(name)}")
    if p.registered_name is not None:
        raise BadArgument(
            f"register: process {p} already has the name {bounded_text(p.registered_name)}; unregister it first"
        )
    enter_name(node, name, p)


def enter_name(node: Node, name: Any, p: Process) -> None:
    """Give a free name to a process without one."""
    side = p.side
    if side is None:
        side = p.side = Side()
    side.name = name
    node.names[name] = p
    if node.tracer.subscriptions:
        node.tracer.emit("registered", p, {"name": name})


def unregister(name: Name) -> bool:
    """Free a name; raises `BadArgument` if no process has it."""
    node = node_here("unregister(name)")
    p = node.names.get(name)
    if p is None:
        raise unknown_name(name, f"unregister: no process has the name {name!r}")
    node.release_name(p)
    return True


def whereis(name: Dest) -> Pid | None:
    """Return the pid registered as `name`, or None. Also accepts `(name, node)`."""
    if type(name) is str and name != "undefined":  # like `resolve`: without that call it takes two thirds of the time
        try:
            node = here.last.current.runtime  # like `thread_current`, without the call
        except AttributeError:  # outside a process
            node = None
        p = (node or node_here("whereis(name)")).names.get(name)
    else:
        p = resolve(name, "whereis(name)")
        if p is not None and p.status == REMOTE and not isinstance(name, Process):
            raise BadArgument(f"whereis: {name!r} is elsewhere; try await distribution.whereis(name, node)")
    return None if p is None or p.status == DEAD else p


def registered() -> list[Name]:
    """Return all names of this node, in order of registration."""
    return list(node_here("registered()").names)


def not_a_pid(what: str, got: Any, instead: str = "") -> BadArgument:
    """Return the error of a function that needs a pid; `instead` is what to try for a name."""
    return BadArgument(f"{what}: expected a pid, {unawaited(got) or f'got {got!r}{instead}'}")


# Waiting for a registered name of a node, or for a key of a registry.
#
# The events of a node report its registered names. A `via` object that supports waiting has a method
# `__otp_watch__(node, settle) -> stop`, which calls `settle` with the first process that has the name.


_WHAT = "node.wait_registered(name)"


Settle: TypeAlias = "Callable[[Pid | BadArgument], None]"

"""Ends a wait: with the holder of the name, or with the error that says why there will be none."""


async def wait_registered(node: Node, name: Any, timeout: Any) -> Pid:
    """Wait until a process has the name; see `Node.wait_registered`."""
    limit = nanoseconds(timeout, "wait_registered(timeout=…)", infinite=True)
    node.check_life(_WHAT, also_after=True)
    node.scheduler.check_thread(_WHAT, "node.call_from_thread(node.wait_registered(name))")
    other = find_node(name[1], _WHAT) if is_name_and_node(name) else None
    if other is not None and other is not node:
        if type(other) is not type(node):
            raise BadArgument(f"{_WHAT}: node {name[1]!r} is elsewhere; expected a node of this event loop, try there")
        return await wait_registered(other, name[0], timeout)
    if other is not None:
        name = name[0]
    future: asyncio.Future[Pid] = node.scheduler.loop.create_future()

    def settle(found: Pid | BadArgument) -> None:
        if future.done():
            return
        if isinstance(found, BadArgument):
            future.set_exception(found)
        else:
            future.set_result(found)

    stop = _watch(node, name, settle)
    if future.done():
        await spend()
    try:
        async with asyncio.timeout(None if limit is None or future.done() else limit / 1e9):
            return await future
    except TimeoutError:
        raise TimeoutError(f"no process took the name {name!r} within {timeout} s") from None
    finally:
        stop()


def _watch(node: Node, name: Any, settle: Settle) -> Callable[[], None]:
    """Report the first holder of a name; call the result to stop."""
    watch = None if isinstance(name, (str, type)) else getattr(name, "__otp_watch__", None)
    if watch is not None:
        return watch(node, settle)
    if hasattr(name, "whereis") and not isinstance(name, type):
        raise BadArgument(f"{_WHAT}: expected a name or Registry.via(…), got {bounded_text(name)}")
    check_name(name, _WHAT)
    found = node.names.get(name)
    if found is not None and found.status != DEAD:
        settle(found)
        return _nothing

    def seen(event: Event) -> None:
        if event.data["name"] == name and event.pid is not None:
            settle(event.pid)

    return watch_end(node, settle, seen)


def watch_end(node: Node, settle: Settle, seen: Callable[[Event], None] | None = None) -> Callable[[], None]:
    """Report the end of a node, and until then each new name to `seen`; call the result to stop."""

    def ended() -> None:
        settle(BadArgument(f"{_WHAT}: node {node.name!r} is closed; no process can take a name there"))

    if node.life == "closed":
        ended()
        return _nothing
    subscription = node.subscribe(seen or _nothing, kinds={"registered"} if seen else ())
    subscription.on_node_end = ended
    return subscription.close


def _nothing(_event: Event | None = None) -> None:
    """Do nothing."""


# The process dictionary: values that a process keeps outside its state, private to the process.
#
# It is for values that belong to the process and not to one function: a request id for the log, a seed. Values that
# others request, or that a restart must initialise again, belong in the state of a server. Source: Erlang/OTP,
# `erlang:put/2`, `get/1`, `erase/1`, `get_keys/0`.


def put(key: Hashable, value: Any) -> Any:
    """Store `value` under `key` in the running process.

    Returns the previous value, or `None`. `otp.process_info(pid, "dictionary")` shows it. It is lost when the process
    ends. Child tasks use the dictionary of their process. Raises `NotAProcess` outside a process. Write `otp.put(…)`,
    as with `otp.self()`.

    >>> import otp
    >>> async def main():
    ...     otp.put("request", 17)
    ...     return otp.get("request"), otp.put("request", 18), otp.erase("request"), otp.get("request", "none")
    >>> otp.run(main)
    (17, 17, 18, 'none')

    Difference from Erlang: `None` stands for `undefined`.
    """
    x = current_process("otp.put(key, value)").ensure_ext()
    if x.dictionary is None:
        x.dictionary = {}
    before = x.dictionary.get(key)
    x.dictionary[key] = value
    return before


@overload
def get() -> dict[Hashable, Any]: ...


@overload
def get(key: Hashable, default: Any = None) -> Any: ...


def get(key: Any = ABSENT, default: Any = None) -> Any:
    """Return the value of `key`, or `default`.

    Without a key, returns a copy of the whole dictionary.

    >>> import otp
    >>> async def main():
    ...     otp.put("a", 1)
    ...     return otp.get("a"), otp.get("b"), otp.get()
    >>> otp.run(main)
    (1, None, {'a': 1})
    """
    x = current_process("otp.get(key)").ext
    found = {} if x is None or x.dictionary is None else x.dictionary
    return dict(found) if key is ABSENT else found.get(key, default)


@overload
def erase() -> dict[Hashable, Any]: ...


@overload
def erase(key: Hashable) -> Any: ...


def erase(key: Any = ABSENT) -> Any:
    """Remove `key` and return its value, or `None`; without a key, remove all.

    >>> import otp
    >>> async def main():
    ...     otp.put("a", 1), otp.put("b", 2)
    ...     return otp.erase("a"), otp.erase("a"), otp.erase(), otp.get()
    >>> otp.run(main)
    (1, None, {'b': 2}, {})
    """
    x = current_process("otp.erase(key)").ext
    found = {} if x is None or x.dictionary is None else x.dictionary
    if key is not ABSENT:
        return found.pop(key, None)
    if x is not None:
        x.dictionary = None
    return found


def get_keys() -> list[Hashable]:
    """Return the keys of the running process's dictionary, in order of insertion.

    >>> import otp
    >>> async def main():
    ...     otp.put("a", 1), otp.put("b", 2)
    ...     return otp.get_keys()
    >>> otp.run(main)
    ['a', 'b']
    """
    x = current_process("otp.get_keys()").ext
    return [] if x is None or x.dictionary is None else list(x.dictionary)
