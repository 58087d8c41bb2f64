"""Events of messages, made only while somebody reads them: sent, dropped, received, callbacks begun and ended.

A call and its answer bear the same `ref`. `term` is the message itself, for readers in the same program; `message`
is its bounded text.
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from otp.kernel.callers import as_message
from otp.kernel.patterns import matches
from otp.kernel.scheduler import thread_current
from otp.kernel.states import CALL_TAG, CAST_TAG, DEAD, EXITING, RECV, SEL, SYSTEM_TAG
from otp.kernel.tracing import bounded_text

if TYPE_CHECKING:
    from otp.kernel.process import Process

__all__ = ["described", "told_received", "told_replied", "told_sent", "watched"]


def described(message: Any) -> dict[str, Any]:
    """What a message is to a reader: its way (call, cast, system, info), its term, and the reference of a call."""
    if hasattr(type(message), "_waiter"):
        return _fields("call", message._request, message.ref)
    if type(message) is tuple and message:  # pyright: ignore[reportUnknownArgumentType]
        tag, length = message[0], len(message)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        if tag is CAST_TAG and length == 2:
            return _fields("cast", message[1], None)
        if (tag is CALL_TAG or tag is SYSTEM_TAG) and length == 3:
            return _fields("call" if tag is CALL_TAG else "system", message[2], getattr(message[1], "ref", None))  # pyright: ignore[reportUnknownArgumentType]
    return _fields("info", message, None)


def _fields(way: str, term: Any, ref: Any) -> dict[str, Any]:
    return {"way": way, "message": bounded_text(term), "term": term, "ref": ref}


def told_sent(dest: Process, message: Any, st: int) -> bool:
    """A message leaves; a dead or exiting receiver drops it. A process that waits for it receives it at once.

    True if the post of a testing scheduler took it: then it is delivered later.
    """
    post = dest._node._s.post
    if post is not None:
        taken = post.sent(dest, message, st)
        if taken is not None:
            return bool(taken)
    if dest._node._trace.messages_read:
        _tell_sent(dest, message, st)
    return False


def _tell_sent(dest: Process, message: Any, st: int) -> None:
    data = described(message)
    data["to"] = dest
    trace = dest._node._trace
    seq = trace.notice("dropped" if st in (DEAD, EXITING) else "sent", thread_current(), data)
    if st == RECV or (st == SEL and dest._x is not None and matches(dest._x.match, as_message(dest, message))):
        trace.notice("received", dest, described(message), seq)


def told_received(me: Process, message: Any) -> None:
    """A process takes a message out of its mailbox."""
    post = me._node._s.post
    if post is not None:
        post.taken(me, message)
        if not me._node._trace.messages_read:
            return
    me._node._trace.notice("received", me, described(message))


def told_replied(frm: Any, value: Any) -> None:
    """A server answers a call."""
    post = frm._to._node._s.post
    if post is not None:
        post.answered(frm._to, frm._waiter)
        if not frm._to._node._trace.messages_read:
            return
    frm._to._node._trace.notice(
        "sent", frm._to, {"way": "reply", "message": bounded_text(value), "term": value, "ref": frm.ref, "to": frm.pid}
    )


def watched(p: Process, messages: Iterable[Any]) -> Iterator[Any]:
    """The messages of a callback process, with the events around each one's callback."""
    trace = p._node._trace
    post = p._node._s.post
    for message in messages:
        if post is not None:
            post.taken(p, message)
            if not trace.messages_read:
                yield message
                continue
        data = described(message)
        seq = trace.notice("received", p, data)
        seq = trace.notice("callback_begun", p, {"callback": _CALLBACKS.get(data["way"], "handle_info")}, seq)
        try:
            yield message
        finally:
            trace.notice("callback_ended", p, {}, seq)


_CALLBACKS = {"call": "handle_call", "cast": "handle_cast", "system": "system"}
