"""Moves of children between members of a cluster, as rows of the history: each is drawn, or many become one line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import otp
from otp import sentences
from otp.cluster import NotMember
from otp.cluster.cluster import cluster_of
from otp.redaction import without_secrets
from superlearner.control.clock import Clock
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
        earlier: also record those that happened before, as far as they are in memory.
    """

    def __init__(self, watched: WatchedNode, keep: Callable[[MomentRow], object], *, earlier: bool = False) -> None:
        self._watched = watched
        self._keep = keep
        self._clock = Clock()
        self._minute = -MINUTE_NS
        self._seen = 0
        self._counted: dict[tuple[str, str, str], list[otp.trace.Event]] = {}
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
        data = event.data
        if self._seen <= MOST_A_MINUTE:
            self._record([event], describe_placement(data), self._draw(event))
            return
        self._counted.setdefault((data["from_member"], data["to_member"], data["reason"]), []).append(event)
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(COUNTED_S, self._record_counted)

    def _record_counted(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        counted, self._counted = self._counted, {}
        for (old, new, reason), events in counted.items():
            children = f"{len(events):,} more {'child' if len(events) == 1 else 'children'}"
            self._record(events, sentences.moved(children, old, new, reason), None)

    def _record(self, events: list[otp.trace.Event], line: str, data: bytes | None) -> None:
        watched, first, last = self._watched, events[0], events[-1]
        kind = CONFLICT if first.data["reason"] == "name_conflict" else MOVE
        self._keep(
            MomentRow(
                watched.name, run_of(watched.node), first.seq, last.seq,
                self._clock.wall(first.at) - (first.data["down"] or 0.0), self._clock.wall(last.at),
                without_secrets(line, LONGEST), len(events), f"{first.seq}" if data is not None else "", watched.owner,
                data, kind,
            )
        )  # fmt: skip

    def _draw(self, event: otp.trace.Event) -> bytes:
        node, name = self._watched.node, event.data["supervisor"]
        places: dict[Any, str | None] = {}
        try:
            tables = cluster_of(node).tables("supervisor", name)
        except NotMember:
            tables = {}
        for entries in tables.values():
            places |= {id: pids[0].node if pids else None for id, pids in entries.items()}
        ref = Ref(run_of(node), event.seq)
        moment = draw_placement(event.data, places, node.name, ref, self._clock.wall(event.at))
        return moment.model_dump_json(exclude_unset=True).encode()
