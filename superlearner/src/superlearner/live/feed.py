"""The event feed: what happened and why, in plain words, with one entry for each cause.

    ledger crashed: ValueError('negative amount'); shop_sup (rest_for_one) restarted ledger, and with it cart and
    mailer; 2 of 3 restarts left in 5 s

`Feed.take` reads the trace along with the projector: a child's end opens a story, its supervisor's response
continues it, and the entry with the story's number is sent again. Pure: no clock, no table, no network.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from otp import sentences
from otp.observer.prediction import is_restarted
from otp.redaction import without_secrets
from superlearner.control.child_requests import ChildRequests
from superlearner.control.clock import wall_of
from superlearner.control.events import TraceEvent, act_of, facts_of, is_along, is_own_end
from superlearner.control.reasons import without_arguments
from superlearner.control.slots import DYNAMIC, id_text, key_part
from superlearner.control.timeouts import OUTSIDE
from superlearner.live.projection import Projection, called, name_of, row_of, slot_of
from superlearner.live.rows import Row, label
from superlearner.live.signals import MAX_ENTRIES, Burst, Signals, party_of, shorten
from superlearner.live.stories import Entries, Entry, Restarts, Story
from superlearner.operations.builtin.cluster_moves import describe_placement
from superlearner.restarts.ids import Ref

__all__ = ["Feed"]

FOLD_WINDOW_S: Final = 2.0
FOLD_BEYOND: Final = 5
"""Number of ends of one child within the window beyond which they share one entry."""

MOST_HOLDS: Final = 20
MOST_OTHERS: Final = 3
"""Siblings that ended as well, and are named in the entry of the first end."""


class Feed:
    """The newest entries, and the stories that may continue.

    Args:
        offset: wall clock seconds at the zero of the node's clock.
        run: the run of the node's program, see `restarts.ids`.
        requests: the requests to stop or start children that are being carried out.
    """

    def __init__(self, offset: float = 0.0, run: str = "", requests: ChildRequests | None = None) -> None:
        self._requests = requests or ChildRequests()
        self._offset = offset
        self._run = run
        self._entries = Entries()
        self._open: dict[str, Story] = {}
        """The latest story of each supervisor, by its pid."""
        self._gave_up: dict[str, Story] = {}
        """Stories of supervisors that gave up, by their pid; their own supervisors continue them."""
        self._recent: dict[str, deque[float]] = {}
        self._latest: dict[str, Story] = {}
        self._alike: dict[tuple[str, tuple[str, str]], Story] = {}
        """The latest story of each slot, by what happened."""
        self._signals = Signals()
        self._holds: deque[tuple[float, str | None, int]] = deque(maxlen=MOST_HOLDS)
        """Callbacks that held the event loop: time of the end, pid, number of the entry."""
        self.loop_held: float = 0.5
        """Seconds from which a hold of the event loop has an entry, as the setting `anomaly_loop_held`."""

    @property
    def changed(self) -> bool:
        """True if entries wait to be sent."""
        return self._entries.changed

    def entries(self) -> list[Entry]:
        """Return all kept entries, newest last."""
        return self._entries.all()

    def drain(self) -> list[Entry]:
        """Return the entries that are new or changed since the last call."""
        return self._entries.drain()

    def note(self, model: Projection, at: float, level: str, text: str, pid: str | None, kind: str = "note") -> None:
        """Add an entry outside any story."""
        self._put(self._entry(model, at, level, text, pid, kind))

    def _entry(
        self, model: Projection, at: float, level: str, text: str, pid: str | None, kind: str, number: int | None = None
    ) -> Entry:
        key = None if pid is None else model.by_pid.get(pid)
        text = without_secrets(text)
        id = self._number() if number is None else number
        return Entry(id=id, at=at, kind=kind, level=level, text=text, key=key, pid=pid)

    def rests(self, model: Projection, supervisor: str, id: str, why: str, pause: float, at: float) -> None:
        """Record that a child waits before its restart, in the story of its end."""
        row = next((r for r in model.rows.values() if r.id == id and name_of(model, r.parent) == supervisor), None)
        story = None if row is None else self._latest.get(row.key)
        if story is None or (story.done and story.what != "gave_up" and not story.again):
            key = f"{supervisor}/{key_part(id)}" if row is None else row.key
            story = self._begin(key, at, ("restart_failed", ""), fold=False)
            story.who, story.key, story.what = label(row) or id, None if row is None else row.key, "restart_failed"
            story.opening = f"{story.who} {why}"
            why = ""
        said = "" if why in ("", "gave up") else f"it {why}"
        story.tail = sentences.story(said, sentences.restarts_after(supervisor, "it", pause))
        story.again, story.pause, story.done = supervisor, pause, True
        story.waits, story.policy = False, ""
        story.failed = said
        self._put(story)

    def take(self, model: Projection, event: TraceEvent) -> None:
        """Process a trace event; `model` is its state before the event."""
        data = event.data
        at = wall_of(self._offset, event.at)
        match act_of(event):
            case "exited":
                self._signals.ended(model, event)
            case "end":
                self._child_ended(model, event, data, at)
            case "stop":
                self._stopped(model, event, at)
            case "restart":
                self._restarted(model, event, data)
            case "start":
                self._started_again(model, event, data, at)
            case "restart_failed":
                self._restart_failed(model, event, data)
            case "start_failed":
                self._start_failed(model, event, at)
            case "gave_up":
                self._gives_up(model, event, data, at)
            case "strategy_changed":
                sup = row_of(model, facts_of(event).pid)
                if sup is not None:
                    text = sentences.flags_changed(label(sup), data, sup.strategy)
                    self.note(model, at, "info", text, facts_of(event).pid)
            case "placement_changed":
                self._moved(model, event, at)
            case "suspended" | "resumed":
                self._suspension(model, event, at)
            case "drain_too_long" if data.get("ms", 0) >= 1000 * self.loop_held:
                self._held_up(model, event, data, at)
            case "abandoned_cleanup":
                who = label(row_of(model, facts_of(event).pid)) or str(event.pid)
                self.note(model, at, "warn", sentences.abandoned_cleanup(who, data.get("where")), None)
            case _:
                pass

    # Stories

    def _child_ended(self, model: Projection, event: TraceEvent, data: Mapping[str, Any], at: float) -> None:
        supervisor = row_of(model, facts_of(event).pid)
        if supervisor is None:
            return
        facts = facts_of(event)
        sup_pid, pid = facts.pid, facts.child
        if pid is not None and pid in self._gave_up:
            story = self._gave_up.pop(pid)
            story.supervisor, story.strategy = label(supervisor), supervisor.strategy or ""
            story.restarts = Restarts()
            self._open[sup_pid] = story
            row = row_of(model, pid)
            _expect(story, supervisor, row, data["reason"])
            self._signals.above(story, event, supervisor, party_of(row) or (story.key or "", story.who))
            self._put(story)
            return
        row = row_of(model, pid)
        reason = data["reason"]
        dynamic = supervisor.strategy in DYNAMIC
        if not facts.crash and dynamic:
            self._open.pop(sup_pid, None)
            return  # dynamic children come and go: an orderly end is not worth an entry
        key = row.key if row is not None else slot_of(supervisor, data["id"], pid)
        who = label(row) or called(model, supervisor, data["id"], str(pid))
        request = self._requests.find_end(event)
        what = "stopped" if not facts.crash else "killed" if request or reason == "killed" else "crashed"
        linked = "" if request else self._signals.linked_to(event)
        cause = f"{without_arguments(facts.reason)} {facts.where or linked.partition(' <')[0]}"
        story = self._begin(key, at, (what, cause))
        story.who, story.key, story.pid, story.what, story.where = who, key, pid, what, facts.where
        story.event, story.reason, story.request = event.seq, facts.reason, request
        story.linked = linked
        story.supervisor, story.sup_key, story.strategy = label(supervisor), supervisor.key, supervisor.strategy or ""
        _expect(story, supervisor, row, reason)
        if row is not None and row.kind == "supervisor" and pid is not None:
            stopped = self._entries.drop_stops_below(key)
            self._signals.took_along(story, self._open.get(pid), model, row, stopped, event)
        self._open[sup_pid] = story
        self._signals.begins(story, model, event, supervisor, (key, who))
        if row is not None and row.kind == "supervisor":
            self._signals.linked(story, event, (key, who))
        self._put(story)

    def _stopped(self, model: Projection, event: TraceEvent, at: float) -> None:
        """Record that a supervisor stopped a child, as part of a story or on request."""
        data, supervisor = event.data, row_of(model, facts_of(event).pid)
        if supervisor is None:
            return
        larger, fell = self._part_of(model, supervisor), is_own_end(event)
        if larger is not None:
            full = larger.burst.full
            who = self._signals.stopped(larger, model, event, supervisor)
            facts = facts_of(event)
            if not fell and len(larger.others) < MOST_OTHERS and (failure := facts.stop_failed(who)):
                larger.others.append(failure)
            elif fell and len(larger.others) < MOST_OTHERS:
                linked, reason = self._signals.linked_to(event), facts.brief_reason
                larger.others.append(
                    sentences.ended_with(who, linked, reason)
                    if linked
                    else sentences.ended(who, reason, failed=facts.crash)
                )
            if not full:
                self._put(larger)
            return
        if self._is_give_up_of_parent(model, supervisor) or supervisor.strategy in DYNAMIC:
            return
        key = slot_of(supervisor, data["id"])
        if key in model.rows and model.rows[key].state == "stopped":
            return  # it had stopped before
        self._entries.drop_stops_below(key)
        text = sentences.stopped(label(supervisor), [called(model, supervisor, data["id"])]) + self._by(event)
        text = sentences.story(text, facts_of(event).stop_failed("it"))
        self._put(Entry(id=self._number(), at=at, kind="stopped", level="info", text=text, key=key, sup=supervisor.key))

    def _started_again(self, model: Projection, event: TraceEvent, data: Mapping[str, Any], at: float) -> None:
        """Record that a child runs again after its supervisor's pause, or on request."""
        supervisor = row_of(model, facts_of(event).pid)
        part_of = self._signals.started(model, event, supervisor)
        if part_of is not None and (part_of.settled or not part_of.burst.full):
            self._put(part_of)
        if supervisor is None or data.get("id") is None:
            return
        key = slot_of(supervisor, data["id"])
        story, row = self._latest.get(key), model.rows.get(key)
        who, by = called(model, supervisor, data["id"]), label(supervisor)
        if story is not None and story.again:
            restarted = sentences.restarts_after(story.again, "it", story.pause, done=True)
            story.tail, story.again = sentences.story(story.failed, restarted), ""
            self._put(story)
            text = sentences.restarted(by, who)
        elif row is not None and row.state == "stopped" and row.last is not None and not is_along(event):
            text = sentences.started(by, who) + self._by(event)
        else:
            return
        pid = facts_of(event).child
        self._put(
            Entry(
                id=self._number(), at=at, kind="started", level="ok", text=text, key=key, pid=pid, sup=supervisor.key,
                parts={"who": who, "by": by},
            )
        )  # fmt: skip

    def _by(self, event: TraceEvent) -> str:
        """Return the end of a sentence about a stop or a start that was requested."""
        request = self._requests.find(event)
        return f" by {request}" if request else ""

    def _part_of(self, model: Projection, supervisor: Row) -> Story | None:
        """Return the unfinished story that the event belongs to, of this supervisor or one above.

        None for a request.
        """
        row: Row | None = supervisor
        while row is not None:
            story = None if row.pid is None else self._open.get(row.pid)
            if story is not None and not story.done and story.waits:
                return story
            row = None if row.parent is None else model.rows[row.parent]
        return None

    def _is_give_up_of_parent(self, model: Projection, supervisor: Row) -> bool:
        row: Row | None = supervisor
        while row is not None and row.state != "gave_up":
            row = None if row.parent is None else model.rows[row.parent]
        return row is not None

    def _restarted(self, model: Projection, event: TraceEvent, data: Mapping[str, Any]) -> None:
        supervisor = row_of(model, facts_of(event).pid)
        self._signals.started(model, event, supervisor)
        story = self._story_of(supervisor, event, data)
        if story is None or supervisor is None:
            return
        if data.get("id") is not None:
            ids = (data["id"], *data.get("group", ()))
            group = {slot_of(supervisor, child): called(model, supervisor, child) for child in ids}
            story.restarts.add(group, data)
        else:
            successor = facts_of(event).child or ""
            story.key = slot_of(supervisor, None, successor)
            story.restarts.add({story.key: story.who}, data, successor)
        story.done = True
        self._signals.restarted(story, story.restarts.restarted)
        self._put(story)

    def _restart_failed(self, model: Projection, event: TraceEvent, data: Mapping[str, Any]) -> None:
        supervisor = row_of(model, facts_of(event).pid)
        story = self._story_of(supervisor, event, data)
        if story is None or supervisor is None:
            return
        who = called(model, supervisor, data.get("id"), story.who)
        story.restarts.failed(label(supervisor), who, event)
        self._signals.failed(model, event, supervisor, story)
        self._put(story)

    def _start_failed(self, model: Projection, event: TraceEvent, at: float) -> None:
        """Record that a child did not start on request."""
        facts, supervisor = facts_of(event), row_of(model, facts_of(event).pid)
        if supervisor is None:
            return
        by, who, request = label(supervisor), called(model, supervisor, event.data["id"]), self._requests.find(event)
        text = sentences.could_not_start(by, who, facts.reason, at=facts.where, request=request)
        key = slot_of(supervisor, event.data["id"])
        entry = Entry(
            id=self._number(), at=at, kind="start_failed", level="bad", text=text, key=key, sup=supervisor.key,
            parts={"who": who, "by": by, "reason": facts.reason},
        )  # fmt: skip
        self._put(entry)

    def _story_of(self, supervisor: Row | None, event: TraceEvent, data: Mapping[str, Any]) -> Story | None:
        """Return the open story of this child, else the latest one of its supervisor."""
        if supervisor is not None:
            key = slot_of(supervisor, data.get("id"), facts_of(event).old)
            story = self._latest.get(key)
            if story is not None and not story.done and story.sup_key == supervisor.key:
                return story
        return self._open.get(facts_of(event).pid)

    def _gives_up(self, model: Projection, event: TraceEvent, data: Mapping[str, Any], at: float) -> None:
        supervisor = row_of(model, facts_of(event).pid)
        sup_pid = facts_of(event).pid
        last = self._open.get(sup_pid)
        if last is not None and not last.done:
            last.done, last.waits, last.fatal = True, False, last.fatal + 1
            last.tail = sentences.no_restart_left(last.supervisor)
            self._put(last)
        if supervisor is None:
            return
        who = label(supervisor)
        parent = None if supervisor.parent is None else model.rows[supervisor.parent]
        before = self._latest.get(supervisor.key)
        story = self._begin(supervisor.key, at, ("gave_up", ""), fold=before is not None and before.what == "gave_up")
        story.who, story.key, story.pid, story.what = who, supervisor.key, sup_pid, "gave_up"
        story.supervisor, story.sup_key = label(parent), None if parent is None else parent.key
        story.strategy = "" if parent is None else parent.strategy or ""
        story.event, story.reason = event.seq, facts_of(event).reason
        child = called(model, supervisor, data.get("id"), last.who if last is not None else "a child")
        last_one = sentences.last_straw(
            child, story.reason, failed=facts_of(event).crash, retried=data.get("retried", False)
        )
        story.opening = sentences.gave_up(who, last_one, allowed=data["allowed"], window=data["window"])
        if last is not None and last.what == "gave_up":  # its entry has the cause
            story.opening = f"{who} gave up after {last.who}"
        story.waits = parent is not None
        self._signals.gave_up(story, last, event, supervisor)
        self._open[sup_pid] = story
        self._gave_up[sup_pid] = story
        shorten(self._gave_up)
        self._put(story)

    def _moved(self, model: Projection, event: TraceEvent, at: float) -> None:
        """Record that a child runs on another member than before, or that one of its two processes has ended."""
        data, supervisor = facts_of(event).placement, row_of(model, facts_of(event).pid)
        if supervisor is None:
            return
        ends_here = data["reason"] == "name_conflict"
        key, id = slot_of(supervisor, None, facts_of(event).child), facts_of(event).id  # as of a dynamic child
        signal = ["t" if ends_here else "s", 0, 1, 0]
        parts = {"who": id, "signals": {"who": ["", key.removeprefix(supervisor.key)], "list": [signal]}}
        text = without_secrets(describe_placement(data, second=facts_of(event).is_second_copy))
        level = "warn" if ends_here or data["down"] is not None else "ok"
        self._put(
            Entry(
                id=self._number(), at=at, kind="moved", level=level, text=text, key=key,
                pid=facts_of(event).child, sup=supervisor.key, event=event.seq,
                ref=str(Ref(self._run, event.seq)) if self._run else None, parts=parts,
            )
        )  # fmt: skip

    def _suspension(self, model: Projection, event: TraceEvent, at: float) -> None:
        facts = facts_of(event)
        who = label(row_of(model, facts.pid)) or f"<{facts.pid}>"
        if event.kind == "suspended":
            self.note(model, at, "warn", sentences.suspended(who, facts.by), facts.pid, "suspended")
        else:
            self.note(model, at, "info", sentences.resumed(who, facts.by), facts.pid, "resumed")

    def _held_up(self, model: Projection, event: TraceEvent, data: Mapping[str, Any], at: float) -> None:
        pid = facts_of(event).pid or None
        ended = (story.who for story in self._latest.values() if story.pid == pid)
        who = data.get("holder") or label(row_of(model, facts_of(event).pid))
        who = who or (OUTSIDE if pid is None else next(ended, "") or str(event.pid))
        seconds = data["ms"] / 1000
        text = sentences.held(who, seconds, data.get("place") or "")
        entry = self._entry(model, at - seconds, "warn", text, pid, "stuck")
        self._holds.append((at, pid, entry.id))
        self._put(entry)

    def crashed_unsupervised(self, model: Projection, event: TraceEvent, group: str) -> None:
        """Record the crash of a process without a supervisor; similar crashes share one entry."""
        facts, name, what = facts_of(event), event.data.get("name"), event.data.get("what")
        called = f"{id_text(what)} {facts.pid}" if name is None else id_text(name)
        who = label(row_of(model, facts.pid)) or called
        alike = who.removesuffix(f" {facts.pid}")
        ended = "killed" if facts.reason == "killed" else "crashed"
        at = wall_of(self._offset, event.at)
        kind = ended, f"{without_arguments(facts.reason)} {facts.where or ''}"
        story = self._begin(f"{group} {alike}", at, kind)
        story.who = who if story.times == 1 else alike
        story.key, story.pid, story.reason = f"{group}/{facts.pid}", facts.pid, facts.reason
        story.what, story.where, story.tail = ended, facts.where, sentences.not_restarted(None)
        self._put(story)

    def held(self, model: Projection, at: float, seconds: float, text: str, pid: str | None) -> None:
        """Replace the last entry about a loop held until `at`: the watchdog now reports the process and the line."""
        number = next((n for until, who, n in reversed(self._holds) if who == pid and until >= at - seconds), None)
        self._put(self._entry(model, at - seconds, "bad", text, pid, "answers_again", number))

    # Entries

    def _begin(self, key: str, at: float, alike: tuple[str, str], *, fold: bool = True) -> Story:
        """Return a new story, or the slot's latest one if the slot ends so often that its entries are folded.

        `alike` is what happened: a kill and a crash, or crashes of other classes or lines, are never in one story.
        """
        recent = self._recent.setdefault(key, deque(maxlen=FOLD_BEYOND))
        latest = self._alike.get((key, alike))
        if latest is not None and at - latest.at > FOLD_WINDOW_S:
            latest = None
        storm = len(recent) == FOLD_BEYOND and at - recent[0] <= FOLD_WINDOW_S
        recent.append(at)
        if fold and storm and latest is not None:
            latest.repeat(at)
            latest.restarts, latest.tail, latest.done = Restarts(), "", False
            latest.burst, latest.waits, latest.pending, latest.others = Burst(), False, set(), []
            self._entries.renew(latest.id)
            self._latest[key] = latest
            return latest
        story = Story(self._number(), at, "", key, None, "", None, "", "", "", first_at=at, run=self._run)
        self._latest[key] = self._alike[key, alike] = story
        shorten(self._alike)
        while len(self._latest) > MAX_ENTRIES:
            oldest = next(iter(self._latest))
            del self._latest[oldest]
            self._recent.pop(oldest, None)
        return story

    def _number(self) -> int:
        return self._entries.number()

    def _put(self, entry: Entry | Story) -> None:
        self._entries.put(entry)
        shorten(self._open)


def _expect(story: Story, supervisor: Row, row: Row | None, reason: Any) -> None:
    """Set whether the child in `row` will be restarted, and if not, which option of its child spec says so.

    A dynamic child has no child spec in its supervisor's code, and no place from which it is missing.
    """
    story.waits = row is None or is_restarted(row.restart, reason)
    story.policy = "" if story.waits or row is None or supervisor.strategy in DYNAMIC else row.restart or ""
