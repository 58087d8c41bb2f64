"""Events of messages, made only for readers: sent, dropped, received, callbacks begun and ended.

A call and its reply have the same `ref`. `term` is the message itself, for readers in the same program; `message` is
its bounded text. For a sensitive process neither is shown.
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from otp.kernel.tables.callers import OutsideCaller, as_message, call_of, formatted_state, unwrap_message
from otp.kernel.tables.focus import Focus, sender_of
from otp.kernel.tables.scheduler import thread_current
from otp.kernel.values.bounded import bounded_text, text
from otp.kernel.values.messages import matches
from otp.kernel.values.process import DEAD, EXITING, RECV, SEL, is_sensitive

if TYPE_CHECKING:
    from otp.kernel.values.process import Process

HIDDEN: Final = "<sensitive>"


def described(message: Any, dest: Any = None) -> dict[str, Any]:
    """Describe a message for readers: its kind (call, cast, system, info), term and call reference."""
    way, term, ref = _parts(message)
    x = None if dest is None else dest.ext
    if x is not None and x.sensitive:
        return {"way": way, "message": HIDDEN, "term": None, "ref": ref}
    return {"way": way, "message": bounded_text(term), "term": term, "ref": ref}


def _parts(message: Any) -> tuple[str, Any, Any]:
    kind, term = unwrap_message(message)
    frm = call_of(message)
    return kind, term, None if frm is None else frm.ref


def _fields(way: str, term: Any, ref: Any, dest: Any) -> dict[str, Any]:
    if is_sensitive(dest):
        return {"way": way, "message": HIDDEN, "term": None, "ref": ref}
    return {"way": way, "message": bounded_text(term), "term": term, "ref": ref}


def report_sent(dest: Process, message: Any, st: int) -> bool:
    """Report that a message is sent.

    A dead or exiting receiver drops it, a waiting one receives it. True if it is not to be delivered now: the post of a
    testing scheduler took it, or a fault applies to it.
    """
    faults = dest.runtime.faults
    fate = None if faults is None else faults.fate(dest, message)
    if fate is not None:
        if fate == "late":
            return True  # reported when it arrives
        st = DEAD
    post = dest.runtime.scheduler.post
    if post is not None and fate is None:
        taken = post.sent(dest, message, st)
        if taken is not None:
            return bool(taken)
    trace = dest.runtime.tracer
    if trace.messages_read:
        _report_to_readers(dest, message, st)
    elif trace.focus is not None:
        focus = trace.focus
        if focus.admits_sending(dest, message):
            _report_to_readers(dest, message, st)
            focus.mark_reported()
    return fate is not None


def report_in_transit(sender: Process, dest: Process, message: Any) -> int:
    """Report a message that the post of a testing scheduler took; return the event, 0 without a reader."""
    trace = dest.runtime.tracer
    focus = trace.focus
    if not trace.messages_read and (focus is None or not focus.admits_sending(dest, message)):
        return 0
    data = described(message, dest)
    seq = trace.notice("sent", sender, {**data, "to": dest})
    if focus is not None:
        focus.note_call(message)
        focus.leaves(seq)
        focus.mark_reported()
    return seq


def report_delivered(sender: Process, dest: Process, message: Any, st: int, seq: int) -> None:
    """Report that the post delivers the message of the event `seq`."""
    trace = dest.runtime.tracer
    focus = trace.focus
    if focus is not None:
        if not seq or not focus.watches(dest):
            return
        focus.arrives(seq)
    elif not trace.messages_read:
        return
    if st == DEAD or st == EXITING:
        trace.notice("dropped", sender, {**described(message, dest), "to": dest}, seq)
    else:
        report_arrived(dest, message, st, seq)
    if focus is not None:
        focus.mark_reported()


def _report_to_readers(dest: Process, message: Any, st: int) -> None:
    trace = dest.runtime.tracer
    data = described(message, dest)
    data["to"] = dest
    dropped = st in (DEAD, EXITING)
    sender = sender_of(message)
    seq = trace.notice("dropped" if dropped else "sent", sender, data, trace.cause_of(sender))
    if not dropped:
        focus = trace.focus
        if focus is not None:
            focus.note_call(message)
            if not focus.watches(dest):  # nothing that happens to it there is read
                return
        report_arrived(dest, message, st, seq)


def report_arrived(dest: Process, message: Any, st: int, seq: int) -> None:
    """Report that the message of the event `seq` is in the mailbox, or handed to a waiting process."""
    trace = dest.runtime.tracer
    causes = trace.causes
    if causes is None:  # the reader that saw the sending has stopped reading
        return
    if st == RECV or (st == SEL and _is_received_at_once(dest, message)):
        data = described(message, dest)
        causes.handles(dest, trace.notice("received", dest, data, seq), data["message"])
    elif trace.focus is not None:
        trace.focus.sent(dest, message, seq)
    else:
        causes.sent(dest, message, seq)


def _is_received_at_once(dest: Process, message: Any) -> bool:
    """Return whether a selective receive takes a message at once; one with a function checks later."""
    match = dest.ensure_ext().match
    return getattr(match, "pure", False) and matches(match, as_message(dest, message))


def report_received(me: Process, message: Any) -> None:
    """Report that a process takes a message out of its mailbox."""
    post = me.runtime.scheduler.post
    if post is not None:
        post.taken(me, message)
    trace = me.runtime.tracer
    causes = trace.causes
    if causes is not None:
        focus = trace.focus
        cause = causes.taken(me, message) if focus is None else _find_cause(focus, me, message)
        if cause is not None:
            data = described(message, me)
            causes.handles(me, trace.notice("received", me, data, cause), data["message"])
            if focus is not None:
                focus.mark_reported()


def _find_cause(focus: Focus, me: Process, message: Any) -> int | None:
    """Like `Causes.taken`; None if nothing is to be reported."""
    return focus.taken(me, message) if focus.watches(me) else None


def report_replied(frm: Any, value: Any) -> None:
    """Report the reply to a call, which the caller receives at once."""
    server = frm.to
    post = server.runtime.scheduler.post
    if post is not None:
        post.answered(server, frm.waiter)
        post.replied(server, value)
    trace = server.runtime.tracer
    causes, focus = trace.causes, trace.focus
    if focus is not None and not focus.admits_answer(frm):
        return
    if causes is not None:
        caller = frm.pid
        data = _fields("reply", value, frm.ref, caller)
        by = thread_current() or server
        seq = trace.notice("sent", server, {**data, "to": caller}, causes.of(by))
        received = trace.notice("received", caller, {**data, "from": server}, seq)
        if focus is not None:
            focus.mark_reported()
            if not focus.watches(caller):
                return
        if type(caller) is not OutsideCaller and caller.status > DEAD:  # a dead one would keep its entry forever
            causes.handles(caller, received)


def report_late_reply(frm: Any, value: Any) -> None:
    """Report that a late reply is dropped."""
    server = frm.to
    trace = server.runtime.tracer
    if trace.causes is not None and (trace.focus is None or trace.focus.admits_answer(frm)):
        caller = frm.pid
        by = thread_current() or server
        trace.notice("dropped", server, {**_fields("reply", value, frm.ref, caller), "to": caller}, trace.cause_of(by))
        if trace.focus is not None:
            trace.focus.mark_reported()


def watched(p: Process, messages: Iterable[Any]) -> Iterator[Any]:
    """Yield the messages of a callback process, with the events around each callback."""
    focus = p.runtime.tracer.focus
    if focus is None:
        return _watched(p, messages)
    return _focused(p, messages, focus) if p.traced else iter(messages)


def _watched(p: Process, messages: Iterable[Any]) -> Iterator[Any]:
    trace = p.runtime.tracer
    post = p.runtime.scheduler.post
    for message in messages:
        if post is not None:
            post.taken(p, message)
        causes = trace.causes
        if causes is None:
            yield message
            continue
        data = described(message, p)
        seq = trace.notice("received", p, data, causes.taken(p, message))
        report_callback_begun(p, _CALLBACKS.get(data["way"], "handle_info"), seq)
        try:
            yield message
        finally:
            if p.coroutine is None:  # else it waits: `callback_done` reports its end
                report_callback_ended(p)


def _focused(p: Process, messages: Iterable[Any], focus: Focus) -> Iterator[Any]:
    """Like `watched`, for a process in focus; most of its messages may only be counted."""
    trace = p.runtime.tracer
    post = p.runtime.scheduler.post
    focus.begins()
    try:
        for message in messages:
            if post is not None:
                post.taken(p, message)
            cause = focus.taken(p, message) if p.traced and trace.focus is focus else None
            if cause is None:
                yield message
                continue
            data = described(message, p)
            seq = trace.notice("received", p, data, cause)
            focus.mark_reported()
            report_callback_begun(p, _CALLBACKS.get(data["way"], "handle_info"), seq)
            try:
                yield message
            finally:
                if p.coroutine is None:
                    report_callback_ended(p)
    finally:
        focus.ends()


def report_callback_begun(p: Process, callback: str, cause: int = 0) -> None:
    """Report that a callback begins."""
    trace = p.runtime.tracer
    causes, focus = trace.causes, trace.focus
    if causes is None or (focus is not None and not focus.watches(p)):
        return
    if focus is None or trace.reads("callback_begun"):
        cause = trace.notice("callback_begun", p, {"callback": callback}, cause)
    causes.begun(p, cause, callback)


def report_callback_ended(p: Process) -> None:
    """Report the end of the current callback and a changed state; nothing if already reported."""
    trace = p.runtime.tracer
    causes = trace.causes
    if causes is None:
        return
    begun = causes.ended(p)
    if begun is None:
        return
    seq, callback = begun
    if trace.states_read and p.callbacks is not None:
        state = HIDDEN if is_sensitive(p) else _state_text(p)
        if causes.is_new_state(p, state):
            trace.notice("state_changed", p, {"state": state}, seq)
    trace.notice("callback_ended", p, {"callback": callback}, seq)


def _state_text(p: Process) -> str:
    return text(formatted_state(p), length=500)


_CALLBACKS = {"call": "handle_call", "cast": "handle_cast", "system": "system"}
