"""`call` and `cast`: the client side of every server.

The hot path is an idle server with a plain `handle_call`: `await call(…)` is a suspension point anyway, so the
handler may run there and then on the caller's stack. It is an order Erlang could have chosen as well.
"""

from __future__ import annotations

from typing import Any

from otp.kernel.calls import UNSET, From, call_from_outside, failure, send_call, wait_for_reply
from otp.kernel.errors import BadArgument
from otp.kernel.mailbox import cast_to, deliver, park
from otp.kernel.names import resolve
from otp.kernel.outcomes import Raised
from otp.kernel.process import Process
from otp.kernel.results import Reply
from otp.kernel.scheduler import nanoseconds
from otp.kernel.states import CAST_TAG, DEAD, EXITING, IDLE, READY, RUN

__all__ = ["call", "cast"]


async def call(dest: Any, request: Any, timeout: Any = UNSET, *, behaviour: str = "gen_server") -> Any:
    """Send `request` to a server and wait for its answer, 5 seconds by default.

    Raises a `CallExit`: `NoProcess`, `CallTimeout`, `ServerDown` or `CallingSelf`, whose `reason` is
    `(R, ("gen_server", "call", [dest, request]))`, with the time-out as third only if it was given.
    """
    if not isinstance(dest, Process):
        to = resolve(dest, "call(dest, request)")
        if to is None:
            if timeout is not UNSET:
                _check_timeout(dest, request, timeout, behaviour)
            raise failure("noproc", dest, request, timeout, behaviour)
    else:
        to = dest
    node = to._node
    s = node._s
    me = s.current
    if me is None or node._watched:
        return await _call_with_care(to, dest, request, timeout, behaviour)
    if timeout is not UNSET:
        _check_timeout(dest, request, timeout, behaviour)
    frm = From(me, me._seq, request, to)
    if to._st == IDLE and s.credit > 0:
        s.credit -= 1
        to._st = RUN
        s.current = to
        vt = to._vt
        context = to._ctx
        try:
            if context is None:
                result = vt.handle_call(request, frm, to._state)
            else:
                result = context.run(vt.handle_call, request, frm, to._state)
        except BaseException as error:
            result = Raised(error)
        s.current = me
        if type(result) is Reply and to._sig is None:
            to._state = result.state
            if to._mbox:
                to._st = READY
                s.enqueue(to)
            else:
                to._st = IDLE
            if me._seq != frm._seq:  # answered by GenServer.reply first: the second answer is dropped
                return await wait_for_reply(me, frm, timeout, dest, behaviour)
            me._seq += 1
            if me._sig is not None:
                await park()
            return result.value
        to._val = (frm, result)  # crash, stop, no reply, coroutine: finished in the drain
        to._st = READY
        s.enqueue(to)
    elif to is me:
        raise failure("calling_self", dest, request, timeout, behaviour)
    elif to._st == DEAD or to._st == EXITING:
        raise failure("noproc", dest, request, timeout, behaviour)
    else:
        send_call(to, frm)
    return await wait_for_reply(me, frm, timeout, dest, behaviour)


def _check_timeout(dest: Any, request: Any, timeout: Any, behaviour: str) -> None:
    try:
        nanoseconds(timeout, "call(timeout=…)", infinite=True)
    except BadArgument as error:
        from otp.kernel.reasons import reason_of

        raise failure(reason_of(error), dest, request, timeout, behaviour) from error


async def _call_with_care(to: Process, dest: Any, request: Any, timeout: Any, behaviour: str) -> Any:
    """Calls that are traced, from outside, or from a child task: never inline."""
    if timeout is not UNSET:
        _check_timeout(dest, request, timeout, behaviour)
    me = to._node._s.current
    if to is me:
        raise failure("calling_self", dest, request, timeout, behaviour)
    if to._st == DEAD or to._st == EXITING:
        raise failure("noproc", dest, request, timeout, behaviour)
    if me is None:
        return await call_from_outside(to, dest, request, timeout, lambda frm: send_call(to, frm), behaviour)
    frm = From(me, me._seq, request, to)
    send_call(to, frm)
    return await wait_for_reply(me, frm, timeout, dest, behaviour)


def cast(dest: Any, request: Any) -> str:
    """Send `request` to a server without waiting; always `"ok"`, also if nobody is there."""
    if isinstance(dest, Process):
        if dest._vt is not None:
            cast_to(dest, request)
        else:
            deliver(dest, (CAST_TAG, request))
        return "ok"
    try:
        to = resolve(dest, "cast(dest, request)")
    except BadArgument:
        if not isinstance(dest, (str, tuple)):
            raise
        return "ok"
    if to is not None:
        cast(to, request)
    return "ok"


