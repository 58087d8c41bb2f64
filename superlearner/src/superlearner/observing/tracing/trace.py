"""One trace: some processes, and what went between them and others, as far as its bounds let it.

The runtime calls in here while it delivers a message, so an event becomes a small value at once or is counted. A
message may be a list that its receiver changes a moment later: what is kept is the text it had when it was sent.
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
from superlearner.control.names import registered_name
from superlearner.control.reasons import is_crash, text_of_reason
from superlearner.control.terms import clip, is_a, plain_pid
from superlearner.control.tree import supervisor_state, what_of
from superlearner.observing.tracing.captured import OUTSIDE, Captured, Mark, Person, Way

__all__ = ["MAX_PIDS", "Ended", "Trace", "TraceOptions"]

KINDS: Final = frozenset({"sent", "received", "dropped", "exited"})
STARTS: Final = frozenset({"child_started", "child_restarted"})
MAX_PIDS: Final = 500
MAX_PEOPLE: Final = 1_000
"""Who is remembered of those that are traced, and of the others, each."""
MAX_MARKS: Final = 500
LENGTH: Final = 200
NO_CODE: Final = "process"
"""What the runtime says that a process runs which has no code of its own: it stands for a caller that is none."""

Ended = Literal["stopped", "process_ended", "duration", "node_down"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TraceOptions:
    """How a trace is made.

    Args:
        message_limit: the newest so many messages are kept.
        pattern_matching: only messages whose shown text holds this, in any case; what is hidden cannot be found.
        include_system_messages: what the runtime asks of a server, exit signals and the ends of others, too.
        auto_cleanup: the trace ends when its processes have, and is forgotten some time later. Without it the trace
            goes on with those that are started in their place, until it is stopped.
        rate: messages a second that are looked at; the rest is counted.
        duration: seconds until it ends by itself; None for no end.
    """

    message_limit: int = 1000
    pattern_matching: str | None = None
    include_system_messages: bool = False
    auto_cleanup: bool = True
    rate: int = 1000
    duration: float | None = None


class Trace:
    """What is seen of some processes from its making to its end; it can be read after that, and after theirs.

    Args:
        node: where they are.
        pids: who.
        options: how.
        root: the supervisor whose whole tree it is about: children that start later belong to it, too.
        id: what it is called.
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
        """Messages that went because there were more than `message_limit`."""
        self.left_out = 0
        """Processes that are not traced because there are too many."""
        self.on_end: Callable[[], object] | None = None
        self.watchers: list[Callable[[int | None], object]] = []
        """Called with the number of a message that is new or of which more is known, with None for anything else; at
        once, while the runtime delivers: they must be short."""
        self._node = node
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

    # What it knows

    @property
    def running(self) -> bool:
        """Whether it still looks."""
        return self.ended is None

    @property
    def pids(self) -> list[str]:
        """Who is or was traced, in the order in which they came."""
        return list(self._traced)

    @property
    def root(self) -> str | None:
        """The supervisor whose tree it is about."""
        return self._root

    @property
    def is_group(self) -> bool:
        """Whether it was begun for several processes, or a tree."""
        return self._group

    @property
    def alive(self) -> int:
        """How many of its processes live."""
        return len(self._alive)

    @property
    def over_rate(self) -> int:
        """Messages that were counted only, because there were more than the rate lets through."""
        return self._reader.dropped

    def is_about(self, words: str) -> bool:
        """Whether it traces a process of this pid or name."""
        plain = words.removeprefix("#PID").strip("<>")
        return any(one.traced and plain in (one.pid, one.name) for one in self.people.values())

    def message(self, seq: int) -> Captured | None:
        """The message of this number, if it is still there."""
        return self._by_seq.get(seq)

    def watches(self, pid: Pid) -> bool:
        """Whether it looks at this process now."""
        return self.running and pid in self._pids

    def end(self, why: Ended) -> None:
        """Look no more; what was seen stays. Ending twice is nothing."""
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
        self._tell(None)

    def _tell(self, seq: int | None) -> None:
        for watcher in self.watchers:
            watcher(seq)

    # What happens

    def _on_event(self, event: Event) -> None:
        try:
            if event.kind == "exited":
                self._exited(event)
            elif event.kind == "received":
                self._arrived(event)
            else:
                self._sent(event)
        except Exception:  # who is traced must not suffer
            log.exception("a trace could not take %s; this is a bug of SuperLearner, please report it", event.kind)

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
            self._tell(None)

    def _join(self, pid: Pid) -> bool:
        if len(self._pids) >= MAX_PIDS:  # those that have ended make room
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
            oldest = next(one for one in self._traced if one not in alive)  # at most MAX_PIDS live
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
        hidden = term is None and data["message"] != "None"  # a process that is sensitive
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
            self._tell(call.seq)
        self._keep(message)

    def _skip(self, ref: Any) -> None:
        """A message does not count, and if it is a call, its answer does not either."""
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
        self._tell(message.seq)

    def _arrived(self, event: Event) -> None:
        message = self._by_seq.get(event.cause)
        if message is not None:
            message.received_at = self.clock.wall(event.at)
            self._received[event.seq] = message.seq
            self._tell(message.seq)

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
        self._tell(None)
        if self.options.auto_cleanup and not self._alive:
            self.end("process_ended")


def _person(pid: Pid, *, traced: bool) -> Person:
    if not otp.is_alive(pid):
        return Person(plain_pid(pid), None, "", None, traced)
    above = otp.process_info(pid, "parent")
    supervisor = None
    if is_a(above, Pid) and above is not None and supervisor_state(above) is not None:
        supervisor = registered_name(above) or plain_pid(above)
    what = what_of(pid)
    if what == NO_CODE:
        what = OUTSIDE
    return Person(plain_pid(pid), registered_name(pid), what, supervisor, traced)


def _tag(term: Any, shown: str) -> str:
    """The first word of a message, as `mailbox.patterns` has it."""
    first = term[0] if type(term) is tuple and term else term  # pyright: ignore[reportUnknownVariableType]
    if type(first) is str:  # pyright: ignore[reportUnknownArgumentType]
        return clip(without_secrets(first, 200), 40)
    return "" if term is None and shown.startswith("<") else clip(type(first).__name__, 40)  # pyright: ignore[reportUnknownArgumentType]
