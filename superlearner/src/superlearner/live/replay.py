"""A recording as frames of the live page, for `/replay`; pure functions.

The projector that follows a living node also follows the rows of a recording, so the page draws the tree at any moment
with the reducer of the live pages. Facts that would come from a living node's tables (such as the slots of a new
supervisor) are derived from earlier events. A file may contain anything: invalid events change nothing.
"""

# A file may hold data of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec

import otp
from otp.trace import Recording, Row
from superlearner.control.events import ENDS, OF_CHILDREN, STARTS, is_again
from superlearner.control.slots import DYNAMIC, Budget, Slot, id_text, key_part
from superlearner.control.terms import clip
from superlearner.live.frames import Frames, encode
from superlearner.live.projection import Projection, graft, remove
from superlearner.live.projector import KINDS, apply, counts_after

__all__ = ["Replay", "Replays"]

DYNAMIC_CLASSES: Final = ("DynamicSupervisor", "TaskSupervisor", "PartitionSupervisor")
TEXT: Final = 240
STATE: Final = 500
MOST_TREE: Final = 1_000
LARGEST: Final = 2**53
CRASH: Final = re.compile(r"Crash\((.*)\)", re.DOTALL)
SIGNAL: Final = re.compile(r"(ExitSignal\(.*\breason=|Down\(.*\breason=)Crash\((.*)\)(?=\)\Z)", re.DOTALL)
"""A crash in the message about it; it is the last field."""
REFERENCES: Final = re.compile(r"#Ref<[^<>]*>(?:@[\w.@-]+)?")
PATHS: Final = re.compile(r"""\b(?:Pure)?(?:Posix|Windows)Path\(('[^']*'|"[^"]*")\)""")


class Replay:
    """The frames of one recording; reading pages in order projects each event once.

    >>> from otp.trace import load, pack
    >>> import tempfile
    >>> row = Row(1, 0, "shop", "exited", "<0.3.0>", 0, {"reason": "killed"})
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(pack([row], node="shop"))
    ...     file.flush()
    ...     page = Replay(load(file.name)).page(0, 100)
    >>> page["last"], page["events"]
    (1, [[0, 'exited', '0.3.0', None, 'killed', 0, '']])
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self._begin()

    @property
    def place(self) -> int:
        """Return the number of events read so far."""
        return self._place

    def page(self, place: int, limit: int) -> dict[str, Any]:
        """Return the tree after `place` events, and the next `limit` with their changes."""
        if place < self._place:
            self._begin()
        while self._place < place:
            self._step(self.recording.events[self._place])
        self._frames.begin()
        keyframe = msgspec.json.decode(encode(self._frames.snapshot(self._now, (), None)))
        frames: list[list[Any]] = []
        events: list[list[Any]] = []
        for row in self.recording.events[place : place + limit]:
            dirty = self._step(row)
            if dirty or self._model.removed:
                frames.append([self._place, msgspec.json.decode(encode(self._frames.delta(self._now, dirty)))])
            events.append(self._wire(row))
        return {
            "place": place,
            "last": len(self.recording.events),
            "keyframe": keyframe,
            "frames": frames,
            "events": events,
        }

    def people(self) -> list[list[str | None]]:
        """Return the processes at the beginning: pid, name, class, parent."""
        found: list[list[str | None]] = []
        for one in self.recording.processes:
            name, what = one.get("name"), one.get("what")
            found.append([_pid(one.get("process")), _short(name, 120), _short(what, 120), _pid(one.get("parent"))])
        return found

    # Projection of single events

    def _begin(self) -> None:
        recording = self.recording
        self._place = 0
        self._seqs: list[int] = []
        self._begun = recording.events[0].at if len(recording.events) else 0
        started = recording.header.get("started")
        self._started = float(started) if isinstance(started, int | float) and abs(started) < LARGEST else 0.0
        self._now = self._started
        self._model = Projection(offset=self._started - _bounded(self._begun) / 1e9)
        self._frames = Frames(self._model, {"epoch": "recording", "node": clip(recording.node, 200), "version": ""})
        self._people: dict[str, tuple[str | None, str]] = {}
        self._waiting: dict[str, list[Slot]] = {}
        about = recording.header.get("about")
        told = about.get("supervisors") if isinstance(about, dict) else None
        self._supervisors = {_pid(one) for one in told[:MOST_TREE]} if isinstance(told, list) else set()
        """Supervisors of a saved trace, which has no supervision events."""
        for one in recording.processes:
            pid = _pid(one.get("process"))
            if pid is not None:
                self._people[pid] = (_short(one.get("name"), 120), _short(one.get("what"), 120) or "")
        try:
            for slot in self._roots():
                graft(self._model, slot, None, self._now)
                self._model.restarts += _restarts_in(slot)
        except (RecursionError, TypeError, ValueError, AttributeError):
            self._model = Projection(offset=self._model.offset)  # an invalid file
            self._frames = Frames(self._model, self._frames.head)

    def _roots(self) -> Iterator[Slot]:
        """Yield the initial trees from the header, else derive them from parents."""
        about = self.recording.header.get("about")
        tree = about.get("tree") if isinstance(about, dict) else None
        if isinstance(tree, list) and tree:
            try:
                yield from msgspec.convert(tree, list[Slot])[:50]
                return
            except (msgspec.ValidationError, RecursionError):
                pass  # of another version, or invalid: the events have to suffice
        supervisors = self._supervisors or {_pid(row.pid) for row in self.recording.events if row.kind in OF_CHILDREN}
        below: dict[str, list[str]] = {}
        above: dict[str, str] = {}
        for one in self.recording.processes[:MOST_TREE]:
            pid, parent = _pid(one.get("process")), _pid(one.get("parent")) or ""
            if pid is not None and pid not in above:
                above[pid] = parent
                below.setdefault(parent, []).append(pid)
        for pid, parent in above.items():
            if pid in supervisors and parent not in supervisors:
                yield self._inferred(pid, below, supervisors, 0)

    def _inferred(self, pid: str, below: Mapping[str, list[str]], supervisors: set[str | None], depth: int) -> Slot:
        name, what = self._people.get(pid, (None, ""))
        is_one = pid in supervisors and depth < 20
        children = (
            tuple(self._inferred(one, below, supervisors, depth + 1) for one in below.get(pid, ())) if is_one else ()
        )
        kind = "supervisor" if is_one else "worker"
        id = name or f"{what} {pid}".strip()
        count = len(children) if is_one else None
        return Slot(id, key_part(id), pid, name, kind, what, since=self._now, children=children, child_count=count)

    def _step(self, row: Row) -> set[str]:
        self._place += 1
        self._seqs.append(row.seq)
        self._now = self._model.wall(_bounded(row.at))
        pid, get = _pid(row.pid), row.data.get
        if row.kind == "spawned" and pid is not None:
            self._people[pid] = (_short(get("name"), 120), _short(get("what"), 120) or "")
        elif row.kind == "registered" and pid in self._people:
            self._people[pid or ""] = (_short(get("name"), 120), self._people[pid or ""][1])
        if pid is None:
            return set()
        try:
            if self._supervisors and row.kind in ("spawned", "exited"):
                return self._traced(row, pid)
            if row.kind not in KINDS:
                return set()
            return self._project(row, pid)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
            return set()  # an invalid event

    def _traced(self, row: Row, pid: str) -> set[str]:
        """Handle a start or end in a saved trace as if its supervisor had reported it."""
        if row.kind == "spawned":
            above = _pid(row.data.get("parent"))
            if above not in self._model.by_pid or above not in self._supervisors:
                return set()
            fresh = self._inferred(pid, {}, self._supervisors, 0)
            data = {"id": fresh.id, "child": pid, "type": fresh.kind}
            before = self._model.rows.get(f"{self._model.by_pid[above]}/{fresh.part}")
            if before is not None:  # only named processes keep their slot when they end
                fresh = replace(fresh, restarts=before.restarts + 1)
                self._model.restarts += 1
            start = row._replace(at=_bounded(row.at), kind="child_started", pid=above, cause=row.seq, data=data)
            return apply(self._model, start, fresh)
        found = self._model.rows.get(self._model.by_pid.get(pid, ""))
        above = None if found is None or found.parent is None else self._model.rows[found.parent].pid
        if found is None or above is None:
            return set()
        if found.name is None:  # its successor has another id
            return remove(self._model, found.key)
        data = {"id": found.id, "child": pid, "reason": _term(_reason(row.data.get("reason"))), "by": "exit"}
        end = row._replace(at=_bounded(row.at), kind="child_terminated", pid=above, cause=row.seq, data=data)
        return apply(self._model, end, None)

    def _project(self, row: Row, pid: str) -> set[str]:
        data = {key: _term(_reason(value) if key == "reason" else value) for key, value in row.data.items()}
        event = row._replace(at=_bounded(row.at), pid=pid, data=data)
        child = _pid(data.get("child"))
        fresh: Slot | None = None
        if child is not None and row.kind in STARTS:
            fresh = self._fresh(pid, child, event)
            if pid not in self._model.by_pid:  # its own start comes later and includes this event
                members = self._waiting.setdefault(pid, [])
                if len(members) < MOST_TREE:
                    members.append(fresh)
                return set()
        elif row.kind == "strategy_changed":
            window, allowed = data.get("max_seconds"), data.get("max_restarts")
            budget = (
                Budget(0, int(allowed), float(window))
                if isinstance(allowed, int) and isinstance(window, int | float)
                else None
            )
            fresh = Slot("", "", pid, None, "supervisor", "", strategy=id_text(data["strategy"]), budget=budget)
        return apply(self._model, event, fresh)

    def _fresh(self, supervisor: str, child: str, event: Row) -> Slot:
        """Return what the living node's tables would have said of a newly started child."""
        model, data = self._model, event.data
        above = model.rows.get(model.by_pid.get(supervisor, ""))
        id = id_text(data["id"])
        old = None if above is None else model.rows.get(f"{above.key}/{key_part(data['id'])}")
        children = tuple(self._waiting.pop(child, ()))
        if above is not None:
            children = tuple(_with_counts(model, f"{above.key}/{key_part(data['id'])}", one) for one in children)
        name, what = self._people.get(child, (None, ""))
        kind = data.get("type") if data.get("type") in ("supervisor", "worker") else None
        if kind is None:
            kind = old.kind if old is not None else "supervisor" if children else "worker"
        is_one = kind == "supervisor"
        strategy = old.strategy if old is not None else "dynamic" if what in DYNAMIC_CLASSES else None
        budget = None if old is None or old.budget is None else Budget(0, old.budget.max, old.budget.window_s)
        dynamic = above is not None and above.strategy in DYNAMIC
        restart = data.get("restart")
        before = model.carried.get(_pid(data.get("old")) or "") if dynamic else old
        own, along = counts_after(event, before)
        model.restarts += is_again(event)
        return Slot(
            id,
            child if dynamic else key_part(data["id"]),
            child,
            name,
            kind,
            what or ("" if old is None else old.what),
            restart=restart if isinstance(restart, str) else None if old is None else old.restart,
            restarts=own,
            restarted_along=along,
            strategy=strategy if is_one else None,
            budget=budget if is_one else None,
            since=self._now,
            children=children,
            child_count=len(children) if is_one else None,
        )

    def _wire(self, row: Row) -> list[Any]:
        """Return an event as a list.

        Its items: µs since the first event, kind, pid, other pid, text, index of its cause, extra.
        """
        get = row.data.get
        kind, other, words, more = row.kind, None, "", ""
        if kind in ("sent", "dropped"):
            other, words = _pid(get("to")), _words(get("message"), TEXT)
            more = " ".join(part for part in (_short(get("way"), 20), _short(get("ref"), 80)) if part)
        elif kind == "received":
            words, more = _words(get("message"), TEXT), _short(get("way"), 20) or ""
        elif kind == "spawned":
            other, words, more = _pid(get("parent")), _short(get("name"), 120) or "", _short(get("what"), 120) or ""
        elif kind in STARTS | ENDS:
            other, words, more = _pid(get("child")), _words(get("id"), 120), _words(_reason(get("reason")), TEXT)
            if kind == "child_started":
                more = _short(get("type"), 20) or ""
        elif kind == "state_changed":
            words = _words(get("state"), STATE)
        elif kind == "call_timed_out":
            other, words = _pid(get("to")), _words(get("request"), TEXT)
        else:
            first = next(
                (_reason(get(key)) for key in ("reason", "name", "callback", "strategy", "what", "module") if get(key)),
                None,
            )
            words = "" if first is None else _words(first, TEXT)
            other = _pid(get("other"))
        cause = 0
        if row.cause:
            found = bisect_left(self._seqs, row.cause)
            if found < len(self._seqs) and self._seqs[found] == row.cause:
                cause = found + 1
        at = max(0, _bounded(row.at - self._begun)) // 1000
        return [at, clip(kind, 40), _pid(row.pid), other, words, cause, more]


class Replays:
    """The readers of recordings; a next page continues where the last one ended.

    Args:
        most: the limit of readers; beyond it, the least recently used is dropped.
    """

    def __init__(self, most: int = 4) -> None:
        self._most = most
        self._readers: list[Replay] = []
        """Readers in the middle of a recording, the most recently used last."""
        self._one_at_a_time = asyncio.Lock()

    async def page(self, recording: Recording, place: int, limit: int) -> dict[str, Any]:
        """Return a page of a recording, built in a thread; the first has the processes."""
        async with self._one_at_a_time:
            reader = self._take(recording, place)  # removed, so that a cancelled reader is not used again

            def make() -> tuple[Replay, dict[str, Any]]:
                one = reader or Replay(recording)
                page = one.page(place, limit)
                return one, page | {"people": [] if place else one.people()}

            one, page = await otp.Task.run_blocking(make)
            if one.place < page["last"]:
                self._readers.append(one)
                del self._readers[: -self._most]
            return page

    def _take(self, recording: Recording, place: int) -> Replay | None:
        """Remove and return the reader at `place` or closest before it, or None."""
        before = [one for one in self._readers if one.recording is recording and one.place <= place]
        found = max(before, key=lambda one: one.place, default=None)
        if found is not None:
            self._readers.remove(found)
        return found


def _restarts_in(slot: Slot) -> int:
    """Return the restarts of a child and its descendants before the recording."""
    return slot.restarts + sum(map(_restarts_in, slot.children))


def _with_counts(model: Projection, above: str, slot: Slot) -> Slot:
    """Return a newly started child with the restart counts that its slot had before."""
    key = f"{above}/{slot.part}"
    children = tuple(_with_counts(model, key, child) for child in slot.children)
    before = model.rows.get(key)
    if before is None:
        return replace(slot, children=children)
    own, along = before.restarts + slot.restarts, before.restarted_along + slot.restarted_along
    return replace(slot, children=children, restarts=own, restarted_along=along)


def _bounded(at: int) -> int:
    return at if abs(at) < 2**62 else 0


def _pid(words: Any) -> str | None:
    return clip(words, 60).strip("<>") if isinstance(words, str) else None


def _short(words: Any, limit: int) -> str | None:
    return clip(words, limit) if isinstance(words, str) else None


def _words(value: Any, limit: int) -> str:
    """Return a term as people write it: a path as its text, and a reference without its number."""
    if isinstance(value, list):
        value = f"({', '.join(str(one)[:limit] for one in value[:20])})"
    elif not isinstance(value, str):
        value = "" if value is None else str(value)[: limit + 1]
    return clip(PATHS.sub(r"\1", REFERENCES.sub("ref", SIGNAL.sub(r"\1\2", value))), limit)


def _reason(value: Any) -> Any:
    """Return an exit reason as pages show it: the exception of a crash.

    >>> _reason("Crash(ValueError('boom'))"), _reason("killed"), _reason(["shutdown", 1])
    ("ValueError('boom')", 'killed', ['shutdown', 1])
    """
    found = CRASH.fullmatch(value) if isinstance(value, str) else None
    return value if found is None else found[1]


def _term(value: Any) -> Any:
    """Return a value as the runtime had it, where that matters: lists become tuples."""
    return tuple(value) if isinstance(value, list) else value
