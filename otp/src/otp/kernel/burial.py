"""The release of a dead process: its event, its callers, its monitors and its resources.

`death` decides that a process ends and calls these functions in one step; none of them ends another process.
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from logging import ERROR
from types import CoroutineType
from typing import Any, Final

from otp.kernel.callers import call_of, unwrap_message
from otp.kernel.kept import bounded_text
from otp.kernel.log import say
from otp.kernel.mailbox import deliver
from otp.kernel.messages import Down
from otp.kernel.monitors import unwatch
from otp.kernel.process import Ext, Process
from otp.kernel.replies import fail
from otp.kernel.states import DEAD
from otp.kernel.wording import keyed_name

__all__ = ["cause_of", "exit_values", "fail_callers", "release", "safely", "tell_watcher"]

_new_tuple = tuple.__new__


def safely(function: Any, *arguments: Any) -> None:
    """Call a function whose failure must not stop the end of a process."""
    try:
        function(*arguments)
    except Exception as failure:
        say(ERROR, "%r failed at the end of a process", function, exc_info=failure)


def cause_of(p: Process, sender: Any, cause: int) -> int:
    """Return the event that caused a signal, 0 if none is recorded.

    It is the end of the sender, or the event that the sender is handling.
    """
    if not isinstance(sender, Process):
        return cause
    if sender._node is not p._node:  # pids and events of another node use the same numbers
        return 0
    if cause:
        return cause
    causes = sender._node._trace.causes
    return (sender._exit_seq if sender._st == DEAD else 0) or (0 if causes is None else causes.of(sender))


def exit_values(p: Process, x: Ext | None, reason: Any, sender: Any) -> tuple[Any, ...]:
    """Return the data of an `exited` event, in the order of `tracing.FIELDS`."""
    what = p._vt.cls.__qualname__ if p._vt is not None else p._node.describe(p)
    if sender is None and x is not None:
        sender = x.sender
    if type(sender) is Process and sender._node is not p._node:
        sender = p._node._outside
    side = p._side
    name = None if side is None else side.name
    if name is None and x is not None and x.hooks:
        name = keyed_name(p)
    if x is None:
        return (reason, None, None, sender, what, name)
    return (
        reason,
        None if x.message is None else _shown_message(x),
        x.doing or _CALLBACK_WORDS.get(x.callback, x.callback),
        sender,
        what,
        name,
    )


def _shown_message(x: Ext) -> str:
    return "<sensitive>" if x.sensitive else bounded_text(unwrap_message(x.message)[1])


_CALLBACK_WORDS: Final = {"failed": "init", "ignored": "init"}  # how an inline start ended


def fail_callers(p: Process, x: Ext | None, reason: Any) -> None:
    """Fail the callers whose requests this process holds: this replaces a monitor for each call."""
    pending = p._val
    if p._vt is not None and type(pending) is tuple:
        if type(pending[1]) is CoroutineType:
            pending[1].close()
        fail(pending[0], reason)
    waiting = p._mbox
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
        if x.pend:
            pend, x.pend = x.pend, None
            for frm in pend:
                fail(frm, reason)
        if x.ack is not None:
            ack, x.ack = x.ack, None
            fail(ack, reason)


def tell_watcher(ref: Any, reason: Any) -> None:
    """Send `Down` to the process that monitors; call a monitor that is a function of the runtime."""
    watcher, target = ref._watcher, ref._target
    ref._target = None
    if isinstance(watcher, Process):
        x = watcher._x
        if x is not None and x.mrefs is not None:
            x.mrefs.pop(ref, None)
        deliver(watcher, _new_tuple(Down, (ref, ref._item, reason)))
    else:
        post = target._node._s.post
        if post is not None:
            post.ended(target)
        safely(watcher, reason)


def release(p: Process, x: Ext) -> None:
    """Release the monitors of a process, its timers and its asyncio callbacks."""
    if x.mrefs:
        for ref in x.mrefs:
            unwatch(ref)
    if x.timeout_timer is not None:
        x.timeout_timer.fire = None
    if x.cleanup_timer is not None:
        x.cleanup_timer.fire = None
    if x.cbs:
        loop = p._node._s.loop
        for callback, context in x.cbs:
            loop.call_soon(callback, p, context=context)
