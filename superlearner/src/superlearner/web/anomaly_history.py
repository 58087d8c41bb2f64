"""Anomalies that are over, stored: a node that ends takes its own list of them along."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextvars import Context as Variables
from datetime import datetime
from functools import partial
from typing import Any, Final

from pydantic import ValidationError

from superlearner.base.typed_time import LAST
from superlearner.control.clock import timestamp
from superlearner.nodes.kinds import LOCAL, MEMBER, PLATFORM, SERVICE, TREE
from superlearner.nodes.nodes import GONE, Nodes, WatchedNode, is_only_lost
from superlearner.nodes.remote import RemoteNode, follow
from superlearner.observing.monitoring.alarms import BACK_S
from superlearner.observing.monitoring.facts import last_seen
from superlearner.operations.builtin.system import describe_anomaly
from superlearner.operations.context import Context
from superlearner.operations.engine.execution import checked
from superlearner.operations.engine.forwarding import forward
from superlearner.operations.engine.registry import Registry
from superlearner.operations.failures import OperationError
from superlearner.operations.results.system import AnomalyLine
from superlearner.operations.rights.users import User

__all__ = ["AnomalyHistory", "NodeAnomalies"]

PAUSE_S: Final = 5.0
"""Seconds between two reads: those found in the last ones before a kill are not known."""
READS: Final = 12
"""Every so many reads ask for past anomalies too: a long list holds the loop of the node."""
MOST: Final = 300
"""The anomalies of one node that are followed."""
ON_REQUEST: Final = ("it was detached", "it was forgotten")
"""The beginnings of such a reason if a user ended the observation."""
READER: Final = User("anomalies", frozenset({"read"}))
KINDS: Final = (PLATFORM, LOCAL, TREE, SERVICE, MEMBER)
"""The kinds of nodes whose anomalies are kept; those of a sandbox end with it."""
Keep = Callable[[AnomalyLine, bool], object]


class NodeAnomalies:
    """The anomalies of one node that have been read. Pure.

    Args:
        keep: called once with each that is over, and whether the end of the node ended it.
    """

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._read: dict[int, AnomalyLine] = {}
        self._kept: set[int] = set()
        self._at: float | None = None
        """When the node was read last."""
        self._reads = 0
        """The reads to come before the next one of all."""

    def asks_for_past(self) -> bool:
        """Return whether the next read is to have past anomalies, too: now and then, and when one may be over."""
        return self._reads == 0

    def note_failure(self) -> None:
        """Ask for what goes on next, and then for all: a service of another version may list what is unknown here."""
        self._reads = max(1, self._reads)

    def take(self, lines: Iterable[AnomalyLine], now: float, *, past: bool = True) -> None:
        """Take over the present list, and keep what has been over for so long that it will not come back.

        Args:
            lines: what goes on, and what is over if `past`.
            now: the time of the node, in seconds since 1970.
            past: whether it is the whole list.
        """
        self._at = now
        self._reads = READS - 1 if past else max(0, self._reads - 1)
        lines = list(lines)
        is_whole, lines = past and len(lines) <= MOST, lines[:MOST]
        numbers = {one.number for one in lines}
        self._kept -= {one.number for one in lines if one.until is None}  # it is active again
        if past:
            self._kept &= numbers
        elif any(one.until is None and number not in numbers for number, one in self._read.items()):
            self._reads = 0
        if is_whole:  # a node lists only its newest past ones
            for one in [each for number, each in self._read.items() if number not in numbers]:
                self._end_one(one, timestamp(now))
        self._read |= {one.number: one for one in lines if one.number not in self._kept}
        for one in list(self._read.values()):
            if one.until is not None and now - _seconds(one.over or one.until) > BACK_S:
                self._keep_one(one)

    def keep_over(self) -> None:
        """Keep all that are over: none of them comes back."""
        for one in [each for each in self._read.values() if each.until is not None]:
            self._keep_one(one)

    def end(self, words: str, at: str, *, lost: bool = False) -> None:
        """Keep the others, too: `words` say what happened at that time; it ended them, unless the node is only lost."""
        self.keep_over()
        at = timestamp(self._at) if lost and self._at is not None else at
        for one in list(self._read.values()):
            self._end_one(one, at, "" if one.last else f"; then {words}", by_end=True, lost=lost and not one.last)

    def list_last(self) -> list[AnomalyLine]:
        """Return the anomalies that were active at the last read, as they were then."""
        if self._at is None:
            return []
        at = timestamp(self._at)
        active = [one for one in self._read.values() if one.until is None]
        return [_as_last_seen(_end(one, at, lost=not one.last)) for one in active]

    def _end_one(self, one: AnomalyLine, at: str, words: str = "", *, by_end: bool = False, lost: bool = False) -> None:
        """Keep one whose end is not known: its last event, or else this time."""
        self._keep_one(_end(one, at, words, lost=lost) if one.until is None else one, by_end=by_end)

    def _keep_one(self, one: AnomalyLine, *, by_end: bool = False) -> None:
        del self._read[one.number]
        self._kept.add(one.number)
        self._keep(one, by_end)


class AnomalyHistory:
    """The anomalies of the nodes of one platform.

    Args:
        nodes: its nodes.
        arsenal: its operations.
        keep: called with the node of each anomaly to store, as in `NodeAnomalies`.
        time: returns the present time in the format of the API.
    """

    def __init__(
        self,
        nodes: Nodes,
        arsenal: Registry,
        keep: Callable[[WatchedNode | RemoteNode, AnomalyLine, bool], object],
        time: Callable[[], str],
    ) -> None:
        self._nodes = nodes
        self._arsenal = arsenal
        self._keep = keep
        self._time = time
        self._of: dict[WatchedNode | RemoteNode, NodeAnomalies] = {}
        self._tasks: dict[WatchedNode | RemoteNode, asyncio.Task[None]] = {}
        self._last: dict[str, list[AnomalyLine]] = {}
        """The anomalies that went on when nodes were lost whose programs may run on, by the names of the nodes."""
        self._closed = False
        nodes.listen(self._follow)

    def close(self) -> None:
        """Keep what is known, and stop reading: a service may end before the next start.

        After that start, an anomaly that continues is found again with the same start; its newest line is shown.
        """
        self._closed = True
        for task in self._tasks.values():
            task.cancel()
        for node, known in list(self._of.items()):
            if is_own := isinstance(node, WatchedNode):
                self._look(node, past=True)
            known.end("the platform stopped", self._time(), lost=not is_own)
        self._of.clear()

    def last_of(self, node: str) -> list[AnomalyLine]:
        """Return the anomalies that were active at the last read of a silent node.

        None if its program has ended, or if a user ended the observation.
        """
        known = next((one for watched, one in self._of.items() if watched.name == node), None)
        if known is not None:
            return known.list_last()
        return self._last.get(node, []) if _may_return(self._nodes.left.get(node, "")) else []

    async def read(self) -> None:
        """Read the anomalies of all nodes now."""
        await asyncio.gather(*(self._read(node) for node in list(self._of)))

    def _follow(self, nodes: Nodes) -> None:
        if self._closed:
            return
        here = {one for one in nodes if one.kind in KINDS}
        for node in [one for one in self._of if one not in here]:
            why = nodes.left.get(node.name, "it has ended")
            self._tasks.pop(node).cancel()
            words = f"{node.name} was no longer observed: {why.partition(';')[0]}"
            known, lost = self._of.pop(node), isinstance(node, RemoteNode) and is_only_lost(why)
            self._last[node.name] = known.list_last() if lost else []
            known.end(words, self._time(), lost=lost)
        self._last = {
            name: lines for name, lines in self._last.items() if lines and _may_return(nodes.left.get(name, GONE))
        }
        for node in here:
            if node not in self._of:
                self._of[node] = NodeAnomalies(partial(self._keep, node))
                self._last.pop(node.name, None)
                # In a fresh context: it outlives the request that attaches the node.
                reading = follow(partial(self._read, node), PAUSE_S)
                self._tasks[node] = asyncio.get_running_loop().create_task(reading, context=Variables())

    async def _read(self, node: WatchedNode | RemoteNode) -> bool:
        """Read the anomalies of a node; return whether it answered."""
        known = self._of[node]
        past = known.asks_for_past()
        if isinstance(node, WatchedNode):
            self._look(node, past=past)
            return True
        asked = self._arsenal.known("system.anomalies")
        context = Context(self._nodes, READER, "link", on=node.name, claims="other")
        try:
            answer: Any = (await forward(asked, context, node, checked(asked, {"ended": past}))).data
            lines = [AnomalyLine.model_validate(one) for one in answer["anomalies"]]
            now, *_ = [_seconds(one) for one in (answer["checked_at"], *_times_of(lines))]
        except (OperationError, ValidationError, ValueError, OverflowError):
            known.note_failure()
            return False  # it is blocked, has ended, or is of another version
        if node in self._of:
            known.take(lines, now, past=past)
        return True

    def _look(self, node: WatchedNode, *, past: bool) -> None:
        """Take over the anomalies of a node of this program."""
        alarms, now = node.monitor.alarms, node.monitor.time()
        found = (*alarms.active.values(), *(alarms.ended if past else ()))
        self._of[node].take([describe_anomaly(one, now) for one in found], now, past=past)


def _end(one: AnomalyLine, at: str, words: str = "", *, lost: bool = False) -> AnomalyLine:
    """Return an active anomaly as one that is over, or only lost, since its last event, or else this time."""
    text, until = f"{one.past or one.description}{words}", one.last or at
    lasted = round(max(0.0, _seconds(until) - _seconds(one.since)), 1)
    changes = {"active": False, "until": until, "over": at, "description": text, "lasted_s": lasted, "lost": lost}
    return one.model_copy(update=changes)


def _as_last_seen(one: AnomalyLine) -> AnomalyLine:
    """Return a lost anomaly with the time at which it was observed last."""
    if not (one.lost and one.until):
        return one
    return one.model_copy(update={"description": last_seen(one.description, _seconds(one.until))})


def _may_return(why: str) -> bool:
    """Return whether a node may answer again by itself, by the reason why it was detached.

    >>> _may_return("it was forgotten"), _may_return("it was silent for too long")
    (False, True)
    """
    return is_only_lost(why) and not why.startswith(ON_REQUEST)


def _times_of(lines: Iterable[AnomalyLine]) -> Iterator[str]:
    return (time for one in lines for time in (one.since, one.last, one.until, one.over) if time is not None)


def _seconds(moment: str) -> float:
    """Return a time in seconds since 1970. Raises ValueError or OverflowError: a service may send any text."""
    found = datetime.fromisoformat(moment).timestamp()
    if not 0 <= found <= LAST:
        raise ValueError(f"expected a time from 1970 on, got {moment}")
    return found
