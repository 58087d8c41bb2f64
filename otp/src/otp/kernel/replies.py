"""The reply to a call: delivered to a caller that still waits, dropped if it is late."""

from __future__ import annotations

from typing import Any

from otp.kernel.callers import Failed, From
from otp.kernel.message_events import told_late, told_replied
from otp.kernel.states import CALLING, READY

__all__ = ["fail", "forget", "reply"]


def reply(frm: From, value: Any) -> None:
    """Reply to a call; a late reply or a second one is dropped."""
    waiter = frm._waiter
    to = frm._to
    x = to._x
    if x is not None and x.pend:
        x.pend.pop(frm, None)
    if waiter._val is not frm:  # replied, timed out, cancelled or dead: too late
        if to._node._watched or to._told:
            told_late(frm, value)
        return
    waiter._val = value
    if waiter._st == CALLING:
        if to._node._watched or to._told or waiter._told:
            told_replied(frm, value)
        waiter._st = READY
        s = waiter._node._s
        s.push(waiter)


def fail(frm: From, reason: Any) -> None:
    """Fail a call because its server ended with `reason`."""
    waiter = frm._waiter
    if waiter._val is frm and waiter._st == CALLING:
        post = waiter._node._s.post
        if post is not None:
            post.answered(frm._to, waiter)
        waiter._val = Failed(reason)
        waiter._st = READY
        waiter._node._s.push(waiter)


def forget(frm: From) -> None:
    """Forget a call that its caller has given up, so that the end of the server need not fail it."""
    x = frm._to._x
    if x is not None and x.pend:
        x.pend.pop(frm, None)
