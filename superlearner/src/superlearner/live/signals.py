"""The signals of a story: what ended, stopped and started processes, in order, limited in number and ready to send.

A crash and its consequences take less than a millisecond, too fast to watch. The page draws them afterwards, slowed
down; every arrow is one event of the runtime:

    kill → ledger, ledger → exit → checkout_sup, checkout_sup → stop → mailer, … → start → ledger, …

`Signals` assigns them to stories of the feed: read from the trace, without a clock, table or network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from superlearner.control.events import TraceEvent, facts_of, is_own_end
from superlearner.control.slots import DYNAMIC, id_text, key_part
from superlearner.live.projection import Projection, called, slot_of
from superlearner.live.rows import Row, label
from superlearner.restarts.fold import Child

if TYPE_CHECKING:
    from superlearner.live.stories import Story

__all__ = ["MAX_ENTRIES", "MOST_SIGNALS", "NOBODY", "Burst", "Kind", "Signals", "party_of", "shorten"]

MAX_ENTRIES: Final = 200
MOST_SIGNALS: Final = 40
NOBODY: Final = -1
"""Index for a party outside the tree: a person, external code, a process that no supervisor started."""
MOST_ENDS: Final = 512
MOST_STORIES: Final = 256
MOST_UNBORN: Final = 64
MOST_BELOW: Final = 40

Party = tuple[str, str]
"""Key and label of a process of the tree."""

Kind = Literal["kill", "link", "exit", "stop", "start", "failed", "gave_up"]
"""A signal that ended a process; the end of a linked one; an end as its supervisor receives it; a shutdown by the
supervisor; a start by it; a failed start; no restart left."""

LETTERS: Final[dict[Kind, str]] = {
    "kill": "k", "link": "l", "exit": "e", "stop": "t", "start": "s", "failed": "f", "gave_up": "g",
}  # fmt: skip
"""The letter for each kind in a frame."""


def shorten(remembered: dict[Any, Any], most: int = MAX_ENTRIES) -> None:
    """Drop the oldest items until `most` are left."""
    while len(remembered) > most:
        del remembered[next(iter(remembered))]


@dataclass(slots=True)
class Burst:
    """The signals from the first cause on.

    Attributes:
        who: key and label of each process, in the order of first appearance.
        signals: kind, from, to (places in `who`, or `NOBODY`), time in ns, reason or pid.
        more: number of signals beyond `MOST_SIGNALS`.
    """

    who: dict[str, str] = field(default_factory=dict[str, str])
    signals: list[tuple[Kind, int, int, int, str]] = field(default_factory=list[tuple[Kind, int, int, int, str]])
    more: int = 0

    def add(
        self, kind: Kind, source: tuple[str, str] | None, target: tuple[str, str] | None, at_ns: int, word: str = ""
    ) -> None:
        """Add a signal between processes given as key and label; None is a party outside the tree.

        >>> burst = Burst()
        >>> burst.add("kill", None, ("s/a", "a"), 1_000_000)
        >>> burst.add("exit", ("s/a", "a"), ("s", "s"), 1_200_000, "killed")
        >>> burst.encode()["list"]
        [['k', -1, 0, 0], ['e', 0, 1, 200, 'killed']]
        """
        if len(self.signals) >= MOST_SIGNALS:
            self.more += 1
            return
        if self.signals:
            at_ns = max(at_ns, self.signals[-1][3])  # an end is reported when its supervisor handles it, never earlier
        self.signals.append((kind, self._place(source), self._place(target), at_ns, word[:80]))

    def starts(self) -> set[str]:
        """Return the keys of the processes started in it."""
        keys = list(self.who)
        return {keys[target] for kind, _, target, _, _ in self.signals if kind == "start" and target != NOBODY}

    def copy(self) -> Burst:
        """Return a copy that begins with the same signals."""
        return replace(self, who=dict(self.who), signals=list(self.signals))

    @property
    def full(self) -> bool:
        """True if further signals are only counted."""
        return len(self.signals) >= MOST_SIGNALS

    def encode(self, base: str | None = None, reason: str = "") -> dict[str, Any]:
        """Encode the burst for viewers; briefly, because every viewer gets it for every crash.

        Args:
            base: the key of the entry's supervisor; keys below it are sent without it.
            reason: the reason of the end in the entry; it is not repeated, nor is a stop's `shutdown`.

        `who` are keys, with the label if it is not the last part of the key; a signal is its letter, from, to and
        the microseconds since the first one.

        >>> burst = Burst()
        >>> burst.add("exit", ("top/s/a", "a"), ("top/s", "shop"), 1_200_000, "killed")
        >>> burst.add("start", ("top/s", "shop"), ("top/s/a", "a"), 1_900_000, "0.9.0")
        >>> burst.encode("top/s", "killed")
        {'who': ['/a', ['', 'shop']], 'list': [['e', 0, 1, 0], ['s', 1, 0, 700, '0.9.0']]}
        """
        first = self.signals[0][3] if self.signals else 0
        listed: list[list[Any]] = []
        for kind, source, target, at, word in self.signals:
            has_word = word != {"exit": reason, "stop": "shutdown"}.get(kind, "")
            listed.append([LETTERS[kind], source, target, (at - first) // 1000, *([word] if has_word else [])])
        encoded: dict[str, Any] = {
            "who": [_encode_key(key, label, base) for key, label in self.who.items()],
            "list": listed,
        }
        return encoded | {"more": self.more} if self.more else encoded

    def _place(self, party: tuple[str, str] | None) -> int:
        if party is None:
            return NOBODY
        key, label = party
        self.who.setdefault(key, label)
        return list(self.who).index(key)


def _encode_key(key: str, label: str, base: str | None) -> str | list[str]:
    """Return a key as it is sent, with the label if that is not its last part."""
    plain = label == key.rpartition("/")[2]
    if base is not None and (key == base or key.startswith(f"{base}/")):
        key = key[len(base) :]
    return key if plain else [key, label]


@dataclass(frozen=True, slots=True)
class _ProcessEnd:
    """The end of a process: its key and label, and those of the sender of the signal."""

    pid: str
    who: str
    """Its label, for a process outside the tree with its pid."""
    party: Party | None
    sender: str | None
    sent_by: Party | None
    linked: _ProcessEnd | None
    """The end that it shared over a link; only one step back, so that a long chain of links is not kept."""
    at_ns: int
    cause: int


def party_of(row: Row | None) -> Party | None:
    """Return key and label of a row."""
    return None if row is None else (row.key, label(row))


class Signals:
    """The collector of signals: it adds events to the bursts of stories. Everything it keeps is bounded."""

    def __init__(self) -> None:
        self._ends: dict[int, _ProcessEnd] = {}
        self._stories: dict[int, Story] = {}
        self._unborn: dict[str, list[Child]] = {}
        """Children started by supervisors that are not yet in the page's model, by the pid of the supervisor."""

    def ended(self, model: Projection, event: TraceEvent) -> None:
        """Keep the cause of a process's end until its supervisor reports that it handled it."""
        if event.pid is None:
            return
        pid, sent_by = facts_of(event).pid, facts_of(event).sender
        other = self._ends.get(event.cause)
        linked = replace(other, linked=None) if other is not None and other.pid == sent_by else None
        row, name = _row(model, pid), event.data.get("name")
        called = f"{id_text(event.data.get('what') if name is None else name)} <{pid}>"
        who = called if row is None else row[1]
        self._ends[event.seq] = _ProcessEnd(pid, who, row, sent_by, _row(model, sent_by), linked, event.at, event.cause)
        shorten(self._ends, MOST_ENDS)

    def linked_to(self, event: TraceEvent) -> str:
        """Return the process whose end ended a child over a link; "" if none did."""
        found = self._ends.get(event.cause)
        return "" if found is None or found.linked is None else found.linked.who

    def begins(self, story: Story, model: Projection, event: TraceEvent, supervisor: Row, who: Party) -> None:
        """Add a child's own end, to whose cause the story belongs."""
        self._add_end(story, event, supervisor, who)
        self._belongs(event.cause, story)

    def _add_end(self, story: Story, event: TraceEvent, supervisor: Row, who: Party) -> None:
        """Add the cause of a child's own end, and its supervisor's receipt of the exit signal."""
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

    def stopped(self, story: Story, model: Projection, event: TraceEvent, supervisor: Row) -> str:
        """Add the stop of a child by its supervisor, or its end if that had happened before; return its label."""
        data = event.data
        pid = facts_of(event).child
        row = _row(model, pid)
        who = row or (slot_of(supervisor, data.get("id"), pid), called(model, supervisor, data.get("id"), str(pid)))
        if is_own_end(event):
            self._add_end(story, event, supervisor, who)
        else:
            story.burst.add("stop", party_of(supervisor), who, event.at, facts_of(event).brief_reason)
        return who[1]

    def started(self, model: Projection, event: TraceEvent, supervisor: Row | None) -> Story | None:
        """Add the start of a child; return the story that it is a part of."""
        data, pid = event.data, facts_of(event).child
        if pid is None:
            return None
        if supervisor is None:
            if event.pid is not None:
                below = self._unborn.setdefault(facts_of(event).pid, [])
                if len(below) < MOST_BELOW:
                    below.append(Child(event.seq, data.get("id"), pid, event.at))
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
        story.burst.add("start", by, who, below[0].at if below else at_ns, pid)
        for one in below:
            name = one.pid if one.id is None else id_text(one.id)
            key = f"{who[0]}/{one.pid if one.id is None else key_part(one.id)}"
            self._start(story, who, (key, name), one.pid, one.at)

    def _belongs(self, seq: int, story: Story) -> None:
        if seq:
            self._stories[seq] = story
            shorten(self._stories, MOST_STORIES)


def _row(model: Projection, pid: str | None) -> Party | None:
    return None if pid is None else party_of(model.rows.get(model.by_pid.get(pid, "")))
