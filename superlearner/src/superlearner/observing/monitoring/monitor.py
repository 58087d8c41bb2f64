"""Input side of monitoring: reads node and program, keeps points and alarms."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Final

import otp
from otp import Down, Node, Pid, observer
from otp.observer.scanning import Scan
from otp.trace import Event
from otp.watchdog import OBSERVER, Held, foreign_holder_name
from superlearner.base.telemetry import Telemetry
from superlearner.control.clock import Clock
from superlearner.control.events import facts_of
from superlearner.control.listing import count_processes
from superlearner.control.names import display_name, is_critical, last_name
from superlearner.control.slots import id_text
from superlearner.control.terms import plain_pid, safe_text
from superlearner.control.tree import what_of
from superlearner.control.turns import Steps
from superlearner.control.unsupervised import UnsupervisedEnds, find_missed_crashes
from superlearner.observing.analytics import Ledger
from superlearner.observing.monitoring.alarms import Alarms
from superlearner.observing.monitoring.births import Births
from superlearner.observing.monitoring.callbacks import Callbacks
from superlearner.observing.monitoring.circling import WaitsInCircles
from superlearner.observing.monitoring.code_places import is_of_platform
from superlearner.observing.monitoring.crashes import UnsupervisedCrashes
from superlearner.observing.monitoring.detectors import blocked_loop, detect
from superlearner.observing.monitoring.facts import Incident, LoopHold, NodeFacts, ServiceGap, TimedOut, Track, Watcher
from superlearner.observing.monitoring.incidents import Incidents
from superlearner.observing.monitoring.machine import Collector, MachineFacts, change_of, rate_of, read_machine
from superlearner.observing.monitoring.memory import is_steep
from superlearner.observing.monitoring.node_memory import LONG_S, NodeMemory, memory_of, with_line
from superlearner.observing.monitoring.points import HOUR, History, Point
from superlearner.observing.monitoring.population import Population
from superlearner.observing.monitoring.rates import Rates
from superlearner.observing.monitoring.sizes import MemoryHolder
from superlearner.observing.monitoring.starters import Starters
from superlearner.observing.monitoring.stops import Stops, describe_program
from superlearner.observing.monitoring.suspended import find_suspended
from superlearner.observing.monitoring.talking import Talking
from superlearner.observing.monitoring.timeouts import end_cycles, explained_by, find_waiting, list_deadlocks, timed_out
from superlearner.observing.monitoring.unanswered import MissingProcesses
from superlearner.observing.monitoring.untied import Untied
from superlearner.observing.monitoring.witness import Witness
from superlearner.settings.settings import Settings

__all__ = ["STEP", "Monitor"]

STEP: Final = 1_000
"""Processes examined per turn of the loop: less than a millisecond."""

NS: Final = 1_000_000_000
HOLDS: Final = 1_200  # those of a minute, as each takes 50 ms or more
TIMEOUTS: Final = 10_000
KINDS: Final = frozenset({"drain_too_long", "exited", "call_timed_out", "start_failed"})
TRACKED: Final = 200
CLOSELY: Final = 20
"""Processes with many monitors that are examined closely."""
MANY: Final = 100_000
Figures = tuple[observer.Metrics, MachineFacts]
OUTSIDE: Final = "not a process: a request, a task or a callback of asyncio"


class Monitor:
    """Observations of a node over time; they outlive a crash of the service.

    Args:
        settings: returns the current settings.
        ledger: restart history of the supervisors.
        telemetry: receives `monitoring.sample`, `anomaly.raised`, `anomaly.ended`.

    >>> import otp
    >>> from superlearner.observing.analytics import Ledger
    >>> from superlearner.settings.settings import Settings
    >>> async def main():
    ...     monitor = Monitor(Settings, Ledger())
    ...     monitor.watch(otp.node())
    ...     await monitor.sample()
    ...     monitor.close()
    ...     return monitor.history.last.processes
    >>> otp.run(main)
    1
    """

    def __init__(self, settings: Callable[[], Settings], ledger: Ledger, *, telemetry: Telemetry | None = None) -> None:
        self.settings = settings
        self.ledger = ledger
        self.telemetry = Telemetry() if telemetry is None else telemetry
        self.history = History()
        self.alarms = Alarms()
        self.births = Births()
        self.holds: deque[LoopHold] = deque(maxlen=HOLDS)
        self.timeouts: deque[TimedOut] = deque(maxlen=TIMEOUTS)
        self._explained: dict[str, float] = {}
        self._deadlocks: dict[str, float] = {}
        self.scan: Scan | None = None
        """Last completed scan of all processes."""
        self._node: Node | None = None
        self._began = 0  # the number of the last event before it
        self._clock = Clock()
        self._tracks: dict[Pid, Track] = {}
        self._rates = Rates(None)
        self._untied = Untied()
        self._starters = Starters()
        self._population = Population(self._starters)
        self._unread: dict[Pid, tuple[Any, float]] = {}
        self._collector = Collector()
        self._witness: Witness | None = None
        self._ready_at = float("inf")
        self._before: Figures | None = None
        self._earlier: Figures | None = None
        self._late = self._late_before = 0.0
        self._subscription: Any = None
        self.services: Callable[[], Sequence[ServiceGap]] = tuple
        """Returns the services of the platform that do not work; a node that is not the platform's has none."""
        self.called: Callable[[], str | None] = lambda: None
        """Returns the value of `--node` in commands about the node; None if they need none."""
        self.observer = OBSERVER
        """The name of code of the platform that runs in the program of the node, outside of any process."""
        self.operates: Callable[[], bool] = lambda: True  # see `NodeFacts`
        self.talking = Talking(lambda: self.node)
        self.on_incident: Callable[[Incident], object] = lambda _incident: None
        """Called with what is to be stored about anomalies."""
        self.on_crash: Callable[[], object] = lambda: None
        """Called when something is to be stored that is not yet complete."""
        self._incidents = Incidents()
        self._holder = MemoryHolder()
        self._circles = WaitsInCircles()
        self._callbacks = Callbacks()
        self._seen_until: float | None = None
        """The time of the last point of an earlier attachment, until there is one of this."""
        self._missed: list[LoopHold] = []
        """Holds before it watched, to be stored with the first look."""
        self._unsupervised = UnsupervisedEnds()
        self.crashes = UnsupervisedCrashes()
        self._stops = Stops(self._clock, NodeMemory())
        self._missing = MissingProcesses()
        self._followers: tuple[Callable[[Point], object], ...] = ()

    def follow(self, follower: Callable[[Point], object]) -> Callable[[], None]:
        """Call `follower(point)` after each sample; return a function that stops it."""
        self._followers = (*self._followers, follower)

        def leave() -> None:
            self._followers = tuple(one for one in self._followers if one is not follower)

        return leave

    def watch(self, node: Node) -> None:
        """Follow a node from now on."""
        self._node, self._began = node, node.trace_seq
        self._rates = Rates(node)
        self._clock = Clock()
        self._before = self._figures()
        self.births.watch(node, self._clock)
        self._collector.open()
        self._stops = Stops(self._clock, memory_of(node))
        self._witness = Witness(node, outside=self._on_outside, stopped=memory_of(node).note_stop)
        self._witness.open()
        self._starters.watch(node)
        self._subscription = otp.trace.subscribe(node, self._on_event, kinds=KINDS)

    def close(self) -> None:
        """Stop following; collected data is kept, and what is to be stored is stored."""
        if self._subscription is not None:
            if all(one.mark > self._began for one in self.crashes.list_open()):  # none from before is left to store
                memory_of(self.node).seen = self.node.trace_seq
            self.catch_up()
        self.talking.close()
        self._rates.end()
        self._starters.close()
        self.births.close()
        self._collector.close()
        for reader in (self._witness, self._subscription):
            if reader is not None:
                reader.close()
        self._subscription = None

    def catch_up(self) -> None:
        """Store the crashes that have happened, although others like them may follow."""
        for incident in self.crashes.take(self._clock.now(), self.settings().anomaly_window, settled=False):
            self.on_incident(incident)

    def time(self) -> float:
        """Return the wall-clock time of points and anomalies, which never runs backwards."""
        return self._clock.now()

    def ready(self) -> None:
        """Mark the platform as started: blocking the loop counts as a fault from now on."""
        self._ready_at = self._clock.now()

    def take_over(self) -> None:
        """Report what the node remembers, such as holds that ended an attachment; continue its points and anomalies."""
        memory = memory_of(self.node)
        self.timeouts.clear()
        for event in otp.trace.history(self.node):
            if event.kind == "drain_too_long" and event.at / NS > otp.monotonic() - HOUR:
                self._on_event(event, missed=True)
            elif event.kind == "call_timed_out":
                self._on_event(event)
        for event in find_missed_crashes(self.node, memory.seen):
            self.crashes.note(event, self._clock.wall(event.at))
        found = {hold.mark: hold for hold in self.holds} | memory.find_long_holds(self._clock.now() - HOUR)
        self.holds = deque(sorted(found.values(), key=lambda hold: hold.at), HOLDS)
        self._missed = list(self.holds)
        if memory.alarms is not None:
            self.alarms.take_over(memory.alarms, self._clock.now(), HOUR)
        if memory.history is not None:
            self.history.take_over(memory.history)
            self._seen_until = None if self.history.last is None else self.history.last.at
        memory.alarms, memory.history = self.alarms, self.history

    # Event handlers

    def _on_event(self, event: Event, *, missed: bool = False) -> None:
        at = self._clock.wall(event.at)
        if event.kind == "exited":
            if event.pid is not None:
                self._callbacks.note_exit(event.pid, at)
            if self._unsupervised.note(event):
                self.crashes.note(event, at)
                self.on_crash()
        elif event.kind == "start_failed":
            self.crashes.note_start(event, at, self.ledger.book.by_pid.get(facts_of(event).pid))
        elif event.kind == "call_timed_out":
            if (found := timed_out(event, at)) is not None:
                self.timeouts.append(found)
        else:
            what = safe_text(str(event.data.get("what") or OUTSIDE))
            self._hold(event.at / NS, event.data["ms"] / 1000, event.pid, what, mark=event.at, missed=missed)

    def _on_outside(self, since: float, until: float) -> None:
        self._hold(until, until - since, None, OUTSIDE, mark=round(until * NS))

    def holder_of(self, event: Event) -> tuple[Pid | None, str]:
        """Return the process that held the loop for most of a drain, and its line.

        The event itself names only the process that ran last.
        """
        until = event.at / NS
        seen = None if self._witness is None else self._witness.of(until - float(event.data["ms"]) / 1000, until)
        return (event.pid, "") if seen is None else (seen.process or event.pid, seen.place or "")

    def _hold(
        self,
        until: float,
        seconds: float,
        pid: Pid | None,
        what: str,
        starved: float | None = None,
        *,
        mark: int = 0,
        missed: bool = False,
    ) -> None:
        """Record a hold that ended at `until`; the witness may correct the process."""
        at = self._clock.wall(round(until * NS))
        if at - seconds < self._ready_at and not missed:
            return
        place, code = None, None
        seen = None if self._witness is None else self._witness.of(until - seconds, until)
        if seen is not None:
            place, code = seen.place, seen.code
            if seen.process is not None and seen.process is not pid:
                pid, what = seen.process, what_of(seen.process)
        elsewhere = foreign_holder_name(pid, self.node)
        if seen is not None and seen.is_of_platform and pid is None:
            elsewhere = self.observer
        name = elsewhere or (None if pid is None else display_name(pid) or last_name(pid))
        number = None if pid is None or elsewhere else plain_pid(pid)
        hold = LoopHold(at, seconds, number, name, what, place, starved, mark, code)
        if seen is None:
            hold = with_line(hold, self.node, until)
        if seconds >= LONG_S and mark and not missed:
            hold = memory_of(self.node).note_long_hold(hold)
        self.holds.append(hold)

    def was_held(self, held: Held) -> float:
        """Record a hold with the watchdog's line; return its length in seconds.

        The watchdog starts to count when it pings the loop, which may be a moment after the loop was blocked.
        """
        place = None if is_of_platform(held.file) else held.place
        pid, name = None if held.pid is None else held.pid.strip("<>"), self.name_holder(held)
        now = self._clock.now()
        for number in range(len(self.holds) - 1, -1, -1):  # the runtime has reported it without the line
            hold = self.holds[number]
            if hold.at < now - held.seconds - 1:
                break
            if (hold.pid or hold.name) == (pid or name) and hold.seconds >= held.seconds / 2:
                code = hold.code if hold.place == place else None
                self.holds[number] = replace(hold, pid=pid, place=place, code=code)
                return max(hold.seconds, held.seconds)
        if now - held.seconds >= self._ready_at:
            self.holds.append(LoopHold(now, held.seconds, pid, name, held.function, place))
        return held.seconds

    def name_holder(self, held: Held) -> str | None:
        """Return the name of what a watchdog saw; None for a process without a name, and for unknown code."""
        is_outside = held.pid is None and held.name is None
        return self.observer if is_outside and is_of_platform(held.file) else held.name

    def was_late(self, seconds: float) -> None:
        """Record the delay of a timer."""
        self._late = max(self._late, seconds)

    # Samples

    async def sample(self) -> None:
        """Scan all processes in steps, with pauses for others, and add a point."""
        begun = otp.monotonic()
        scan = await self.scan_all()
        self.finish(scan, otp.monotonic() - begun)

    async def fresh(self) -> None:
        """Scan all processes and detect anomalies; mailbox growth uses samples only."""
        self._take(await self.scan_all())
        self.look()

    async def scan_all(self, deep: int | None = None) -> Scan:
        """Scan all processes in steps; `deep` messages make a mailbox deep."""
        scan = self.begin(deep)
        steps = Steps()
        while not scan.step(STEP):
            await steps.between()
        return scan

    async def now(self) -> Point:
        """Return a point for this moment; counts and rates since the last sample but one."""
        scan, now = await self.scan_all(), self._figures()
        return self._read(scan, self._earlier or self._before or now, now)

    def begin(self, deep: int | None = None) -> Scan:
        """Return a new scan of all processes, not yet started."""
        limits = self.settings()
        shallow = max(1, limits.anomaly_mailbox // 5)  # growth is tracked before the limit is reached
        settled = self._population.find_settled(self._clock.now())
        deep = shallow if deep is None else deep
        return Scan(self.node, deep=deep, monitors=limits.anomaly_monitors, settled=settled)

    def finish(self, scan: Scan, took: float = 0.0) -> None:
        """Process a completed scan: add a point and detect anomalies."""
        self._take(scan)
        self._track(scan)
        point = self._point(scan)
        self.history.add(point)
        self.look()
        self.talking.look()
        for follower in self._followers:
            follower(point)
        measured = {"duration": took, "processes": scan.scanned, "message_queue_lengths": scan.waiting}
        self.telemetry.execute("monitoring.sample", measured, {})

    @property
    def paused(self) -> float:
        """Seconds spent in Python's garbage collector since `watch`."""
        return self._collector.paused

    @property
    def node(self) -> Node:
        """The node that is followed."""
        if self._node is None:
            raise RuntimeError("no node is watched; this is a bug in SuperLearner, please report it")
        return self._node

    def _take(self, scan: Scan) -> None:
        self.scan = scan
        now = self._clock.now()
        self._untied.take(scan, now)
        self._starters.look(self.node)
        self._population.take(self.node, scan, now, self.settings().anomaly_process_growth)
        self._unread = {
            pid: known if (known := self._unread.get(pid)) is not None and known[0] is message else (message, now)
            for pid in scan.unread
            if (message := _oldest(pid)) is not None and not is_critical(pid)
        }

    def _track(self, scan: Scan) -> None:
        """Note the lengths of long mailboxes, and count what their processes handle until the next sample."""
        now = self._clock.now()
        limit = self.settings().anomaly_mailbox
        tracks: dict[Pid, Track] = {}
        deepest = [one for one in scan.deepest(TRACKED) if not is_critical(one[1])]
        self._rates.turn([pid for length, pid in deepest if length >= limit])
        for length, pid in deepest:
            track = self._tracks.get(pid) or Track(plain_pid(pid), display_name(pid), what_of(pid), handled_at=now)
            suspended = otp.process_info(pid, "status") == "suspended"
            track.handled_per_s = None if suspended else self._rates.handled(pid)
            if suspended or track.handled_per_s or (track.samples and length < track.samples[-1][1]):
                track.handled_at = now
            track.samples.append((now, length))
            tracks[pid] = track
        self._tracks = tracks

    def _point(self, scan: Scan) -> Point:
        """Return the point for the time since the last one."""
        now = self._figures()
        before = self._before or now
        point = self._read(scan, before, now)
        self._earlier, self._before = before, now
        self._explain_holds(point.at - point.seconds, change_of(now[1].starved, before[1].starved))
        held = self._seen_until is not None or any(hold.at > point.at - point.seconds for hold in self.holds)
        if point.loop_lag_ms / 1000 >= self.settings().anomaly_loop_held and not held:
            starved = None if point.starved_percent is None else point.starved_percent / 100 * point.seconds
            self._hold(now[0].at, point.loop_lag_ms / 1000, None, OUTSIDE, starved)
        self._late, self._late_before, self._seen_until = 0.0, self._late, None
        self._collector.take_longest()
        return point

    def _figures(self) -> Figures:
        return observer.metrics(self.node, deadline=0), read_machine()

    def _read(self, scan: Scan, since: Figures, until: Figures) -> Point:
        before, machine_before = since
        now, machine = until
        seconds = max(1e-6, now.at - before.at)
        at = self._clock.wall(round(now.at * NS))
        starved = change_of(machine.starved, machine_before.starved)
        late = self._late if since is self._before else max(self._late, self._late_before)
        if now.loop_lag_worst is not None and now.loop_lag_worst > (before.loop_lag_worst or 0.0):
            late = max(late, now.loop_lag_worst)
        # A hold that ended an attachment is in the first point of the next one.
        begun = at - seconds if self._seen_until is None else self._seen_until
        held = [self._stops.without(hold) for hold in self.holds if hold.at > begun]
        deepest, counted = scan.deepest(1), count_processes(self.node)
        longest = max((hold.seconds for hold in held), default=0.0)
        if self._seen_until is not None:
            late = max(late, longest)
        if now.longest_drain > before.longest_drain:
            longest = max(longest, now.longest_drain)
        return Point(
            at=round(at, 3),
            seconds=round(seconds, 3),
            processes=counted.yours,
            supervisors=scan.supervisors - counted.platform_supervisors,
            names=now.names,
            spawned=now.spawned - before.spawned,
            restarts=now.restarts - before.restarts,
            give_ups=now.give_ups - before.give_ups,
            message_queue_lengths=scan.waiting,
            mailbox_deepest=scan.deepest_length,
            mailbox_deepest_pid=plain_pid(deepest[0][1]) if deepest else None,
            run_queue=now.run_queue,
            timers=now.timers,
            messages_per_s=round(max(0, now.handled - before.handled) / seconds, 1),  # an end may take credit back
            activations_per_s=round((now.switches - before.switches) / seconds, 1),
            busy=round(min(1.0, (now.busy - before.busy) / seconds), 4),
            longest_callback_ms=round(longest * 1000, 2),
            loop_lag_ms=round(late * 1000, 2),
            memory=now.memory,
            cpu_percent=round((machine.cpu - machine_before.cpu) / seconds * 100, 2),
            starved_percent=None if starved is None else round(starved / seconds * 100, 2),
            gc_collections=sum(now.collections) - sum(before.collections),
            gc_pause_ms=round(self._collector.longest * 1000, 2),
            read_bytes_per_s=rate_of(machine.read_bytes, machine_before.read_bytes, seconds),
            written_bytes_per_s=rate_of(machine.written_bytes, machine_before.written_bytes, seconds),
            open_files=machine.open_files,
            threads=machine.threads,
        )

    def _explain_holds(self, since: float, starved: float | None) -> None:
        """Set `starved` of the holds since the last point."""
        for number in range(len(self.holds) - 1, -1, -1):
            hold = self.holds[number]
            if hold.at <= since:
                break
            if hold.starved is None and starved is not None:
                self.holds[number] = replace(hold, starved=min(hold.seconds, starved))

    # Anomalies

    def look(self) -> None:
        """Detect anomalies in the current facts; report new and ended ones to telemetry."""
        if self._witness is not None and self._witness.is_late:
            return  # it has not yet noticed that the program was stopped
        limits = self.settings()
        now = self._clock.now()
        facts = self.facts()
        explained, kept = end_cycles(self.alarms.active, facts, limits)
        self._explained |= explained
        past = {pid: at for pid, at in self._deadlocks.items() if at >= now - 2 * limits.anomaly_window}
        self._deadlocks = past | list_deadlocks(self.alarms.active.values(), now)
        facts = replace(facts, deadlocks=self._deadlocks)
        found = detect(facts, limits)
        grows = any(one.type == "memory_growth" for one in found)
        if grows or is_steep(facts, limits):  # the process may have ended before the finding
            facts = replace(facts, largest=self._holder.find(self.node, now))
        elif now - self._holder.looked > limits.anomaly_memory_window:
            self._holder = MemoryHolder()
        if grows:
            found = detect(facts, limits)
        self._explained |= explained_by(found, now)
        self._explained = {pid: at for pid, at in self._explained.items() if at >= now - 2 * limits.anomaly_window}
        raised, over = (alarms := self.alarms).update([*kept, *found], now)
        for alarm in raised:
            self.telemetry.execute("anomaly.raised", {"lasted": alarm.lasted(now)}, alarm.labels)
        for alarm in over:
            self.telemetry.execute("anomaly.ended", {"lasted": alarm.lasted(now)}, alarm.labels)
        missed, self._missed = self._missed, []
        window = limits.anomaly_window * NS
        # One for each window, as while it watches; a long one by itself, as the platform may have that of another.
        for _, some in groupby(missed, lambda hold: hold.mark if hold.seconds >= LONG_S else hold.mark // window):
            holds = list(map(self._stops.without, some))
            for finding in blocked_loop(replace(facts, now=holds[-1].at, holds=holds), limits):
                if finding.incident is not None:
                    self.on_incident(finding.incident)
        for incident in self._incidents.take(alarms.active.values(), over, now, limits.anomaly_window, alarms.earlier):
            self.on_incident(incident)
        stops = self._stops.take(now, describe_program(self.called() or self.node.name))
        for incident in (*self.crashes.take(now, limits.anomaly_window), *stops):
            self.on_incident(incident)

    def facts(self) -> NodeFacts:
        """Return the current facts."""
        now = self._clock.now()
        self.ledger.forget_ended()  # nothing else does it for a node in another program
        for history in list(self.ledger.book.histories.values()):
            if history.restarts.last is not None:
                self.ledger.trend(history)  # updates the budget
        if self.scan is not None:
            self._callbacks.look(self.node, self.scan.busy, self._clock, self._stops, self.settings())
        since = now - self.settings().anomaly_window
        crashes = self.crashes.recent(since)
        return NodeFacts(
            now=now,
            called=self.called(),
            operates=self.operates(),
            clock=round(otp.monotonic() * NS),
            book=self.ledger.book,
            whats=self._whats(),
            points=self.history.since(now - HOUR),
            tracks=list(self._tracks.values()),
            callbacks=self._callbacks.running,
            ended_callbacks=self._callbacks.ended,
            holds=list(map(self._stops.without, self.holds)),
            program=describe_program(self.called() or self.node.name),
            stops=self._stops.recent(since),
            cycles=[] if self.scan is None else self._circles.find(self.node, self.scan.calling, now),
            timeouts=list(self.timeouts),
            waiting=find_waiting(self.node, (one for one in self.timeouts if one.at >= since)),
            explained=self._explained,
            alone=list(self._untied.group(now, self.settings().anomaly_unsupervised_after, self._starters)),
            crashes=crashes,
            unsupervised=list(self._population.counts),
            starter=self._population.starter,
            children=self._population.children,
            watchers=list(self._watchers(now)),
            services=self.services(),
            suspended=[] if self.scan is None else list(find_suspended(self.scan.suspended, self._clock)),
            missing=self._missing.find(self.node, self.ledger.book, crashes, since, self._clock),
            unstarted=[*self.ledger.unstarted()],
        )

    def _whats(self) -> dict[str, str]:
        """Return the classes of unnamed supervisors, by pid."""
        found: dict[str, str] = {}
        for history in self.ledger.book.histories.values():
            pid = self.ledger.pid_of(history) if history.name is None and history.restarts.last is not None else None
            if pid is not None and otp.is_alive(pid):
                found[history.pid] = what_of(pid)
        return found

    def _watchers(self, now: float) -> Iterator[Watcher]:
        found = [] if self.scan is None else [pid for pid in self.scan.watchers if not is_critical(pid)]
        for pid in found[:CLOSELY]:
            if (most := _most_watched(pid)) is not None:
                count, target = most
                yield Watcher(plain_pid(pid), display_name(pid), what_of(pid), count, target, 0, now)
        for pid, (message, since) in self._unread.items():
            if otp.is_alive(pid) and _oldest(pid) is message:
                item: Any = message.item
                target = plain_pid(item) if isinstance(item, Pid) else id_text(item)
                yield Watcher(plain_pid(pid), display_name(pid), what_of(pid), 0, target, 1, since)


def _most_watched(pid: Pid) -> tuple[int, str] | None:
    """Return the process `pid` monitors most, with the count; None if too many."""
    counted: dict[str, int] = {}
    process: Any = pid
    extra = process.ext
    if extra is None or not extra.monitors or len(extra.monitors) > MANY:
        return None
    for ref in extra.monitors:
        item = ref.item
        target = plain_pid(item) if isinstance(item, Pid) else id_text(item[0])
        counted[target] = counted.get(target, 0) + 1
    target = max(counted, key=lambda one: counted[one])
    return counted[target], target


def _oldest(pid: Pid) -> Down | None:
    """Return the oldest waiting message if it is a Down message."""
    process: Any = pid
    oldest = process.mailbox[0] if process.mailbox else None
    return oldest if type(oldest) is Down else None
