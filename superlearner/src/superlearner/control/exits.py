"""The last ends of each child slot, as its supervisor reports them, or else from their own events."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import otp
from otp import Node
from otp.trace import Event
from superlearner.control.clock import wall_of
from superlearner.control.events import ENDS, OF_CHILDREN, TraceEvent, facts_of
from superlearner.control.reasons import place_text
from superlearner.control.slots import slot_key
from superlearner.control.terms import message_text
from superlearner.control.wrong_results import place_of_failure

__all__ = ["EndTimes", "EndsBelow", "Exit", "ExitLog", "keys_of"]

EXITS_OF_A_SLOT: Final = 20
MAX_SLOTS: Final = 1000
MOST_WAITING: Final = 1_000
MOST_TIMES: Final = 4_096


@dataclass(frozen=True, slots=True)
class Exit:
    """An end of a process; `event` is the number of the event that recorded it, or 0."""

    at: float
    reason: str
    pid: str | None
    crash: bool
    where: str | None
    event: int

    def to_json(self, message: Any) -> dict[str, Any]:
        """Return the JSON form; `message` is the one being handled, None if unknown."""
        text = None if message is None else message_text(message, 300)
        return {
            "at": self.at, "reason": self.reason, "pid": self.pid, "crash": self.crash, "message": text,
            "where": self.where,
        }  # fmt: skip


class EndedProcess(NamedTuple):
    """A process that ended at `at`, with its registered name, and its class or function."""

    at: int
    name: Any
    what: Any


class EndTimes:
    """The times of the newest ends: a supervisor reports an end later, when it handles it.

    Every list shows an end at the time at which the process ended.

    >>> from types import SimpleNamespace as Event
    >>> times = EndTimes()
    >>> times.note(Event(kind="exited", seq=7, at=919, data={}))
    >>> times.of(Event(kind="child_terminated", cause=7, at=947))
    919
    """

    def __init__(self) -> None:
        self._ends: dict[int, EndedProcess] = {}
        self._children: dict[tuple[Any, Any], Any] = {}
        """The last names of children that have ended, by their supervisor and id."""

    def note(self, event: TraceEvent) -> None:
        """Keep the time of an end and the registered name of its process, also under its supervisor and id."""
        if event.kind == "exited":
            self._ends[event.seq] = EndedProcess(event.at, event.data.get("name"), event.data.get("what"))
            if len(self._ends) > MOST_TIMES:
                del self._ends[next(iter(self._ends))]
        elif event.kind in ENDS:
            child = event.pid, event.data.get("id")
            self._children.pop(child, None)
            end = self._ends.get(event.cause)
            if end is not None and end.name is not None:
                self._children[child] = end.name
            if len(self._children) > MOST_TIMES:
                del self._children[next(iter(self._children))]

    def of(self, event: TraceEvent) -> int:
        """Return the time of an event; for a supervisor's report of an end, that of the end."""
        end = self._ends.get(event.cause) if event.kind in ENDS else None
        return event.at if end is None else end.at

    def name_of(self, event: TraceEvent) -> Any:
        """Return the name that an ended child had, for its supervisor's report of its end or of a failed restart.

        A dynamic child has no id; without a name, its class or function is its name. None if it had none.
        """
        if event.kind in ("restart_failed", "start_failed", "gave_up"):
            child = event.pid, event.data.get("id")
            name = self._children.pop(child, None)
            if name is not None:
                self._children[child] = name  # in a loop of failed restarts it is dropped last
            return name
        end = self._ends.get(event.cause) if event.kind in ENDS else None
        if end is None:
            return None
        return end.what if end.name is None and event.data.get("id") is None else end.name

    def names_with(self, event: TraceEvent) -> dict[Any, Any]:
        """Return the names, by id, of the children that are restarted with another one."""
        ids = event.data.get("group") or () if event.kind == "child_restarted" else ()
        return {id: name for id in ids if (name := self._children.get((event.pid, id))) is not None}


class ExitLog:
    """The newest ends by slot, bounded.

    Args:
        offset: wall clock seconds at the zero of the node's clock.
    """

    def __init__(self, offset: float) -> None:
        self._offset = offset
        self._by_slot: dict[str, deque[Exit]] = {}

    def take(self, key: str, event: TraceEvent) -> None:
        """Record the end of the child in the slot `key`, from its own event or that of its supervisor."""
        facts, own = facts_of(event), event.kind == "exited"
        place = place_of_failure(event.kind, event.seq, event.pid, event.cause, event.data)
        slot = self._by_slot.pop(key, None) or deque(maxlen=EXITS_OF_A_SLOT)
        slot.appendleft(
            Exit(
                at=wall_of(self._offset, event.at),
                reason=facts.reason,
                pid=facts.pid if own else facts.child,
                crash=facts.crash,
                where=None if place is None else place_text(place),
                event=event.seq if own else event.cause,
            )
        )
        self._by_slot[key] = slot  # insertion order: the slot that changed last is dropped last
        while len(self._by_slot) > MAX_SLOTS:
            del self._by_slot[next(iter(self._by_slot))]

    def of(self, key: str) -> list[Exit]:
        """Return the ends of a slot, newest first."""
        return list(self._by_slot.get(key, ()))


def keys_of(events: Sequence[TraceEvent], living: Mapping[str, str]) -> dict[str, str]:
    """Return the keys of slots by the pids of the processes that were in them, also of supervisors that were replaced.

    Args:
        events: what the node remembers, oldest first.
        living: the keys by the pids of the processes that run.
    """
    keys = dict(living)
    for event in reversed(events):  # the successor of a supervisor is met before the children of that supervisor
        if event.kind not in OF_CHILDREN or event.pid is None:
            continue
        facts, above = facts_of(event), keys.get(facts_of(event).pid)
        child = facts.child
        key = None if child is None else keys.get(child)
        if key is None and above is not None and (id := event.data.get("id")) is not None:
            key = slot_key(above, id)
        for pid in (child, facts.old):
            if pid is not None and key is not None:
                keys.setdefault(pid, key)
    return keys


class EndsBelow:
    """The collector of ends below a supervisor that ended, which no supervisor reports; it adds them to an `ExitLog`.

    Args:
        node: the node of the processes.
        exits: receives their ends.
    """

    def __init__(self, node: Node, exits: ExitLog) -> None:
        self._node = node
        self._exits = exits
        self._waiting: dict[str, str] = {}
        """Slots of processes that are still cleaning up, by pid."""

    def take(self, event: TraceEvent, below: Mapping[str, str]) -> None:
        """Handle the end of a supervisor.

        Args:
            event: its `child_terminated` event.
            below: the keys of the slots below it by the pids of the processes in them.
        """
        if not below or not event.cause:
            return
        self._waiting |= below
        self._take_since(event.cause)
        dead = (pid for pid in below if pid in self._waiting and not otp.is_alive(self._node.parse_pid(pid)))
        if next(dead, None) is not None:  # it ended before its supervisor, which did not handle that end
            self._take_since(0)
        while len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]

    def _take_since(self, seq: int) -> None:
        for past in otp.trace.history(self._node, seq):
            if past.kind == "exited":
                self.ended(past)

    def ended(self, event: Event) -> None:
        """Handle an `exited` event; ignore a process that is not waited for."""
        key = None if event.pid is None or not self._waiting else self._waiting.pop(facts_of(event).pid, None)
        if key is not None:
            self._exits.take(key, event)
