"""A trace: messages between some processes and others, within bounds.

The runtime calls this code while it delivers a message, so each event becomes a small value at once, or is counted. A
receiver may change a list right after it arrives; the trace keeps the text the message had when it was sent.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

import otp
from otp import Node, Pid
from otp.bounded import text
from otp.redaction import is_secret, without_secrets
from otp.trace import Event, Subscription
from superlearner.control.clock import Clock
from superlearner.control.events import STARTS
from superlearner.control.names import display_name
from superlearner.control.protection import protection_of
from superlearner.control.reasons import is_crash, text_of_reason
from superlearner.control.terms import clip, is_a, plain_pid
from superlearner.control.tree import supervisor_state, what_of
from superlearner.observing.tracing.captured import OUTSIDE, Captured, Mark, Person, Way

__all__ = ["MAX_PIDS", "Ended", "Trace", "TraceOptions"]

KINDS: Final = frozenset({"sent", "received", "dropped", "exited", "call_timed_out"})
MAX_PIDS: Final = 500
MAX_PEOPLE: Final = 1_000
"""Maximum number of participants kept, of traced processes and of others each."""
MAX_MARKS: Final = 500
LENGTH: Final = 200
NO_CODE: Final = "process"
"""Text that the runtime reports for a process that represents outside code."""

Ended = Literal["stopped", "process_ended", "duration", "node_down"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TraceOptions:
    """Options of a trace.

    Args:
        message_limit: number of messages kept, the newest.
        pattern_matching: keep messages whose text contains this, ignoring case; secrets do not match.
        include_system_messages: include system messages, exit signals, Down messages, and messages between a traced
            process and the platform's own.
        auto_cleanup: the trace ends with its processes and is dropped some time later. If false, it continues
            with their replacements until it is stopped.
        rate: messages per second that are captured; the rest is counted.
        duration: seconds until it ends by itself; None for no limit.
    """

    message_limit: int = 1000
    pattern_matching: str | None = None
    include_system_messages: bool = False
    auto_cleanup: bool = True
    rate: int = 1000
    duration: float | None = None


class Trace:
    """A trace of some processes; it stays readable after its end and after theirs.

    Args:
        node: node of the processes.
        pids: processes to trace.
        options: options of the trace.
        root: supervisor whose whole tree is traced, including children that start later.
        id: id of the trace.
    """

    def __init__(
        self, node: Node, pids: Iterable[Pid], options: TraceOptions, *, root: Pid | None = None, id: str = "t1"
    ) -> None:
        self.id = id
        self.node = node.name
        self.options = options
        self.clock = Clock()
        self.started_at = self.clock.now()
        self.ended_at: float | None = None
        self.ended: Ended | None = None
        self.messages: deque[Captured] = deque()
        self.marks: deque[Mark] = deque(maxlen=MAX_MARKS)
        self.people: dict[str, Person] = {}
        self.filtered = 0
        self.displaced = 0
        """Number of messages dropped because of `message_limit`."""
        self.left_out = 0
        """Number of processes not traced because of the limit."""
        self.on_end: Callable[[], object] | None = None
        self.watchers: list[Callable[[int | None], object]] = []
        """Callbacks with the number of a new or updated message, None for other changes.

        They run while the runtime delivers, so they must be short.
        """
        self._node = node
        self._protection = protection_of(node)
        self._root = None if root is None else plain_pid(root)
        self._by_seq: dict[int, Captured] = {}
        self._received: dict[int, int] = {}
        self._calls: dict[str, Captured] = {}
        self._skipped: dict[str, bool] = {}
        self._pids: dict[Pid, None] = {}
        self._traced: dict[str, None] = {}
        self._others = 0
        self._alive: set[Pid] = set()
        for pid in pids:
            self._join(pid)
        self._group = root is not None or len(self._pids) != 1
        self._reader: Subscription = otp.trace.subscribe(
            node, self._on_event, kinds=KINDS, pids=self._pids, rate=options.rate, focus=True
        )
        self._starts: Subscription | None = None
        if root is not None or not options.auto_cleanup:
            self._starts = otp.trace.subscribe(node, self._on_start, kinds=STARTS)
        self._reader.on_node_end = lambda: self.end("node_down")

    # State

    @property
    def running(self) -> bool:
        """True until the trace ends."""
        return self.ended is None

    @property
    def pids(self) -> list[str]:
        """Processes that are or were traced, in order."""
        return list(self._traced)

    @property
    def root(self) -> str | None:
        """Pid of the supervisor whose tree is traced."""
        return self._root

    @property
    def is_group(self) -> bool:
        """True if the trace was started for several processes or a tree."""
        return self._group

    @property
    def alive(self) -> int:
        """Number of traced processes that are alive."""
        return len(self._alive)

    @property
    def over_rate(self) -> int:
        """Number of messages that were only counted, because of the rate limit."""
        return self._reader.dropped

    def is_about(self, words: str) -> bool:
        """Return whether it traces a process of this pid or name."""
        plain = words.removeprefix("#PID").strip("<>")
        return any(one.traced and plain in (one.pid, one.name) for one in self.people.values())

    def message(self, seq: int) -> Captured | None:
        """Return the message with this number if it is still kept."""
        return self._by_seq.get(seq)

    def watches(self, pid: Pid) -> bool:
        """Return whether it traces this process now."""
        return self.running and pid in self._pids

    def end(self, why: Ended) -> None:
        """End the trace and keep its contents; a second call has no effect."""
        if self.ended is not None:
            return
        self.ended, self.ended_at = why, self.clock.now()
        self._reader.close()
        if self._starts is not None:
            self._starts.close()
        self._received.clear()
        self._calls.clear()
        self._skipped.clear()
        self._alive.clear()
        if self.on_end is not None:
            self.on_end()
        self._notify(None)

    def _notify(self, seq: int | None) -> None:
        for watcher in self.watchers:
            watcher(seq)

    # Events

    def _on_event(self, event: Event) -> None:
        try:
            if event.kind == "exited":
                self._exited(event)
            elif event.kind == "received":
                self._arrived(event)
            elif event.kind == "call_timed_out":
                self._timed_out(event)
            else:
                self._sent(event)
        except Exception:  # an error must not reach the traced process
            log.exception("a trace could not process %s; this is a bug in SuperLearner, please report it", event.kind)

    def _on_start(self, event: Event) -> None:
        child, old = event.data.get("child"), event.data.get("old")
        if child is None or not is_a(child, Pid) or child in self._pids:
            return
        of_tree = self._root is not None and event.pid in self._pids
        if not of_tree and not (old is not None and old in self._pids):
            return
        if self._join(child):
            self._reader.choose(self._pids)
            self.marks.append(Mark(event.seq, self.clock.wall(event.at), "started", plain_pid(child), None, None))
            self._notify(None)

    def _join(self, pid: Pid) -> bool:
        if len(self._pids) >= MAX_PIDS:  # ended processes make room
            self._pids = {one: None for one in self._pids if one in self._alive}
        if len(self._pids) >= MAX_PIDS:
            self.left_out += 1
            return False
        plain = plain_pid(pid)
        self._pids[pid] = self._traced[plain] = None
        self._alive.add(pid)
        self.people[plain] = _person(pid, traced=True)
        if len(self._traced) > MAX_PEOPLE:
            alive = {plain_pid(one) for one in self._alive}
            oldest = next(one for one in self._traced if one not in alive)  # at most MAX_PIDS are alive
            del self._traced[oldest]
            self.people.pop(oldest, None)
        return True

    def _meet(self, pid: Pid) -> str:
        plain = plain_pid(pid)
        if plain not in self.people and self._others < MAX_PEOPLE:
            self._others += 1
            self.people[plain] = _person(pid, traced=False)
        return plain

    def _sent(self, event: Event) -> None:
        data = event.data
        way: Way = data["way"]
        term, ref, to = data["term"], data["ref"], data["to"]
        if not self.options.include_system_messages and (way == "system" or is_a(term, otp.Down, otp.ExitSignal)):
            self._skip(ref)
            return
        if not self.options.include_system_messages and self._is_of_platform(event.pid, to, ref):
            if ref is not None:
                self._skipped[repr(ref)] = True
            return
        hidden = term is None and data["message"] != "None"  # the process is sensitive
        shown = data["message"]
        if not hidden and (len(shown) >= LENGTH or without_secrets(shown) != shown or is_secret(shown)):
            shown = text(term, length=LENGTH)
        call = None if ref is None or way != "reply" else self._calls.pop(repr(ref), None)
        if way == "reply" and ref is not None and self._skipped.pop(repr(ref), None) is not None:
            self.filtered += 1
            return
        pattern = self.options.pattern_matching
        if pattern is not None and call is None and pattern.lower() not in shown.lower():
            self._skip(ref)
            return
        message = Captured(
            seq=event.seq,
            at=self.clock.wall(event.at),
            way=way,
            sender=None if event.pid is None else self._meet(event.pid),
            receiver=self._meet(to),
            tag=_tag(term, shown),
            text=clip(shown, LENGTH),
            full=clip(data["message"], LENGTH),
            cause=self._received.get(event.cause),
            dropped=event.kind == "dropped",
        )
        if way == "call" and ref is not None and not message.dropped:
            self._calls[repr(ref)] = message
        if call is not None:
            call.answer, message.answers = message.seq, call.seq
            message.cause = message.cause or call.seq
            self._notify(call.seq)
        self._keep(message)

    def _is_of_platform(self, sender: Pid | None, to: Pid, ref: Any) -> bool:
        """Return whether the platform's own work made this message, such as a reading for a page.

        A request that reaches a process of the user is one's own, and so is the answer.
        """
        if self._protection is None or (ref is not None and repr(ref) in self._calls):
            return False
        if self._protection.covers(to) and to not in self._pids:
            return True
        if sender is None or sender in self._pids or not self._protection.covers(sender):
            return False
        return otp.is_alive(sender) and what_of(sender) != NO_CODE

    def _skip(self, ref: Any) -> None:
        """Count a message as filtered, and its reply if it is a call."""
        self.filtered += 1
        if ref is not None:
            self._skipped[repr(ref)] = True
            while len(self._skipped) > self.options.message_limit:
                self._skipped.pop(next(iter(self._skipped)))

    def _keep(self, message: Captured) -> None:
        self.messages.append(message)
        self._by_seq[message.seq] = message
        while len(self.messages) > self.options.message_limit:
            oldest = self.messages.popleft()
            self._by_seq.pop(oldest.seq, None)
            self.displaced += 1
        for known in (self._received, self._calls):
            while len(known) > self.options.message_limit:
                known.pop(next(iter(known)))  # pyright: ignore[reportArgumentType]
        self._notify(message.seq)

    def _arrived(self, event: Event) -> None:
        message = self._by_seq.get(event.cause)
        if message is not None:
            message.received_at = self.clock.wall(event.at)
            self._received[event.seq] = message.seq
            self._notify(message.seq)

    def _timed_out(self, event: Event) -> None:
        call = self._calls.get(repr(event.data["ref"]))
        if call is not None:
            call.timeout = event.data["timeout"]
            self._notify(call.seq)

    def _exited(self, event: Event) -> None:
        pid, reason = event.pid, event.data.get("reason")
        if pid is None or pid not in self._alive:
            return
        self._alive.discard(pid)
        kind = "crashed" if is_crash(reason) else "exited"
        cause = self._received.get(event.cause)
        self.marks.append(
            Mark(event.seq, self.clock.wall(event.at), kind, plain_pid(pid), text_of_reason(reason), cause)
        )
        self._notify(None)
        if self.options.auto_cleanup and not self._alive:
            self.end("process_ended")


def _person(pid: Pid, *, traced: bool) -> Person:
    if not otp.is_alive(pid):
        return Person(plain_pid(pid), None, "", None, traced)
    above = otp.process_info(pid, "parent")
    supervisor = None
    if is_a(above, Pid) and above is not None and supervisor_state(above) is not None:
        supervisor = display_name(above) or plain_pid(above)
    what = what_of(pid)
    if what == NO_CODE:
        what = OUTSIDE
    return Person(plain_pid(pid), display_name(pid), what, supervisor, traced)


def _tag(term: Any, shown: str) -> str:
    """Return the first word of a message, as `mailbox.patterns` does."""
    first = term[0] if type(term) is tuple and term else term  # pyright: ignore[reportUnknownVariableType]
    if type(first) is str:  # pyright: ignore[reportUnknownArgumentType]
        return clip(without_secrets(first, 200), 40)
    return "" if term is None and shown.startswith("<") else clip(type(first).__name__, 40)  # pyright: ignore[reportUnknownArgumentType]
