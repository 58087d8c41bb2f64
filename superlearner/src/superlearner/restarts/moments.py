"""A restart as it happened: the tree before it, and every signal, decision, stop and start in order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from otp.observer.prediction import Flags, Sibling, predict
from superlearner.control.events import (
    COUNTED,
    STARTS,
    TraceEvent,
    act_of,
    facts_of,
    is_again,
    is_along,
    is_end,
    is_own_end,
    is_restart,
    is_stop,
)
from superlearner.control.slots import DYNAMIC
from superlearner.control.terms import plain_pid
from superlearner.restarts.cause_steps import Attempt, Step, WhyLine, line_of_call, line_of_end, line_of_start
from superlearner.restarts.causes import trail
from superlearner.restarts.drawing import MOST_TOUCHED, Drawing, MomentNode
from superlearner.restarts.groups import Group
from superlearner.restarts.memory import Events, Memory
from superlearner.restarts.present import Now, Row, rows_of, waits
from superlearner.restarts.tables import Past

__all__ = ["Ghost", "Happening", "Kind", "Moment", "NoSupervisor", "goes_on", "line_of_cause", "moment_of"]

STORM_NS: Final = 20_000_000_000
MOST_ATTEMPTS: Final = 4
STRATEGIES: Final = ("one_for_one", "one_for_all", "rest_for_one")

Kind = Literal["crash", "link", "signal", "decide", "stop", "start"]


class NoSupervisor(LookupError):
    """No supervisor handles the end of this process."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of a restart; `id` is the node it is about, for a decision that of the supervisor."""

    kind: Kind
    at_ns: int
    id: str
    to: str | None = None
    by: str | None = None
    reason: str | None = None
    crash: bool | None = None
    what: str | None = None
    left: int | None = None
    strategy: str | None = None
    pid: str | None = None
    state: str | None = None
    later_ns: int | None = None
    start: bool = False
    """True for a start that failed."""
    line: WhyLine | None = None
    """For a start that failed, the line that raised; for a process in a deadlock, the line of its call."""
    times: int = 1
    """For a start that failed, the number of failed starts that it stands for."""
    failure: str | None = None
    """For a stop, how the child ended, if not as it was asked to."""


@dataclass(frozen=True, slots=True)
class Ghost:
    """The difference of another strategy: children that it restarts `also`, and those that it does not."""

    also: tuple[str, ...] = ()
    no: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Moment:
    """A restart; times are those of the node's clock, in ns. `steps` explain it as `causes` words them."""

    id: int
    at_ns: int
    took_ns: int | None
    complete: bool
    going_on: bool
    line: WhyLine | None
    root: MomentNode
    events: list[Happening]
    ghosts: dict[str, Ghost]
    storm: int
    storm_before: int
    steps: list[Step]


def moment_of(events: Events, group: Group, now: Now) -> Moment:
    """Return the moment of a group.

    Raises:
        NoSupervisor: no supervisor handles the end.
    """
    return _Telling(events, group, now).moment()


def goes_on(group: Group, past: Past, now: Now) -> bool:
    """Return whether a supervisor that acted has not finished; much cheaper than the moment."""
    open_rows: dict[tuple[Any, Any], TraceEvent] = {}
    if any(rests(group, event, now) and _is_empty(now, event) for event in filter(is_end, group.events)):
        return True
    for event in group.events:
        if event.kind == "gave_up" and now.alive(event.pid):
            return True
        if event.kind in STARTS:
            open_rows.pop((event.pid, event.data["id"]), None)
        elif event.kind not in ("exited", "gave_up"):
            open_rows[event.pid, event.data["id"]] = event
    if any(waits(now, event) for event in open_rows.values()):
        return True
    memory = Memory(group.events)
    for pid in [event.pid for event in group.events if event.kind == "exited" and not memory.stop(event)]:
        above = None if memory.ends[pid].seq in memory.reports else past.above(pid)
        if above is not None and now.alive(above) and any(row.pid is pid for row in rows_of(now.table(above))):
            return True
    return False


def rests(group: Group, end: TraceEvent, now: Now) -> bool:
    """Return whether a child gave up that the platform starts again after a pause."""
    child = end.data["child"]
    return any(event.pid is child for event in group.of("gave_up")) and now.has_backoff(end.pid, end.data["id"])


def _is_empty(now: Now, end: TraceEvent) -> bool:
    """Return whether the slot of a child that has ended is empty."""
    return any(row.id == end.data["id"] and row.pid is None for row in rows_of(now.table(end.pid)))


def line_of_cause(group: Group) -> WhyLine | None:
    """Return the line that ended the first process of a restart, or of its failed call."""
    first = group.first
    return (line_of_end(first) or line_of_call(first)) if "reason" in first.data else None


class _Telling:
    """The making of one moment."""

    def __init__(self, events: Events, group: Group, now: Now) -> None:
        self.group = group
        self.now = now
        self.since = group.first.seq if group.first.kind == "exited" else group.first.seq - 1
        self.past = Past(events, now, self.since)
        self.memory = Memory(group.events)
        self.ended_by_kill = self._without_order()
        self.told: list[tuple[Any, Happening]] = []
        """The events so far, with the supervisor of each."""
        self.decided: set[int] = set()
        self.times: dict[int, int] = {}
        """The number of attempts that an event stands for, by the number of the event."""

    def moment(self) -> Moment:
        group = self.group
        root = self._root()
        self._tell()
        drawing = Drawing(self.past, group, self._touched())
        tree = drawing.draw(root)
        events = list(_within(drawing.rows.keys(), (one for _, one in self.told)))
        at = min(group.first.at, group.events[0].at) if group.events else group.first.at
        going_on = goes_on(group, self.past, self.now)
        return Moment(
            group.id,
            at,
            None if going_on or not events else max(0, events[-1].at_ns - at),
            group.complete,
            going_on,
            self._line(events),
            tree,
            events,
            self._ghosts(drawing.rows),
            *self._storm(),
            self._steps(),
        )

    def _line(self, events: Sequence[Happening]) -> WhyLine | None:
        """Return the line that raised: that of the first cause, else of the first start that failed."""
        starts = (one.line for one in events if one.start and one.line is not None)
        return line_of_cause(self.group) or next(starts, None)

    def _touched(self) -> Iterable[str]:
        """Yield the ids of everything that happened: first what ended by itself or by a link."""
        for ends in (True, False):
            for _, one in self.told:
                if (one.kind in ("crash", "link", "signal", "decide")) is ends:
                    yield from (id for id in (one.id, one.to, one.by) if id is not None)

    def _steps(self) -> list[Step]:
        """Return the steps from the first cause to the last restart."""
        past, group = self.past, self.group
        starts = list(filter(is_restart, group.events)) or group.again
        given_up = [event.pid for event in group.of("gave_up") if not self.now.alive(event.pid)]
        last = starts[-1].data["child"] if starts else given_up[-1] if given_up else group.victim
        senders = {plain_pid(pid): pid for event in group.of("exited")
                   if not self.memory.stop(event) and (pid := event.data.get("sender")) is not None}  # fmt: skip

        def called(number: str) -> str | None:
            pid = senders.get(number) or self.now.parse(number)
            return None if pid is None else past.known_name(pid, past.id_of(pid))

        def known(number: str) -> bool:
            pid = senders.get(number) or self.now.parse(number)
            return pid is not None and (self.now.alive(pid) or past.memory.knows(pid))

        return trail(self.memory, plain_pid(last), called, known, past.memory.begun)

    # The supervisors

    def _root(self) -> Any:
        """Return the lowest supervisor above everything that happened."""
        past, found = self.past, list(self.memory.doings)
        if not found:
            above = past.above(self.group.victim)
            if above is None:
                raise NoSupervisor
            found = [above]
        chains = [list(self._chain(pid)) for pid in found]
        common = chains[0]
        for chain in chains[1:]:
            paths = {past.path(pid) for pid in chain}
            kept = [pid for pid in common if past.path(pid) in paths]
            common = kept or common  # a link led to another tree: only the first is drawn
        return common[0]

    def _chain(self, pid: Any) -> Iterable[Any]:
        while pid is not None:
            yield pid
            pid = self.past.above(pid)

    def _without_order(self) -> list[TraceEvent]:
        """Return the ends of supervisors that stopped no child: their children ended over links."""
        stopping = {event.pid for event in self.group.events if is_stop(event)}
        return [
            event
            for event in self.group.events
            if event.kind == "exited" and not self.memory.stop(event) and event.pid not in stopping
            and facts_of(event).crash and self.past.path(event.pid) is not None
        ]  # fmt: skip

    # What happened

    def _tell(self) -> None:
        for event in self._drawable():
            match act_of(event):
                case "exited" if not self.memory.stop(event):
                    self._ended(event)
                case "restart_failed":
                    self._decided(event)
                    reason, line, times = facts_of(event).reason, line_of_start(event), self.times.get(event.seq, 1)
                    self._add(
                        event, "crash", self._id(event), reason=reason, crash=True, start=True, line=line, times=times
                    )
                    self._decide(event)
                case "gave_up":
                    self._decided(event)
                case "start" | "restart":
                    if is_again(event) or is_along(event):
                        self._decided(event)
                    self._start(event)
                case "stop" if not is_own_end(event):
                    facts = facts_of(event)
                    failure = facts.stop_failed("it").removeprefix("it ") or None
                    self._add(
                        event, "stop", self._id(event), by=self.past.path(event.pid), pid=facts.child, failure=failure
                    )
                case "end":
                    reason = facts_of(event).reason
                    self._add(event, "signal", self._id(event), to=self.past.path(event.pid), reason=reason)
                    self._decide(event)
                case _:
                    pass

    def _drawable(self) -> Sequence[TraceEvent]:
        """Return the events without the stops and starts of children beyond those that are drawn."""
        events = self._without_loops()
        if len(events) <= MOST_TOUCHED:
            return events
        chosen: dict[Any, set[Any]] = {}
        ends = [one for one in events if one.kind == "restart_failed" or is_end(one)]
        for event in (*ends, *self.group.of(*STARTS), *filter(is_stop, reversed(events))):
            keys = chosen.setdefault(event.pid, set())
            if len(keys) < MOST_TOUCHED:
                keys.add(self._key(event))
        return [
            event for event in events
            if event.kind in ("exited", "gave_up") or self._key(event) in chosen[event.pid]
        ]  # fmt: skip

    def _without_loops(self) -> Sequence[TraceEvent]:
        """Return the events; of many failed attempts to start a child, the first two and the last two.

        The second to last one counts those that are left out, if they failed in the same way.
        """
        attempts: dict[tuple[Any, Any], list[TraceEvent]] = {}
        for event in self.group.events:
            if event.kind == "restart_failed":
                attempts.setdefault((event.pid, facts_of(event).id), []).append(event)
        left_out: list[tuple[int, int]] = []
        for found in attempts.values():
            if len(found) > MOST_ATTEMPTS:
                first, last, between = found[1], found[-2], found[2:-2]
                left_out.append((first.seq, last.seq))
                self.decided |= {one.seq for one in between}  # the decision about the second attempt stands for theirs
                if all(Attempt.of(one) == Attempt.of(last) for one in between):
                    self.times[last.seq] = max(1 + len(between), _tried(last) - _tried(first))
        return [one for one in self.group.events if not any(first < one.seq < last for first, last in left_out)]

    def _key(self, event: TraceEvent) -> Any:
        id = event.data["id"]
        return id if id is not None else self.past.first(event.data.get("child") or event.data.get("old"))

    def _ended(self, event: TraceEvent) -> None:
        pid, data = event.pid, event.data
        reason = facts_of(event).reason
        id = self.past.path(pid)
        other = data.get("sender")
        if other is None or other not in self.past.memory.ends or self.past.memory.ends[other].seq != event.cause:
            other = self.past.above(pid) if event is not self.group.first and self._with_supervisor(event) else None
        to = None if other is None else self.past.path(other)
        if id is not None:
            if to is None:
                line = line_of_end(event) if data.get("cycle") else None
                self._add(event, "crash", id, reason=reason, crash=facts_of(event).crash, line=line)
            else:
                self._add(event, "link", to, to=id, reason=reason)
        if event in self.ended_by_kill:
            self._children_of(event, reason)

    def _with_supervisor(self, event: TraceEvent) -> bool:
        """Return whether a process ended because its supervisor did."""
        end = self.past.memory.ends.get(self.past.above(event.pid))
        return end is not None and end.seq < event.seq and end.data["reason"] == event.data["reason"]

    def _children_of(self, end: TraceEvent, reason: str) -> None:
        """Tell the ends of children that no event reports: their supervisor ended at once."""
        past = self.past
        for row in past.table(end.pid).rows:
            if row.pid is not None and row.pid not in past.memory.ends and not self.now.alive(row.pid):
                id = past.path_of(end.pid, row.id, row.pid)
                self._add(end, "link", past.path(end.pid) or "", to=id, reason=reason)

    def _id(self, event: TraceEvent) -> str:
        child = event.data.get("child") or event.data.get("old")
        return self.past.path_of(event.pid, event.data["id"], child)

    def _start(self, event: TraceEvent) -> None:
        child = event.data["child"]
        state = self.now.first_state(child)
        id, by = self._id(event), self.past.path(event.pid)
        happening = Happening("start", event.at, id, by=by, pid=plain_pid(child), state=state)
        first = next(
            (at for at, (pid, one) in enumerate(self.told) if pid is child and one.kind == "start"), None
        ) if child in self.memory.doings else None  # fmt: skip
        if first is None:
            self.told.append((event.pid, happening))
        else:  # a supervisor starts before its children and is reported after them
            self.told.insert(first, (event.pid, replace(happening, at_ns=self.told[first][1].at_ns)))

    # Decisions

    def _decided(self, event: TraceEvent) -> None:
        """Tell the decision behind an event whose cause is no longer in memory."""
        if event.cause and event.cause not in self.decided:
            self._decision(event, event, event.cause)

    def _decide(self, event: TraceEvent) -> None:
        """Tell what a supervisor does about an end, or about a failed restart."""
        cause = event.seq if event.kind == "restart_failed" else event.cause
        answers = self.memory.answers.get(cause, ())
        answer = next((one for one in answers if one.pid is event.pid and one.kind in COUNTED), None)
        answer = answer or next((one for one in answers if one.pid is event.pid), None)
        if answer is not None or event.kind != "restart_failed" or self._waits_at(event):
            self._decision(event, answer, cause)

    def _decision(self, event: TraceEvent, answer: TraceEvent | None, cause: int) -> None:
        self.decided.add(cause)
        table = self.past.table(event.pid)
        what, left, strategy, later = "restart", None, table.strategy, None
        if answer is None:
            if not self._waits_at(event):
                what = "pause" if rests(self.group, event, self.now) else "drop"
                later = self._started_later(event)
            elif table.limit is not None:
                left = max(0, table.limit[0] - table.used(event.at) - 1)
        elif answer.kind == "gave_up":
            what, left = "give_up", 0
        elif answer.kind not in COUNTED:
            left = None if table.limit is None else max(0, table.limit[0] - table.used(event.at) - 1)
        else:
            strategy = answer.data.get("strategy", strategy)
            if type(answer.data["allowed"]) is int:
                left = max(0, answer.data["allowed"] - answer.data["used"])
        path = self.past.path(event.pid) or ""
        when = answer if answer is not None and answer.kind == "gave_up" else event
        self._add(when, "decide", path, what=what, left=left, strategy=strategy, later_ns=later)

    def _started_later(self, event: TraceEvent) -> int | None:
        """Return the ns until a child that its supervisor left ended was started on request; None if it was not."""
        id = event.data["id"]
        return next(
            (
                one.at - event.at if not one.cause else None
                for one in self.past.memory.doings.get(event.pid, ())
                if one.kind in STARTS and one.seq > event.seq and id is not None and one.data["id"] == id
            ),
            None,
        )

    def _waits_at(self, event: TraceEvent) -> bool:
        return waits(self.now, event)

    # Comparisons

    def _ghosts(self, drawn: dict[str, Row]) -> dict[str, Ghost]:
        """Return what other strategies would have restarted."""
        end = self.group.end
        if end is None:
            return {}
        table, path = self.past.table(end.pid), self.past.path(end.pid)
        if table.strategy in DYNAMIC or table.strategy not in STRATEGIES:
            return {}
        child = self._id(end)
        siblings = [_sibling(id, row) for id, row in drawn.items() if id.rpartition("/")[0] == path]
        gave_up = any(event.kind == "gave_up" and event.pid is end.pid for event in self.group.events)
        if gave_up:
            return {}  # under each strategy
        if child not in drawn:
            return dict.fromkeys(STRATEGIES, Ghost())

        def started(strategy: str) -> tuple[str, ...]:
            reason = "killed" if facts_of(end).crash else "normal"
            flags = Flags(strategy, "infinity", "infinity", table.auto_shutdown)
            return predict(flags, siblings, child, reason).started

        base = started(table.strategy)
        ended = {self._id(one) for one in self.group.others if one.pid is end.pid}  # each has an end of its own
        happened = {*base, *(self._id(one) for one in self.group.of(*STARTS) if one.pid is end.pid)}
        found: dict[str, Ghost] = {}
        for strategy in STRATEGIES:
            other = started(strategy)
            no = tuple(id for id in base if id not in other and id not in ended)
            found[strategy] = Ghost(tuple(id for id in other if id not in happened), no)
        return found

    def _storm(self) -> tuple[int, int]:
        """Return how often the same child restarted besides, shortly before and after, and how often before."""
        end = self.group.end
        if end is None:
            return 0, 0
        mine = {event.seq for event in self.group.events}
        id, reason = end.data["id"], facts_of(end).reason
        path = self.past.path(end.pid)
        found = [
            event.seq < end.seq
            for pid, doings in self.past.memory.doings.items() if pid is end.pid or self.past.path(pid) == path
            for event in doings
            if is_restart(event) and event.seq not in mine and abs(event.at - end.at) <= STORM_NS
            and event.data["id"] == id and (id is not None or facts_of(event).reason == reason)
        ]  # fmt: skip
        return len(found), sum(found)

    def _add(self, event: TraceEvent, kind: Kind, id: str, **more: Any) -> None:
        self.told.append((event.pid, Happening(kind, event.at, id, **more)))


def _tried(event: TraceEvent) -> int:
    """Return the number of a failed attempt; those before it may have left the memory."""
    attempts = event.data.get("attempts", 0)
    return attempts if type(attempts) is int else 0


def _sibling(id: str, row: Row) -> Sibling:
    restart: Any = row.restart or "permanent"
    return Sibling(id, restart, row.pid is not None, row.significant)


def _within(drawn: Collection[str], rows: Iterable[Happening]) -> Iterable[Happening]:
    """Return the events of drawn nodes; a link from a process that is not drawn is an end by itself."""
    latest = 0
    for one in rows:
        if one.kind == "link" and one.to is not None and one.to in drawn and one.id not in drawn:
            one = Happening("crash", one.at_ns, one.to, reason=one.reason, crash=True)
        if one.id in drawn and (one.to is None or one.to in drawn) and (one.by is None or one.by in drawn):
            latest = max(latest, one.at_ns)
            yield replace(one, at_ns=latest)
