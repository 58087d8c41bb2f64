"""Input side of analytics: turns runtime events into entries and forwards them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import otp
from otp import Node, Pid
from otp.trace import Event
from superlearner.base.telemetry import Telemetry
from superlearner.control.clock import Clock
from superlearner.control.events import STARTS, facts_of
from superlearner.control.listing import Whose
from superlearner.control.look import supervisors
from superlearner.control.names import display_name, is_critical
from superlearner.control.slots import DYNAMIC, id_text, key_part
from superlearner.control.terms import plain_pid
from superlearner.control.tree import place_of, supervisor_state
from superlearner.observing.analytics.figures import FailureRate, Trend, failure_rate, trend_of
from superlearner.observing.analytics.history import (
    KINDS,
    RESTART_TYPES,
    Baseline,
    Book,
    Entry,
    History,
    SupervisorSample,
    Unstarted,
    apply,
    meet,
    place_in,
)
from superlearner.store import Restart

__all__ = ["AllStats", "HistoryStore", "Ledger", "SupervisorStats"]

NS: Final = 1_000_000_000
KEEP_ENDED_S: Final = 600.0
MAX_ENDED: Final = 200
MAX_SAMPLED: Final = 1_000
SWEEP_AT: Final = 1_000
REFUSED_S: Final = 60.0

log = logging.getLogger(__name__)


class HistoryStore(Protocol):
    """A store for entries that must outlast the program."""

    def append_restarts(self, rows: Iterable[Restart]) -> int:
        """Accept rows; never blocks or raises."""
        ...


@dataclass(frozen=True, slots=True)
class SupervisorStats:
    """Totals of a supervisor.

    `recent_restarts` are those of the last window; `last_restart` is wall-clock seconds.
    """

    supervisor_pid: str
    supervisor_name: str | None
    alive: bool
    total_restarts: int
    recent_restarts: int
    give_ups: int
    last_restart: float | None


@dataclass(frozen=True, slots=True)
class AllStats:
    """Totals of supervisors; `total_restarts` is of all, also of dropped ones."""

    total_supervisors: int
    total_restarts: int
    uptime_ms: int
    missed_events: int
    supervisor_stats: list[SupervisorStats]


class Ledger:
    """Everything supervisors did since `watch`; it outlives the service.

    Args:
        store: receives entries that must be kept for longer; None keeps entries in memory only.
        telemetry: gets `supervisor.restarted`, `.restarted_along`, `.restart_failed`, `.gave_up`, with `recovery` (s).
        most: maximum of restart entries, and of other entries, in memory per supervisor.
        scan_interval: seconds between two samples taken by the service.
        detailed: log each entry.

    >>> import otp
    >>> from otp import Children, GenServer, Ok, Supervisor, impl
    >>> class Till(GenServer[None]):
    ...     @impl
    ...     def init(self, arg):
    ...         return Ok(None)
    >>> class Shop(Supervisor):
    ...     @impl
    ...     def init(self, arg):
    ...         return Children([Till.child_spec(None, name="till")])
    >>> async def main():
    ...     ledger = Ledger()
    ...     ledger.watch(otp.node())
    ...     await Shop.start_link(None, name="shop")
    ...     otp.exit("till", "kill")
    ...     await otp.node().wait_registered("till")
    ...     (entry,) = ledger.find("shop").restart_history()
    ...     return entry.event_type, entry.child_id, entry.reason
    >>> otp.run(main)
    ('restarted', 'Till', 'killed')
    """

    def __init__(
        self,
        store: HistoryStore | None = None,
        *,
        telemetry: Telemetry | None = None,
        most: int = 1_000,
        scan_interval: float = 2.0,
        detailed: bool = False,
    ) -> None:
        self.book = Book(most=most)
        self.store = store
        self.telemetry = telemetry
        self.scan_interval = scan_interval
        self.detailed = detailed
        self.due: Any = None
        """Timer of the service's next sample."""
        self.missed = 0
        """Events lost to an internal error."""
        self.heard: Callable[[Entry], object] | None = None
        """Callback for each entry that is worth storing."""
        self._node: Node | None = None
        self._began = 0.0
        self._subscription: Any = None
        self._sweep_at = SWEEP_AT

    # Events

    def watch(self, node: Node) -> None:
        """Follow the events of a node from now on, starting with its totals and the events that it remembers."""
        self._node = node
        self._began = otp.monotonic()
        clock = Clock()
        self.book.offset, self.book.since = clock.offset, min(self.book.since, clock.now())
        total = self.book.total_restarts + node.restart_count
        living = list(supervisors(node, "all"))
        self._take_over(otp.trace.history(node), living)
        for pid in living:
            self.meet(pid)
            self._continue(pid)
        self.book.total_restarts = total  # it already includes their restarts
        self._subscription = otp.trace.subscribe(node, self.on_event, kinds=KINDS)

    def close(self) -> None:
        """Stop following; histories are kept."""
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def meet(self, pid: Pid, name: str | None = None) -> History:
        """Return the history of a supervisor; create it if necessary."""
        text = plain_pid(pid)
        if text not in self.book.by_pid:
            self._enter(pid, name)
            self._continue(pid)
        return self.book.by_pid[text]

    def _enter(self, pid: Pid, name: str | None = None) -> None:
        if len(self.book.histories) >= self._sweep_at:
            self.forget_ended()
            self._sweep_at = max(SWEEP_AT, 2 * len(self.book.histories))
        registered = otp.process_info(pid, "registered_name")
        history = meet(self.book, plain_pid(pid), name if registered is None else id_text(registered))
        history.of_platform = is_critical(pid)
        self._settle(pid)

    def _settle(self, pid: Pid) -> None:
        """Find the place of a supervisor without a name; it has none while it starts."""
        history = self.book.by_pid[plain_pid(pid)]
        if history.name is None and history.place is None and (place := place_of(pid)) is not None:
            self.book.settle(plain_pid(pid), place)

    def _continue(self, pid: Pid) -> None:
        """Take over place and counts of a supervisor and its descendants."""
        text, state = plain_pid(pid), supervisor_state(pid)
        if state is None or text not in self.book.by_pid:
            return
        self._settle(pid)
        self.book.by_pid[text].take_over(_counts(state))
        if state.strategy not in DYNAMIC:
            for record in state.children:
                if record.pid is not None:
                    self._note_name(text, record.id, record.pid)
                    self._continue(record.pid)

    def _note_name(self, supervisor: str, id: Any, child: Pid) -> None:
        history = self.book.by_pid.get(supervisor)
        if history is not None and id is not None:
            history.note_name(id_text(id), display_name(child))

    def _take_over(self, events: Sequence[Event], living: Iterable[Pid]) -> None:
        """Apply the events of living supervisors, of earlier ones in their places, and of those that are down.

        A supervisor is down if it gave up and does not run again.
        """
        starts = {
            child: event for event in events if event.kind in STARTS and (child := event.data["child"]) is not None
        }
        named = [
            event for event in events if event.kind in ("registered", "exited") and event.data.get("name") is not None
        ]
        names = {event.pid: id_text(event.data["name"]) for event in named}
        ended: dict[Pid, tuple[str | None, str | None]] = {}  # in order, with its name or place
        for event in events:
            if event.kind == "exited" and event.pid is not None:
                name, start = event.data.get("name"), starts.get(event.pid)
                if name is not None:
                    ended[event.pid] = id_text(name), None
                elif start is not None and start.pid is not None and start.data["id"] is not None:
                    ended[event.pid] = None, f"{place_of(start.pid)}/{key_part(start.data['id'])}"
        known = {pid: _name_or_place(pid) for pid in living}
        present = set(known.values())
        last = {key: pid for pid, key in ended.items()}
        gave_up = {event.pid for event in events if event.kind == "gave_up"}
        known |= {pid: key for pid, key in ended.items() if key in present or (last[key] is pid and pid in gave_up)}
        book = self.book
        for event in events:
            pid = event.pid
            if pid is None or pid not in known or event.kind not in KINDS:
                continue
            if (text := plain_pid(pid)) not in book.by_pid:
                name, place = known[pid]
                meet(book, text, name).of_platform = is_critical(pid)
                if place is not None:
                    book.settle(text, place)
            apply(book, event)
            if event.kind in STARTS and event.data["id"] is not None:
                book.by_pid[text].note_name(id_text(event.data["id"]), names.get(event.data["child"]))

    def on_event(self, event: Event) -> None:
        """Process a trace event; log errors, as the emitting supervisor must not fail."""
        try:
            fresh = None if facts_of(event).pid in self.book.by_pid else event.pid
            if fresh is not None:
                self._enter(fresh)
            entry = apply(self.book, event)
            if fresh is not None:  # not earlier: the table already counts this event
                self._continue(fresh)
            if event.kind in STARTS and event.data["child"] is not None:
                self._note_name(facts_of(event).pid, event.data["id"], event.data["child"])
                if supervisor_state(event.data["child"]) is not None:
                    self.meet(event.data["child"])  # without children, it has no event of its own
                    self._continue(event.data["child"])
            if entry is not None:
                self.hand_on(entry)
        except Exception:
            self.missed += 1
            log.exception("analytics could not process %r; this is a bug in SuperLearner, please report it", event)

    def hand_on(self, entry: Entry) -> None:
        """Pass an entry, of any node, to log, telemetry and store."""
        if self.heard is not None and entry.is_stored:
            self.heard(entry)
        if self.detailed:
            log.info(
                "%s: %s %s (%s -> %s) %s",
                entry.supervisor,
                entry.event_type,
                entry.child_id,
                entry.old_pid,
                entry.child_pid,
                entry.reason,
            )
        if self.telemetry is not None and entry.event_type in RESTART_TYPES:
            measured = {} if entry.recovery_s is None else {"recovery": entry.recovery_s}
            who = {"supervisor": entry.supervisor, "child": entry.child_id, "reason": entry.reason}
            self.telemetry.execute(f"supervisor.{entry.event_type}", measured, who)
        if self.store is not None and entry.is_stored:
            row = Restart(
                entry.at,
                entry.supervisor,
                entry.child_id,
                entry.event_type,
                entry.old_pid,
                entry.child_pid,
                entry.reason,
            )
            self.store.append_restarts([row])

    # Reading

    def find(self, text: str) -> History:
        """Return the history of a supervisor by registered name or pid.

        Raises:
            LookupError: no history for this name or pid, or it was dropped.
        """
        history = self.book.histories.get(text)
        if history is None:
            history = self.book.by_pid.get(text.removeprefix("#PID").strip("<>"))
        if history is None:
            raise LookupError(f"expected a known supervisor, got {text[:200]!r}; see get_all_supervisor_stats()")
        return history

    def is_alive(self, history: History) -> bool:
        """Return whether the supervisor is alive."""
        pid = self.pid_of(history)
        return pid is not None and otp.is_alive(pid)

    def pid_of(self, history: History) -> Pid | None:
        """Return the supervisor's pid; None without a node or for an earlier run."""
        if self._node is None or self.book.by_pid.get(history.pid) is not history:
            return None
        return self._node.parse_pid(history.pid)

    def unstarted(self) -> Iterator[tuple[History, Unstarted]]:
        """Yield the children that did not start on request; forget those that their supervisors no longer have.

        A supervisor keeps no spec of a new child that did not start: it is yielded for a minute.
        """
        recent = self.wall() - REFUSED_S
        for history in self.book.histories.values():
            if not history.unstarted or history.of_platform:
                continue
            pid = self.pid_of(history)
            state = None if pid is None else supervisor_state(pid)
            records = () if state is None or state.strategy in DYNAMIC else state.children
            down = {place_in(record.id): record.unstarted is not None for record in records}
            for key, one in list(history.unstarted.items()):
                one.known = one.known or key in down
                refused = pid is not None and not one.known and one.last >= recent
                if not down.get(key, refused):
                    del history.unstarted[key]
            yield from ((history, one) for one in history.unstarted.values())

    def failure_rate(self, history: History, window_ms: int = 60_000) -> FailureRate:
        """Return the restarts of the last `window_ms`."""
        return failure_rate(history, _now(), window_ms)

    def trend(self, history: History, window_ms: int = 60_000) -> Trend:
        """Return the supervisor's trend, with its current budget."""
        pid = self.pid_of(history)
        state = None if pid is None else supervisor_state(pid)
        if state is not None:
            history.allowed, history.window_s = state.max_restarts, state.max_seconds
        history.ended_at = None if self.is_alive(history) else history.ended_at or self.wall()
        return trend_of(history, _now(), window_ms)

    def wall(self) -> float:
        """Return the current wall-clock time in seconds, on the same scale as entries."""
        return round(self.book.offset + otp.monotonic(), 6)

    def stats(self, window_ms: int = 60_000, limit: int | None = None, whose: Whose = "yours") -> AllStats:
        """Return the supervisors, most restarts first; latest restart first if equal."""
        for pid in () if self._node is None else supervisors(self._node, whose):  # includes idle ones
            self.meet(pid)
        found = self.book.histories.values()
        histories = [one for one in found if whose == "all" or one.of_platform == (whose == "platform")]
        histories.sort(key=lambda one: (one.total_restarts, one.restarts.last or 0), reverse=True)
        now, offset = _now(), self.book.offset
        lines = [
            SupervisorStats(
                supervisor_pid=one.pid,
                supervisor_name=one.name,
                alive=self.is_alive(one),
                total_restarts=one.total_restarts,
                recent_restarts=failure_rate(one, now, window_ms).restarts,
                give_ups=one.count("gave_up"),
                last_restart=None if one.restarts.last is None else round(offset + one.restarts.last / NS, 6),
            )
            for one in histories[:limit]
        ]
        uptime = round((otp.monotonic() - self._began) * 1000)
        return AllStats(len(histories), self.book.total_restarts, uptime, self.missed, lines)

    # Actions of the service and its clients

    def establish_baseline(self, history: History) -> Baseline:
        """Save the current values, to count from here."""
        history.baseline = Baseline(self.wall(), history.total_restarts, history.count("gave_up"))
        return history.baseline

    def sample(self) -> None:
        """Sample up to 1,000 living supervisors and drop those that ended long ago."""
        self.forget_ended()
        at, left = self.wall(), MAX_SAMPLED
        for history in self.book.histories.values():
            pid = None if history.ended_at is not None else self.pid_of(history)
            state = None if pid is None else supervisor_state(pid)
            if pid is None or state is None:
                continue
            waiting = otp.process_info(pid, "message_queue_len") or 0
            history.samples.append(SupervisorSample(at, waiting, len(state), history.total_restarts))
            left -= 1
            if not left:
                return

    def forget_ended(self) -> None:
        """Detect ended supervisors; drop them beyond 200, or after ten minutes unless they gave up and are down."""
        now = self.wall()
        ended: list[tuple[float, str]] = []
        for key, history in self.book.histories.items():
            if self.is_alive(history):
                history.ended_at = None
                continue
            history.ended_at = history.ended_at or now
            ended.append((history.ended_at, key))
        ended.sort()
        surplus = len(ended) - MAX_ENDED
        for place, (since, key) in enumerate(ended):
            old = now - since > KEEP_ENDED_S and not self.book.histories[key].is_down
            if place < surplus or old:
                self.book.forget(key)


def _name_or_place(pid: Pid) -> tuple[str | None, str | None]:
    """Return the name of a living supervisor, or its place if it has none."""
    name = otp.process_info(pid, "registered_name")
    return (None, place_of(pid)) if name is None else (id_text(name), None)


def _counts(state: Any) -> Iterator[tuple[str | None, int, int]]:
    """Yield id, restarts and restarts along; a dynamic child has no id."""
    if state.strategy in DYNAMIC:
        yield None, sum(past.restarts for past in state.history.values()), 0
        return
    for record in state.children:
        if record.restarts or record.restarted_along:
            yield id_text(record.id), record.restarts, record.restarted_along


def _now() -> int:
    return round(otp.monotonic() * NS)
