"""Cycles of calls and starts: found with the wait that closes one, and ended before a time-out.

A process waits for another one in a call, or in a start, until `init` is done. Which of the waits closes the cycle
depends on the order: an `init` that calls its supervisor may run on the supervisor's stack, before that one waits.

A cycle is a deadlock only if none of its processes can get a reply from elsewhere: a server may have handed its `From`
to another process, which replies later. A reply needs a reference to the `From`, so the reference count of each call in
the cycle is compared with the references that the callers and servers themselves hold. If there is one more, or a
caller has set its own limit, the calls are left to their time-outs.
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
from types import BuiltinMethodType, CoroutineType, FunctionType, GeneratorType, MethodType, MethodWrapperType
from typing import Any, Final
from weakref import WeakKeyDictionary

from otp.kernel.ends.wording import keyed_name
from otp.kernel.tables.callers import UNSET, Failed, From, OutsideCaller, call_of
from otp.kernel.tables.places import where_in
from otp.kernel.tables.scheduler import Timer
from otp.kernel.values.bounded import bounded_text
from otp.kernel.values.errors import CallExit, Exit
from otp.kernel.values.exception_reasons import place_of_error
from otp.kernel.values.process import CALLING, FUT, INJECTED, READY, REMOTE, Process

CYCLE_NS: Final = 2_000_000_000

"""The maximum duration of a cycle: less than the default time-out, long enough for an observer to see it."""

LONGEST: Final = 100  # longest cycle that is searched for, in processes

_NAME: Final = 60  # characters of a name

_FOREVER: Final = float("inf")

_CALLABLE: Final = frozenset[type]([BuiltinMethodType, FunctionType, MethodType, MethodWrapperType])

_COUNTS_REFERENCES: Final = sys.implementation.name == "cpython"


def cycle_of(frm: From) -> list[Process] | None:
    """Return the processes that wait for each other; None without a cycle.

    They are listed from the caller of `frm` on, in the order of the calls.
    """
    me = _caller(frm)
    if me is None:
        return None
    found = [me]
    p = frm.to
    while p is not me:
        call = _call_of(p)
        if call is None or len(found) == LONGEST or p.runtime.scheduler is not me.runtime.scheduler:
            return None
        found.append(p)
        p = call.to
    return found


def _caller(frm: From) -> Process | None:
    """Return the process that made a call; for a stand-in the process for which it waits, if there is one."""
    waiter = frm.waiter
    return waiter.parent if type(waiter) is OutsideCaller else waiter


def _call_of(p: Process) -> From | None:
    """Return the call that `p` waits for: its own, or one of the stand-in whose future it awaits.

    A supervisor that starts a child on the stack of its caller waits through a stand-in.
    """
    waiter: Process | None = None
    if p.status == CALLING:
        waiter = p
    elif p.status == FUT:
        waiter = getattr(p.ensure_ext().fut, "stand_in", None)
    if waiter is None or waiter.status != CALLING:
        return None
    call = waiter.value
    return call if type(call) is From else None


def drawn(cycle: Sequence[Process | str]) -> str:
    """Return the cycle as text: `a -> b -> a`."""
    return " -> ".join(_name_of(p) if isinstance(p, Process) else p for p in (*cycle, cycle[0]))


def _name_of(p: Process) -> str:
    name = p.registered_name
    if name is None:
        return keyed_name(p) or f"{p.runtime.describe(p)} {p}"
    return name[:_NAME] if type(name) is str else bounded_text(name, _NAME)


def suspect(frm: From) -> None:
    """Check a new wait for a process that waits itself.

    If the chain of calls leads back to the caller, it is examined again `CYCLE_NS` later.
    """
    if _COUNTS_REFERENCES and (cycle := cycle_of(frm)) is not None:
        s = frm.waiter.runtime.scheduler
        s.call_at(s.now_ns() + CYCLE_NS, _examine, (cycle[0], id(frm)))  # by id: a reference would count


def _examine(timer: Timer) -> None:
    """End the call that would time out first, if the cycle still exists and is a deadlock."""
    me, number = timer.target
    call = _call_of(me)
    if call is None or id(call) != number:
        return
    cycle = cycle_of(call)
    del call  # it would count
    if cycle is None or not all(map(_is_certain, cycle)):
        return
    first = min((*cycle[1:], me), key=_deadline)
    at = cycle.index(first)
    cycle = cycle[at:] + cycle[:at]
    failed = Failed("timeout", expired=True)
    s = first.runtime.scheduler
    waited = (s.now_ns() - timer.due + CYCLE_NS) / 1e9
    failed.cycle = found = (tuple(cycle), drawn(cycle), waited)
    _note_others(cycle, found)
    call = _call_of(first)
    if call is not None:
        waiter = call.waiter
        waiter.value = failed
        waiter.status = READY
        s.push(waiter)


def _note_others(cycle: Sequence[Process], found: tuple[tuple[Process, ...], str, float]) -> None:
    """Note the cycle for its other calls, which may fail together with the first, by their `ref`.

    The call itself would count as a reference, and hide the next cycle that it is part of.
    """
    s = cycle[0].runtime.scheduler
    if s.cycles is None:
        s.cycles = WeakKeyDictionary()
    for p in cycle[1:]:
        call = _call_of(p)
        if call is not None:
            s.cycles[call.waiter] = (call.ref, found)


def cycle_at_timeout(frm: From) -> tuple[tuple[Process, str], ...] | None:
    """Return the cycle of a call that timed out, with the names of its processes; None without a cycle.

    If several calls of a cycle time out in the same turn, the one that failed first has recorded it.
    """
    server = frm.to
    if server.status == READY and type(server.value) is Failed:
        me, found = _caller(frm), server.value.timed_out or ()
        at = next((at for at, (p, _) in enumerate(found) if p is me), None)
        return None if at is None else found[at:] + found[:at]
    cycle = cycle_of(frm) if server.status >= CALLING else None
    if cycle is None:
        return None
    _note_others(cycle, (tuple(cycle), drawn(cycle), 0.0))
    return tuple((p, _name_of(p)) for p in cycle)


def note_crash(p: Process, error: BaseException | None) -> None:
    """Remember what the reason of an `Exit` lacks, as long as its process is referenced.

    That is the line that raised it; of a failed call, also the seconds that it waited, and the cycle of calls or the
    busy server.
    """
    s = p.runtime.scheduler
    if isinstance(error, Exit):
        if s.cycles is None:
            s.cycles = WeakKeyDictionary()
        cycle = busy = waited = None
        if isinstance(error, CallExit):
            cycle, busy, waited = error.drawn or error.locked or None, error.busy, error.waited or None
        s.cycles[p] = (None, (cycle, busy, place_of_error(error), waited))
    elif s.cycles is not None:
        s.cycles.pop(p, None)


def causes_behind(p: Process) -> tuple[Any, ...]:
    """Return what made a process crash: the cycle of calls as text, the busy server, the line and time of the call.

    Each is None if it is not known; nothing for a process that did not crash for a failed call.
    """
    cycles = p.runtime.scheduler.cycles
    ref, found = (None, None) if cycles is None else cycles.get(p, (None, None))
    return () if ref is not None or found is None else found


def seconds_waited(p: Any) -> float:
    """Return for how long the call waited whose failure ended a process; 0 if its reason has that, or none did."""
    if not isinstance(p, Process) or p.status == REMOTE:
        return 0.0
    return (causes_behind(p) or (None,))[-1] or 0.0


def _is_certain(p: Process) -> bool:
    """Return whether only the server can answer the call of `p`, and no custom limit ends it."""
    x = p.ext
    if (x is not None and x.tasks is not None and x.tasks.acted) or not _waits_patiently(p):
        return False
    frm, probe = _call_of(p), object()
    if frm is None:
        return False
    known = _count(frm, _holders(p, frm))
    return sys.getrefcount(frm) - sys.getrefcount(probe) == known


def _waits_patiently(p: Process) -> bool:
    """Return whether no limit but the default time-out ends the wait of `p`: no `timeout=`, no `with` block."""
    by_default = False
    for held in gc.get_referents(*_coroutines(p)):
        if held is UNSET:
            by_default = True
        elif type(held) in _CALLABLE and held.__name__ in ("__exit__", "__aexit__"):
            return False  # `asyncio.timeout` or a task group may end the wait
    return by_default or _deadline(p)[1] == _FOREVER


def _deadline(p: Process) -> tuple[bool, float]:
    """Return when the wait of `p` ends by itself, in ns; calls sort before starts, which have no time-out."""
    frm = _call_of(p)
    starts = frm is not None and frm.to.ext is not None and frm.to.ext.ack is frm
    timer = _timer_of(p, frm)
    if timer is not None:
        return starts, timer.due
    side = p.side if p.status == CALLING else None
    return starts, side.deadline if side is not None and side.deadline else _FOREVER


def _timer_of(p: Process, frm: From | None) -> Timer | None:
    for held in gc.get_referents(*_coroutines(p)):
        if type(held) is Timer and held.fire is not None and type(held.target) is tuple and frm in held.target:
            return held
    return None


def _coroutines(p: Process) -> list[Any]:
    """Return the coroutines of a process that waits, outermost first."""
    found: list[Any] = []
    waits: Any = p.coroutine
    while type(waits) is CoroutineType or type(waits) is GeneratorType:
        found.append(waits)
        if type(waits) is CoroutineType:
            waits = waits.cr_await
        else:  # a generator that drives a coroutine step by step, see `child_start.Pending`, holds it itself
            held = [inner for inner in gc.get_referents(waits) if type(inner) is CoroutineType]
            waits = waits.gi_yieldfrom or (held[0] if held else None)
    return found


def _holders(p: Process, frm: From) -> list[Any]:
    """Return what may hold a call that nothing else can answer.

    That is its caller `p`, its server, the objects that only these two hold, and who reads or debugs their messages.
    """
    found: dict[int, Any] = {id(frm.waiter): frm.waiter}
    for owner in (p, frm.to):
        for holder in _owned_by(owner, frm):
            found[id(holder)] = holder
    timer = _timer_of(p, frm)
    if timer is not None:
        found[id(timer.target)] = timer.target
    for holder in frm.to.runtime.tracer.holders(frm):
        found[id(holder)] = holder
    return list(found.values())


def _owned_by(p: Process, frm: From) -> Iterator[Any]:
    yield p
    yield from _coroutines(p)
    x = p.ext
    batches = [] if p.mailbox is None else [p.mailbox]
    if x is not None:
        yield x
        if x.unanswered is not None:
            yield x.unanswered
        if x.it is not None:
            batches += [held for held in gc.get_referents(x.it) if type(held) is list]
    if p.callbacks is not None and p.callbacks.debug is not None:
        batches += map(list, p.callbacks.debug.log or ())
    for batch in batches:
        yield batch
        for message in batch:
            if type(message) is tuple and call_of(message) is frm:
                yield message


def _count(frm: From, holders: list[Any]) -> int:
    """Return how many references to a call these objects hold themselves."""
    count = 0
    for held in gc.get_referents(*holders):
        if held is frm:
            count += 1
    return count


# Explanations of a missing reply, made when the call times out.


def describe_cycle(cycle: tuple[tuple[Process, str], ...]) -> str:
    """Explain why a server has not replied to a call in a cycle; `cycle` begins with the caller."""
    return f"the server was itself waiting for the caller, a deadlock ({drawn([name for _, name in cycle])})"


def busy_server(frm: From) -> tuple[str, str, str] | None:
    """Return the server at the end of a chain of calls, its callback and the line there, both "" if it is suspended.

    None if that is not why it is silent: it is in no callback, or has put the call off without a reply.
    """
    call: From | None = frm
    p = frm.to
    for _ in range(LONGEST):
        if p.ext is not None and p.ext.suspended:
            return (_name_of(p), "", "")
        if p.ext is not None and p.ext.unanswered and call in p.ext.unanswered:
            return None
        call = _call_of(p)
        if call is None:
            break
        p = call.to
    x = p.ext
    if p.status == REMOTE or x is None or x.callback is None or p.coroutine is None:
        return None
    return (_name_of(p), x.callback, where_in(p.coroutine))


def why_silent(frm: From) -> str:
    """Explain why a server has not replied to this call, by what it is doing now; in the past tense, for later."""
    server = frm.to
    if server.status == REMOTE:
        return f"the server is on node {server.node!r}; it was busy there, or its reply was still on its way"
    x = server.ext
    if x is not None and x.suspended:
        return "the server was suspended (sys.suspend)"
    if x is not None and x.unanswered and x.unanswered.get(frm) == INJECTED:
        return "an injected fault lost or delayed the request"
    if x is not None and x.unanswered and frm in x.unanswered:
        return "the server took the request and returned NoReply; does anything call GenServer.reply(caller, value)?"
    if server.status == CALLING and type(server.value) is From:
        target = server.value.to
        called = target if target.status == REMOTE else _name_of(target)
        if (cycle := cycle_of(server.value)) is not None:
            return f"the server was in a deadlock ({drawn(cycle)})"
        call = None if target.status == REMOTE else _call_of(target)
        if call is not None and (cycle := cycle_of(call)) is not None:
            return f"the server was waiting for a reply from {called}, which was in a deadlock ({drawn(cycle)})"
        return f"the server was waiting for a reply from {called}; find out why {called} did not answer"
    if x is not None and x.frm is frm:
        return "its handle_call had not finished; return NoReply(state) and reply later, or allow more time"
    return "the server was busy with earlier messages; allow more time, or reduce its load"
