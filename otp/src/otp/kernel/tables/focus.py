"""Reading the messages of a few processes while all others run at full speed.

A process in focus has `traced` set: messages to it take the slow path, which reports them. While it runs,
`node.watched` is set, so that what it sends takes that path too. Other processes pay one check per message.

A message is admitted before it is reported: a reader with a rate gets that many messages per second, spread over tenths
of a second, and the rest is only counted. A reply follows its call: it is reported if the call was, counted if the call
was counted, and neither if the call was sent before reading began.
"""

# Messages are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from otp.kernel.tables.callers import From, call_of
from otp.kernel.tables.causes import UNDER_WAY
from otp.kernel.tables.scheduler import thread_current
from otp.kernel.values.messages import Down, ExitSignal
from otp.kernel.values.process import DEAD, Process, mailbox_len

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node
    from otp.kernel.tables.tracing import Subscription, Tracer

CALLS: Final = 10_000  # calls whose replies are awaited; replies to older calls are neither reported nor counted


class _Step:
    """A step of a process in focus: what the process does until it waits again is reported."""

    __slots__ = ("_focus", "step")

    def __init__(self, focus: Focus, step: Any) -> None:
        self._focus = focus
        self.step = step

    @property
    def __self__(self) -> Any:
        return self.step.__self__

    def __call__(self, value: Any) -> Any:
        focus = self._focus
        focus.begins()
        try:
            return self.step(value)
        finally:
            focus.ends()


def sender_of(message: Any) -> Any:
    """Return the sender of a message: the running process, or the subject of an exit signal or a `Down`."""
    kind = type(message)
    if kind is ExitSignal or kind is Down:
        sender = message.pid if kind is ExitSignal else message.item
        if isinstance(sender, Process):
            return sender
    return thread_current()


class Focus:
    """The processes in focus on a node, their readers, and the messages on their way to them."""

    __slots__ = (
        "_backlog",
        "_calls",
        "_credit",
        "_full",
        "_node",
        "_readers",
        "_runs",
        "_trace",
        "_under_way",
        "_untold",
        "held_back",
    )

    def __init__(self, trace: Tracer, node: Node) -> None:
        self._trace = trace
        self._node = node
        self._readers: dict[Any, tuple[Subscription, ...]] = {}
        self._under_way: dict[Any, dict[int, deque[Any]]] = {}
        self._backlog: dict[Any, int] = {}
        self._calls: dict[From, tuple[bool, tuple[Subscription, ...]]] = {}  # reported?, and the readers held back
        self._untold: dict[int, tuple[Subscription, ...]] = {}  # of messages under way: the readers held back, if any
        self.held_back: tuple[Subscription, ...] = ()
        """Readers whose rate does not admit the message that is being reported."""
        self._full: dict[Any, int] = {}  # processes for which a drain has reported all that it may
        self._runs = False
        self._credit = 0

    def set(self, subscriptions: Iterable[Subscription]) -> None:
        """Make these the readers of their processes from now on."""
        readers: dict[Any, tuple[Subscription, ...]] = {}
        for subscription in subscriptions:
            for p in subscription.pids or ():
                readers[p] = (*readers.get(p, ()), subscription)
        for p in self._readers.keys() - readers.keys():
            self._let_go(p)
        for p in readers.keys() - self._readers.keys():
            if isinstance(p, Process) and p.runtime is self._node and p.status != DEAD:
                self._backlog[p] = mailbox_len(p)
                p.traced = True
                if p.step is not None:
                    p.step = self.step_of(p.step)
        self._readers = readers
        self._full.clear()  # a new reader has received nothing yet

    def end(self) -> None:
        """End the focus: no process is read any more, or all are."""
        for p in self._readers:
            self._let_go(p)
        self._readers = {}

    def _let_go(self, p: Any) -> None:
        if isinstance(p, Process):
            p.traced = None
            if type(p.step) is _Step:
                p.step = p.step.step
        self.forget(p)
        if self._trace.causes is not None:
            self._trace.causes.forget(p)

    def forget(self, p: Process) -> None:
        """Forget `p`, which has ended, and what is under way to it; later messages are still reported."""
        self._under_way.pop(p, None)
        self._full.pop(p, None)
        self._backlog.pop(p, None)

    # While a process in focus runs

    def step_of(self, step: Any) -> Any:
        """Return a step like `step` whose effects are reported."""
        return _Step(self, step)

    def begins(self) -> None:
        """Enter a process in focus: report what it sends, and run no call inline."""
        s = self._node.scheduler
        self._credit = max(0, s.credit)
        s.credit -= self._credit
        self._node.watched = self._runs = True

    def ends(self) -> None:
        """Leave a process in focus: it waits, is queued, or has ended."""
        credit, self._credit, self._runs = self._credit, 0, False
        s = self._node.scheduler
        if s.watched:  # a reader of all messages was added meanwhile: no call may run inline
            s.handled -= credit
        else:
            s.credit += credit
        self.settle()

    def settle(self) -> None:
        """Set `node.watched` while a process in focus runs, an end is carried out, or all messages are read."""
        node, trace = self._node, self._trace
        causes = trace.causes
        carried_out = causes is not None and causes.now != 0
        node.watched = self._runs or carried_out or trace.messages_read or node.scheduler.post is not None

    # Messages

    def admits_sending(self, dest: Process, message: Any) -> bool:
        """Return whether to report a message to `dest`; if not, it is counted where a reader asks for it."""
        readers = self._readers
        theirs = readers.get(dest)
        s = self._node.scheduler
        if theirs is not None and not self._runs and self._full.get(dest) == s.drains:  # without reading the clock
            for subscription in theirs:
                subscription.dropped += 1
            self._note(message, theirs, is_reported=False)
            return False
        sender = sender_of(message)
        own = None if sender is dest else readers.get(sender)
        if theirs is None and own is None:
            return False
        at = self._trace.clock()
        admitted = False
        held_back: tuple[Subscription, ...] = ()
        for subscription in theirs or ():
            if subscription.admits(at):
                admitted = True
            else:
                held_back = (*held_back, subscription)
        if not admitted:
            self._full[dest] = s.drains
        for subscription in own or ():
            if theirs is not None and subscription in theirs:
                continue
            if subscription.admits(at):
                admitted = True
            else:
                held_back = (*held_back, subscription)
        if not admitted:
            self._note(message, held_back, is_reported=False)
        self.held_back = held_back if admitted else ()
        return admitted

    def watches(self, p: Any) -> bool:
        """Return whether `p` is in focus."""
        return p in self._readers

    def mark_reported(self) -> None:
        """Note that the admitted message has been reported."""
        self.held_back = ()

    def note_call(self, message: Any) -> None:
        """Note that a message was reported: if it is a call, its reply will be as well."""
        self._note(message, self.held_back, is_reported=True)

    def _note(self, message: Any, held_back: tuple[Subscription, ...], *, is_reported: bool) -> None:
        """Note how to treat the reply, if the message is a call."""
        frm = call_of(message)
        if frm is not None:
            if len(self._calls) >= CALLS:
                self._calls.pop(next(iter(self._calls)))
            self._calls[frm] = is_reported, held_back

    def admits_answer(self, frm: From) -> bool:
        """Return whether the answered call was reported; readers that were held back count the reply."""
        is_reported, held_back = self._calls.pop(frm, (False, ()))
        for subscription in held_back:
            subscription.dropped += 1
        if is_reported:
            self.held_back = held_back
        return is_reported

    def sent(self, dest: Process, message: Any, seq: int) -> None:
        """Record that the event `seq` put a message into the mailbox of `dest`."""
        if dest not in self._readers:
            return
        waiting = self._under_way.get(dest)
        if waiting is None:
            waiting = self._under_way[dest] = {}
        known = waiting.get(id(message))
        if known is not None:
            known.append(seq)
        elif len(waiting) < UNDER_WAY:
            waiting[id(message)] = deque((message, seq))  # kept, so that no other message gets its id
        self.leaves(seq)

    def holders(self, frm: From) -> Iterator[Any]:
        """Yield what refers to a call only to report what becomes of it."""
        yield self._calls
        yield from self._under_way.get(frm.to, {}).values()

    def leaves(self, seq: int) -> None:
        """Record that the message of the event `seq` is under way; readers that missed it miss its arrival too."""
        if self.held_back:
            if len(self._untold) >= UNDER_WAY:
                self._untold.pop(next(iter(self._untold)))
            self._untold[seq] = self.held_back

    def arrives(self, seq: int) -> None:
        """Note that the message of the event `seq` arrives."""
        self.held_back = self._untold.pop(seq, ())

    def taken(self, p: Process, message: Any) -> int | None:
        """Return the event that sent a message `p` takes; 0 if it is older than the focus, None if not reported."""
        backlog = self._backlog.get(p)
        waiting = self._under_way.get(p)
        if not waiting and not backlog and p.callbacks is not None:  # the end of its previous callback was reported
            return None
        if backlog:
            self._backlog[p] = backlog - 1
        causes = self._trace.causes
        if causes is not None:
            causes.handles(p, 0)
        known = None if waiting is None else waiting.get(id(message))
        if waiting is not None and known is not None:
            held = known.popleft()
            seq: int = known.popleft()
            self.arrives(seq)
            if known:
                known.appendleft(held)
            else:
                del waiting[id(message)]
            return seq
        if backlog and any(subscription.admits(self._trace.clock()) for subscription in self._readers.get(p, ())):
            self.note_call(message)
            return 0
        return None
