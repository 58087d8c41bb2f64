"""The live page's hub: a model of the node, and the same frames for every viewer.

    trace event → projector, feed → dirty rows → (at most every 50 ms) one delta, encoded once → each viewer's queue

The hub is an object that outlives the process that is its clock (`LivePage`, one for all hubs, on the platform's own
node). Without viewers it only keeps the model up to date. A full viewer queue is dropped and replaced by a snapshot, so
a slow browser delays no one else.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Literal

import otp
from otp import Node, Pid
from otp.trace import Event
from otp.watchdog import foreign_holder_name
from superlearner.control.child_requests import ChildRequests
from superlearner.control.clock import Clock
from superlearner.control.events import ENDS, STARTS, facts_of
from superlearner.control.exits import EndsBelow, EndTimes, ExitLog
from superlearner.control.listing import count_processes
from superlearner.control.measuring import measurements, parts_of
from superlearner.control.slots import Slot
from superlearner.control.tree import TreeReader
from superlearner.control.unsupervised import UnsupervisedEnds
from superlearner.live.alone import GROUP, Alone, ended
from superlearner.live.deflate import SharedDeflate
from superlearner.live.feed import Feed
from superlearner.live.frames import Frames, encode
from superlearner.live.projection import Projection, below, graft, row_of
from superlearner.live.projector import KINDS as TREE_KINDS
from superlearner.live.projector import apply, forget_deleted, measure, rest
from superlearner.live.viewer import Viewer
from superlearner.restarts.ids import run_of

__all__ = ["KINDS", "LIVE", "Hub", "Tick"]

LIVE: Final = "live"
"""The registered name of the clock of all hubs."""

Asked = Literal["frame", "watched", "beat"]

KINDS: Final = TREE_KINDS | {"exited", "drain_too_long", "abandoned_cleanup"}
MAX_RESTING: Final = 200
MINUTE_S: Final = 60.0
MOST_COUNTED: Final = 2_000
"""Events of the minute before the first viewer that are counted one by one."""
HASTE: Final = 0.01
"""Seconds between frames for one interval after a manual action."""

log = logging.getLogger(__name__)


class Tick:
    """A message to the clock: the hub and what is due. Compare by type: anyone may send to a named process."""

    __slots__ = ("asked", "hub")

    def __init__(self, hub: Hub, asked: Asked) -> None:
        self.hub = hub
        self.asked: Asked = asked


class Hub:
    """The live model of one node, and its viewers.

    Args:
        node: the node to show.
        reader: reads slots from its tables.
        clock: wall clock of its events.
        head: fields of a snapshot about the platform: epoch, node, version.
        carrier: the node on which the clock lives; by default the shown node.
        requests: the requests to stop or start children that are being carried out.
        frame_interval, heartbeat_interval: seconds.
        viewer_queue, frame_rows: limits of a viewer and of a frame.
        loop_held: seconds from which the feed has a hold of the event loop.
        callback: seconds after which a process is shown as not answering.
    """

    def __init__(
        self,
        node: Node,
        reader: TreeReader,
        clock: Clock,
        head: dict[str, Any],
        *,
        carrier: Node | None = None,
        requests: ChildRequests | None = None,
        frame_interval: float = 0.05,
        heartbeat_interval: float = 0.5,
        viewer_queue: int = 50,
        frame_rows: int = 400,
        loop_held: float = 0.5,
        callback: float = 2.0,
    ) -> None:
        self.node = node
        self.carrier = carrier or node
        self.reader = reader
        self.clock = clock
        self.frame_interval = frame_interval
        self.heartbeat_interval = heartbeat_interval
        self.viewer_queue = viewer_queue
        self.frame_rows = frame_rows
        self.callback = callback
        self.viewers: set[Viewer] = set()
        self.roots: list[Pid] = []
        self.model = Projection(offset=clock.offset)
        self.feed = Feed(clock.offset, run_of(node), requests)
        self.feed.loop_held = loop_held
        self.exits = ExitLog(clock.offset)
        self._ends = EndTimes()
        self._unsupervised = UnsupervisedEnds()
        self._ends_below = EndsBelow(node, self.exits)
        self.frames = Frames(self.model, head)
        self.alone = Alone(node, reader, self._handle_unsupervised_end)
        self.health: dict[str, Any] | None = None
        self._dirty: set[str] = set()
        self._resting: deque[tuple[str, str, str, float, float]] = deque(maxlen=MAX_RESTING)
        self._oldest: float | None = None
        self._armed = False
        self._last_frame = 0.0
        self._hasty = 0.0
        self._beating = False
        self._beat_due: float | None = None
        self._beat_ref: Any = None
        self._seqs: deque[tuple[float, int]] = deque()
        """Numbers of the last event before moments of the last minute, oldest first."""
        self._seq_at_beat = node.trace_seq
        self._lag = 0.0
        self._deflate = SharedDeflate()
        self._snapshot: bytes | None = None
        """The snapshot, valid until the next event."""
        self._subscription: Any = None
        self.holder_of: Callable[[Event], tuple[Pid | None, str]] | None = None
        """Returns the process and line that held the loop for most of a drain; the event names only the last one."""
        self.undated: set[str] = set()
        """The pids on the page that started before the events in memory; their rows have the time of the first read."""
        self._broken = False
        self._unsent = 0

    # Life cycle

    def open(self, *roots: Pid) -> None:
        """Read the trees once, then follow the events."""
        self.roots = list(roots)
        self._read_again()
        self._subscription = self.node.subscribe(self.on_event, kinds=KINDS)

    def close(self) -> None:
        """Stop following and disconnect the viewers."""
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None
        self.alone.end()
        for viewer in list(self.viewers):
            viewer.close()

    def adopt(
        self,
        *,
        frame_interval: float,
        heartbeat_interval: float,
        viewer_queue: int,
        frame_rows: int,
        loop_held: float,
        callback: float,
    ) -> None:
        """Apply new limits, also to connected viewers."""
        beats = heartbeat_interval != self.heartbeat_interval and self._beating
        self.frame_interval, self.heartbeat_interval = frame_interval, heartbeat_interval
        self.viewer_queue, self.frame_rows = viewer_queue, frame_rows
        self.feed.loop_held, self.callback = loop_held, callback
        for viewer in self.viewers:
            viewer.limit = viewer_queue
        if beats:  # the running timer has the old interval and will be ignored
            self._beating, self._beat_due, self._beat_ref = False, None, None
            self._send_tick("watched")

    def attach(self) -> Viewer:
        """Return a new viewer; its first frame is a snapshot."""
        viewer = Viewer(self, self.viewer_queue, self._deflate)
        if not self.viewers:
            self._begin()
        self.viewers.add(viewer)
        if len(self.viewers) == 1:
            self._send_tick("watched")
        return viewer

    def _begin(self) -> None:
        """Prepare for the first viewer: its snapshot includes all earlier changes."""
        if self._broken:
            self._broken = False
            self._read_again()
        self._pending()
        self.alone.begin(self.model, self.roots, self.clock.now())
        self._forget()
        self.feed.drain()
        self.frames.begin()
        self._snapshot = None

    def _forget(self) -> None:
        """Drop pending row changes, which only viewers need; the feed limits itself."""
        self._dirty.clear()
        self.model.removed.clear()
        self._oldest = None

    def detach(self, viewer: Viewer) -> None:
        """Remove a viewer."""
        self.viewers.discard(viewer)
        if not self.viewers:
            self.alone.end()

    # Events

    def on_event(self, event: Event) -> None:
        """Apply a trace event to model and feed; schedule a frame if there are viewers."""
        try:
            if event.kind == "exited":
                self._ends.note(event)
                self._ends_below.ended(event)
                self._note_unsupervised_crash(event)
            dirty = self._take(event)
        except Exception:
            # A bug here must not affect the runtime that emits the event: log it and read everything from scratch.
            log.exception("the live page could not follow %r; this is a bug in SuperLearner, please report it", event)
            self._broken = True
            self._arm()
            return
        if dirty or self.feed.changed:
            self._snapshot = None
            if not self.viewers:
                self._forget()  # the first viewer gets a snapshot
                return
            self._dirty |= dirty
            if self._oldest is None:
                self._oldest = self.model.wall(event.at)
            self._arm()

    def _note_unsupervised_crash(self, event: Event) -> None:
        """Add the crash of a process without a supervisor to the feed, even if no page is open."""
        if not self._unsupervised.note(event):
            return
        row = row_of(self.model, facts_of(event).pid)
        if row is None or row.parent == GROUP:  # else it is a top-level supervisor
            self.feed.crashed_unsupervised(self.model, event, GROUP)

    def _handle_unsupervised_end(self, event: Event) -> None:
        """Remove the row of a process without a supervisor."""
        if dirty := ended(self.model, facts_of(event).pid):
            self._snapshot = None
            self._dirty |= dirty
            self._arm()

    def _take(self, event: Event) -> set[str]:
        fresh: Slot | None = None
        if event.kind == "unregistered" and not (event.pid is not None and otp.is_alive(event.pid)):
            return set()  # it ended: its supervisor reports that, and the row keeps its name until then
        if event.pid is not None:
            if event.kind in STARTS:
                fresh = self._fresh(event)
            elif event.kind == "strategy_changed":
                fresh = self.reader.supervisor(event.pid)
        told = event
        if event.kind in ENDS:
            told = self._at_its_end(event)
        elif event.kind == "drain_too_long" and self.holder_of is not None:
            pid, place = self.holder_of(event)
            data = {**event.data, "place": place}
            if elsewhere := foreign_holder_name(pid, self.node):
                pid, data["holder"] = None, elsewhere
            told = Event(event.seq, event.at, event.node, event.kind, pid, event.cause, data)
        self.feed.take(self.model, told)
        self.model.restarts = self.node.restart_count
        if event.kind in ENDS and (key := self.model.by_pid.get(facts_of(event).child or "")) is not None:
            self.exits.take(key, told)
            self._ends_below.take(event, {row.pid: row.key for row in below(self.model, key) if row.pid is not None})
        return apply(self.model, told, fresh)

    def _at_its_end(self, event: Event) -> Event:
        """Return a supervisor's report of an end, with the time of that end."""
        told = Event(event.seq, self._ends.of(event), event.node, event.kind, event.pid, event.cause, event.data)
        told.facts = facts_of(event)
        return told

    def _fresh(self, event: Event) -> Slot | None:
        """Return the slot of a child that just started, if its supervisor is on the page."""
        if event.pid is None or facts_of(event).pid not in self.model.by_pid or event.data.get("child") is None:
            return None
        return self.reader.child(event.pid, event.data["child"])

    def rests(self, supervisor: str, id: str, why: str, pause: float) -> None:
        """Add to the feed when a child in restart backoff will be restarted."""
        # The backoff may see an end before this hub does, so wait until this step's events are in the model.
        self._resting.append((supervisor, id, why, pause, self.clock.now()))
        self._snapshot = None
        if self.viewers:
            self._arm()
        else:
            self._send_tick("frame")

    def note(
        self, level: str, text: str, pid: str | None = None, kind: str = "note", *, at: float | None = None
    ) -> None:
        """Add a note to the feed; `at` is its time in seconds since 1970, None for now."""
        self.feed.note(self.model, self.clock.now() if at is None else at, level, text, pid, kind)
        self._snapshot = None
        self._arm()

    def held(self, seconds: float, text: str, pid: str | None) -> None:
        """Add to the feed which process blocked the loop until now, and for how long."""
        self.feed.held(self.model, self.clock.now(), seconds, text, pid)
        self._snapshot = None
        self._arm()

    # Frames

    def flush(self) -> None:
        """Send what has changed since the last frame."""
        self._armed = False
        self._last_frame = otp.monotonic()
        if self._broken:
            self._broken = False
            self._read_again()
        pending = self._pending()
        if not self.viewers:
            self._forget()
        elif pending:
            self._send(None)

    def _pending(self) -> bool:
        for supervisor, id, why, pause, at in self._resting:
            self._dirty |= rest(self.model, supervisor, id, at + pause)
            self.feed.rests(self.model, supervisor, id, why, pause, at)
        self._resting.clear()
        return bool(self._dirty or self.model.removed) or self.feed.changed

    def watched(self) -> bool:
        """Handle the first viewer; return whether the heartbeat starts."""
        if self._beating:
            return False
        # without viewers, events were not counted
        self._seq_at_beat = seq = self.node.trace_seq
        newest = otp.trace.history(self.node, seq - MOST_COUNTED)
        self._seqs = deque((self.model.wall(event.at), event.seq - 1) for event in newest)
        return self._goes_on()

    def beats(self, ref: Any) -> bool:
        """Return whether the timer `ref` is the current one and the heartbeat continues."""
        return ref is not None and ref == self._beat_ref and self._goes_on()

    def next_beat(self, ref: Any) -> None:
        """Set the timer of the next beat."""
        self._beat_ref = ref

    def _goes_on(self) -> bool:
        self._beating = bool(self.viewers)
        self._beat_ref = None
        if self._beating:
            self._beat()
        else:
            self._beat_due = None
        return self._beating

    def failed(self, error: Exception) -> None:
        """Handle a frame that failed: log it once and send everyone a snapshot instead."""
        if not self._unsent:
            log.error("the live page dropped a frame; this is a bug in SuperLearner, please report it", exc_info=error)
        self._unsent += 1
        self._snapshot = None
        for viewer in self.viewers:
            viewer.want_snapshot()

    def _beat(self) -> None:
        """Send metrics and heartbeat, which no event triggers, twice a second."""
        now = otp.monotonic()
        if self._beat_due is not None:
            self._lag = max(0.0, now - self._beat_due)
        self._beat_due = now + self.heartbeat_interval
        self._pending()
        self._dirty |= self.alone.look(self.model, self.clock.now())
        self._dirty |= measure(self.model, *measurements(self.node, self.model.by_pid, self.clock, self.callback))
        self._dirty |= forget_deleted(self.model, lambda pid: parts_of(self.node, pid))
        self.health = self._health()
        self._snapshot = None
        self._send(self.health)

    def snapshot(self) -> bytes:
        """Return the snapshot, encoded once for all requests before the next event."""
        if self._pending():
            self._send(None)
        if self._snapshot is None:
            if self.health is None:
                self.health = self._health()
            self._snapshot = encode(self.frames.snapshot(self.clock.now(), self.feed.entries(), self.health))
        return self._snapshot

    def _send(self, health: dict[str, Any] | None) -> None:
        dirty, self._dirty = self._dirty, set()
        since, self._oldest = self._oldest, None
        events = self.feed.drain()
        # a snapshot of ten thousand rows is far larger than a delta of a thousand
        if len(dirty) > max(self.frame_rows, len(self.model.rows) // 8):
            self.frames.resent(dirty)
            for viewer in self.viewers:
                viewer.want_snapshot()
            return
        encoded = encode(self.frames.delta(self.clock.now(), dirty, events, health, since))
        for viewer in self.viewers:
            viewer.offer(encoded)

    def _arm(self) -> None:
        """Schedule a frame: at once after a quiet period, else when the interval ends."""
        if self._armed or not self.viewers:
            return
        self._armed = True
        now = otp.monotonic()
        interval = min(HASTE, self.frame_interval) if now < self._hasty else self.frame_interval
        wait = self._last_frame + interval - now
        self._send_tick("frame", max(0.0, wait))

    def hurry(self) -> None:
        """Shorten the frame interval for a moment after a manual action.

        A supervisor needs a few steps to restart a killed process, so a single immediate frame would come too early.
        """
        self._hasty = otp.monotonic() + self.frame_interval
        if self._armed:
            self._send_tick("frame")

    def _send_tick(self, asked: Asked, wait: float = 0.0) -> None:
        """Ask the clock for what is due immediately or in `wait` seconds."""
        clock = self.carrier.whereis(LIVE)
        if clock is None:
            return  # the clock is starting and will ask all hubs what is due
        if wait > 0:
            otp.send_after(wait, clock, Tick(self, asked))
        else:
            otp.send(clock, Tick(self, asked))

    def resume(self) -> None:
        """Resume with a new clock, which has no timers of the old one."""
        self._armed = self._beating = False
        self._beat_due = self._beat_ref = None
        if self.viewers:
            self._send_tick("watched")
            self._arm()

    # Reading

    def _read_again(self) -> None:
        at = self.clock.now()
        self._dirty |= set(self.model.rows)
        self.model.restarts = self.node.restart_count
        living = [pid for pid in self.roots if otp.is_alive(pid)]
        for pid in living:
            try:
                self._dirty |= graft(self.model, self.reader.root(pid), None, at)
            except Exception:
                log.exception("%s could not be read; this is a bug in SuperLearner, please report it", pid)

    def _health(self) -> dict[str, Any]:
        seq, now = self.node.trace_seq, self.clock.now()
        events, self._seq_at_beat = seq - self._seq_at_beat, seq
        self._seqs.append((now, seq))
        while self._seqs[0][0] < now - MINUTE_S:
            self._seqs.popleft()
        counted = count_processes(self.node)
        return {
            "processes": counted.yours,
            "platform": counted.platform,
            "restarts": self.model.restarts,
            "events_per_s": round(events / self.heartbeat_interval, 1),
            "events_per_min": seq - self._seqs[0][1],
            "loop_lag_ms": round(self._lag * 1000, 2) if self._beat_due is not None else None,
            "viewers": len(self.viewers),
        }
