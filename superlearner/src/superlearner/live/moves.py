"""Moves of children between members of a cluster, as rows of the history: each is drawn, or many become one line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import otp
from otp import sentences
from otp.cluster import NotMember
from otp.cluster.cluster import cluster_of
from otp.redaction import without_secrets
from superlearner.control.clock import Clock
from superlearner.control.events import facts_of
from superlearner.control.placement import describe_copy
from superlearner.nodes.kinds import CONFLICT, MOVE
from superlearner.nodes.nodes import WatchedNode
from superlearner.operations.builtin.cluster_moves import describe_placement, draw_placement
from superlearner.restarts.ids import Ref, run_of
from superlearner.store import MomentRow

__all__ = ["MOST_A_MINUTE", "Moves"]

MOST_A_MINUTE: Final = 100
"""The moves a minute that are drawn; the others are counted."""
MINUTE_NS: Final = 60_000_000_000
COUNTED_S: Final = 1.0
LONGEST: Final = 300


class Moves:
    """The recorder of the moves to a node, and of the conflicts that its children have lost.

    Args:
        watched: the node.
        keep: called with each row; its replay is not compressed.
        find: returns the node of a member in this program, None for others; simulated members are seen on both sides.
        ended: returns when a simulated member ended, in seconds of `otp.monotonic`; None for others.
        earlier: also record those that happened before, as far as they are in memory.
    """

    def __init__(
        self,
        watched: WatchedNode,
        keep: Callable[[MomentRow], object],
        find: Callable[[str], otp.Node | None] = lambda _name: None,
        ended: Callable[[str], float | None] = lambda _name: None,
        *,
        earlier: bool = False,
    ) -> None:
        self._watched = watched
        self._keep = keep
        self._find = find
        self._ended = ended
        self._clock = Clock()
        self._minute = -MINUTE_NS
        self._seen = 0
        self._counted: dict[tuple[str, str, str, bool], list[otp.trace.Event]] = {}
        self._due: asyncio.TimerHandle | None = None
        self._subscription = otp.trace.subscribe(watched.node, self._on_event, kinds={"placement_changed"})
        for event in otp.trace.history(watched.node) if earlier else ():
            if event.kind == "placement_changed":
                self._on_event(event)

    def close(self) -> None:
        """Stop recording; what has happened so far is recorded."""
        self._subscription.close()
        self._record_counted()

    def _on_event(self, event: otp.trace.Event) -> None:
        if event.at - self._minute >= MINUTE_NS:
            self._minute, self._seen = event.at, 0
        self._seen += 1
        data, second = self._find_loss(event), self._still_runs(event.data)
        facts_of(event).is_second_copy, facts_of(event).placement = second, data
        if self._seen <= MOST_A_MINUTE:
            self._record([event], describe_placement(data, second=second), self._draw(event, second=second))
            return
        self._counted.setdefault((data["from_member"], data["to_member"], data["reason"], second), []).append(event)
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(COUNTED_S, self._record_counted)

    def _record_counted(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        counted, self._counted = self._counted, {}
        for (old, new, reason, second), events in counted.items():
            children = f"{len(events):,} more {'child' if len(events) == 1 else 'children'}"
            told = describe_copy if second else sentences.moved
            self._record(events, told(children, old, new, reason), None)

    def _find_loss(self, event: otp.trace.Event) -> Mapping[str, Any]:
        """Return the data of a move with the loss that ended the child.

        A member that was cut off from the old one reports that earlier loss, after which the child ran on.
        """
        data = event.data
        reported: float | None = data["down"]
        ended = self._ended(data["from_member"])
        if reported is None or ended is None:
            return data
        down = max(0.0, event.at / 1e9 - ended)
        return {**data, "reason": "connection_lost", "down": down} if down < reported else data

    def _still_runs(self, data: Mapping[str, Any]) -> bool:
        """Return whether a child reported as moved still runs at its old place, whose member was only cut off."""
        member = data["from_member"]
        node = None if data["down"] is None else self._find(member)
        if node is None:
            return False
        try:
            entries = cluster_of(node).tables("supervisor", data["supervisor"])
        except NotMember:
            return False
        return any(
            pid.node == member and otp.is_alive(pid) for ids in entries.values() for pid in ids.get(data["id"], ())
        )

    def _record(self, events: list[otp.trace.Event], line: str, data: bytes | None) -> None:
        watched, first, last = self._watched, events[0], events[-1]
        kind = CONFLICT if facts_of(first).placement["reason"] == "name_conflict" else MOVE
        down = 0.0 if facts_of(first).is_second_copy else facts_of(first).placement["down"] or 0.0
        self._keep(
            MomentRow(
                watched.name, run_of(watched.node), first.seq, last.seq,
                self._clock.wall(first.at) - down, self._clock.wall(last.at),
                without_secrets(line, LONGEST), len(events), f"{first.seq}" if data is not None else "", watched.owner,
                data, kind,
            )
        )  # fmt: skip

    def _draw(self, event: otp.trace.Event, *, second: bool) -> bytes:
        node, name = self._watched.node, event.data["supervisor"]
        places: dict[Any, str | None] = {}
        try:
            tables = cluster_of(node).tables("supervisor", name)
        except NotMember:
            tables = {}
        for entries in tables.values():
            places |= {id: pids[0].node if pids else None for id, pids in entries.items()}
        ref = Ref(run_of(node), event.seq)
        moment = draw_placement(
            facts_of(event).placement, places, node.name, ref, self._clock.wall(event.at), second=second
        )
        return moment.model_dump_json(exclude_unset=True).encode()
