"""Calls that wait for each other in a cycle: found when the last of them is made, and ended before its time is up.

A cycle of callers is a deadlock only if none of them can get an answer from elsewhere: a server may have handed its
`From` to another process, which replies later. Whoever replies needs a reference to that `From`, so the calls of a
cycle are compared with the references that the callers and the servers themselves hold. With one reference more, or
a limit that a caller has set itself, the calls are left to their time-outs.
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from types import BuiltinMethodType, CoroutineType, FunctionType, GeneratorType, MethodType, MethodWrapperType
from typing import Any, Final
from weakref import WeakKeyDictionary

from otp.kernel.callers import UNSET, Failed, From, call_of
from otp.kernel.kept import bounded_text
from otp.kernel.process import Process
from otp.kernel.scheduler import Timer
from otp.kernel.states import CALLING, READY

__all__ = ["CYCLE_NS", "cycle_of", "drawn", "suspect"]

CYCLE_NS: Final = 2_000_000_000
"""How long a cycle may last: less than the default time-out of a call, long enough to be seen by an observer."""
LONGEST: Final = 100  # processes of a cycle that is looked for
_NAME: Final = 60  # characters of a name
_FOREVER: Final = float("inf")
_CALLABLE: Final = frozenset[type]([BuiltinMethodType, FunctionType, MethodType, MethodWrapperType])
_COUNTS_REFERENCES: Final = sys.implementation.name == "cpython"


def cycle_of(frm: From) -> list[Process] | None:
    """The processes that wait for each other from the caller of `frm` on, in that order; None without a cycle."""
    me = frm._waiter
    found = [me]
    p = frm._to
    while p is not me:
        call = p._val
        if p._st != CALLING or type(call) is not From or len(found) == LONGEST or p._node._s is not me._node._s:
            return None
        found.append(p)
        p = call._to
    return found


def drawn(cycle: list[Process]) -> str:
    """The cycle in words: `a -> b -> a`."""
    return " -> ".join(_name_of(p) for p in (*cycle, cycle[0]))


def _name_of(p: Process) -> str:
    name = p._name
    if name is None:
        return f"{p._node.describe(p)} {p}"
    return name[:_NAME] if type(name) is str else bounded_text(name, _NAME)


def suspect(frm: From) -> None:
    """The server of a new call waits in a call itself: look again later if that leads back to the caller."""
    if _COUNTS_REFERENCES and cycle_of(frm) is not None:
        s = frm._waiter._node._s
        s.call_at(s.now_ns() + CYCLE_NS, _examine, (frm._waiter, id(frm)))  # by number: a reference would count


def _examine(timer: Timer) -> None:
    """End the call that would be the first to run into its time-out, if the cycle still stands and is a deadlock."""
    me, number = timer.target
    if me._st != CALLING or type(me._val) is not From or id(me._val) != number:
        return
    cycle = cycle_of(me._val)
    if cycle is None or not all(map(_is_certain, cycle)):
        return
    first = min((*cycle[1:], me), key=_deadline)
    at = cycle.index(first)
    cycle = cycle[at:] + cycle[:at]
    failed = Failed("timeout")
    failed.cycle = found = (tuple(cycle), drawn(cycle))
    s = first._node._s
    if s.cycles is None:
        s.cycles = WeakKeyDictionary()
    for p in cycle[1:]:
        s.cycles[p] = (p._val, found)  # they may fail with the one that is ended
    first._val = failed
    first._st = READY
    s.push(first)


def _is_certain(p: Process) -> bool:
    """Return whether only the server itself can answer the call in which `p` waits, which has no limit of its own."""
    x = p._x
    if (x is not None and x.tasks is not None and x.tasks.acted) or not _waits_patiently(p):
        return False
    frm, probe = p._val, object()
    known = _count(frm, _holders(frm))
    return sys.getrefcount(frm) - sys.getrefcount(probe) == known


def _waits_patiently(p: Process) -> bool:
    """Return whether no limit but the default time-out ends the wait of `p`: no `timeout=`, no `with` block."""
    by_default = False
    for held in gc.get_referents(*_coroutines(p)):
        if held is UNSET:
            by_default = True
        elif type(held) in _CALLABLE and held.__name__ in ("__exit__", "__aexit__"):
            return False  # `asyncio.timeout` or a task group may end the wait
    return by_default or _deadline(p) == _FOREVER


def _deadline(p: Process) -> float:
    """When the call of `p` runs into its time-out, in ns."""
    timer = _timer_of(p)
    if timer is not None:
        return timer.due
    return p._side.deadline if p._side is not None and p._side.deadline else _FOREVER


def _timer_of(p: Process) -> Timer | None:
    for held in gc.get_referents(*_coroutines(p)):
        if type(held) is Timer and held.fire is not None and type(held.target) is tuple and p._val in held.target:
            return held
    return None


def _coroutines(p: Process) -> list[Any]:
    """The coroutines of a process that waits, outermost first."""
    found: list[Any] = []
    waits: Any = p._coro
    while type(waits) is CoroutineType or type(waits) is GeneratorType:
        found.append(waits)
        waits = waits.cr_await if type(waits) is CoroutineType else waits.gi_yieldfrom
    return found


def _holders(frm: From) -> list[Any]:
    """Return what may hold a call that nothing else can answer: its caller, its server, and what is theirs alone."""
    found: dict[int, Any] = {}
    for p in (frm._waiter, frm._to):
        for holder in _owned_by(p, frm):
            found[id(holder)] = holder
    timer = _timer_of(frm._waiter)
    if timer is not None:
        found[id(timer.target)] = timer.target
    return list(found.values())


def _owned_by(p: Process, frm: From) -> Iterator[Any]:
    yield p
    yield from _coroutines(p)
    x = p._x
    batches = [] if p._mbox is None else [p._mbox]
    if x is not None:
        yield x
        if x.pend is not None:
            yield x.pend
        if x.it is not None:
            batches += [held for held in gc.get_referents(x.it) if type(held) is list]
    for batch in batches:
        yield batch
        for message in batch:
            if type(message) is tuple and call_of(message) is frm:
                yield message


def _count(frm: From, holders: list[Any]) -> int:
    """How many references to a call these objects hold themselves."""
    count = 0
    for held in gc.get_referents(*holders):
        if held is frm:
            count += 1
    return count
