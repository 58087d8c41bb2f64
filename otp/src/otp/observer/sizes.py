"""The memory of a process's state and mailbox, as far as the interpreter shows it."""

# States and messages have no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from otp._structure import mro, stored
from otp.kernel.ends.mailbox import mailbox_of
from otp.kernel.tables.callers import From
from otp.kernel.values.pids import Pid, Ref
from otp.kernel.values.process import DEAD

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node

__all__ = ["Memory", "memory"]

MOST: Final = 20_000
_SIZED: Final = (dict, list, tuple, set, frozenset, deque, str, bytes, bytearray, int, float)
_NOT_ITS_OWN: Final = (Pid, Ref, type, ModuleType, FunctionType, BuiltinFunctionType, MethodType)


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes reachable from a process, each object once.

    `state` is None for a coroutine. `complete` is False if one of them had more objects than were counted: the numbers
    are then lower bounds.
    """

    state: int | None
    mailbox: int
    dictionary: int
    complete: bool


def memory(node: Node, pid: Pid, most: int = MOST) -> Memory | None:
    """Return the memory of a process's state, mailbox and dictionary.

    Returns None if it is not alive.

    Args:
        node: the node of the process.
        pid: the process.
        most: objects counted in each of the three; a thousand hold the loop for some milliseconds.

    Objects that several processes share count for each; pids, classes, functions and modules are not counted. The
    variables of a coroutine are unknown.

    Difference from Erlang: there a process has its own heap, and `process_info(Pid, memory)` is exact.

    >>> import otp
    >>> from otp import Agent, observer
    >>> async def main():
    ...     agent = await Agent.start_link(lambda: list(range(1000)))
    ...     return observer.memory(otp.trace.node_of(agent), agent).state > 8000
    >>> otp.run(main)
    True
    """
    p = node.process_table.get(pid.id)
    if p is None or p is not pid or p.status == DEAD:
        return None
    x = p.ext
    state, all_of_state = (None, True) if p.callbacks is None else _bytes_of([p.state], most)
    waiting, all_waiting = _bytes_of(mailbox_of(p), most)
    kept, all_kept = _bytes_of([] if x is None or not x.dictionary else [x.dictionary], most)
    return Memory(state, waiting, kept, all_of_state and all_waiting and all_kept)


def _bytes_of(roots: Iterable[Any], most: int) -> tuple[int, bool]:
    """Return the bytes of all reachable objects, and whether these are all."""
    seen: dict[int, Any] = {}  # keeps temporary objects, so that no id occurs twice
    waiting = deque(islice(roots, most + 1))
    total = 0
    while waiting:
        value = waiting.popleft()
        bases = mro(type(value))
        if value is None or id(value) in seen or any(base in _NOT_ITS_OWN for base in bases):
            continue
        if len(seen) >= most:
            return total, False
        seen[id(value)] = value
        kind = next((base for base in _SIZED if base in bases), object)
        total += kind.__sizeof__(value)  # of the builtin base: a program's own `__sizeof__` is not called
        if type(value) is From:
            waiting.append(value.request)
            continue
        room = most + 1 - len(waiting)
        if kind is dict:
            for key, item in islice(dict.items(value), max(0, room // 2)):
                waiting += (key, item)
        elif kind in (list, tuple, set, frozenset, deque):
            waiting.extend(islice(kind.__iter__(value), max(0, room)))
        if type(value) is not kind:
            waiting.extend(item for _, item in stored(value, type(value)))
    return total, True
