"""Restarts of a node as they settle: each once, at most `MOST_A_MINUTE` of them, and the rest in sums.

The runtime only marks that something happened. Events are grouped and drawn a moment later, in slices of the loop. In a
crash storm, most restarts are counted and neither grouped nor drawn.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Literal, NamedTuple

import otp
from otp import Node, sentences
from otp.observer import LastStates
from otp.redaction import without_secrets
from otp.trace import Event
from superlearner.control.clock import Clock
from superlearner.control.events import (
    COUNTED,
    OF_CHILDREN,
    STARTS,
    TraceEvent,
    facts_of,
    is_again,
    is_along,
    is_own_end,
    is_requested_stop,
    is_restart,
)
from superlearner.control.slots import id_text
from superlearner.restarts.groups import TOGETHER_NS, Group, groups
from superlearner.restarts.ids import numbers_text
from superlearner.restarts.memory import Memory
from superlearner.restarts.moments import goes_on
from superlearner.restarts.present import Running, rows_of, waits
from superlearner.restarts.sums import Kind, Sums
from superlearner.restarts.tables import Past

__all__ = ["MOST_A_MINUTE", "Record", "Recorder", "describe_group", "is_worth", "lacks_beginning"]

MOST_A_MINUTE: Final = 100
MOST_GIVE_UPS: Final = 20
"""Give-ups a minute that are drawn beyond this limit: a storm often ends in one."""
MINUTE_S: Final = 60.0
SUM_S: Final = 5.0
"""Seconds that a sum counts: those of a sum that still counts are lost if the platform is killed."""
SETTLE_S: Final = 0.3
"""Seconds without a further event after which a restart is drawn."""
LATER_S: Final = 1.0
LATEST_S: Final = 10.0
"""Seconds after which a restart is drawn even if it goes on, such as one that is tried again and again."""
SLICE_S: Final = 0.02
PAUSE_S: Final = 0.05
MOST_KNOWN: Final = 5_000
"""More than the events in memory."""
MOST_UNSETTLED: Final = 5
"""The newest restarts that are drawn before they have settled."""
LONGEST: Final = 200
MOST_OTHERS: Final = 3
LOOP: Final = 10
"""Attempts to restart a child after which the events from its end on are kept: they may leave the memory."""
MOST_LOOPS: Final = 50
MOST_STARTS: Final = 500
BEFORE: Final = 200
"""Events before the end of that child among which the first cause may be."""
LONGEST_NUMBERS: Final = 3_000

log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Record:
    """A restart that has settled, or the sum of many; the fields are those of `store.MomentRow`."""

    number: int
    last: int
    at: float
    until: float
    line: str
    count: int
    events: str
    data: bytes | None


Draw = Callable[[Memory, Group, Running], bytes | None]
"""Returns the replay of a group, encoded; None if no supervisor handles its end."""


class Pending(NamedTuple):
    """An end that is to be drawn."""

    at: int
    kind: Kind
    restarted: bool


class Recorder:
    """The recorder of one node.

    Args:
        node: the node.
        last: the last states of its children.
        draw: draws a group.
        keep: called with each record.
        most: the records a minute that are drawn.
        earlier: also record those that happened before, as far as they are in memory; only the newest are drawn.
    """

    def __init__(
        self,
        node: Node,
        last: LastStates | None,
        draw: Draw,
        keep: Callable[[Record], object],
        most: int = MOST_A_MINUTE,
        *,
        earlier: bool = False,
    ) -> None:
        self._node = node
        self._last = last
        self._draw = draw
        self._keep = keep
        self._most = most
        self._clock = Clock()
        self._known: dict[int, None] = {}
        """The restarts that were recorded or counted in a sum."""
        self._earlier = earlier
        self._first = self._begun = 0 if earlier else node.trace_seq
        self._minute = -MINUTE_S
        self._seen = 0
        """The ends in this minute, up to the limit: it must not depend on how fast they are drawn."""
        self._full_at = 0
        """The number of the event after which each one is counted when it happens; 0 if all are drawn."""
        self._fallen: set[int] = set()
        """The numbers of give-ups that are to be drawn."""
        self._gave_up: dict[Any, int] = {}
        """The newest give-ups by supervisor."""
        self._give_ups = 0
        """Those beyond the limit in this minute, up to their own limit."""
        self._pending: dict[int, Pending] = {}
        """The ends that are to be drawn, by number; an end whose events leave the memory first is only counted."""
        self._going: dict[int, int] = {}
        """The restarts that were recorded while they went on, with the last event of each: they are recorded again."""
        self._lines: set[int] = set()
        """The earlier restarts of which only a line is kept."""
        self._stopped: dict[tuple[Any, Any], tuple[int, int]] = {}
        """The number and time of the newest ends on request by supervisor and id: the child may be started again."""
        self._restarted: dict[Any, int] = {}
        """The newest starts of such children by supervisor."""
        self._loops: dict[int, tuple[TraceEvent, ...]] = {}
        """The first events of restarts that are tried again and again, by the number of the newest failure."""
        self._sums = Sums()
        self.on_unsettled: Callable[[], object] = lambda: None
        """Called when something has happened that is drawn later."""
        self._due: asyncio.TimerHandle | None = None
        self._due_at = 0.0
        self._sums_due: asyncio.TimerHandle | None = None
        self._subscription: Any = otp.trace.subscribe(node, self.on_event, kinds=OF_CHILDREN)
        if earlier:
            self._arm(0)

    def close(self) -> None:
        """Stop recording; what has happened so far is recorded."""
        self._subscription.close()
        self.catch_up()
        if self._due is not None:
            self._due.cancel()

    def on_event(self, event: Event) -> None:
        """Mark that something is to be drawn, or count it; this is all that happens while the runtime waits."""
        try:
            crash = facts_of(event).crash
            if not (event.kind in COUNTED or (crash and is_own_end(event))):
                self._note_request(event)
                return
            if event.kind == "restart_failed":
                self._keep_beginning(event)
            elif event.kind == "gave_up":
                self._note_give_up(event)
            counts = (is_own_end(event) and crash) or (is_restart(event) and not crash and not self._fell(event))
            number, again = event.cause or event.seq, is_restart(event)
            pending = self._pending.get(number)
            if again and pending is not None:
                self._pending[number] = pending._replace(restarted=True)
            if counts and self._see(event.seq):
                self._count(number, event.at, _kind_of(event), restarted=again)
            elif not self._is_beyond(event):
                if counts:
                    self._pending[number] = Pending(event.at, _kind_of(event), again)
                elif again and pending is None:
                    self._sums.add_restart(_kind_of(event))
                self._arm(SETTLE_S)
            elif again and pending is None:
                self._sums.add_restart(_kind_of(event))
        except Exception:
            log.exception("%r could not be recorded; this is a bug in SuperLearner, please report it", event)

    def _note_give_up(self, event: Event) -> None:
        """Mark that a give-up is to be drawn, also beyond the limit, or if its restart was drawn while it went on."""
        _put(self._gave_up, event.pid, event.seq)
        beyond = self._is_beyond(event)
        if not beyond or self._give_ups < MOST_GIVE_UPS:
            self._give_ups += beyond
            self._fallen.add(event.seq)
            self._arm(SETTLE_S)

    def _fell(self, event: Event) -> bool:
        """Return whether a supervisor is restarted that gave up: the end below it was counted."""
        return self._gave_up.pop(event.data.get("old"), 0) > 0

    def _note_request(self, event: Event) -> None:
        """Mark that something is to be drawn, or count it, if a supervisor starts a child that it stopped."""
        if event.kind in STARTS:
            end, _ = self._stopped.pop((event.pid, event.data["id"]), (0, 0))
            if not end or is_along(event):
                return
            with_others = end < self._restarted.get(event.pid, 0)  # stopped before another one was started
            _put(self._restarted, event.pid, event.seq)
            if not with_others and self._see(event.seq):
                others = (number for (pid, _), (number, at) in self._stopped.items()
                          if pid is event.pid and event.at - at <= TOGETHER_NS)  # fmt: skip
                kind = Kind(event.pid, event.data["id"], "requested")
                self._pending.pop(end, None)
                self._count(min([end, *others]), event.at, kind, restarted=True)
            else:
                self._arm(SETTLE_S)
        elif is_requested_stop(event) and event.data["id"] is not None:
            _put(self._stopped, (event.pid, event.data["id"]), (event.cause, event.at))
            self._pending[event.cause] = Pending(event.at, Kind(event.pid, event.data["id"], "requested"), False)
            self._arm(TOGETHER_NS / 1e9)

    def _keep_beginning(self, event: Event) -> None:
        """Keep the first events of a restart whose attempts may fill the memory."""
        found = self._loops.pop(event.cause, None)
        if event.data["attempts"] == LOOP:
            first = event
            memory = Memory(otp.trace.history(self._node))
            while first.kind == "restart_failed" and first.cause in memory.by_seq:
                first = memory.by_seq[first.cause]
            group = groups(Memory([one for one in memory.events if one.seq >= first.seq - BEFORE])).get(event.seq)
            if group is not None:
                by = {one.pid for one in group.events}
                starts = [one for one in memory.events if one.kind in STARTS and one.pid in by and one.seq <= event.seq]
                found = tuple({one.seq: one for one in (*starts[:MOST_STARTS], *group.events)}.values())
        if found is not None:
            self._loops[event.seq] = found
            if len(self._loops) > MOST_LOOPS:
                del self._loops[next(iter(self._loops))]

    def _events(self) -> Sequence[TraceEvent]:
        """Return the events in memory, and before them the beginnings that have left it."""
        events = otp.trace.history(self._node)
        oldest = events[0].seq if events else 0
        self._loops = {newest: kept for newest, kept in self._loops.items() if newest >= oldest}
        lost = {number: kept for number, kept in self._loops.items() if kept[-1].seq < oldest}
        if not lost:
            return events
        by_seq: dict[int, Event] = {one.seq: one for one in events}
        for number, kept in lost.items():
            one = by_seq[number]
            while one.cause in by_seq:
                one = by_seq[one.cause]
            by_seq[one.seq] = Event(one.seq, one.at, one.node, one.kind, one.pid, kept[-1].seq, one.data)
        begun: dict[int, TraceEvent] = {one.seq: one for kept in lost.values() for one in kept if one.seq < oldest}
        return [one for _, one in sorted({**begun, **by_seq}.items())]

    def has(self, number: int) -> bool:
        """Return whether the restart with this first cause is recorded, alone or in a sum."""
        if number in self._known:
            return True
        return number not in self._pending and (self._first < number <= self._begun or number in self._sums)

    def open_sums(self) -> list[Record]:
        """Return the sums that are not recorded yet: they still grow."""
        return list(self._records_of_sums())

    def list_unsettled(self) -> list[Record]:
        """Return the newest restarts that are not recorded yet, and the sums that grow, as they are now."""
        if self._due is None or self._earlier:
            return self.open_sums()
        memory, now = Memory(self._events()), Running(self._node, self._last)
        past = Past(memory, now, 0)
        found = self._list_new(groups(memory, lambda end: waits(now, end)))
        new = [one for one in found if one.id not in self._going]  # that is recorded, as it was then
        newest = [one for one in new if not self._is_beyond(one.end or one.events[0])][-MOST_UNSETTLED:]
        drawn = [self._make_record(one, past, self._draw(memory, one, now)) for one in newest]
        return [*drawn, *self.open_sums()]

    def catch_up(self) -> None:
        """Record now what has happened, whether it has settled or not, and what was only counted."""
        while self._work(settled=False):
            pass
        self._close_sums(last=True)

    # The work

    def _arm(self, seconds: float) -> None:
        self._set_timer(seconds)
        self.on_unsettled()

    def _set_timer(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        at = loop.time() + seconds
        if self._due is not None:
            if self._due_at <= at:
                return
            self._due.cancel()
        self._due, self._due_at = loop.call_at(at, self._tick, context=Context()), at

    def _tick(self) -> None:
        self._due = None
        pause = self._work(settled=True)
        if pause:
            self._set_timer(pause)

    def _work(self, *, settled: bool) -> float:
        """Record what is new, for the length of a slice; return the seconds until the next one, 0 for none."""
        try:
            return self._record(settled=settled)
        except Exception:
            log.exception("restarts could not be recorded; this is a bug in SuperLearner, please report it")
            return 0

    def _record(self, *, settled: bool) -> float:
        memory, now = Memory(self._events()), Running(self._node, self._last)
        found = groups(memory, lambda end: waits(now, end))
        if self._earlier:  # the end of the oldest restart in memory may be gone already
            for group in filter(lacks_beginning, found.values()):
                self._note(group)
        new = self._list_new(found)
        if self._earlier:
            self._earlier = False
            self._lines = {one.id for one in new[: -self._most]}
        past = Past(memory, now, 0)
        oldest = memory.events[0].seq if memory.events else 0
        self._fallen = {one for one in self._fallen if one >= oldest}
        for number in [one for one in self._pending if one < oldest]:
            group = found.get(number)
            if group is not None and (group.complete or group.of("gave_up")):
                continue
            pending = self._pending.pop(number)
            self._count(number, pending.at, pending.kind, restarted=pending.restarted)
            if group is not None:  # the rest of it does not say what ended
                self._note(group)
                new = [one for one in new if one is not group]
        until, at, later = time.perf_counter() + SLICE_S, round(otp.monotonic() * 1e9), 0.0
        for group in new:
            rest = (TOGETHER_NS if group.waits else SETTLE_S * 0.9e9) - (at - group.events[-1].at)
            late = at - group.events[0].at > LATEST_S * 1e9
            if settled and rest > 0 and not late:
                later = min(later or LATEST_S, max(SETTLE_S, rest / 1e9))
                continue
            if group.stays_stopped and self._see(self._node.trace_seq):
                self._note(group)
                kind = Kind(group.asked, past.id_of(group.victim), "requested")
                self._count(group.id, group.first.at, kind, restarted=False, name=_name(group, past))
                continue
            fallen, beyond = self._fallen_in(group), self._is_beyond(group.end or group.events[0])
            if beyond and not fallen and not group.stays_stopped:
                self._note(group)
                continue
            if settled and time.perf_counter() > until:
                return PAUSE_S
            going = goes_on(group, past, now)
            if settled and going and (not late or group.id in self._going):  # it is drawn when it has ended
                later = min(later or LATEST_S, LATEST_S if late else LATER_S)  # not each end has an event of its own
                continue
            counted = beyond or (group.id in self._sums and group.id not in self._pending)
            if counted:
                self._take_back(group)
            before = group.id in self._known or (counted and group.id <= self._begun)  # drawn or counted before
            number = fallen[0] if fallen and before else group.id
            self._note(group)
            self._known[number] = None
            self._going.pop(group.id, None)
            if going and not group.of("gave_up"):
                _put(self._going, group.id, group.events[-1].seq)
            data = None if group.id in self._lines else self._draw(memory, group, now)
            self._keep(replace(self._make_record(group, past, data), number=number))
        return later if settled else 0

    def _list_new(self, found: Mapping[int, Group]) -> list[Group]:
        """Return the groups that are to be recorded, oldest first; each of their events has its group in `found`."""
        new = {id(one): one for one in found.values() if self._is_new(one)}
        return sorted(new.values(), key=lambda one: one.id)

    def _is_new(self, group: Group) -> bool:
        if self._fallen_in(group):
            return True
        if lacks_beginning(group):  # its end was drawn or counted
            return False
        if group.id in self._going:
            return group.events[-1].seq > self._going[group.id]
        later = group.id > self._begun or group.id in self._pending  # one may end after the sum of later ones
        known = group.id in self._known or group.events[-1].seq in self._known  # its beginning may have left the memory
        return later and not known and is_worth(group)

    def _fallen_in(self, group: Group) -> list[int]:
        """Return the numbers of give-ups in a group that are to be drawn, oldest first."""
        return [one.seq for one in group.of("gave_up") if one.seq in self._fallen]

    def _take_back(self, group: Group) -> None:
        """Count the ends of a group no more: it has a record of its own."""
        again = {event.cause for event in filter(is_restart, group.events)}
        for event in group.events:
            if is_own_end(event) and (facts_of(event).crash or event.cause in again):
                self._sums.take_back(_kind_of(event), event.cause, restarted=event.cause in again)

    def _note(self, group: Group) -> None:
        self._fallen.difference_update(one.seq for one in group.of("gave_up"))
        self._known |= dict.fromkeys((group.id, group.events[-1].seq))
        for number in (group.id, *(number for event in group.events for number in (event.seq, event.cause))):
            self._pending.pop(number, None)
        while len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]

    def _make_record(self, group: Group, past: Past, data: bytes | None) -> Record:
        numbers = {group.id, *(event.seq for event in group.events)}
        return Record(
            group.id,
            max(numbers),
            self._clock.wall(min(group.first.at, group.events[0].at)),
            self._clock.wall(group.events[-1].at),
            describe_group(group, past),
            group.count,
            text
            if len(text := numbers_text(numbers)) <= LONGEST_NUMBERS
            else numbers_text(range(group.id, max(numbers) + 1)),
            data,
        )

    # The limit

    def _is_beyond(self, event: TraceEvent) -> bool:
        """Return whether an event happened after the limit of this minute was reached."""
        return 0 < self._full_at < event.seq

    def _see(self, number: int) -> bool:
        """Take one more end into account; return whether it is only counted."""
        now = otp.monotonic()
        if now - self._minute >= MINUTE_S:
            self._close_sums()
            self._minute, self._seen, self._full_at, self._give_ups = now, 0, 0, 0
        if self._seen >= self._most:
            return True
        self._seen += 1
        if self._seen == self._most:
            self._full_at = number
        return False

    def _count(self, number: int, at: int, kind: Kind, *, restarted: bool, name: str | None = None) -> None:
        if name is None and kind.how != "requested" and not self._sums.knows(kind):
            name = self._name_at(number)
        self._sums.add(kind, number, at, restarted=restarted, name=name)
        if self._sums_due is None:
            self._sums_due = asyncio.get_running_loop().call_later(SUM_S, self._close_sums, context=Context())

    def _name_at(self, number: int) -> str | None:
        """Return the registered name of a process that has just ended, by the number of its end."""
        since = otp.trace.history(self._node, number - 1)
        name = since[0].data.get("name") if since and since[0].seq == number else None
        return None if name is None else id_text(name)

    def _close_sums(self, *, last: bool = False) -> None:
        """Record the sums of what was only counted, but for an end that a give-up may follow, unless it is the last."""
        if self._sums_due is not None:
            self._sums_due.cancel()
            self._sums_due = None
        begun, now = max(self._begun, self._sums.last), Running(self._node)
        since = round((otp.monotonic() - MINUTE_S) * 1e9)
        kept = [] if last else list(self._sums.take_open(partial(self._may_give_up, now), since))
        records = self.open_sums()
        self._begun, self._sums = begun, Sums()
        for one in records:
            self._keep(one)
        for kind, one in kept:
            self._count(one.last, one.at, kind, restarted=False, name=one.name)

    def _may_give_up(self, now: Running, kind: Kind) -> bool:
        """Return whether a supervisor has not restarted this child yet, so that its end may lead to a give-up."""
        if self._gave_up.get(kind.supervisor) in self._fallen:
            return True
        table = now.table(kind.supervisor) if kind.supervisor is not None and now.alive(kind.supervisor) else None
        return any(row.id == kind.id and row.restarting for row in rows_of(table))

    def _records_of_sums(self) -> Iterator[Record]:
        if not self._sums:
            return
        for line, one in self._sums.lines(Running(self._node, self._last)):
            at, until = self._clock.wall(one.at), self._clock.wall(one.until)
            yield Record(one.first, one.last, at, until, line, one.count, "", None)


def _kind_of(event: TraceEvent) -> Kind:
    return Kind(event.pid, event.data["id"], _how(event))


def lacks_beginning(group: Group) -> bool:
    """Return whether the end that began a group is no longer in memory, as with the oldest group there."""
    return not group.complete and group.first.kind != "exited"


def _put(found: dict[Any, Any], key: Any, value: Any) -> None:
    found[key] = value
    if len(found) > MOST_KNOWN:
        del found[next(iter(found))]


def _name(group: Group, past: Past) -> str:
    victim = group.victim
    return "a process" if victim is None else past.name(victim, past.id_of(victim))


def is_worth(group: Group) -> bool:
    """Return whether a group is a restart, a give-up, a crash or a stop on request."""
    return group.restarts or group.stays_stopped or (group.end is not None and facts_of(group.end).crash)


def _describe_ends(group: Group, past: Past) -> Iterator[str]:
    """Yield how the children ended: each end, followed by those that it led to over links.

    Those that no listed end led to follow the first one.
    """
    again = {one.data["old"]: one.data["child"] for one in filter(is_again, group.events)}
    ended = dict.fromkeys([*again, *(one.data["child"] for one in group.others)])
    linked = {pid: source for pid in ended if (source := _source_of(pid, past)) is not None}
    restarted = not again.keys() <= linked.keys() or (not again and any(map(is_restart, group.events)))
    first = _describe_end(_name(group, past), group.first, again=restarted)
    ends = [(group.victim, first), *_describe_others(group, past)]
    told = {pid for pid, _ in ends}
    of_end: dict[Any, list[Any]] = {}
    for pid, source in linked.items():
        of_end.setdefault(source if source in told else group.victim, []).append(pid)
    for end_of, text in ends:
        yield text
        along = of_end.pop(end_of, [])
        for back in (True, False):
            pids = [again.get(pid, pid) for pid in along if (pid in again) is back]
            yield from _describe_linked([past.name(pid, past.id_of(pid)) for pid in pids], again=back)


def _describe_others(group: Group, past: Past) -> Iterator[tuple[Any, str]]:
    """Yield what happened to children that ended while their supervisor handled the first end, each with its pid."""
    again = {event.data["old"] for event in filter(is_again, group.events)}
    others = [one for one in group.others if _source_of(one.data["child"], past) is None]
    for one in others[:MOST_OTHERS]:
        child = one.data["child"]
        yield child, _describe_end(past.name(child, past.id_of(child)), one, again=child in again)
    for how, count in Counter(map(_how, others[MOST_OTHERS:])).items():
        yield None, f"{count:,} more {('was ' if count == 1 else 'were ') if how == 'killed' else ''}{how}"


def _source_of(pid: Any, past: Past) -> Any:
    """Return the process whose end led to that of another one over links; None if none did."""
    end, source = past.memory.ends.get(pid), None
    while end is not None and (end := past.memory.linked(end)) is not None:
        source = end.pid
    return source


def _describe_linked(names: list[str], *, again: bool) -> Iterator[str]:
    if names:
        each = f" and {'was' if len(names) == 1 else 'were'} restarted" if again else ""
        yield f"{sentences.listed(names[:MOST_OTHERS], 'and', len(names[MOST_OTHERS:]))} ended with it{each}"


def _how(event: TraceEvent) -> Literal["killed", "crashed", "ended"]:
    reason = event.data.get("reason")
    if type(reason) is str and reason == "killed":
        return "killed"
    return "crashed" if facts_of(event).crash else "ended"


def _describe_end(name: str, event: TraceEvent, *, again: bool) -> str:
    how = _how(event)
    if how == "killed":
        return f"{name} was killed{' and restarted' if again else ''}"
    return f"{name} {how}{' and was restarted' if again else ''}"


def describe_group(group: Group, past: Past) -> str:
    """Return what happened in one line, without its time."""
    fallen = list(dict.fromkeys(past.name(one.pid, past.id_of(one.pid)) for one in group.of("gave_up")))
    if fallen:
        line = f"{sentences.listed(fallen)} gave up"
    elif group.stays_stopped:
        line = sentences.stopped_on_request(_name(group, past))
    elif group.requested:
        again = [past.name(one.data["child"], past.id_of(one.data["child"])) for one in group.again]
        line = sentences.restarted_on_request(again[:MOST_OTHERS], more=len(again[MOST_OTHERS:]))
    else:
        line = sentences.story(*_describe_ends(group, past))
    return without_secrets(line, LONGEST)
