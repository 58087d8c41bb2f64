"""The event stream of a node: numbered records, a bounded ring for lifecycle, and the readers' filters.

The kernel writes here; `otp.trace` is the interface for readers. Without a reader of message events the message path
pays one check of `node.watched`.
"""

from __future__ import annotations

import difflib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from otp.kernel.tables.causes import Causes
from otp.kernel.tables.focus import Focus
from otp.kernel.values.bounded import bound_reason, bounded_text
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.reasons import is_clean
from otp.kernel.values.sentences import say

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node
    from otp.kernel.tables.callers import From
    from otp.kernel.values.pids import Pid
    from otp.kernel.values.process import Process

RING_SIZE: Final = 4_096
ENDS_SIZE: Final = 200  # ends in a ring of their own: a task that fails often must push out no restarts
KEPT_IN_A_SECOND: Final = 10  # calls that time out, and failures outside trees; the ring is also for restarts
NESTED: Final = 10_000  # successive events that readers may cause while one is delivered
SLICES: Final = 10  # of a second, over which the rate of a reader with `focus` is spread
SLICE_NS: Final = 1_000_000_000 // SLICES

MESSAGE_KINDS: Final = frozenset(
    {
        "sent",
        "received",
        "dropped",
        "callback_begun",
        "callback_ended",
        "timer_set",
        "timer_fired",
        "timer_cancelled",
    }
)
"""Kinds that exist only while a reader requests them."""

DETAIL_KINDS: Final = frozenset({"linked", "unlinked", "monitored", "demonitored"})
"""Kinds that are delivered on request and not kept."""

STATE_KINDS: Final = frozenset({"state_changed"})
"""Kinds that cost a rendering of the whole state after each callback: requested by name only."""

LIFECYCLE: Final = frozenset(
    {
        "spawned",
        "exited",
        "registered",
        "unregistered",
        "child_started",
        "child_terminated",
        "child_restarted",
        "restart_failed",
        "start_failed",
        "gave_up",
        "strategy_changed",
        "placement_changed",
        "code_changed",
        "suspended",
        "resumed",
        "node_up",
        "node_down",
        "drain_too_long",
        "abandoned_cleanup",
        "call_timed_out",
    }
)

FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "exited": (
        "reason", "message", "callback", "sender", "what", "name", "event", "cycle", "busy", "place", "waited",
    ),
    "child_started": ("supervisor", "id", "child", "restart", "type", "old", "restarts", "along"),
    "child_terminated": ("id", "child", "reason", "by", "by_itself", "requested", "exceeded"),
    "child_restarted": (
        "id", "child", "old", "reason", "strategy", "used", "allowed", "window", "group", "restarts", "along",
    ),
}  # fmt: skip
"""The data of the frequent kinds. The ring keeps only the values: a tuple costs a quarter of a dictionary, and most are
never read. A value may be missing at the end: `event` (callback, type, content and state as text) unless a state
machine ended in a callback, `cycle`, `busy`, `place` and `waited` unless a process ended for a failed call, `requested`
unless the stop of a child was, `exceeded` (seconds) unless it was killed because its `shutdown` had passed.
"""
SENDER: Final = FIELDS["exited"].index("sender")


def _checked(kinds: Iterable[str]) -> frozenset[str]:
    if isinstance(kinds, str):
        raise BadArgument(f"kinds: expected several, got the string {kinds!r}; try kinds={{{kinds!r}}}")
    chosen = frozenset(kinds)
    known = LIFECYCLE | DETAIL_KINDS | MESSAGE_KINDS | STATE_KINDS
    for unknown in sorted(chosen - known, key=repr):
        close = difflib.get_close_matches(str(unknown), sorted(known), n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(sorted(known))}"
        raise BadArgument(f"kinds: expected kinds of events, got {unknown!r}; {hint}")
    return chosen


class Event:
    """An event on a node.

    `seq` numbers the node's events from 1, `at` is the node's clock in ns, `cause` the seq of the event that led to
    it (0: none recorded), `data` depends on `kind`. `facts` is unset until a reader stores there what it made of the
    event for the readers after it.
    """

    __slots__ = ("at", "cause", "data", "facts", "kind", "node", "pid", "seq")

    facts: Any

    def __init__(
        self, seq: int, at: int, node: str, kind: str, pid: Pid | None, cause: int, data: dict[str, Any]
    ) -> None:
        self.seq: int = seq
        self.at: int = at
        self.node: str = node
        self.kind: str = kind
        self.pid: Pid | None = pid
        self.cause: int = cause
        self.data: dict[str, Any] = data

    def __repr__(self) -> str:
        details = " ".join(f"{key}={bounded_text(value, 60)}" for key, value in self.data.items())
        return f"<{self.seq} {self.kind} {self.pid} {details}>"


class Subscription:
    """A reader of a node's events.

    Ends by `close()`, or by itself after `limit` events. `dropped` counts what the rate held back; `rate` is events per
    second, counted in windows of one second. A reader with `focus` is admitted to messages before they are reported:
    its rate counts messages, in windows of a tenth.
    """

    __slots__ = (
        "_callback",
        "_kinds",
        "_limit",
        "_rate",
        "_tracer",
        "_window",
        "_window_count",
        "delivered",
        "dropped",
        "focus",
        "on_node_end",
        "pids",
    )

    def __init__(
        self,
        tracer: Tracer,
        callback: Callable[[Event], object],
        kinds: frozenset[str] | None,
        pids: frozenset[Pid] | None,
        limit: int | None,
        rate: int | None,
        focus: bool = False,
    ) -> None:
        self._tracer = tracer
        self._callback = callback
        self._kinds = kinds
        self.pids: frozenset[Pid] | None = pids
        self.focus: bool = focus
        self._limit = limit
        self._rate = rate
        self._window = 0
        self._window_count = 0
        self.delivered: int = 0
        self.dropped: int = 0
        self.on_node_end: Callable[[], object] | None = None

    def wants(self, kind: str) -> bool:
        """Return whether events of this kind may be delivered; without `kinds`, only lifecycle events."""
        return kind in self._kinds if self._kinds is not None else kind in LIFECYCLE

    def deliver(self, event: Event) -> None:
        """Deliver an event of a wanted kind to the reader, unless pid, rate or limit exclude it."""
        pids = self.pids
        if pids is not None and event.pid not in pids and event.data.get("to") not in pids:
            return
        focus = self._tracer.focus if self.focus else None
        if focus is not None:
            if self in focus.held_back:
                return
        elif self._rate is not None:
            window = event.at // 1_000_000_000
            if window != self._window:
                self._window, self._window_count = window, 0
            self._window_count += 1
            if self._window_count > self._rate:
                self.dropped += 1
                return
        self.delivered += 1
        try:
            self._callback(event)
        except Exception as error:  # an error of a reader must not become the runtime's
            say(logging.ERROR, "a reader of %s's events raised and is closed", event.node, exc_info=error)
            self.close()
        if self._limit is not None and self.delivered >= self._limit:
            self.close()

    def admits(self, at: int) -> bool:
        """Return whether a message sent at this time is within the rate of a reader with `focus`; else count it."""
        if self._rate is None:
            return True
        window = at // SLICE_NS
        if window != self._window:
            self._window, self._window_count = window, 0
        self._window_count += 1
        if self._window_count * SLICES <= self._rate or self._window_count == 1:
            return True
        self.dropped += 1
        return False

    def choose(self, pids: Iterable[Pid]) -> None:
        """Read these processes from now on, and no others."""
        self.pids = frozenset(pids)
        self._tracer.chosen()

    def close(self) -> None:
        """Stop reading. Calling it twice has no effect."""
        self._tracer.remove(self)


_Entry: TypeAlias = tuple[int, int, str, Any, int, Any]

_blank = object.__new__


def _is_supervised(p: Process) -> bool:
    return any(one is not None and one.callbacks is not None and one.callbacks.supervisor for one in (p, p.parent))


class Tracer:
    """The writer of a node's event stream."""

    __slots__ = (
        "_by_kind",
        "_ends",
        "_failures",
        "_nested",
        "_node",
        "_reader",
        "_ring",
        "_timeouts",
        "_waiting",
        "causes",
        "clock",
        "ending",
        "focus",
        "give_ups",
        "left",
        "messages_read",
        "restarts",
        "seq",
        "states_read",
        "subscriptions",
        "view_requests",
    )

    def __init__(self, node: Node, ring_size: int = RING_SIZE) -> None:
        self._node = node
        self._ring: deque[_Entry] = deque(maxlen=ring_size)
        self._ends: deque[_Entry] = deque(maxlen=ENDS_SIZE)  # of processes without a supervisor, unread
        self.subscriptions: tuple[Subscription, ...] = ()  # none: gaps in the ring go unnoticed
        self._by_kind: dict[str, tuple[Subscription, ...]] = {}
        self._waiting: deque[tuple[tuple[Subscription, ...], Event]] | None = None  # set while readers are notified
        self._reader: Subscription | None = None  # the reader that is being notified
        self._nested = 0
        self._timeouts = (0, 0)  # a second of the clock, and the calls that timed out in it
        self._failures = (0, 0)  # the same of ends that nothing but `_ends` keeps
        self.seq: int = 0
        self.restarts: int = 0  # counted by the supervisors of the node, as are the give-ups
        self.give_ups: int = 0
        self.messages_read: bool = False
        self.states_read: bool = False
        self.causes: Causes | None = None  # set while messages are read
        self.focus: Focus | None = None  # set while only messages of some processes are read
        self.clock: Callable[[], int] = time.monotonic_ns
        self.ending: Callable[[Process, Any], object] | None = None  # called with a server or supervisor that ends
        self.left: Any = None  # what a reader of `ending` leaves to the next one
        self.view_requests: Any = None  # what was sent through views, see `observer.view_requests`

    def emit(self, kind: str, pid: Any, data: dict[str, Any], cause: int = 0) -> int:
        """Record a lifecycle event in the ring and notify its readers; return its number.

        The ring keeps no objects of the user: for a large reason it has a bounded stand-in, while readers get the
        original.
        """
        self.seq = seq = self.seq + 1
        at = self.clock()
        if not cause and self.causes is not None:
            cause = self.causes.of(pid)
        reason = data.get("reason")
        if reason is None or (less := bound_reason(reason)) is reason:
            self._ring.append((seq, at, kind, pid, cause, data))
        else:
            self._ring.append((seq, at, kind, pid, cause, {**data, "reason": less}))
        if self._by_kind:
            self._tell(seq, at, kind, pid, cause, data)
        return seq

    def record(
        self, kind: str, pid: Any, values: tuple[Any, ...], cause: int = 0, whole: Any = None, at: int = 0
    ) -> int:
        """Record an event of a kind in `FIELDS`, like `emit`: its values, with the reason as the ring may keep it.

        `whole` is the reason for readers, if it differs; `at` is the time, if the caller has just read it.
        """
        self.seq = seq = self.seq + 1
        at = at or self.clock()
        if not cause and self.causes is not None:
            cause = self.causes.of(pid)
        self._ring.append((seq, at, kind, pid, cause, values))
        if self._by_kind:
            data = dict(zip(FIELDS[kind], values, strict=False))
            if whole is not None:
                data["reason"] = whole
            self._tell(seq, at, kind, pid, cause, data)
        return seq

    def call_timed_out(self, pid: Any, to: Process, describe: Callable[[], dict[str, Any]]) -> None:
        """Report a call that timed out; of many in one second, the ring keeps the first ones.

        It keeps those whose caller or server has a supervisor, or whose end is read: others leave nothing behind.
        """
        kept = self._node.watched_life or any(p is not None and _is_supervised(p) for p in (pid, to))
        if kept:
            self._timeouts = self._count(self._timeouts)
        if kept and self._timeouts[1] <= KEPT_IN_A_SECOND:
            self.emit("call_timed_out", pid, describe())
        elif self._by_kind:
            self.notice("call_timed_out", pid, describe())

    def keeps_end(self, reason: Any) -> bool:
        """Return whether to keep the exit of a process that has neither a supervisor nor readers; count it.

        Only the first failures of a second are kept: later observers explain them.
        """
        if is_clean(reason):
            return False
        self._failures = self._count(self._failures)
        return self._failures[1] <= KEPT_IN_A_SECOND

    def keep_end(self, p: Process, values: tuple[Any, ...], cause: int) -> int:
        """Record an exit without readers, with pids as numbers so that no process object stays referenced."""
        self.seq = seq = self.seq + 1
        shown, sender = self._node.shown_pids, values[SENDER]
        shown[p.number] = p  # while it is referred to elsewhere, the number leads to it and not to an equal pid
        if isinstance(sender, type(p)):
            shown.setdefault(sender.number, sender)
            values = (*values[:SENDER], sender.number, *values[SENDER + 1 :])
        self._ends.append((seq, self.clock(), "exited", p.number, cause, values))
        return seq

    def has_room(self) -> bool:
        """Return whether the current second has room for one more end, see `keeps_end`."""
        second, count = self._failures
        return count < KEPT_IN_A_SECOND or second != self.clock() // 1_000_000_000

    def _count(self, before: tuple[int, int]) -> tuple[int, int]:
        """Return the current second of the clock, and how many were counted in it with this one."""
        second, count = before
        now = self.clock() // 1_000_000_000
        return now, count + 1 if now == second else 1

    def notice(self, kind: str, pid: Any, data: dict[str, Any], cause: int = 0) -> int:
        """Notify readers of an event that the ring does not keep (messages, links, timers)."""
        self.seq = seq = self.seq + 1
        if not cause and self.causes is not None:
            cause = self.causes.of(pid)
        subscriptions = self._by_kind.get(kind)
        if subscriptions is None:
            subscriptions = self._readers_of(kind)
        if subscriptions:
            event = _blank(Event)  # several per message: without `__init__` a record takes half the time
            event.seq = seq
            event.at = self.clock()
            event.node = self._node.name
            event.kind = kind
            event.pid = pid
            event.cause = cause
            event.data = data
            self._deliver(subscriptions, event)
        return seq

    def _tell(self, seq: int, at: int, kind: str, pid: Any, cause: int, data: dict[str, Any]) -> None:
        subscriptions = self._readers_of(kind)
        if subscriptions:
            self._deliver(subscriptions, Event(seq, at, self._node.name, kind, pid, cause, data))

    def _deliver(self, subscriptions: tuple[Subscription, ...], event: Event) -> None:
        """Notify readers of an event; events caused by a reader follow later, so that all see the same order."""
        waiting = self._waiting
        if waiting is not None:
            self._nested += 1
            if self._nested > NESTED and self._reader is not None:
                say(logging.ERROR, "a reader of %s's events answers each with another one and is closed", event.node)
                self._reader.close()
                self._nested = 0
            waiting.append((subscriptions, event))
            return
        waiting = self._waiting = deque[tuple[tuple[Subscription, ...], Event]]()
        self._nested = 0
        try:
            while True:
                for subscription in subscriptions:
                    self._reader = subscription
                    subscription.deliver(event)
                if not waiting:
                    return
                subscriptions, event = waiting.popleft()
        finally:
            self._waiting = self._reader = None

    def _readers_of(self, kind: str) -> tuple[Subscription, ...]:
        found = self._by_kind.get(kind)
        if found is None:
            found = self._by_kind[kind] = tuple(sub for sub in self.subscriptions if sub.wants(kind))
        return found

    def cause_of(self, p: Any) -> int:
        """Return the event that `p` is handling; 0 if unknown, as always while messages are not read."""
        return 0 if self.causes is None else self.causes.of(p)

    def holders(self, frm: From) -> Iterator[Any]:
        """Yield what refers to a call only for readers of messages."""
        if self.causes is not None:
            yield from self.causes.holders(frm.to, frm)
        if self.focus is not None:
            yield from self.focus.holders(frm)

    def history(self, since: int = 0) -> list[Event]:
        """Return the kept events with a number greater than `since`, oldest first."""
        return [self._event(entry) for entry in self._entries(since) if entry[0] > since]

    def unwatched_ends(self, since: int = 0) -> list[Event]:
        """Return the kept ends of processes that had neither a supervisor nor readers, oldest first."""
        return [self._event(entry) for entry in self._ends if entry[0] > since]

    def newest(self) -> Iterator[Event]:
        """Yield the kept events, newest first, built while they are read."""
        for entry in reversed(self._entries()):
            yield self._event(entry)

    def find(self, seq: int) -> Event | None:
        """Return the kept event with this number; the newest are found soonest."""
        for kept in (self._ring, self._ends):
            for entry in reversed(kept):
                if entry[0] <= seq:
                    if entry[0] == seq:
                        return self._event(entry)
                    break
        return None

    @property
    def is_full(self) -> bool:
        """The state of the ring: if it is full, events before its first one may be lost."""
        return len(self._ring) == self._ring.maxlen

    def _entries(self, since: int = 0) -> deque[_Entry] | list[_Entry]:
        """Return the ring, oldest first, with the ends among its events that have a number greater than `since`."""
        since = max(since, self._ring[0][0]) if self.is_full else since
        ends = [entry for entry in self._ends if entry[0] > since]
        return sorted([*self._ring, *ends], key=itemgetter(0)) if ends else self._ring

    def _event(self, entry: _Entry) -> Event:
        seq, at, kind, pid, cause, kept_data = entry
        data = kept_data if kept_data.__class__ is dict else dict(zip(FIELDS[kind], kept_data, strict=False))
        if pid.__class__ is int:
            pid = self._node.pid_numbered(pid)
            if data["sender"].__class__ is int:
                data["sender"] = self._node.pid_numbered(data["sender"])
        return Event(seq, at, self._node.name, kind, pid, cause, data)

    def add(
        self,
        callback: Callable[[Event], object],
        kinds: Iterable[str] | None,
        pids: Iterable[Pid] | None,
        limit: int | None,
        rate: int | None,
        focus: bool = False,
    ) -> Subscription:
        """Add a reader; raises `BadArgument` for an unknown kind, which would never be delivered."""
        subscription = Subscription(
            self,
            callback,
            None if kinds is None else _checked(kinds),
            None if pids is None else frozenset(pids),
            limit,
            rate,
            focus and pids is not None,
        )
        self.subscriptions += (subscription,)
        self._changed()
        return subscription

    def chosen(self) -> None:
        """Update the focus after a reader has chosen other processes."""
        if self.focus is not None:
            self.focus.set(sub for sub in self.subscriptions if sub.focus)

    def reads(self, kind: str) -> bool:
        """Return whether a reader gets this kind."""
        return bool(self._readers_of(kind))

    def remove(self, subscription: Subscription) -> None:
        """Remove a reader; no effect if it is already gone."""
        self.subscriptions = tuple(other for other in self.subscriptions if other is not subscription)
        self._changed()

    def finish(self) -> None:
        """End the stream with the node, and notify the readers."""
        subscriptions, self.subscriptions = self.subscriptions, ()
        self._changed()
        for subscription in subscriptions:
            if subscription.on_node_end is not None:
                subscription.on_node_end()

    def _changed(self) -> None:
        self._by_kind = {}
        node = self._node
        if self.subscriptions:
            self._by_kind[""] = ()  # not empty: there are readers
        self.states_read = any(sub.wants("state_changed") for sub in self.subscriptions)
        everything = [sub for sub in self.subscriptions if not sub.focus]
        focused = [sub for sub in self.subscriptions if sub.focus]
        read = self.states_read or any(sub.wants(kind) for sub in everything for kind in MESSAGE_KINDS)
        if read != self.messages_read or bool(read or focused) != (self.causes is not None):
            self.causes = Causes() if read or focused else None
        self.messages_read = read
        if self.focus is not None and (read or not focused):
            self.focus.end()
            self.focus = None
        if focused and not read:
            self.focus = self.focus or Focus(self, node)
            self.focus.set(focused)
        if self.focus is None:
            node.watched = self.messages_read or node.scheduler.post is not None
        else:
            self.focus.settle()  # a process in focus may be running: what it does next is reported too
        node.scheduler.watch(node, self.messages_read)
        node.watched_life = read or any(sub.wants("spawned") or sub.wants("exited") for sub in everything)
        node.watched_links = any(sub.wants(kind) for sub in self.subscriptions for kind in DETAIL_KINDS)
