"""The search for other users of a connection whose process has ended.

A connection that the process opened for itself ends with it. One that belongs to a client or a pool (an object of a
class that asyncio does not define) stays open while a module, another living process or an unfinished task refers to
that object: closing it would break them. A writer that is merely kept in a list does not count, nor do the variables of
another process, for which there is `controlling_process`. A process that waits for data of the connection does count.

Any kind of object can be found, so `type` is used: `isinstance` would read `__class__`, for which a `weakref.proxy`
asks its referent, and which makes a lazy object of a web framework create its value.

The objects around the connection are examined first. Usually nothing else refers to them, and the search ends.
Otherwise it follows the references upwards to the nearest holder, which takes some scans of the heap (10 ms for 100,000
objects), one a turn, however many processes end at once.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections import deque
from collections.abc import Generator
from types import CodeType, CoroutineType, FrameType, FunctionType, GeneratorType, ModuleType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from otp.kernel.tables.scheduler import DRAIN_NS
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import CUT_SHORT, DEAD, REMOTE, Process, TaskTable, task_owner

if TYPE_CHECKING:
    from otp.kernel.tables.openings import Opened

AROUND: Final = 5_000  # objects that a connection may refer to; more are not examined first
LEVELS: Final = 40  # references between a connection and a module; SQLAlchemy has 21
WIDTH: Final = 100  # objects for which the collector finds referrers, one by one; more are looked up in a set

_LEAVES: Final = (ModuleType, type, CodeType, asyncio.AbstractEventLoop, Pid, logging.Logger)
_ENDS: Final = (Pid, TaskTable, asyncio.Task, asyncio.AbstractEventLoop, asyncio.Handle, FrameType)
_OF_THE_LOOP: Final = (asyncio.BaseTransport, asyncio.Handle)
_CONTAINERS: Final = (list, dict, set, frozenset, tuple, deque, asyncio.Future, asyncio.Queue)
_PLAIN: Final = frozenset(
    {"builtins", "collections", "contextvars", "functools", "types", "weakref", "_weakrefset", "threading"}
)


def find_unheld(dead: Process, opened: list[Opened]) -> Generator[None, None, list[Opened]]:
    """Return those of `opened` that end with the process `dead`; the holders of the others take them over.

    It yields after each scan of the heap, and while it examines many connections, for the loop to go on meanwhile.
    """
    s = dead.runtime.scheduler
    began = s.work_ns()
    unheld: list[Opened] = []
    searched: list[tuple[Opened, list[int]]] = []
    nodes: dict[int, Any] = {}
    for one in opened:
        if s.work_ns() - began > DRAIN_NS:
            yield
            began = s.work_ns()
        entries = _find_referenced(one.find())
        nodes.update(entries)
        if entries:
            searched.append((one, list(entries)))
        elif one.find() is not None:
            unheld.append(one)
        entries.clear()
    if searched:
        while s.searching:  # many processes may have ended at once
            yield
        s.searching = True
        try:
            references = _References(nodes)
            for _ in references.climb():
                searched = [(one, numbers) for one, numbers in searched if not references.move(one, numbers)]
                if not searched:
                    break
                yield
            unheld += [one for one, _ in searched]
        finally:
            s.searching = False
    return unheld


def _find_referenced(transport: Any) -> dict[int, Any]:
    """Return the objects that lead to `transport` and have referrers to which it does not lead.

    The loop does not count. Like a garbage collector, this compares the references it finds with the counts.
    """
    if transport is None:
        return {}
    nodes: list[Any] = [transport]
    numbers: dict[int, int] = {id(transport): 0}
    found: list[int] = [_count_loop_references(transport)]
    transport = None
    before: list[list[int]] = [[]]
    at = 0
    while at < len(nodes):
        for part in _parts(nodes[at]):
            number = numbers.get(id(part))
            if number is None:
                if issubclass(type(part), _LEAVES) or not gc.is_tracked(part):
                    continue
                if len(nodes) == AROUND:
                    return {id(nodes[0]): nodes[0]}
                number = numbers[id(part)] = len(nodes)
                nodes.append(part)
                found.append(0)
                before.append([])
            found[number] += 1
            before[number].append(at)
        part = None  # it would count as a reference
        at += 1
    leading, todo = {0}, [0]
    while todo:
        for number in before[todo.pop()]:
            if number not in leading:
                leading.add(number)
                todo.append(number)
    counts = [sys.getrefcount(nodes[number]) - 2 for number in range(len(nodes))]  # less the list and the argument
    return {
        id(nodes[number]): nodes[number]
        for number in sorted(leading)
        if counts[number] > found[number] and (number == 0 or not _is_of_the_loop(nodes[number]))
    }


def _count_loop_references(transport: Any) -> int:
    """Return how often asyncio and uvloop refer to a transport: once while it reads."""
    if type(transport).__name__ == "_SSLProtocolTransport":  # the loop refers to the one below
        return 0
    is_reading = getattr(transport, "is_reading", None)
    return 1 if is_reading is None else int(is_reading())


def _parts(node: Any) -> Any:
    """Return what an object refers to; of a function its closure, not its module."""
    return gc.get_referents(node) if type(node) is not FunctionType else node.__closure__ or ()


def _module_of(node: object) -> str:
    """Return the module name of an object's class, or "" if `__module__` is something else."""
    module = getattr(type(node), "__module__", None)
    return module if type(module) is str else ""


def _is_of_the_loop(node: Any) -> bool:
    return issubclass(type(node), _OF_THE_LOOP) or _module_of(node) == "uvloop.loop"


def _is_client(node: Any) -> bool:
    """Return whether an object may be a client or a pool: of a class that neither Python nor asyncio defines."""
    module = _module_of(node)
    return (
        module not in _PLAIN
        and module.partition(".")[0] not in ("asyncio", "_asyncio", "uvloop", "otp")
        and not issubclass(type(node), (asyncio.BaseProtocol, asyncio.BaseTransport))
    )


def _is_module(node: Any) -> bool:
    if issubclass(type(node), (ModuleType, type)):
        return True
    return type(node) is dict and "__builtins__" in node and "__name__" in node


def _is_stream(node: Any) -> bool:
    """Return whether a coroutine waits for a stream of asyncio, except for its end."""
    if type(node) is not CoroutineType:
        return False
    code = node.cr_code
    return code.co_filename == asyncio.streams.__file__ and code.co_name != "wait_closed"


def _is_search(node: Any) -> bool:
    return type(node) is GeneratorType and node.gi_code.co_filename == __file__


class _Path(NamedTuple):
    """A way upwards from a connection: the object it has reached, and what it has passed."""

    at: int
    client: bool  # a client or pool
    kept: bool  # a container
    waits: bool  # a coroutine that waits for data


class _References:
    """All references that lead to some objects."""

    def __init__(self, nodes: dict[int, Any]) -> None:
        self._nodes: dict[int, Any] = nodes
        self._above: dict[int, list[int]] = {}
        self._is_complete: bool = False
        self._has_ended: bool = False
        self._explained: set[int] = set()

    def climb(self) -> Generator[None]:
        """Find what refers to the objects, then what refers to that, up to modules, processes and tasks."""
        level = list(self._nodes)
        for _ in range(LEVELS):
            members = set(level)
            higher: list[int] = []
            for referrer in self._referrers(level):
                number = id(referrer)
                if referrer is self._nodes or _is_search(referrer):
                    continue
                above = [id(part) for part in gc.get_referents(referrer) if id(part) in members]
                for part in above:
                    self._above.setdefault(part, []).append(number)
                if above and number not in self._nodes:
                    self._nodes[number] = referrer
                    if not self._is_end(referrer):
                        higher.append(number)
            referrer = None  # it would count as a reference
            level = higher
            if not level:
                self._is_complete = True
                break
            yield
        self._explained.update(
            number
            for number in self._nodes
            if sys.getrefcount(self._nodes[number]) - 2 <= len(self._above.get(number, ()))  # less ours
        )
        self._has_ended = True
        yield

    def _referrers(self, level: list[int]) -> list[Any]:
        if len(level) <= WIDTH:
            asked = tuple(self._nodes[number] for number in level)
            return [node for node in gc.get_referrers(*asked) if node is not asked]  # Python 3.13 finds this tuple
        members = set(level)
        return [node for node in gc.get_objects() if not members.isdisjoint(map(id, gc.get_referents(node)))]

    def _is_explained(self, number: int) -> bool:
        """Return whether all that refers to an object was found: the collector shows nothing that is frozen."""
        return self._is_complete and number in self._explained

    def _is_end(self, node: Any) -> bool:
        return (
            issubclass(type(node), _ENDS)
            or _is_module(node)
            or _is_of_the_loop(node)
            or _module_of(node) == "otp.kernel.steps.drain"
        )

    def move(self, one: Opened, entries: list[int]) -> bool:
        """Move a connection to its holder, if one was found."""
        holder = self._find_holder(entries, one.kind != "accepted")
        if holder is not None:
            one.move(holder)
        return holder is not None

    def _find_holder(self, entries: list[int], clients: bool) -> Process | Literal["node"] | None:
        """Return the living process that holds a connection, or `"node"` for a module or a task without a process.

        With `clients`, a holder of a client or pool also holds its connections.
        """
        holder: Process | None = None
        seen: set[_Path] = set()
        todo = [_Path(entry, False, False, False) for entry in entries]
        while todo:
            path = todo.pop()
            node = self._nodes[path.at]
            holds = path.waits or (clients and path.client)
            if issubclass(type(node), asyncio.Task):
                if node.done():
                    continue
                owner = task_owner(node)
                if owner is None or (owner.status == DEAD and owner.state is not CUT_SHORT):
                    if holds or not path.kept:
                        return "node"
                    continue
                node = owner
            if issubclass(type(node), Process):
                if holds and node.status not in (DEAD, REMOTE) and (holder is None or node.number < holder.number):
                    holder = node
            elif _is_module(node):
                if holds:
                    return "node"
            else:
                client = path.client or _is_client(node)
                if clients and client and self._has_ended and not (self._is_end(node) or self._is_explained(path.at)):
                    return "node"
                kept = path.kept or issubclass(type(node), _CONTAINERS)
                waits = path.waits or _is_stream(node)
                for above in self._above.get(path.at, ()):
                    further = _Path(above, client, kept, waits)
                    if further not in seen:
                        seen.add(further)
                        todo.append(further)
        return holder
