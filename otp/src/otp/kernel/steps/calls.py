"""The call protocol: request and reply between a caller and a server.

OTP monitors the server for every call. Here the request itself is the monitor: it is in the server's mailbox or in its
table of unanswered calls, and the end of the server fails every caller found there. A `From` is a call's reference,
reply address and envelope in one; a reply to a call that is over is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias

from otp.kernel.ends.call_cycles import (
    busy_server,
    cycle_at_timeout,
    describe_cycle,
    drawn,
    seconds_waited,
    suspect,
    why_silent,
)
from otp.kernel.ends.death import deliver_fatal, end_stand_in
from otp.kernel.ends.mailbox import deliver, forget, park, refuse_to_wait
from otp.kernel.ends.wording import name_text, process_name
from otp.kernel.tables.callers import UNSET, Failed, From, OutsideCaller, new_call, new_outside_caller
from otp.kernel.tables.message_events import HIDDEN
from otp.kernel.tables.names import resolve, some_names
from otp.kernel.tables.places import where_awaited
from otp.kernel.tables.scheduler import (
    DEFAULT_TIMEOUT,
    DRAIN_NS,
    SWEEP_FROM,
    TICK,
    Scheduler,
    Timer,
    nanoseconds,
    spend,
)
from otp.kernel.values.bounded import text
from otp.kernel.values.errors import CallCycle, CallExit, CallingSelf, CallTimeout, NoProcess, ServerDown
from otp.kernel.values.process import (
    CALL_TAG,
    CALLING,
    DEAD,
    EXITING,
    FUT,
    READY,
    REMOTE,
    RUN,
    SYSTEM_TAG,
    Cancel,
    Process,
    Side,
    is_sensitive,
)

EXACT_BELOW: Final = 250_000_000  # ns: shorter limits get their own timer

EXACT_ABOVE: Final = 60_000_000_000  # longer ones too: a bucket keeps its callers, including dead ones, until its time

LONGEST: Final = 100  # characters of the request in an event

Way: TypeAlias = Literal["call", "system", "start"]  # a call, a request of `otp.sys`, a start


def failure(reason: Any, dest: Any, request: Any, timeout: Any = UNSET, behaviour: str = "gen_server") -> CallExit:
    """Return the exception of a failed call, of the class that fits `reason`."""
    arguments = [dest, request] if timeout is UNSET else [dest, request, "infinity" if timeout is None else timeout]
    described = (reason, (behaviour, "call", arguments))
    kind = _KINDS.get(reason, ServerDown) if type(reason) is str else ServerDown
    return kind(described, dest, request)


_KINDS: Final[dict[str, type[CallExit]]] = {
    "noproc": NoProcess,
    "timeout": CallTimeout,
    "calling_self": CallingSelf,
}


# Time-outs of calls. A blocked caller is in one 8 ms bucket at most. A finished call stays there until the bucket
# expires, which re-files or drops it. A loop timer for each call would cost three times the call itself.
#
# The entry belongs to the caller and not to a call: the next call only sets a later deadline, which costs two stores.
# Without the check of `armed` each call adds an entry (test_many_calls_later_the_wheel_holds_a_caller_once). With the
# deadline of an earlier call left in place, a call with a timer of its own would end there
# (test_a_short_limit_does_not_see_the_deadline_of_an_earlier_call).


def start_waiting(me: Process, frm: From, timeout: Any) -> Timer | Literal[False] | None:
    """Note the deadline of `me`, which has sent the request `frm` and is about to wait.

    Returns the timer if the limit needs one, False for a limit of 0, which is already over.
    """
    s = me.runtime.scheduler
    if timeout is UNSET:
        limit: int | None = DEFAULT_TIMEOUT
    else:
        limit = nanoseconds(timeout, "call(timeout=…)", infinite=True)
        if limit == 0:
            forget(frm)
            me.value = None
            return False
    me.status = CALLING
    wait = me.side
    if limit is None:
        if wait is not None:
            wait.deadline = 0
    elif s.virtual or limit < EXACT_BELOW or limit > EXACT_ABOVE:
        if wait is not None:  # the bucket must not see the deadline of an earlier call
            wait.deadline = 0
        return s.call_at(s.now_ns() + limit, _expire_exactly, (me, frm))
    else:
        if wait is None:
            wait = me.side = Side()
        # the time a process has run since the drain began does not count towards its call; see `prolong`
        deadline = s.now_ns() + limit if timeout is not UNSET else s.default_deadline or s.read_deadline()
        wait.deadline = deadline
        if wait.armed == 0 or (deadline // TICK + 1) * TICK < wait.armed:
            _file(me, wait, deadline)
    return None


def _file(me: Process, wait: Side, deadline: int) -> None:
    s = me.runtime.scheduler
    k = deadline // TICK + 1
    wait.armed = k * TICK
    bucket = s.wheel.get(k)
    if bucket is None:
        s.wheel[k] = [me]
        s.call_at((k + 1) * TICK, _tick, (s, k))
    else:
        bucket.append(me)
    s.filed = filed = s.filed + 1
    if filed > s.sweep_wheel_at:
        _sweep(s)


def _sweep(s: Scheduler) -> None:
    """Drop callers that have ended, once they may be half of all; else each stays for the full time-out."""
    left = 0
    for k, bucket in s.wheel.items():
        bucket[:] = [p for p in bucket if p.side is not None and p.side.armed == k * TICK]  # the dead have no side
        left += len(bucket)
    s.filed = left
    s.sweep_wheel_at = max(SWEEP_FROM, 2 * left)


def _tick(timer: Timer) -> None:
    s, k = timer.target
    bucket = s.wheel.pop(k, ())
    s.filed -= len(bucket)
    for p in bucket:
        wait: Side | None = p.side
        if wait is None or wait.armed != k * TICK:
            continue
        wait.armed = 0
        if p.status == CALLING and wait.deadline:
            deadline = s.prolonged.get(wait.deadline, wait.deadline)
            if deadline <= s.now:
                _expire(p)
            else:
                _file(p, wait, deadline)


def _expire(p: Process) -> None:
    failed = Failed("timeout", expired=True)
    failed.timed_out = cycle_at_timeout(p.value)  # until `p` goes on, another call of the cycle may have failed, too
    p.value = failed
    p.status = READY
    p.runtime.scheduler.push(p)


def _expire_exactly(timer: Timer) -> None:
    p, frm = timer.target
    if p.status == CALLING and p.value is frm:
        _expire(p)


async def wait_for_reply(me: Process, frm: From, timeout: Any, dest: Any, way: Way = "call") -> Any:
    """Block `me`, whose request `frm` is sent, until the reply, the server's end or the time-out."""
    if frm.to.status >= CALLING:
        suspect(frm)
    timer = start_waiting(me, frm, timeout)
    if timer is False:
        await spend()
        raise no_time(frm, dest, timeout, way)
    try:
        value = await park(me)
    except BaseException:
        forget(frm)
        raise
    finally:
        if timer is not None:
            timer.fire = timer.target = None
    if type(value) is Failed:
        raise call_failed(frm, value, dest, timeout, way)
    return value


def no_time(frm: From, dest: Any, timeout: Any, way: Way = "call") -> CallExit:
    """Return the exception for a call that may take no time."""
    found = failure("timeout", dest, frm.request, timeout)
    if way != "start":
        report_timeout(frm, found, dest, timeout, way)
    return found


def call_failed(frm: From, failed: Failed, dest: Any, timeout: Any, way: Way = "call") -> CallExit:
    """Return the exception for a caller that was woken by a failure."""
    why, busy, locked = "", None, failed.timed_out
    if locked is not None:
        why = describe_cycle(locked)
    elif type(failed.reason) is str and failed.reason == "timeout":
        why, busy = why_silent(frm), busy_server(frm)
    forget(frm)
    found = failure(failed.reason, dest, frm.request, timeout)
    if failed.cycle is not None:
        found = CallCycle(found.reason, dest, frm.request)
        found.cycle, found.drawn, found.waited = failed.cycle
    elif isinstance(found, CallTimeout):
        found.why, found.busy, found.locked = why, busy, "" if locked is None else drawn([name for _, name in locked])
        found.waited = DEFAULT_TIMEOUT / 1e9 if failed.expired and timeout is UNSET else 0.0
    else:
        _note_cycle(frm, found)
        found.waited = found.waited or seconds_waited(frm.to)  # its own call may have timed out
    if failed.expired and way != "start":
        report_timeout(frm, found, dest, timeout, way)
    return found


def _note_cycle(frm: From, failed: CallExit) -> None:
    """Attach the cycle to a failure if the server ended because its own call was part of one."""
    cycles = frm.waiter.runtime.scheduler.cycles
    ref, found = (None, None) if cycles is None else cycles.get(frm.waiter, (None, None))
    if cycles is not None and ref is not None and ref is frm.ref and found is not None:
        del cycles[frm.waiter]
        failed.cycle, failed.drawn, failed.waited = found


def make_noproc_exit(dest: Any, request: Any, timeout: Any = UNSET) -> CallExit:
    """Return the exception of a call to an unregistered name, with some registered names as suggestions."""
    found = failure("noproc", dest, request, timeout)
    if isinstance(found, NoProcess) and isinstance(dest, str):
        found.known = some_names()
    return found


def retold(failed: CallExit, reason: Any, dest: Any, request: Any) -> CallExit:
    """Return the same failure with another description of the call."""
    found = type(failed)(reason, dest, request)
    for name in ("why", "known", "cycle", "drawn", "locked", "waited", "busy"):
        if name in failed.__dict__:
            setattr(found, name, failed.__dict__[name])
    return found


# The event of a call that timed out: if its caller catches the error, nothing else shows it


def report_timeout(frm: From, failed: CallExit, dest: Any, timeout: Any, way: Way) -> None:
    """Report that a call timed out, on the node of its caller."""
    waiter, to = frm.waiter, frm.to
    caller = waiter.parent if type(waiter) is OutsideCaller else waiter

    def describe() -> dict[str, Any]:
        return {
            "to": to,
            "name": process_name(to) or _name_in(dest),
            "what": _what(to),
            "way": way,
            "ref": getattr(frm, "_ref", None),  # made for readers of messages
            "request": HIDDEN if is_sensitive(to) or is_sensitive(caller) else text(frm.request, length=LONGEST),
            "timeout": DEFAULT_TIMEOUT / 1e9 if timeout is UNSET else _seconds(timeout),
            "where": where_awaited(),
            "why": failed.why if isinstance(failed, CallTimeout) else "",
            "busy": failed.busy,
            "cycle": failed.drawn or failed.locked or None,
            "waited": failed.waited if failed.drawn else None,
        }

    (waiter if caller is None else caller).runtime.tracer.call_timed_out(caller, to, describe)


def report_task_timeout(owner: Process, pid: Process, timeout: Any) -> None:
    """Report that the result of a task did not come in time."""

    def describe() -> dict[str, Any]:
        return {
            "to": pid,
            "name": process_name(pid),
            "what": _what(pid),
            "way": "task",
            "ref": None,
            "request": None,
            "timeout": _seconds(timeout),
            "where": where_awaited(),
            "why": "",
            "busy": None,
            "cycle": None,
            "waited": None,
        }

    owner.runtime.tracer.call_timed_out(owner, pid, describe)


def _what(p: Process) -> str | None:
    return None if p.status == REMOTE else p.runtime.describe(p)


def _seconds(timeout: Any) -> float | None:
    return float(timeout) if isinstance(timeout, int | float) else None


def _name_in(dest: Any) -> str | None:
    """Return the name to which a request was sent; None if it was a pid."""
    if isinstance(dest, Process):
        return None
    return name_text(dest[0] if type(dest) is tuple and dest else dest)


# Callers that are not processes


async def call_from_outside(
    to: Process, dest: Any, request: Any, timeout: Any, send_request: Callable[[From], None], way: Way
) -> Any:
    """Make a call for plain asyncio code or a child task: a stand-in waits, a future wakes the caller."""
    if timeout is not UNSET:
        nanoseconds(timeout, "call(timeout=…)", infinite=True)
    frm = new_call(new_outside_caller(to), request, to)
    send_request(frm)
    return await wait_outside(frm, dest, timeout, way)


async def wait_outside(frm: From, dest: Any, timeout: Any, way: Way = "call") -> Any:
    """Wait for the reply to a request that was sent with a stand-in as its caller."""
    stub = frm.waiter
    s = stub.runtime.scheduler
    future: Any = stub.ensure_ext().fut
    limit = DEFAULT_TIMEOUT if timeout is UNSET else nanoseconds(timeout, "call(timeout=…)", infinite=True)
    timer = None
    try:
        if limit == 0:
            await spend()
            raise no_time(frm, dest, timeout, way)
        if limit is not None:
            timer = s.call_at(s.now_ns() + limit, _expire_exactly, (stub, frm))
        if stub.parent is not None:
            future.stand_in = stub  # a process that awaits this future waits for the reply, see `call_cycles`
            if frm.to.status >= CALLING:
                suspect(frm)
        value = await future
        failed = call_failed(frm, value, dest, timeout, way) if type(value) is Failed else None
    finally:
        stub.status = DEAD
        stub.ext = None
        if timer is not None:
            timer.fire = timer.target = None
        forget(frm)
        if stub.links is not None or stub.monitored_by is not None:
            end_stand_in(stub)
    if failed is not None:
        try:
            raise failed
        finally:
            del failed
    return value


def outside_done(stub: Process) -> None:
    """Hand the reply to the future of an outside caller that the drain found in the run queue."""
    x = stub.ext
    if x is None or x.fut is None:
        return
    future, value = x.fut, stub.value
    stub.status = DEAD
    if not future.done():
        future.set_result(value)


# Requests


def send_call(to: Process, frm: From) -> None:
    """Send the request of a call; a process that is not a server sees `("$gen_call", From, request)`."""
    if to.callbacks is not None:
        deliver(to, frm)
        return
    x = to.ensure_ext()
    if x.unanswered is None:
        x.unanswered = {}
    x.unanswered[frm] = None
    deliver(to, (CALL_TAG, frm, frm.request))


def send_system(to: Process, frm: From) -> None:
    """Send a system message (Erlang's `{system, From, Request}`)."""
    x = to.ensure_ext()
    if x.unanswered is None:
        x.unanswered = {}
    x.unanswered[frm] = None
    deliver(to, (SYSTEM_TAG, frm, frm.request))


async def system_call(dest: Any, request: Any, timeout: Any = UNSET, function: str = "call") -> Any:
    """Send a system message and return the reply; fails like a call."""
    to = resolve(dest)
    if to is None or to.status in (DEAD, EXITING):
        await spend()
        raise make_noproc_exit(dest, request, timeout)
    me = to.runtime.scheduler.current
    if me is to:
        await spend()
        raise failure("calling_self", dest, request, timeout)
    if me is None or not to.runtime.scheduler.on_main(me):
        return await call_from_outside(to, dest, request, timeout, lambda frm: send_system(to, frm), "system")
    if me.status == EXITING:
        await refuse_to_wait(me)
    frm = new_call(me, request, to)
    send_system(to, frm)
    return await wait_for_reply(me, frm, timeout, dest, "system")


# Suspension points of coroutine processes: the awaited object, and signals that arrived in between.


def _take_turn(p: Process) -> None:
    """Run a process one turn after it yielded, as a task runs: after the callbacks that were queued before it."""
    s = p.runtime.scheduler
    if s.idle:
        s.begin_drain(p)
    else:
        s.push(p)


def wait_for(p: Process, waits_for: Any) -> None:
    """Note what the coroutine of a process waits for after it has yielded.

    `None` is one of our own waits (the state says which) or a bare `sleep(0)`; otherwise it must be a future.
    """
    if waits_for is None:
        if p.status == RUN:
            p.status = READY
            s = p.runtime.scheduler
            # The loop runs first if it has callbacks, or after the time of a drain: timers or sockets may be ready by
            # then. An empty turn would take several times as long as resuming `p`. uvloop does not show its callbacks.
            if s.callbacks or s.work_ns() - s.began >= DRAIN_NS:
                s.loop.call_soon(_take_turn, p, context=s.base_context)
            else:
                s.push(p)
    elif getattr(waits_for, "_asyncio_future_blocking", None) and waits_for.get_loop() is p.runtime.scheduler.loop:
        waits_for._asyncio_future_blocking = False
        p.ensure_ext().fut = waits_for
        p.status = FUT
        waits_for.add_done_callback(p.future_done, context=p.runtime.scheduler.base_context)
    else:
        what = "is of another event loop" if hasattr(waits_for, "get_loop") else "asyncio cannot wait for"
        p.throw(RuntimeError(f"process {p} awaited {waits_for!r}, which {what}"))
    if p.signal is not None:
        interrupt(p)


def interrupt(p: Process) -> None:
    """Deliver a signal or a cancellation, which arrived while `p` ran, at this suspension point."""
    cancel = p.signal
    if type(cancel) is not Cancel:
        deliver_fatal(p)
        return
    p.signal = None
    x = p.ensure_ext()
    if p.status == FUT:
        if x.fut is not None and x.fut.cancel(msg=cancel.message):
            return
        x.fut = None
    p.throw(cancel.error())
