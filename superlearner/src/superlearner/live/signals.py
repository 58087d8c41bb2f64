"""The assignment of signals to stories of the feed: read from the trace, without a clock, table or network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from superlearner.control.events import TraceEvent
from superlearner.control.facts import facts_of
from superlearner.control.slots import DYNAMIC, id_text, key_part
from superlearner.live.entries import shorten
from superlearner.live.naming import called, slot_of
from superlearner.live.projection import Projection
from superlearner.live.rows import Row, label

if TYPE_CHECKING:
    from superlearner.live.stories import Story

__all__ = ["Signals"]

MOST_ENDS: Final = 512
MOST_STORIES: Final = 256
MOST_UNBORN: Final = 64
MOST_BELOW: Final = 40

Party = tuple[str, str]
"""Key and label of a process of the tree."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """The end of a process: its key and label, and those of the sender of the signal."""

    pid: str
    party: Party | None
    sender: str | None
    sent_by: Party | None
    linked: _Ended | None
    """The end that it shared over a link; only one step back, so that a long chain of links is not kept."""
    at_ns: int
    cause: int


@dataclass(frozen=True, slots=True)
class _Start:
    """A child started by a supervisor that is not yet in the page's model."""

    id: Any
    pid: str
    at_ns: int


def party_of(row: Row | None) -> Party | None:
    """Return key and label of a row."""
    return None if row is None else (row.key, label(row))


class Signals:
    """The collector of signals: it adds events to the bursts of stories. Everything it keeps is bounded."""

    def __init__(self) -> None:
        self._ends: dict[int, _Ended] = {}
        self._stories: dict[int, Story] = {}
        self._unborn: dict[str, list[_Start]] = {}

    def ended(self, model: Projection, event: TraceEvent) -> None:
        """Keep the cause of a process's end until its supervisor reports that it handled it."""
        if event.pid is None:
            return
        pid, sent_by = facts_of(event).pid, facts_of(event).sender
        other = self._ends.get(event.cause)
        linked = replace(other, linked=None) if other is not None and other.pid == sent_by else None
        self._ends[event.seq] = _Ended(
            pid, _row(model, pid), sent_by, _row(model, sent_by), linked, event.at, event.cause
        )
        shorten(self._ends, MOST_ENDS)

    def begins(self, story: Story, model: Projection, event: TraceEvent, supervisor: Row, who: Party) -> None:
        """Add a child's own end: its cause, and its supervisor's receipt of the exit signal."""
        reason = facts_of(event).brief_reason
        found = self._ends.get(event.cause)
        if found is not None and found.sender is not None:
            if found.linked is not None:
                first = found.linked
                if first.sender is not None and first.party is not None:
                    story.burst.add("kill", first.sent_by, first.party, first.at_ns)
                story.burst.add("link", first.party, who, found.at_ns, reason)
            else:
                story.burst.add("kill", found.sent_by, who, found.at_ns)
        story.burst.add("exit", who, party_of(supervisor), event.at, reason)
        self._belongs(event.cause, story)

    def took_along(
        self, story: Story, last: Story | None, model: Projection, me: Row, stopped: list[str], event: TraceEvent
    ) -> None:
        """Put first what happened before a supervisor ended: the story of its last child and its stops."""
        if not stopped:
            return
        if last is not None and not last.done:
            story.burst = last.burst.copy()
        for key in stopped:
            row = model.rows.get(key)
            if row is not None:
                story.burst.add("stop", party_of(me), party_of(row), event.at, "shutdown")

    def linked(self, story: Story, event: TraceEvent, who: Party) -> None:
        """Add the ends of processes that were linked to a supervisor that ended: its children."""
        for seq, one in self._ends.items():
            if seq > event.cause and one.cause == event.cause and one.party is not None:
                story.burst.add("link", who, one.party, one.at_ns, facts_of(event).brief_reason)

    def above(self, story: Story, event: TraceEvent, supervisor: Row, who: Party) -> None:
        """Add the end of a supervisor that gave up, as received by its own supervisor."""
        story.burst.add("exit", who, party_of(supervisor), event.at, facts_of(event).brief_reason)
        self._belongs(event.cause, story)

    def stopped(self, story: Story, model: Projection, event: TraceEvent, supervisor: Row) -> None:
        """Add the stop of a child by its supervisor."""
        data = event.data
        pid = facts_of(event).child
        row = _row(model, pid)
        who = row or (slot_of(supervisor, data.get("id"), pid), called(model, supervisor, data.get("id"), str(pid)))
        story.burst.add("stop", party_of(supervisor), who, event.at, facts_of(event).brief_reason)

    def started(self, model: Projection, event: TraceEvent, supervisor: Row | None) -> Story | None:
        """Add the start of a child; return the story that it is a part of."""
        data, pid = event.data, facts_of(event).child
        if pid is None:
            return None
        if supervisor is None:
            if event.pid is not None:
                below = self._unborn.setdefault(facts_of(event).pid, [])
                if len(below) < MOST_BELOW:
                    below.append(_Start(data.get("id"), pid, event.at))
                shorten(self._unborn, MOST_UNBORN)
            return None
        story = self._stories.get(event.cause) if event.cause else None
        if story is None:
            self._unborn.pop(pid, None)
            return None
        dynamic = supervisor.strategy in DYNAMIC
        key = slot_of(supervisor, None if dynamic else data.get("id"), pid)
        name = called(model, supervisor, data.get("id"), story.who)
        self._start(story, party_of(supervisor), (key, name), pid, event.at)
        story.pending.discard(key)
        return story

    def restarted(self, story: Story, keys: Mapping[str, str]) -> None:
        """Record the children that a supervisor restarts, and wait for those that have not started yet."""
        story.waits = False
        if len(keys) <= MOST_BELOW:
            story.pending |= keys.keys() - story.burst.starts()

    def failed(self, model: Projection, event: TraceEvent, supervisor: Row, story: Story) -> None:
        """Add a failed start, which is retried in the same story."""
        id = event.data.get("id")
        who = (slot_of(supervisor, id, story.pid), called(model, supervisor, id, story.who))
        reason = facts_of(event).brief_reason
        story.burst.add("failed", party_of(supervisor), who, event.at, reason)
        self._belongs(event.seq, story)

    def gave_up(self, story: Story, last: Story | None, event: TraceEvent, supervisor: Row) -> None:
        """Add a supervisor's give-up after the signals that led to it."""
        if last is not None and last.burst.signals:
            story.burst = last.burst.copy()
        me = party_of(supervisor)
        story.burst.add("gave_up", me, me, event.at)

    def _start(self, story: Story, by: Party | None, who: Party, pid: str, at_ns: int) -> None:
        """Add a start and the starts below it; the supervisor was started before them."""
        below = self._unborn.pop(pid, [])
        story.burst.add("start", by, who, below[0].at_ns if below else at_ns, pid)
        for one in below:
            name = one.pid if one.id is None else id_text(one.id)
            key = f"{who[0]}/{_part(one)}"
            self._start(story, who, (key, name), one.pid, one.at_ns)

    def _belongs(self, seq: int, story: Story) -> None:
        if seq:
            self._stories[seq] = story
            shorten(self._stories, MOST_STORIES)


def _part(start: _Start) -> str:
    return start.pid if start.id is None else key_part(start.id)


def _row(model: Projection, pid: str | None) -> Party | None:
    return None if pid is None else party_of(model.rows.get(model.by_pid.get(pid, "")))
