"""Restarts that have settled, of all nodes: the newest in memory, all in the store.

    node of this program → recorder ┐
    node of another program, asked  ┴→ moment → memory, store, and the platform that asks this program

A moment is stored as the operation `restart.show` returns it. Nodes in other programs draw their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any, Final

from pydantic import TypeAdapter

import otp
from otp.redaction import without_secrets
from superlearner.control.clock import timestamp
from superlearner.control.terms import clip
from superlearner.live.corrections import end_of, is_same_incident, read_corrected, without_corrected
from superlearner.live.listener import MOST_RECALLED, NodeListener
from superlearner.live.moves import Moves
from superlearner.nodes.attaching import ServiceChange
from superlearner.nodes.kinds import MEMBER, MOVES, SIMULATED
from superlearner.nodes.nodes import Nodes, WatchedNode, is_only_lost
from superlearner.nodes.remote import RemoteNode
from superlearner.observing.monitoring.facts import Incident, last_seen
from superlearner.operations.builtin.restart_lines import describe_row
from superlearner.operations.builtin.restart_loops import (
    ANOMALY,
    BLOCKED,
    CAUSES,
    GAVE_UP,
    INCIDENT,
    OUTAGE,
    PROGRAM,
    cause_of,
    is_incident,
    names,
)
from superlearner.operations.builtin.restarts import SAME_S, ProgramEnd, describe_service_change, draw_moment
from superlearner.operations.engine.audit import AuditLog
from superlearner.operations.engine.forwarding import read_result
from superlearner.operations.results.restarts import Moment
from superlearner.operations.results.system import AnomalyLine
from superlearner.restarts.groups import Group
from superlearner.restarts.ids import RUN, Ref, includes, new_run, run_of
from superlearner.restarts.memory import Memory
from superlearner.restarts.moments import NoSupervisor
from superlearner.restarts.present import Running
from superlearner.restarts.recorder import Record, Recorder
from superlearner.store import MomentRow, Store, StoreUnavailable

__all__ = ["Moments", "listen_to"]

MOST_IN_MEMORY: Final = 2_000
MOST_BYTES: Final = 500_000
"""The largest replay; of a larger restart only the line is kept."""
MOST_SENT: Final = 50
"""Replays in an answer."""
MOST_SENT_BYTES: Final = 2_000_000
LATEST: Final = 1e11
CLOSE_S: Final = 0.001
UNTIL_OVER: Final = frozenset(
    {
        "long_callback",
        "busy_loop",
        "suspended_process",
        "call_cycle",
        "call_timeouts",
        "mailbox_growth",
        "mailbox_backlog",
        "memory_growth",
        "process_growth",
    }
)
"""The types of anomalies that a node stores as an incident when they are over."""
LONGEST: Final = 300
MOST_NUMBER: Final = 2**53
NUMBERS: Final = re.compile(r"[0-9 -]{0,4000}")
MODEL: Final = TypeAdapter(Moment)

log: Final = logging.getLogger(__name__)


class Moments:
    """The moments of the nodes of one platform, or of the node beside which a backend runs.

    Args:
        audit: names the requests that ended processes.
    """

    def __init__(self, audit: AuditLog) -> None:
        self.store: Store | None = None
        """The store of moments; None keeps them in memory only."""
        self.unread: str | None = None
        """See `seams.MomentHistory`."""
        self.earlier = False
        """True if restarts that happened before a node was followed are recorded: it may have run long before."""
        self._audit = audit
        self._recorders: dict[WatchedNode, Recorder] = {}
        self._moves: dict[WatchedNode, Moves] = {}
        self._ended: dict[str, float] = {}
        """The last end of each simulated member by its name, in seconds of the clock of all nodes."""
        self._listeners: dict[RemoteNode, NodeListener] = {}
        self._rows: dict[int, MomentRow] = {}
        self._place = 0
        self._news = asyncio.Event()
        self._is_unsettled = False
        """True if something has happened since the last answer that has not settled."""
        self.on_moment: Callable[[MomentRow], object] = lambda _row: None
        """Called with each moment as it is kept."""

    def follow(self, nodes: Nodes) -> None:
        """Record these nodes, and no others."""
        known = list(nodes)
        for watched in [one for one in self._recorders if one not in known]:
            self._recorders.pop(watched).close()
            self._moves.pop(watched).close()
            if watched.kind == SIMULATED:
                self._ended[watched.name] = otp.monotonic()
        for remote in [one for one in self._listeners if one not in known]:
            self._listeners.pop(remote).close(is_over=not is_only_lost(nodes.left.get(remote.name, "")))
        for node in known:
            if isinstance(node, RemoteNode):
                if node not in self._listeners:
                    listening = self._listeners[node] = listen_to(self, node)
                    node.fetch_last = listening.fetch_last
            elif node not in self._recorders:
                draw, keep = partial(self._draw, node), partial(self._keep, node)
                node.monitor.on_incident = partial(self.add_incident, node)
                node.monitor.on_crash = self._note_unsettled
                self._moves[node] = Moves(node, self._keep_move, self._find_node, self._ended.get, earlier=self.earlier)
                self._recorders[node] = Recorder(node.node, node.last_states, draw, keep, earlier=self.earlier)
                self._recorders[node].on_unsettled = self._note_unsettled

    def _find_node(self, name: str) -> otp.Node | None:
        """Return a node of this program that the platform follows."""
        return next((one.node for one in self._moves if one.name == name), None)

    def catch_up(self) -> None:
        """Record what has happened on the nodes of this program, even if it has not settled."""
        for watched, one in self._recorders.items():
            one.catch_up()
            watched.monitor.catch_up()

    async def fetch_last(self) -> None:
        """Fetch what has happened on the nodes of other programs, from those that answer quickly."""
        await asyncio.gather(*(one.fetch_last() for one in self._listeners.values()))

    def close(self) -> None:
        """Stop recording."""
        for one in (*self._recorders.values(), *self._moves.values(), *self._listeners.values()):
            one.close()
        self._moves.clear()
        self._recorders.clear()
        self._listeners.clear()

    # Reading

    async def find(
        self, ref: Ref, node: str | None, sees: Callable[[str | None], bool], at: float | None = None
    ) -> MomentRow | None:
        """Return the moment that an event belongs to; see `seams.MomentHistory`."""
        found = _best(self._about(ref, node), ref.number, sees, at)
        if (found is not None and found.events) or self.store is None or self.store.url is None:
            return found
        try:
            await self.store.sync()  # also waits until it is open
            rows = [] if node is None else await self.store.moments_about(ref.number, node=node, run=ref.run)
            if ref.run is not None and not rows:
                rows = await self.store.moments_about(ref.number, run=ref.run)
        except StoreUnavailable:
            if found is None:
                raise
            return found
        return _best([*rows, *([] if found is None else [found])], ref.number, sees, at)

    async def page(
        self,
        nodes: list[str],
        kinds: list[str],
        owner: str | None,
        since: float | None,
        until: float | None,
        offset: int,
        limit: int,
        *,
        process: str | None = None,
        number: int | None = None,
        replays: bool = True,
    ) -> tuple[list[MomentRow], int]:
        """Return moments of some nodes, newest first, and their number; see `seams.MomentHistory`."""
        if self.store is not None and self.store.url is not None:
            asked = {
                "of": (nodes, kinds), "owner": owner, "since": since, "until": until, "process": process,
                "number": number, "besides": ANOMALY if number is None else None,
            }  # fmt: skip
            try:
                await self.store.sync()
                found = await read_corrected(self.store, asked, offset, limit, replays=replays)
            except StoreUnavailable as error:
                self.unread = error.why
            else:
                self.unread = None
                return found
        rows = [
            row for row in reversed(self._rows.values())
            if (row.node in nodes or row.kind in kinds) and (owner is None or row.owner == owner)
            and (since is None or row.at >= since) and (until is None or row.at < until)
            and (process is None or row.line.endswith(GAVE_UP) or names(row.line, process))
            and (row.number != ANOMALY if number is None else row.number == number)
        ]  # fmt: skip
        rows = without_corrected(rows)
        return rows[offset : offset + limit], len(rows)

    async def has_anomalies(self, nodes: list[str], owner: str | None) -> bool:
        """Return whether past anomalies of some nodes are stored; see `seams.MomentHistory`.

        Pages ask this at each sample: it does not wait for the writer, whose rows are in memory, too.
        """
        for row in self._rows.values():
            if row.number == ANOMALY and row.node in nodes and owner in (None, row.owner):
                return True
        if self.store is not None and self.store.url is not None:
            with contextlib.suppress(StoreUnavailable):
                rows = await self.store.moments(of=(nodes, []), owner=owner, number=ANOMALY, limit=1, replays=False)
                return bool(rows)
        return False

    async def read_replays(self, rows: list[MomentRow]) -> list[MomentRow]:
        """Return moments with their replays; see `seams.MomentHistory`."""
        ids = [row.id for row in rows if row.id]
        if not ids or self.store is None:
            return rows
        whole: dict[int, MomentRow] = {}
        with contextlib.suppress(StoreUnavailable):
            whole = {row.id: row for row in await self.store.moments(id=ids, limit=len(ids))}
        return [whole.get(row.id, row) for row in rows]

    def has(self, node: WatchedNode | RemoteNode, number: int, run: str) -> bool:
        """Return whether the restart with this first cause is one of the moments, alone or in a sum."""
        if isinstance(node, RemoteNode):
            listening = self._listeners.get(node)
            return listening is not None and listening.has(number, run)
        recorder = self._recorders.get(node)
        return recorder is not None and recorder.has(number)

    def open_sums(self, node: WatchedNode) -> list[MomentRow]:
        """Return the sums of a node that are not recorded yet, as they are now; see `seams.MomentHistory`."""
        recorder = self._recorders.get(node)
        return [] if recorder is None else [self._row_of(node, one) for one in recorder.open_sums()]

    def _about(self, ref: Ref, node: str | None) -> Iterator[MomentRow]:
        """Yield the rows in memory that may contain an event, the newest first."""
        for row in reversed(self._rows.values()):
            mine = row.node == node if ref.run is None else row.run == ref.run
            if mine and row.number <= ref.number <= row.last:
                yield row

    def _note_unsettled(self) -> None:
        self._is_unsettled = True
        self._news.set()

    def list_unsettled(self) -> list[MomentRow]:
        """Return what has happened on the nodes of this program and is not kept yet, as it is now."""
        self._is_unsettled = False
        return [
            row
            for watched, one in self._recorders.items()
            for row in (
                *(self._row_of(watched, record) for record in one.list_unsettled()),
                *(self._row_of_incident(watched, incident) for incident in watched.monitor.crashes.list_open()),
            )
        ]

    async def wait_for_news(
        self, place: int, seconds: float, *, unsettled: bool = False
    ) -> list[tuple[int, MomentRow]]:
        """Return the moments behind a place, oldest first, waiting for them up to `seconds`.

        `unsettled`: also return when something has happened that has not settled.
        """
        if seconds <= 0:
            self.catch_up()
        if self._place <= place and seconds > 0 and not (unsettled and self._is_unsettled):
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._news.wait()
        found: list[tuple[int, MomentRow]] = []
        size = replays = 0
        for at, row in self._rows.items():
            if at > place:
                size += len(row.data or b"") + 500
                replays += row.data is not None
                if found and (replays > MOST_SENT or size > MOST_SENT_BYTES):
                    break
                found.append((at, row))
        return found

    # Writing

    def add_program_end(self, node: str, owner: str | None, end: ProgramEnd) -> None:
        """Keep the end of the program of a node that runs again; it is in no node's trace, so its run is its own."""
        run, number = new_run(), PROGRAM
        data = end.moment(node, Ref(run, number)).model_dump_json(exclude_unset=True).encode()
        until, line = end.at + end.took, without_secrets(end.text, LONGEST)
        self._add(MomentRow(node, run, number, number, end.at, until, line, 1, f"{number}", owner, _pack(data)))

    def add_service_change(self, change: ServiceChange) -> None:
        """Keep the loss or return of an attached service or a member, with a run of its own."""
        run, number = new_run(), PROGRAM
        data = describe_service_change(change, Ref(run, number)).model_dump_json(exclude_unset=True).encode()
        if change.held is not None:
            at, line = change.held[0], without_secrets(change.held[1], LONGEST)
            self._add(
                MomentRow(
                    change.node, new_run(), INCIDENT, INCIDENT, at, change.at, line, 1, f"{INCIDENT}", None, None,
                    str(change.kind), BLOCKED,
                )
            )  # fmt: skip
        at, line = change.at, without_secrets(change.text, LONGEST)
        self._add(
            MomentRow(
                change.node, run, number, number, at, at, line, 1, f"{number}", None, _pack(data), str(change.kind)
            )
        )

    def add_outage(self, node: str, since: float, until: float) -> None:
        """Record a time in which the platform did not run, so that the node was not observed."""
        line = describe_outage(since, until)
        self._add(MomentRow(node, new_run(), INCIDENT, INCIDENT, since, until, line, 1, f"{INCIDENT}"))

    def add_incident(self, watched: WatchedNode, incident: Incident) -> None:
        """Keep what has happened without a restart, such as a blocked event loop, with a run of its own."""
        row = self._row_of_incident(watched, incident)
        if not incident.mark or all(one.run != row.run for one in self._rows.values()):
            self._add(row)

    def _row_of_incident(self, watched: WatchedNode, incident: Incident) -> MomentRow:
        line, number, run = without_secrets(incident.text, LONGEST), INCIDENT, new_run()
        if incident.mark:  # the next attachment reads it from the memory of the node again
            run = sha256(f"{run_of(watched.node)} {incident.mark}".encode()).hexdigest()[:12]
        at, until = incident.at or 0.0, incident.until or 0.0
        return MomentRow(
            watched.name, run, number, number, at, until, line, 1, f"{number}", watched.owner, None,
            str(watched.kind), incident.type,
        )  # fmt: skip

    def add_anomaly(self, node: WatchedNode | RemoteNode, anomaly: AnomalyLine, by_end: bool) -> None:
        """Keep an anomaly that is over, with its evidence; also as an incident, if the end of its node ended it.

        A service lists its past ones again whenever it is attached: the same one has the same run, and is kept once.
        """
        at, until = (datetime.fromisoformat(one or anomaly.since).timestamp() for one in (anomaly.since, anomaly.until))
        if by_end and (over := self._find_incident(node.name, anomaly.past or "", at)) is not None:
            by_end, until = False, over.until  # it was over before, but after the last read
            changes = {"description": anomaly.past, "until": timestamp(until), "lasted_s": round(until - at, 1)}
            anomaly = anomaly.model_copy(update=changes)
        text = clip(without_secrets(anomaly.past or anomaly.description, LONGEST), LONGEST)
        line = last_seen(text, until) if anomaly.lost else text  # the end of its node has its own line
        data = anomaly.model_dump_json().encode()
        row = MomentRow(
            node.name, sha256(data).hexdigest()[:12], ANOMALY, ANOMALY, at, max(at, until), line, 1, f"{ANOMALY}",
            node.owner, _pack(data) if len(data) <= MOST_BYTES else None, str(node.kind),
        )  # fmt: skip
        if any((one.node, one.run, one.number) == (row.node, row.run, ANOMALY) for one in self._rows.values()):
            return
        self._add(row)
        if by_end and anomaly.type in UNTIL_OVER:
            run, number = new_run(), INCIDENT
            self._add(replace(row, run=run, number=number, last=number, events=f"{number}", data=None))

    def _find_incident(self, node: str, past: str, at: float) -> MomentRow | None:
        """Return the stored incident of an anomaly that began at this time; its line may lack later details."""
        return next(
            (
                one
                for one in self._rows.values()
                if one.node == node and is_incident(one) and abs(one.at - at) < CLOSE_S and past.startswith(one.line)
            ),
            None,
        )

    def _draw(self, watched: WatchedNode, memory: Memory, group: Group, now: Running) -> bytes | None:
        try:
            moment = draw_moment(watched, self._audit, memory, group, now)
        except NoSupervisor:
            return None
        return moment.model_dump_json(exclude_unset=True).encode()

    def _keep(self, watched: WatchedNode, one: Record) -> None:
        self._add(self._row_of(watched, one))

    def _keep_move(self, row: MomentRow) -> None:
        data = None if row.data is None or len(row.data) > MOST_BYTES else _pack(row.data)
        self._add(replace(row, data=data))

    def _row_of(self, watched: WatchedNode, one: Record) -> MomentRow:
        data = None if one.data is None or len(one.data) > MOST_BYTES else _pack(one.data)
        return MomentRow(
            watched.name, run_of(watched.node), one.number, one.last, one.at, one.until, one.line, one.count,
            one.events, watched.owner, data, str(watched.kind),
        )  # fmt: skip

    def take(self, remote: RemoteNode, row: MomentRow) -> None:
        """Keep a moment of a node in another program. Raises BadAnswer."""
        if not (
            RUN.fullmatch(row.run) and NUMBERS.fullmatch(row.events) and 0 < row.number <= row.last <= MOST_NUMBER
            and 0 <= row.at <= row.until <= LATEST and 0 < row.count <= MOST_NUMBER
        ):  # fmt: skip
            raise remote.bad(f"expected a restart, got {clip(repr(replace(row, data=None)), 200)}")
        data = row.data
        if data is not None:
            found = read_result(remote, MODEL, _unpack(data, remote))
            data = _pack(json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode())
        line = clip(without_secrets(row.line, LONGEST), LONGEST)
        kind = row.kind if remote.kind is MEMBER and row.kind in MOVES else str(remote.kind)
        cause = row.cause if row.cause in CAUSES else None
        row = replace(row, node=remote.name, owner=remote.owner, line=line, data=data, kind=kind, cause=cause, id=0)
        same = [one for one in self._rows.values() if is_incident(row) and is_same_incident(row, one)]
        if not any(end_of(row) <= end_of(one) for one in same):
            self._add(row)

    async def recall(self, run: str) -> list[MomentRow]:
        """Return the known restarts of a run, without replays: its node was attached before."""
        known = [row for row in self._rows.values() if row.run == run]
        if self.store is not None and self.store.url is not None:
            with contextlib.suppress(StoreUnavailable):
                await self.store.sync()
                known += await self.store.moments(run=run, limit=MOST_RECALLED, replays=False)
        return known

    def _add(self, row: MomentRow) -> None:
        if row.data is not None and row.number != ANOMALY:
            row = replace(row, cause=cause_of(describe_row(row, "")))
        self._place += 1
        if (stale := next((place for place, one in self._rows.items() if row.continues(one)), None)) is not None:
            del self._rows[stale]
        self._rows[self._place] = row
        while len(self._rows) > MOST_IN_MEMORY:
            del self._rows[next(iter(self._rows))]
        self._news.set()
        if self.store is not None:
            self.store.append_moment(row)
        if row.number != ANOMALY:
            self.on_moment(row)


def listen_to(moments: Moments, remote: RemoteNode) -> NodeListener:
    """Return the listener to a node that keeps its restarts in `moments`."""
    return NodeListener(remote, partial(moments.take, remote), moments.recall)


def describe_outage(since: float, until: float) -> str:
    """Return the sentence about a time without a running platform.

    >>> import time
    >>> noon = time.mktime((2030, 1, 2, 12, 0, 0, 0, 0, -1))
    >>> describe_outage(noon, noon + 3), describe_outage(noon - 86_400, noon)[-45:]
    ('the platform did not run from 12:00:00 to 12:00:03', 'from 1 January 12:00:00 to 2 January 12:00:00')
    """
    begun, over = datetime.fromtimestamp(since), datetime.fromtimestamp(until)
    from_, to = (f"{'' if begun.date() == over.date() else f'{at.day} {at:%B} '}{at:%H:%M:%S}" for at in (begun, over))
    return f"{OUTAGE} from {from_} to {to}"


def _pack(data: bytes) -> bytes:
    """Return a replay as it is stored."""
    return zlib.compress(data, 3)


def _unpack(data: bytes, remote: RemoteNode) -> bytes:
    """Return a replay of a node in another program. Raises BadAnswer."""
    try:
        found = zlib.decompressobj().decompress(data, MOST_BYTES + 1)
    except zlib.error as error:
        raise remote.bad(f"expected a replay, got {error}") from None
    if len(found) > MOST_BYTES:
        raise remote.bad(f"expected a replay of at most {MOST_BYTES} bytes, got more")
    return found


def _best(rows: Any, number: int, sees: Callable[[str | None], bool], at: float | None) -> MomentRow | None:
    """Return the first row with an event that the reader may see, else the first sum."""
    sums: list[MomentRow] = []
    for row in rows:
        if not sees(row.owner) or (at is not None and not row.at - SAME_S <= at <= row.until + SAME_S):
            continue
        if row.events and includes(row.events, number):
            return row
        if not row.events and row.run == (sums or [row])[0].run:
            sums.append(row)
    if len({row.number for row in sums}) < 2:
        return next(iter(sums), None)
    exact = next((row for row in sums if row.number == number), None)
    return exact or replace(sums[0], line=" or ".join(dict.fromkeys(row.line for row in sums)))
