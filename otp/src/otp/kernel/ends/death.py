"""The end of a process: exit signals, unwinding with cleanup, and the release of everything in one step.

A fatal signal fixes the reason once. A process without cleanup frames ends in the same step; otherwise it is *exiting*
(not alive, messages dropped) while its `finally` blocks may await asyncio operations. Cascades over links are processed
from a queue, so a chain of any length needs no stack.

Source: Erlang reference manual, Processes, "Links", "Monitors", "Sending exit signals".
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from asyncio import CancelledError
from collections import deque
from logging import CRITICAL, DEBUG, ERROR
from types import CoroutineType
from typing import Any, Final

from otp.kernel.ends.call_cycles import causes_behind
from otp.kernel.ends.mailbox import deliver, fail
from otp.kernel.ends.wording import keyed_name
from otp.kernel.tables.callers import From, call_of, machine_event_texts, unwrap_message
from otp.kernel.tables.causes import cause_of
from otp.kernel.tables.child_tasks import UNLIMITED, close, end_tasks, find_tasks, mark_error_retrieved, on_the_stack
from otp.kernel.tables.message_events import report_callback_ended
from otp.kernel.tables.places import where_in
from otp.kernel.tables.scheduler import BUDGET, CLEANUP_SECONDS, DRAIN_NS, Scheduler, Timer
from otp.kernel.values.bounded import LONGEST, bound_reason, bounded_text
from otp.kernel.values.elsewhere import elsewhere
from otp.kernel.values.exception_reasons import drop_traceback
from otp.kernel.values.leaving import FORKED, leave_fork
from otp.kernel.values.messages import Down, ExitSignal, unwatch
from otp.kernel.values.process import CUT_SHORT, DEAD, EXITING, REMOTE, RUN, Cancel, Ext, Process, Thrown, is_supervisor
from otp.kernel.values.reasons import is_word
from otp.kernel.values.sentences import say

# The release of a dead process: its event, its callers, its monitors and its resources.
# Called in the step in which a process ends; none of these functions ends another process.

_INLINE_STARTS: Final = {"failed", "ignored"}  # how the `init` of an inline start ended
_new_tuple = tuple.__new__


def safely(function: Any, *arguments: Any) -> None:
    """Call a function whose failure must not stop the end of a process."""
    try:
        function(*arguments)
    except Exception as failure:
        say(ERROR, "%r failed at the end of a process", function, exc_info=failure)


def exit_values(p: Process, x: Ext | None, reason: Any, sender: Any) -> tuple[Any, ...]:
    """Return the data of an `exited` event, in the order of `tracing.FIELDS`; without those of no use at the end."""
    node, callbacks, side = p.runtime, p.callbacks, p.side
    what = node.describe(p) if callbacks is None else callbacks.cls.__qualname__
    name = None if side is None else side.name
    message = doing = event = None
    if x is not None:
        if sender is None:
            sender = x.sender
        if name is None and x.hooks:
            name = keyed_name(p)
        if x.message is not None:
            message = "<sensitive>" if x.sensitive else bounded_text(unwrap_message(x.message)[1])
        doing = x.doing or x.callback
        if doing in _INLINE_STARTS:
            doing = "init"
        if doing and callbacks is not None and callbacks.behaviour == "gen_statem":
            event, message = machine_event_texts(p, x, message)
    if type(sender) is Process and sender.runtime is not node:
        sender = node.outside
    values = (reason, message, doing, sender, what, name)
    if node.scheduler.cycles is None and event is None:  # most ends
        return values
    behind = causes_behind(p)
    return (*values, event, *behind) if behind or event is not None else values


def fail_callers(p: Process, x: Ext | None, reason: Any) -> None:
    """Fail the callers whose requests this process holds: this replaces a monitor for each call."""
    pending = p.value
    if p.callbacks is not None and type(pending) is tuple:
        if type(pending[1]) is CoroutineType:
            pending[1].close()
        fail(pending[0], reason)
    waiting = p.mailbox
    if x is not None and x.it is not None:
        waiting = list(x.it) + list(waiting or ())
    if waiting:
        for message in waiting:
            frm = call_of(message)
            if frm is not None:
                fail(frm, reason)
    if x is not None:
        if x.frm is not None:
            fail(x.frm, reason)
        if x.unanswered:
            pend, x.unanswered = x.unanswered, None
            for frm in pend:
                fail(frm, reason)
        if x.ack is not None:
            ack, x.ack = x.ack, None
            fail(ack, reason)


def notify_watcher(ref: Any, reason: Any) -> None:
    """Send `Down` to the process that monitors; call a monitor that is a function of the runtime."""
    watcher, target = ref.watcher, ref.target
    ref.target = None
    if isinstance(watcher, Process):
        x = watcher.ext
        if x is not None and x.monitors is not None:
            x.monitors.pop(ref, None)
        deliver(watcher, _new_tuple(Down, (ref, ref.item, reason)))
    else:
        post = target.runtime.scheduler.post
        if post is not None:
            post.ended(target)
        safely(watcher, reason)


def release(p: Process, x: Ext) -> None:
    """Release the monitors of a process, its timers and its asyncio callbacks."""
    if x.monitors:
        for ref in x.monitors:
            unwatch(ref)
    if x.timeout_timer is not None:
        x.timeout_timer.fire = None
    if x.cleanup_timer is not None:
        x.cleanup_timer.fire = None
    if x.cbs:
        loop = p.runtime.scheduler.loop
        for callback, context in x.cbs:
            loop.call_soon(callback, p, context=context)


AT_ONCE: Final = 5_000  # links, or monitors, that are notified in the same step
IN_ONE_STEP: Final = 25_000  # links of all processes that end in one step
LOOK_AT_CLOCK: Final = 16  # notifications between two reads of the clock


class Fatal:
    """A fatal signal that is pending until its process leaves the stack."""

    __slots__ = ("cause", "killed", "reason", "sender")

    def __init__(self, reason: Any, sender: Any, cause: int, killed: bool) -> None:
        self.reason: Any = reason
        self.sender: Any = sender
        self.cause: int = cause
        self.killed: bool = killed


def exit_signal(p: Process, sender: Any, reason: Any, linked: bool, cause: int = 0) -> None:
    """Deliver an exit signal: trapped as a message, ignored (`normal`), or fatal.

    `linked` says that it came over a link; only an explicit `kill` is never trapped.
    """
    st = p.status
    if st <= DEAD:
        if st == REMOTE:
            elsewhere(p).exit(p, sender, reason, linked)
        return
    if not linked and (reason == "kill" if type(reason) is str else is_word(reason, "kill")):
        decide(p, "killed", sender, cause, True)
        return
    if st == EXITING:
        return
    x = p.ext
    if x is not None and x.trap_exit:
        deliver(p, _new_tuple(ExitSignal, (sender, reason)))
    elif (
        (reason != "normal" if type(reason) is str else not is_word(reason, "normal"))  # most are texts: no call needed
        or (sender is p and not linked)
    ):
        decide(p, reason, sender, cause, False)


def decide(p: Process, reason: Any, sender: Any, cause: int, killed: bool) -> None:
    """End a process by a signal that it cannot trap."""
    step = p.step
    s = p.runtime.scheduler
    if step is None and p.signal is None and p.status != RUN and not s.finishing:  # an idle server: nothing to unwind
        s.finishing = True
        try:
            _finish(p, reason, sender, cause, killed)
        finally:
            if s.dead:
                _drain_dead(s)
            else:
                s.finishing = False
                s.notices = 0
        return
    # Otherwise a step has failed in the runtime, and nothing runs
    if p.status == RUN and (step is None or step.__self__.cr_running):
        pending = p.signal  # test_the_first_signal_to_who_stands_in_a_call_decides_and_a_kill_outranks_it
        if pending is None or type(pending) is Cancel or (killed and not pending.killed):
            p.signal = Fatal(reason, sender, cause, killed)
        return
    older = p.signal
    if type(older) is Fatal and (older.killed or not killed):  # it arrived while the process was on the stack
        reason, sender, cause, killed = older.reason, older.sender, older.cause, older.killed
    _work(p, reason, sender, cause, killed)


def deliver_fatal(p: Process, error: BaseException | None = None) -> None:
    """Apply the pending fatal signal of a process that has left the stack, perhaps by raising `error`."""
    fatal: Fatal = p.signal
    if fatal.reason is FORKED:
        leave_fork(error)
    p.signal = None
    x = p.ensure_ext()
    x.reason = (fatal.reason,)
    x.sender, x.cause = fatal.sender, fatal.cause
    _work(p, fatal.reason, fatal.sender, fatal.cause, fatal.killed)


def terminate(p: Process, reason: Any) -> None:
    """Release a process that ended by itself (returned, raised, stopped)."""
    x = p.ext
    node = p.runtime
    side = p.side
    mons = p.monitored_by
    if (
        x is None
        and p.links is p.mailbox is p.callbacks is None
        and (mons is None or not (type(mons) is dict or node.scheduler.notices))
        and (side is None or side.name is None)
        and not (node.watched_life or p.traced)
    ):
        parent = p.parent
        if parent is None or parent.callbacks is None or not parent.callbacks.supervisor:
            p.status = DEAD  # most processes end here: no link and at most one monitor
            node.process_table.pop(p.number, None)
            p.step = p.state = p.value = p.signal = p.context = p.side = p.parent = p.monitored_by = None
            if mons is not None:
                notify_watcher(mons, reason)
            return
    s = node.scheduler
    if p.links is None:  # nothing cascades
        _finish(p, reason, None, 0)
        return
    if s.finishing:
        p.status = DEAD
        s.dead.append((p, reason, None, 0, None))
        return
    s.finishing = True
    try:
        _finish(p, reason, None, 0)
    finally:
        _drain_dead(s)


def _work(p: Process, reason: Any, sender: Any, cause: int, killed: bool) -> None:
    s = p.runtime.scheduler
    # One end at a time: an end that another one causes waits in `s.dead`. Carried out at once, each link would take
    # some frames of the stack (test_a_chain_of_20000_links_dies_without_a_deep_stack).
    if s.finishing:
        if p.step is None:
            p.status = DEAD
        elif p.status != EXITING:
            p.status = EXITING
            x = p.ensure_ext()
            x.reason = (reason,)
            x.sender, x.cause = sender, cause
        s.dead.append((p, reason, sender, cause, killed))
        return
    s.finishing = True
    try:
        _end(p, reason, sender, cause, killed)
    finally:
        _drain_dead(s)


def _drain_dead(s: Scheduler) -> None:
    """Process the ends caused by this end; one that fails, a bug of ours, does not stop the others."""
    queue = s.dead
    try:
        while queue:
            p, reason, sender, cause, killed = queue.popleft()
            try:
                if killed is None:
                    _finish(p, reason, sender, cause)
                else:
                    _end(p, reason, sender, cause, killed)
            except Exception as failure:
                say(CRITICAL, "the end of %s failed; please report this bug of otp", p, exc_info=failure)
    finally:
        s.finishing = False
        s.notices = 0


def end_stand_in(stub: Process) -> None:
    """Notify the links and monitors of a stand-in caller, which ends with its call."""
    s = stub.runtime.scheduler
    _notify_many(s, stub, stub.links, stub.monitored_by, "normal", 0)
    if not s.finishing:
        s.notices = 0


def _notify_many(s: Scheduler, p: Process, links: Any, mons: Any, reason: Any, seq: int) -> None:
    """Notify the links and monitors of a dead process, in slices if one step would take too long."""
    linked: Any = () if links is None else tuple(links) if type(links) is dict else (links,)
    monitors: Any = () if mons is None else mons if type(mons) is dict else (mons,)
    if len(linked) > AT_ONCE or len(monitors) > AT_ONCE or s.notices > IN_ONE_STEP:
        _notify_in_slices(s, p, reason, seq)
        return
    p.links = None
    s.notices += len(linked)
    for other in linked:
        forget_link(other, p)
        exit_signal(other, p, reason, True, seq)
    p.monitored_by = None
    for ref in monitors:
        notify_watcher(ref, reason)


def _notify_in_slices(s: Scheduler, p: Process, reason: Any, seq: int) -> None:
    """Leave links and monitors of a dead process to later callbacks of the loop, which notify them in order.

    Until then `unlink` and `demonitor` still find them.
    """
    for table in ("links", "monitored_by"):
        entries = getattr(p, table)
        if entries is not None:
            ordered = entries if type(entries) is dict else {entries: None}
            # Reversed, for `popitem`, which takes the last entry; finding the first takes longer with each removal.
            # Notifications keep the order of creation
            # (test_monitors_are_notified_in_the_order_in_which_they_were_made).
            setattr(p, table, dict.fromkeys(reversed(ordered)))
    if not s.to_notify:
        s.loop.call_soon(_notify_slice, s, context=s.base_context)
    s.to_notify.append((p, reason, seq))


def _notify_slice(s: Scheduler) -> None:
    """Notify linked processes and monitors until the time or the messages of one drain are used up."""
    started = s.begin_work()
    for n in range(1, BUDGET + 1):
        p, reason, seq = s.to_notify[0]
        causes = p.runtime.tracer.causes
        if causes is not None:
            causes.now = seq
        if p.links:
            other = p.links.popitem()[0]
            forget_link(other, p)
            s.finishing = True
            s.notices = IN_ONE_STEP - LOOK_AT_CLOCK  # its consequences wait for their slice as well
            try:
                exit_signal(other, p, reason, True, seq)
            finally:
                _drain_dead(s)
        elif p.monitored_by:
            notify_watcher(p.monitored_by.popitem()[0], reason)
        else:
            p.links = p.monitored_by = None
            s.to_notify.popleft()
        if causes is not None:
            causes.now = 0
        if not s.to_notify:
            return
        if n % LOOK_AT_CLOCK == 0 and s.work_ns() - started > DRAIN_NS:
            break
    s.loop.call_soon(_notify_slice, s, context=s.base_context)


def _end(p: Process, reason: Any, sender: Any, cause: int, killed: bool) -> None:
    """Unwind the coroutine, if any, then finish; `killed` closes it without waiting."""
    if p.status == DEAD and p.runtime.process_table.get(p.number) is not p:
        return
    p.signal = None
    step = p.step
    if step is None or step.__self__.cr_frame is None:  # nothing to unwind
        _finish(p, reason, sender, cause, killed)
        return
    x = p.ensure_ext()
    if x.reason is None or (killed and p.status == EXITING):
        x.reason = (reason,)
        x.sender, x.cause = sender, cause
    p.status = EXITING
    held, p.value = p.value, None  # a value it held is lost with it
    if type(held) is From and held.to is p:  # a call that an async callback was about to receive
        if x.unanswered is None:
            x.unanswered = {}
        x.unanswered[held] = None
    # `call` and `cast` append to a list without checking the status; a deque keeps them off that path. Otherwise they
    # would accept a call that gets no reply (test_a_call_to_an_exiting_server_finds_nobody).
    if type(p.mailbox) is list:
        p.mailbox = deque(p.mailbox)
    x.ncancel += 1  # else an `asyncio.timeout` that expires now would claim the cancellation
    future = x.fut
    if future is not None:
        cancelled = future.cancel()
        if not future.done():  # a task or `gather` keeps an error, which asyncio reports unless it is retrieved
            future.add_done_callback(mark_error_retrieved, context=p.runtime.scheduler.base_context)
        if cancelled and not killed and not future.done():  # a child task: it ends first, as under Task.cancel
            p.value = Thrown(CancelledError)
            _limit_cleanup(p, x)
            return
        x.fut = None
        future.remove_done_callback(p.future_done)
    if killed:
        close(p, step.__self__, _is_time_over(x))
        _finish(p, x.reason[0], x.sender, x.cause, True)
    else:
        _step_cleanup(p, Thrown(CancelledError))  # of exactly this type: TaskGroup and timeout() compare with `is`


def _step_cleanup(p: Process, thrown: Thrown | None) -> None:
    """Run an exiting process until its cleanup waits or ends; its reason stays, whatever the cleanup raises."""
    s = p.runtime.scheduler
    coro: Any = p.coroutine
    x = p.ensure_ext()
    waits_for: Any = p  # itself: it has ended
    try:
        if thrown is None:
            waits_for = on_the_stack(p, coro.send, None)
        else:
            waits_for = on_the_stack(p, thrown.into, coro)
    except (StopIteration, CancelledError) as raised:
        drop_traceback(raised)
    except (KeyboardInterrupt, SystemExit) as raised:
        p.runtime.request_shutdown(raised, p)
    except BaseException as raised:
        say(DEBUG, "process %s raised %r while it ended with %r", p, raised, x.reason[0])
        drop_traceback(raised)
    if waits_for is p:
        _finish(p, x.reason[0], x.sender, x.cause)
        return
    _limit_cleanup(p, x)
    cancel = p.signal
    if type(cancel) is Cancel:  # requested by the cleanup itself
        p.signal = None
    if waits_for is None:
        if type(cancel) is Cancel:
            p.value = Thrown(cancel.error())
        s.push(p)
    elif getattr(waits_for, "_asyncio_future_blocking", None):
        waits_for._asyncio_future_blocking = False
        x.fut = waits_for
        waits_for.add_done_callback(p.future_done, context=s.base_context)
        if type(cancel) is Cancel:
            waits_for.cancel(msg=cancel.message)
    else:
        p.value = Thrown(RuntimeError(f"process {p} awaited {waits_for!r}, which asyncio cannot wait for"))
        s.push(p)


def _limit_cleanup(p: Process, x: Ext) -> None:
    if x.cleanup_timer is None:
        s = p.runtime.scheduler
        x.cleanup_timer = s.call_at(s.now_ns() + round(_seconds_of_cleanup(p, x) * 1e9), _cleanup_over, p)


def _seconds_of_cleanup(p: Process, x: Ext | None) -> float:
    """Return how long the cleanup of `p` may take: as the caller that stops it allows, else its child spec."""
    if x is not None and x.shutdown is not None:
        return x.shutdown
    parent = p.parent
    if not is_supervisor(parent):
        return CLEANUP_SECONDS
    find: Any = getattr(parent.state, "shutdown_of", None)  # None while the supervisor starts
    shutdown = None if find is None else find(p)
    if shutdown == "infinity":
        return UNLIMITED
    return CLEANUP_SECONDS if shutdown is None or shutdown == "brutal_kill" else shutdown


def resume_exiting(p: Process) -> None:
    """Resume an exiting process when what its cleanup awaited is done."""
    s = p.runtime.scheduler
    if p.status != EXITING or p.step is None or p.ensure_ext().fut is not None:
        return
    if s.finishing:
        s.push(p)
        return
    value, p.value = p.value, None
    s.finishing = True
    try:
        _step_cleanup(p, value if type(value) is Thrown else None)
    finally:
        _drain_dead(s)


def _is_time_over(x: Ext) -> bool:
    """Return whether the time for cleanup is over, which is reported when it happens."""
    return x.cleanup_timer is not None and x.cleanup_timer.fire is None


def _cleanup_over(timer: Timer) -> None:
    p: Process = timer.target
    if p.status == EXITING:
        x = p.ensure_ext()
        p.runtime.tracer.emit("abandoned_cleanup", p, {"where": where_in(p.coroutine)})
        _work(p, x.reason[0] if x.reason else "killed", x.sender, x.cause, True)


def forget_link(a: Process, b: Process) -> None:
    """Remove `b` from the links of `a` (one side)."""
    links = a.links
    if links is b:
        a.links = None
    elif type(links) is dict:
        links.pop(b, None)


def _keep_end(p: Process, x: Ext | None, reason: Any, sender: Any, cause: int) -> int:
    """Keep the failure of a process without a supervisor or readers, for later observers."""
    tracer = p.runtime.tracer
    if tracer.ending is not None and p.callbacks is not None:
        safely(tracer.ending, p, reason)
    return tracer.keep_end(p, exit_values(p, x, bound_reason(reason), sender), cause_of(p, sender, cause))


def _finish(p: Process, reason: Any, sender: Any, cause: int, killed: bool = False) -> None:
    """Release everything of a process in one step: name, callers, links, monitors."""
    p.status = DEAD
    node = p.runtime
    node.process_table.pop(p.number, None)
    x = p.ext
    vt = p.callbacks
    seq = 0
    parent = p.parent
    if (
        (parent is not None and parent.callbacks is not None and parent.callbacks.supervisor)
        or (vt is not None and vt.supervisor)
        or node.watched_life
        or p.traced
    ):
        trace = node.tracer
        cause = cause_of(p, sender, cause)
        if node.watched or p.traced:
            cause = cause or trace.cause_of(p)
            report_callback_ended(p)
        # Most reasons are short texts: no call needed
        less = reason if type(reason) is str and len(reason) <= LONGEST else bound_reason(reason)
        values = exit_values(p, x, less, sender)
        if trace.causes is not None and values[1] is None:
            values = (less, trace.causes.message_of(p), *values[2:])
        if trace.ending is not None and vt is not None:
            safely(trace.ending, p, reason)
        seq = trace.record("exited", p, values, cause, None if less is reason else reason)
        if p.traced and trace.focus is not None:
            trace.focus.forget(p)
        causes = trace.causes  # read again: a reader that was notified may have been the last one
        if causes is not None:
            causes.forget(p)
            causes.now = seq
            node.watched = True  # during this end, even if no watched process runs
    elif (type(reason) is not str or reason != "normal") and node.tracer.keeps_end(reason):
        seq = _keep_end(p, x, reason, sender, cause)
    if p.side is not None:
        node.release_name(p)
    if x is not None:
        if x.hooks:
            hooks, x.hooks = x.hooks, None
            for hook in hooks.values():
                safely(hook, p)
        if p.mailbox or x.unanswered or vt is not None or x.ack is not None:
            fail_callers(p, x, reason)
    elif p.mailbox or type(p.value) is tuple:
        fail_callers(p, None, reason)
    links, mons = p.links, p.monitored_by
    s = node.scheduler
    if links is not None or mons is not None:
        if type(links) is dict or type(mons) is dict or s.notices:
            _notify_many(s, p, links, mons, reason, seq)
        else:
            if links is not None:
                p.links = None
                s.notices = 1
                theirs = links.links  # like `forget_link`, without the call
                if theirs is p:
                    links.links = None
                elif type(theirs) is dict:
                    theirs.pop(p, None)
                exit_signal(links, p, reason, True, seq)
            if mons is not None:
                p.monitored_by = None
                notify_watcher(mons, reason)
    signalled = sender is not None or (x is not None and x.reason is not None)
    returned = vt is None and not signalled and is_word(reason, "normal")
    if x is not None:
        release(p, x)
        if x.tasks is not None:
            end_tasks(p, x.tasks, returned, killed, _seconds_of_cleanup(p, x), parent)
    if not (s.reports_tasks or returned):
        listened = x is not None and x.tasks is not None and x.tasks.opened is not None
        find_tasks(p, killed, _seconds_of_cleanup(p, x), parent, listened)
    if node.watched and node.tracer.causes is not None:
        node.tracer.causes.now = 0
        if node.tracer.focus is not None:
            node.tracer.focus.settle()
    # Negative if a signal ended it: its supervisor, which reads this, then writes the report. A slot would cost memory
    # (test_the_end_of_a_child_says_whether_it_could_report_it_itself).
    p.value = (-seq if signalled else seq) or None  # all that a dead process keeps: number, node, event of its end
    p.step = p.mailbox = p.callbacks = p.signal = p.context = p.side = p.ext = p.parent = None
    p.state = None if returned else CUT_SHORT
