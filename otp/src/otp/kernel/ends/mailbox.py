"""Sending and receiving.

A coroutine process that waits in `receive()` gets its message directly and owns no mailbox; an idle callback process
borrows a list from the scheduler's pool while it has messages.
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import types
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar, overload

from otp.kernel.tables.callers import Failed, From, as_message
from otp.kernel.tables.message_events import report_late_reply, report_received, report_replied, report_sent
from otp.kernel.tables.scheduler import BUDGET, Timer, find_scheduler, here, nanoseconds, thread_current
from otp.kernel.values.elsewhere import elsewhere
from otp.kernel.values.errors import Exit, NotAProcess, NotProcessMain, ReceiveTimeout
from otp.kernel.values.messages import OfRef, Since, Tag, compile_pattern, keep_search, matches, since_of
from otp.kernel.values.process import (
    CALLING,
    DEAD,
    EXITING,
    FUT,
    IDLE,
    OWNER,
    READY,
    RECV,
    REMOTE,
    RUN,
    SEL,
    SUSPENDED,
    SYSTEM_TAG,
    TIMED,
    Process,
    ThrowingStep,
    Thrown,
    select_step,
)
from otp.kernel.values.reasons import same
from otp.kernel.values.results import ABSENT, native_coroutine

if TYPE_CHECKING:
    from asyncio import Future

    from otp.kernel.values.pids import Ref
    from otp.kernel.values.terms import Limit


T = TypeVar("T")

NEAR: Final = 64  # messages from an end of a deque that are found by index as fast as by any other way

NO_MATCH: Final = "no message that matches arrived in time"

LOOK: Final[Any] = object()

"""Wakes a selective receive whose pattern is a function, to check what has arrived since."""

MOST_REFUSALS: Final = 100

"""The number of messages or calls that the cleanup of a process may request in vain."""


def deliver(dest: Process, message: Any) -> None:
    """Put a message into a process's mailbox, or hand it over if it waits; a remote one gets it by its node."""
    st = dest.status
    node = dest.runtime
    if node.watched or dest.traced:
        if report_sent(dest, message, st):
            return
        st = dest.status  # a reader of events may have sent or ended something
    if st == RECV:
        dest.value = message
        dest.status = READY
        s = node.scheduler
        s.push(dest)
    elif st == IDLE:
        s = node.scheduler
        if not s.lock._is_owned():
            s.check_thread(f"a message to {dest}")
        m = dest.mailbox = s.pool.pop() if s.pool else []
        m.append(message)
        dest.status = READY
        s.push(dest)
    elif st > DEAD and st != EXITING:
        m = dest.mailbox
        if m is None:
            # The type is a flag: `call` and `cast` append to a list without further checks, and only a server that is
            # queued or running has one. Coroutines take from the front, which a list cannot do in constant time; see
            # test_messages_arrive_in_the_order_of_one_sender.
            m = dest.mailbox = deque((message,)) if dest.callbacks is None or st == SEL else [message]
        else:
            m.append(message)
        if st < RECV:  # READY or RUN: most processes do not wait
            return
        if st == SEL:
            match: Any = dest.ensure_ext().match
            fits: bool | None = None  # a function of the receiver runs in the receiver, not on this stack
            if getattr(match, "pure", False):
                try:
                    fits = matches(match, as_message(dest, message))
                except RecursionError:  # nor does the depth of this stack decide
                    fits = None
            if fits is None:
                dest.value = LOOK
                dest.status = READY
                node.scheduler.push(dest)
            elif fits:
                del m[-1]
                dest.value = message
                dest.status = READY
                node.scheduler.push(dest)
        elif st == TIMED:
            wake_timed(dest, message)
        elif st == SUSPENDED and _reaches_suspended(dest, message):
            dest.status = READY
            node.scheduler.push(dest)
    elif st == REMOTE:
        elsewhere(dest).forward(dest, message)


def wake_timed(dest: Process, message: Any) -> None:
    """End the idle time-out of a server by a message; a system message only restarts it."""
    x = dest.ensure_ext()
    timer = x.timeout_timer
    if timer is not None:
        timer.fire = None
        x.timeout_timer = None
    if type(message) is not tuple or not message or message[0] is not SYSTEM_TAG:  # pyright: ignore[reportUnknownArgumentType]
        x.timeout_ns = None
    dest.status = READY
    dest.runtime.scheduler.push(dest)


def _reaches_suspended(dest: Process, message: Any) -> bool:
    """Return whether a suspended server handles a message: system messages and its parent's exit only."""
    from otp.kernel.values.messages import ExitSignal

    if type(message) is ExitSignal:
        return message.pid is dest.parent
    return type(message) is tuple and len(message) == 3 and message[0] is SYSTEM_TAG  # pyright: ignore[reportUnknownArgumentType]


FOREVER: Final = "infinity"


@types.coroutine
def park(me: Process) -> Generator[None, None, Any]:
    """Suspend the running process until the scheduler resumes it; return the value it is resumed with.

    The value is in a slot of the process and not what `send` passes: an awaitable in between may have no `send` (an
    iterator that `__await__` returns), or one that unpacks a tuple (`anext` with a default on CPython 3.11). So the
    drain sends None to every coroutine. See test_awaiting_a_message_gives_what_a_task_gets.
    """
    yield
    value = me.value
    me.value = None
    return value


def _refused(me: Process) -> Generator[Any, Any, Any]:
    """Raise the reason of an exiting process in its `receive` and `call`.

    Code that swallows it and retries forever would hold the loop, so it has to wait in the end: until its time for
    cleanup is over, or, when killed, at once, like code that ignores `GeneratorExit`. See
    test_code_that_swallows_everything_and_asks_for_ever_is_abandoned.
    """
    x: Any = me.ext
    asked = x.match if type(x.match) is int else 0
    x.match = asked + 1
    if asked > MOST_REFUSALS:
        future: Any = me.runtime.scheduler.loop.create_future()
        future._asyncio_future_blocking = True
        yield future
    raise Exit(x.reason[0])


refuse_to_wait: Callable[[Process], Awaitable[Any]] = types.coroutine(_refused)


def merge_batch(me: Process) -> None:
    """Put the unread rest of the batch back in front of the mailbox, before an async callback reads it."""
    x = me.ext
    if x is not None and x.it is not None:
        rest = list(x.it)
        x.it = None
        if type(me.mailbox) is deque:  # a long backlog
            me.mailbox.extendleft(reversed(rest))
        elif rest:
            if me.mailbox:
                rest.extend(me.mailbox)
            me.mailbox = rest


def mailbox_of(p: Process) -> list[Any]:
    """Return the waiting messages of a process, oldest first, without changing anything."""
    post = p.runtime.scheduler.post
    if post is not None:
        post.asked(p)
    waiting: list[Any] = list(p.mailbox) if p.mailbox else []
    held = None if type(p.value) is Thrown else p.value
    if p.status == READY and p.step is not None and held is not None and not waiting and p.callbacks is None:
        waiting = [held]
    x = p.ext
    if x is not None and x.it is not None:
        import copy

        waiting = list(copy.copy(x.it)) + waiting
    return waiting


def _refuse() -> NoReturn:
    """Raise the error that says why `receive()` cannot be used here."""
    s = find_scheduler()
    running = thread_current()
    owner = OWNER.get() if running is None else running
    if s is not None and owner is not None and owner.status != DEAD:
        raise NotProcessMain(
            f"receive() belongs to the main coroutine of {owner}; in a child task use a queue, or call()"
        )
    raise NotAProcess("receive() works inside a process only; outside use GenServer.call or otp.wait_down")


@overload
async def receive(matching: type[T], timeout: Limit = ...) -> T: ...


@overload
async def receive(matching: Callable[[Any], object], timeout: Limit = ...) -> Any: ...


@overload
async def receive(matching: Ref | None = None, timeout: Limit = ...) -> Any: ...


@native_coroutine
def receive(matching: Any = None, timeout: Any = FOREVER) -> Generator[None, Any, Any]:
    """Take the oldest message, or the oldest that matches; the others stay, in order.

    `matching` is a predicate, a type, a `Ref` (its `Down`, `TimerFired`, or a tuple starting with it), or a pattern
    `Tag("done")`, `Is(Down, ref=ref)`, `AnyOf(p, q)`. `timeout` is in seconds; `ReceiveTimeout` is raised when it is
    up. A predicate that raises on a message does not match it.

    Source: Erlang reference manual, "Receive".

    >>> import otp
    >>> async def main():
    ...     otp.send(otp.self(), ("a", 1))
    ...     otp.send(otp.self(), ("b", 2))
    ...     return await otp.receive(otp.Tag("b")), await otp.receive()
    >>> otp.run(main)
    (('b', 2), ('a', 1))
    """
    try:
        s: Any = here.last
        me: Any = s.current
        if s.eager and s.task_table[s.loop] is not me:
            _refuse()
        x = me.ext
    except (AttributeError, KeyError):  # no scheduler or no process
        _refuse()
    if matching is None and timeout is FOREVER and (x is None or (me.callbacks is None and x.reason is None)):  # hot
        m = me.mailbox
        if m:
            s.credit = credit = s.credit - 1
            if credit < -BUDGET:  # a full mailbox, or one that fills itself: let others run
                yield
                m = me.mailbox
            if x is not None:  # the position of a search is off by one now, see
                x.mark = 0  # test_a_plain_receive_in_between_does_not_shift_the_memory
            if me.runtime.watched or me.traced:
                report_received(me, m[0])
            return m.popleft()
        me.status = RECV
        yield
        value = me.value  # like `park`, which would cost a frame per message
        me.value = None
        return value
    if x is not None:
        if me.status == EXITING:
            yield from _refused(me)
        if x.it is not None:
            merge_batch(me)
    s.credit = credit = s.credit - 1
    if credit < -BUDGET:  # also with an empty mailbox: `timeout=0` may be repeated forever
        yield
    m = me.mailbox
    if type(m) is list:  # an async callback: a waiting process owns no list, see cast
        m = me.mailbox = deque(m) if m else None
    limit = nanoseconds(timeout, "receive(timeout=…)", infinite=True) if timeout != "infinity" else None
    if matching is None:
        if m:
            if x is not None:
                x.mark = 0
            return _add_unanswered(me, m.popleft())
        if limit is None:
            me.status = RECV
            yield
            value, me.value = me.value, None
            return _add_unanswered(me, value)
    else:
        if x is None:
            x = me.ensure_ext()
        match = matching if type(matching) is Tag else compile_pattern(matching)
        if m:
            found = _scan(me, x, match)
            if found is not ABSENT:
                return _found(me, found)
        else:
            x.mark = 0
        x.match = match
    s.handled -= 1  # the credit it has spent was for no message
    if limit == 0:
        raise ReceiveTimeout(f"no message{' that matches' if matching is not None else ''} in the mailbox")
    me.status = RECV if matching is None else SEL
    timer = None if limit is None else s.call_at(s.now_ns() + limit, _receive_timeout, me)
    try:
        while True:
            me.value = timer
            yield
            value = me.value
            me.value = None
            if value is not LOOK or x is None:
                return _add_unanswered(me, value)
            found = _scan(me, x, x.match, x.mark)
            if found is not ABSENT:
                return _found(me, found)
            if timer is not None and timer.fire is None:  # it fired when the process was about to check
                raise ReceiveTimeout(NO_MATCH)
            me.status = SEL
    finally:
        if timer is not None:
            timer.fire = None


def _found(me: Process, message: Any) -> Any:
    if me.runtime.watched or me.traced:
        report_received(me, message)
    return message if me.callbacks is None else _add_unanswered(me, message)


def _add_unanswered(me: Process, message: Any) -> Any:
    """Note a call received by an async callback as unanswered, so that its end fails the caller."""
    if type(message) is not From or me.callbacks is None:
        return message
    x = me.ensure_ext()
    if x.unanswered is None:
        x.unanswered = {}
    x.unanswered[message] = None
    return as_message(me, message)


def _scan(me: Process, x: Any, match: Any, i: int = 0) -> Any:
    """Remove and return the oldest match from index `i` on, or `ABSENT`.

    A pure pattern skips the messages that it has refused before.
    """
    m = me.mailbox
    last = x.match
    searched = x.mark
    since = since_of(x) if type(last) is Since or type(last) is OfRef else None
    if since is not None and (last is since or type(match) is not OfRef):
        last, searched = since.match, since.searched
    if last is not None and getattr(match, "pure", False) and (last is match or same(last, match)):
        i = min(searched, len(m))
    if since is not None and type(match) is OfRef and since.is_before(match.ref):
        i = max(i, min(since.place, len(m)))
    server = me.callbacks is not None
    word = match.word if type(match) is Tag and not server else None
    end = len(m)
    begun = i
    messages: Iterable[Any] = m if i == 0 and not server else _messages_from(m, i, end, True)
    while i < end:
        before = i
        try:
            for message in messages:
                # `matches` and `Tag` written inline: calling them takes twice as long per message, for a `Tag` five
                # times.
                if word is not None and type(message) is tuple and message and type(message[0]) is str:
                    if message[0] != word:
                        i += 1
                        continue
                else:
                    try:
                        if not match(as_message(me, message) if server else message):
                            i += 1
                            continue
                    except (KeyboardInterrupt, SystemExit):
                        raise
                    except BaseException:
                        i += 1
                        continue
                del m[i]
                if since is None:
                    x.mark = i
                    x.match = match
                else:
                    keep_search(x, since, match, i, is_found=True)
                return message
        except RuntimeError:  # a predicate has sent to this process: the deque changed during iteration
            pass
        if i == before:
            break  # a predicate has received messages
        messages = _messages_from(m, i, end, i == begun)
    keep_search(x, since, match, min(i, len(m)), is_found=False)
    return ABSENT


def _messages_from(m: Any, i: int, end: int, is_first: bool) -> Iterable[Any]:
    """Return the messages `i` to `end` of a mailbox, or only the first ones: the caller asks again."""
    return messages_from(m, i, min(end, i + NEAR) if is_first and i >= NEAR else end)


def messages_from(m: Any, i: int, end: int) -> Iterable[Any]:
    """Return the messages `i` to `end` of a mailbox, in the quickest of three ways.

    A deque finds a message by index in a time that grows with the distance from the nearer end: 2 us in the middle of
    200,000. A few messages are found by index, more by iteration.
    """
    if i < NEAR or type(m) is list:
        return islice(m, i, end)
    if end - i <= NEAR:
        return [m[k] for k in range(i, end)]
    if i < len(m) - i:
        return islice(m, i, end)
    rest = list(islice(reversed(m), len(m) - end, len(m) - i))
    rest.reverse()
    return rest


def _receive_timeout(timer: Timer) -> None:
    p: Process = timer.target
    if p.value is timer and p.status in (RECV, SEL):  # not woken by a message in the meantime
        p.throw(ReceiveTimeout(NO_MATCH if p.status == SEL else "no message arrived in time"))


# Pauses: a process that has sent too much to another node goes on once that node has taken some of it.


class PausedStep:
    """A step that resumes a process only after a future is done, so that other resumes need no check."""

    __slots__ = ("__self__", "_over", "_p")

    def __init__(self, p: Process, over: Future[None]) -> None:
        self._p = p
        self._over = over
        self.__self__: Any = p.coroutine

    def __call__(self, _nothing: None) -> Any:
        p, over, send = self._p, self._over, self.__self__.send
        if over.done():
            p.step = select_step(p, send) if p.traced else send
            return send(None)
        p.status = FUT  # with what it is resumed with in its slot
        over.add_done_callback(self._go_on, context=p.runtime.scheduler.base_context)
        return None

    def _go_on(self, _over: Future[None]) -> None:
        p = self._p
        if p.step is self and p.status == FUT:
            p.status = READY
            p.runtime.scheduler.push(p)


def pause(p: Process, until: Callable[[], Future[None]]) -> None:
    """Suspend a process at its next receive, call or end of a callback, until a future is done."""
    x = p.ext
    step = p.step
    if p.status in (DEAD, EXITING) or type(step) is PausedStep or (x is not None and x.held and not x.held.done()):
        return
    over = until()
    if step is not None:
        if type(step) is not ThrowingStep:
            p.step = PausedStep(p, over)
    if p.callbacks is not None:
        p.ensure_ext().held = over
        merge_batch(p)
        if p.mailbox is None and p.status == RUN:
            p.mailbox = []  # so that a call on its caller's stack leaves it to the run queue
    s = p.runtime.scheduler
    if s.current is p and s.credit >= -BUDGET:
        s.handled -= s.credit + BUDGET + 1
        s.credit = -BUDGET - 1  # the next receive yields


# The reply to a call: delivered to a caller that still waits, dropped if it is late.


def reply(frm: From, value: Any) -> None:
    """Reply to a call; a late reply or a second one is dropped."""
    waiter = frm.waiter
    to = frm.to
    x = to.ext
    if x is not None and x.unanswered:
        x.unanswered.pop(frm, None)
    # The slot of the waiter is the only record of the call, so there is no table to clean up. The first reply takes the
    # `From` out of it (test_the_first_of_several_answers_counts_and_the_others_leave_no_trace).
    if waiter.value is not frm:  # replied, timed out, cancelled or dead: too late
        if to.runtime.watched or to.traced:
            report_late_reply(frm, value)
        return
    waiter.value = value
    if waiter.status == CALLING:
        if to.runtime.watched or to.traced or waiter.traced:
            report_replied(frm, value)
        waiter.status = READY
        s = waiter.runtime.scheduler
        s.push(waiter)


def fail(frm: From, reason: Any) -> None:
    """Fail a call because its server ended with `reason`."""
    waiter = frm.waiter
    if waiter.value is frm and waiter.status == CALLING:
        post = waiter.runtime.scheduler.post
        if post is not None:
            post.answered(frm.to, waiter)
        waiter.value = Failed(reason)
        waiter.status = READY
        waiter.runtime.scheduler.push(waiter)


def forget(frm: From) -> None:
    """Forget a call that its caller has given up, so that the end of the server need not fail it."""
    x = frm.to.ext
    if x is not None and x.unanswered:
        x.unanswered.pop(frm, None)
