"""`call` and `cast`: the client side of every server.

The hot path is an idle server with a plain `handle_call`: `await call(…)` is a suspension point anyway, so the handler
may run at once on the caller's stack. Erlang could have chosen that order as well.
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from sys import exception as handled_exception
from typing import Any, Final

from otp.kernel.ends.call_cycles import suspect
from otp.kernel.ends.mailbox import deliver, forget, park, refuse_to_wait
from otp.kernel.steps.calls import (
    call_failed,
    failure,
    make_noproc_exit,
    no_time,
    retold,
    send_call,
    start_waiting,
    wait_for_reply,
    wait_outside,
)
from otp.kernel.tables.callers import UNSET, Failed, From, new_call, new_outside_caller
from otp.kernel.tables.names import check_some_node, resolve
from otp.kernel.tables.scheduler import CALL_FROM_THREAD, nanoseconds, spend
from otp.kernel.values.errors import BadArgument, BadTimeout, CallExit
from otp.kernel.values.process import CALLING, CAST_TAG, DEAD, EXITING, IDLE, READY, RUN, Process
from otp.kernel.values.results import Reply

_CRASHED: Final = object()


class _OptimizedOut:
    """The `caller` of a `handle_call` that does not read it, as a debugger shows it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<From: optimized out>"


_OPTIMIZED_OUT: Final = _OptimizedOut()


async def call(dest: Any, request: Any, timeout: Any = UNSET) -> Any:
    """Send `request` to a server and wait for its reply, 5 seconds by default.

    Raises a `CallExit`: `NoProcess`, `CallTimeout`, `ServerDown` or `CallingSelf`. Its `reason` is `(R, ("gen_server",
    "call", [dest, request]))`, with the time-out as third element only if one was given.
    """
    try:
        st: Any = dest.status
        s: Any = dest.runtime.scheduler
        me: Any = s.current
    except AttributeError:  # leave this block first: it must not become the context of other errors
        st = me = s = None
    # Each condition excludes a case. `credit`: no drain is running, or all messages are traced. `traced`: a reader
    # expects the message (test_a_server_in_focus_tells_what_it_gets_and_sends_with_causes). `_is_owned`: another
    # thread's drain is running (test_a_call_from_the_loop_of_another_thread_raises). `handled_exception`: in an
    # `except` block the server would see the caller's exception
    # (test_a_server_does_not_see_the_exception_its_caller_handles).
    if (
        st == IDLE
        and (credit := s.credit) > 0
        and dest.traced is None
        and s.lock._is_owned()
        and handled_exception() is None
    ):
        if timeout is not UNSET:
            _check_timeout(dest, request, timeout)
        vt = dest.callbacks
        if vt.reads_caller:
            frm = caller = From()  # filled in here: an initialiser takes 60 ns more, `__new__` by name 20
            frm.waiter = me
            frm.request = request
            frm.to = dest
            # As if the caller waited: `GenServer.reply` inside the handler puts the reply there, and if it is no longer
            # `frm` afterwards, the call is answered
            # (test_an_answer_given_inside_the_callback_reaches_the_caller).
            me.value = frm
        else:
            frm = None
            caller = _OPTIMIZED_OUT
        s.credit = credit - 1
        dest.status = RUN
        s.current = dest
        context = dest.context
        try:
            if context is None:
                result = vt.handle_call(request, caller, dest.state)
            else:
                result = context.run(vt.handle_call, request, caller, dest.state)
        except BaseException as error:
            # Call no function here: the caller's stack may have no frame left, and this frame would be left with the
            # server still marked as running (test_a_caller_without_frames_fails_and_the_server_lives).
            result = _CRASHED
            dest.value = error
        s.current = me
        if type(result) is Reply and dest.signal is None:
            dest.state = result.state
            if dest.mailbox is None:
                dest.status = IDLE
            else:
                dest.status = READY
                s.push(dest)
            if frm is not None:
                if me.value is not frm:
                    return await _answered_early(me)
                me.value = None
            if me.signal is not None:
                await park(me)
            return result.value
        if frm is None:
            frm = From()
            frm.waiter = me
            frm.request = request
            frm.to = dest
            me.value = frm
        # crash, stop, no reply or coroutine: the drain handles it
        dest.value = (frm, None, dest.value) if result is _CRASHED else (frm, result)
        result = None
        dest.status = READY
        s.push(dest)
        if me.value is not frm:
            return await _answered_early(me)
        # The first step of an eager task: its owner still runs and cannot wait for it
        if s.task_table.get(s.loop) is not me:
            return await _wait_in_eager_task(me, frm, dest, timeout)
    elif me is None or s.task_table.get(s.loop) is not me:
        if st is None:
            return await _call_by_name(dest, request, timeout)
        return await _call_from_outside(dest, dest, request, timeout)
    else:
        if not s.lock._is_owned():
            s.check_thread("a call", CALL_FROM_THREAD)
        mailbox = dest.mailbox
        if (
            type(mailbox) is list
            and dest is not me
            and timeout is UNSET
            and not (dest.traced or dest.runtime.watched)
            and me.status != EXITING
        ):
            frm = From()  # the server is queued or busy already
            frm.waiter = me
            frm.request = request
            frm.to = dest
            me.value = frm
            mailbox.append(frm)
        else:
            if me.status == EXITING:
                await refuse_to_wait(me)
            sent = _send_request(me, dest, dest, request, timeout)
            if isinstance(sent, CallExit):
                await spend()
                try:
                    raise sent
                finally:
                    del sent  # else frame, error and traceback form a cycle
            frm = sent
        if st >= CALLING:  # the server waits as well: perhaps for this caller
            suspect(frm)
    wait = me.side
    if timeout is UNSET and wait is not None and wait.armed and not s.virtual and wait.armed <= s.default_deadline:
        wait.deadline = s.default_deadline
        me.status = CALLING
        timer = None
    else:
        timer = start_waiting(me, frm, timeout)
        if timer is False:
            await spend()
            raise no_time(frm, dest, timeout)
    try:
        value = await park(me)
    except BaseException:
        forget(frm)
        raise
    finally:
        if timer is not None:
            timer.fire = timer.target = None
    if type(value) is Failed:
        raise call_failed(frm, value, dest, timeout)
    return value


def _send_request(me: Process, to: Process, dest: Any, request: Any, timeout: Any) -> From | CallExit:
    """Put a call into the mailbox of a busy or traced server; return the failure if it is already certain."""
    if timeout is not UNSET:
        _check_timeout(dest, request, timeout)
    if to is me:
        return failure("calling_self", dest, request, timeout)
    if to.status == DEAD or to.status == EXITING:
        return failure("timeout" if timeout == 0 else "noproc", dest, request, timeout)
    frm = new_call(me, request, to)
    send_call(to, frm)
    return frm


async def _call_by_name(dest: Any, request: Any, timeout: Any) -> Any:
    to = resolve(dest, "call(dest, request)")
    if to is None:
        if timeout is not UNSET:
            _check_timeout(dest, request, timeout)
        await spend()
        raise make_noproc_exit(dest, request, timeout)
    if to.status == IDLE:
        try:
            return await call(to, request, timeout)
        except CallExit as failed:
            if type(failed) is BadTimeout:
                _check_timeout(dest, request, timeout)  # raises it again, naming the argument
            described = failure(failed.cause_reason, dest, request, timeout).reason
            raise retold(failed, described, dest, request) from failed.__cause__
    s = to.runtime.scheduler
    me = s.current
    s.check_thread("a call", CALL_FROM_THREAD)
    if me is None or not s.on_main(me):
        return await _call_from_outside(to, dest, request, timeout)
    if me.status == EXITING:
        await refuse_to_wait(me)
    sent = _send_request(me, to, dest, request, timeout)
    if isinstance(sent, CallExit):
        await spend()
        try:
            raise sent
        finally:
            del sent
    return await wait_for_reply(me, sent, timeout, dest)


async def _wait_in_eager_task(owner: Process, frm: From, dest: Any, timeout: Any) -> Any:
    """Wait through a stand-in for a server that took the request inline and has not replied."""
    owner.value = None
    frm.waiter = stub = new_outside_caller(frm.to)
    stub.value = frm
    return await wait_outside(frm, dest, timeout)


async def _answered_early(me: Process) -> Any:
    """Return the reply that the handler gave with `GenServer.reply`; a second one in its result is dropped."""
    value, me.value = me.value, None
    if me.signal is not None:
        await park(me)
    return value


def _check_timeout(dest: Any, request: Any, timeout: Any) -> None:
    try:
        nanoseconds(timeout, "call(timeout=…)", infinite=True)
    except BadArgument as error:
        from otp.kernel.values.exception_reasons import stack_of
        from otp.kernel.values.reasons import Crash

        reason = Crash("function_clause", stack_of(error.__traceback__))  # like OTP's guard
        described = failure(reason, dest, request, timeout).reason
        raise BadTimeout(described, dest, request, str(error)) from None


async def _call_from_outside(to: Process, dest: Any, request: Any, timeout: Any) -> Any:
    if timeout is not UNSET:
        _check_timeout(dest, request, timeout)
    if to.status == DEAD or to.status == EXITING:
        await spend()
        raise failure("timeout" if timeout == 0 else "noproc", dest, request, timeout)
    frm = new_call(new_outside_caller(to), request, to)
    send_call(to, frm)
    return await wait_outside(frm, dest, timeout)


def cast(dest: Any, request: Any) -> str:
    """Send `request` to a server without waiting; always returns `"ok"`, even if the server does not exist."""
    try:
        mailbox = dest.mailbox
        node = dest.runtime
    except AttributeError:
        return _cast_by_name(dest, request)
    if type(mailbox) is list and not (node.watched or dest.traced):  # the server is queued or busy already
        mailbox.append((CAST_TAG, request))
    elif dest.status == IDLE and not (node.watched or dest.traced):
        s = node.scheduler
        if not s.owned():  # checked where a cast wakes its server: once per burst
            s.check_thread(f"a message to {dest}")
        dest.mailbox = mailbox = s.pool.pop() if s.pool else []
        mailbox.append((CAST_TAG, request))
        dest.status = READY
        s.push(dest)
    else:
        deliver(dest, (CAST_TAG, request))
    return "ok"


def _cast_by_name(dest: Any, request: Any) -> str:
    try:
        to = resolve(dest, "cast(dest, request)")
    except BadArgument as error:
        if type(dest) is not tuple and not hasattr(dest, "whereis"):
            raise error from None
        check_some_node("cast(dest, request)")
        return "ok"  # an unknown node or registry counts as a missing process
    return "ok" if to is None else cast(to, request)
