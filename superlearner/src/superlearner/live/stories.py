"""Entries of the feed, the stories behind them while their ends are open, and those not yet sent to viewers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from otp import sentences
from superlearner.control.child_requests import ended_by
from superlearner.control.events import TraceEvent
from superlearner.live.signals import Burst, shorten
from superlearner.restarts.cause_steps import Attempt
from superlearner.restarts.ids import Ref

__all__ = ["Entries", "Entry", "Restarts", "Story"]

MOST_SECONDS: Final = 30
"""Number of seconds of a folded story whose ends are counted one by one."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An entry of the feed as it is sent."""

    id: int
    at: float
    kind: str
    level: str
    text: str
    key: str | None = None
    pid: str | None = None
    sup: str | None = None
    event: int | None = None
    """The number of the node's event that it is about."""
    ref: str | None = None
    """The id of its restart, its address below `/why`."""
    parts: dict[str, Any] | None = None


@dataclass(slots=True)
class Restarts:
    """The restarts and failed restarts of a supervisor in one story, and their position in its budget.

    `restarted` are the labels of the children by the keys of their slots: a label alone does not identify one.
    """

    restarted: dict[str, str] = field(default_factory=dict[str, str])
    successor: str = ""
    failure: str = ""
    attempt: Attempt | None = None
    """The last restart, if it failed."""
    tries: int = 0
    """The number of restarts that failed in the same way as the last one."""
    used: int | None = None
    max: Any = None
    window_s: Any = None

    def add(self, group: Mapping[str, str], data: Mapping[str, Any], successor: str = "") -> None:
        """Add children (key → label) that run again; `successor` is the new pid of a child without an id."""
        self.restarted |= group
        self.successor = successor
        self.failure, self.attempt, self.tries = "", None, 0
        self._budget(data)

    def failed(self, by: str, who: str, event: TraceEvent) -> None:
        """Add a restart that failed; those that fail in the same way are one sentence."""
        self._budget(event.data)
        attempt = Attempt.of(event)
        self.tries = self.tries + 1 if attempt == self.attempt else 1
        self.attempt = attempt
        if self.tries > 1:
            self.failure = attempt.tried(by, who, self.tries)
            return
        self.failure = sentences.could_not_restart(
            by, who, attempt.reason, used=self.used, allowed=self.max, window=self.window_s
        )

    @property
    def outcome(self) -> object:
        """The children that run again, and the last failure; equal outcomes are one sentence."""
        return frozenset(self.restarted.values()), self.attempt

    def text(self, by: str, strategy: str, key: str | None, who: str, when: str = "") -> str:
        """Return the supervisor's response to the end of `who` in the slot `key`.

        `when` says which of several ends it is about.
        """
        if not self.restarted:
            return self.failure
        whom = "it" if when else f"it as {self.successor}" if self.successor else who
        along = [label for other, label in self.restarted.items() if other != key]
        did = sentences.restarted(
            by, whom, strategy=strategy, along=along, used=self.used, allowed=self.max, window=self.window_s
        )
        return sentences.story(f"{when}{did}", self.failure)

    def parts(self) -> dict[str, Any]:
        """Return the facts as values, for clients that need more than the sentence."""
        if self.used is None:
            return {}
        restarted = list(self.restarted.values())
        return {"restarted": restarted, "used": self.used, "max": self.max, "window_s": self.window_s}

    def _budget(self, data: Mapping[str, Any]) -> None:
        self.used, self.max, self.window_s = data["used"], data["allowed"], data["window"]


@dataclass(slots=True)
class Story:
    """A cause and its known consequences."""

    id: int
    at: float
    who: str
    key: str | None
    pid: str | None
    supervisor: str
    sup_key: str | None
    strategy: str
    reason: str
    what: str
    """crashed, killed, stopped, gave_up or restart_failed"""
    request: str = ""
    """The request whose exit signal ended it, if one did."""
    linked: str = ""
    """The process whose end ended it over a link, if one did."""
    where: str | None = None
    """The line that raised; None if it is not known."""
    event: int | None = None
    """The number of the event with which it began, for a folded story that of its latest end."""
    run: str = ""
    """The run of the node's program; "" for a recording."""
    times: int = 1
    first_at: float = 0.0
    per_second: list[int] = field(default_factory=list[int])
    """Ends in each of the last seconds, until `at`; empty for a single end."""
    ends: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """The kind and reason of earlier ends of a folded story: at most two are kept."""
    outcomes: set[object] = field(default_factory=set[object])
    """The outcomes of these ends, likewise."""
    restarts: Restarts = field(default_factory=Restarts)
    others: list[str] = field(default_factory=list[str])
    """Sentences about siblings that had ended, too, when the supervisor was about to stop them."""
    opening: str = ""
    tail: str = ""
    again: str = ""
    """The supervisor that will restart it after a pause; "" without a pause."""
    pause: float = 0.0
    """Seconds of that pause."""
    failed: str = ""
    """The reason why its first restart failed; "" if it did not."""
    done: bool = False
    fatal: int = 0
    """The number of its ends at which the supervisor gave up; the give-up has an entry of its own."""
    burst: Burst = field(default_factory=Burst)
    waits: bool = False
    """True until its supervisor reports the restart that is expected."""
    policy: str = ""
    """The `restart` of its child spec, if that is why it does not run again."""
    pending: set[str] = field(default_factory=set[str])
    """Keys of children restarted with it that have not started yet."""

    def repeat(self, at: float) -> None:
        """Add another end of the same slot."""
        counts = self.per_second or [1]
        passed = min(max(int(at) - int(self.at), 0), MOST_SECONDS)
        counts = (counts + [0] * passed)[-MOST_SECONDS:]
        counts[-1] += 1
        self.times, self.at, self.per_second = self.times + 1, at, counts
        if len(self.ends) < 2:
            self.ends.add((self.what, self.reason))
        if len(self.outcomes) < 2:
            self.outcomes.add(self.restarts.outcome)
        self.opening = ""

    @property
    def settled(self) -> bool:
        """True if all consequences have happened."""
        return not self.waits and not self.pending

    @property
    def end(self) -> str:
        """The sentence about the end with which the story began; a folded story sums its ends."""
        if self.request and self.times == 1:
            return ended_by(self.who, self.reason, self.request)
        if self.linked and self.times == 1:
            return sentences.ended_with(self.who, self.linked, self.reason)
        failed, span = self.what != "stopped", self.at - self.first_at
        if not self.linked and self.ends <= {(self.what, self.reason)}:
            return sentences.ended(self.who, self.reason, failed=failed, times=self.times, span=span)
        often = f"{self.who} ended {sentences.times_text(self.times)} in {sentences.elapsed(max(span, 0.1))}"
        last = sentences.ended("it", self.reason, failed=failed)
        if self.linked:
            last = sentences.ended_with("it", self.linked, self.reason)
        return sentences.story(often, f"the last time {last}")

    @property
    def kind(self) -> str:
        """The kind of the entry."""
        if self.what == "gave_up":
            return "gave_up"
        return "restarted" if self.restarts.restarted else self.what

    @property
    def level(self) -> str:
        """The severity: `bad` for a crash or several ends, `warn` for a kill or a restart, else `info`."""
        if self.what in ("crashed", "gave_up", "restart_failed") or self.others:
            return "bad"
        return "warn" if self.what == "killed" or self.restarts.restarted else "info"

    def entry(self) -> Entry:
        """Return the entry of the story."""
        alike = self.outcomes <= {self.restarts.outcome} and not self.restarts.failure
        when = "" if self.times < 2 else "each time " if alike else "the last time "
        did = self.restarts.text(self.supervisor, self.strategy, self.key, self.who, when)
        left = sentences.not_restarted(self.policy) if self.policy else ""
        text = sentences.story(self.opening or self.end, *self.others, did, self.tail, left)
        parts: dict[str, Any] = {
            "who": self.who, "reason": self.reason, "by": self.supervisor, "strategy": self.strategy
        }  # fmt: skip
        if self.times > 1:
            parts |= {"times": self.times, "since": self.first_at, "per_second": self.per_second}
        if self.where:
            parts["where"] = self.where
        if self.policy:
            parts["restart"] = self.policy
        if self.fatal:
            parts["fatal"] = self.fatal
        return Entry(
            id=self.id,
            at=self.at,
            kind=self.kind,
            level=self.level,
            text=text,
            key=self.key,
            pid=self.pid,
            sup=self.sup_key,
            event=self.event,
            ref=str(Ref(self.run, self.event)) if self.run and self.event else None,
            parts=parts | self.restarts.parts() | self._signals(),
        )

    def _signals(self) -> dict[str, Any]:
        """Return the signals for clients that draw them, and whether more will follow."""
        if not self.burst.signals:
            return {}
        signals = {"signals": self.burst.encode(self.sup_key, self.reason)}
        return signals if self.settled else signals | {"open": True}


class Entries:
    """At most `MAX_ENTRIES` entries; an entry that is put again keeps its place.

    A story is stored as it is and rendered only when its entry is read: most stories change several times before.
    """

    def __init__(self) -> None:
        self._next = 1
        self._kept: dict[int, Entry | Story] = {}
        self._changed: dict[int, Entry | Story] = {}

    @property
    def changed(self) -> bool:
        """True if entries wait to be sent."""
        return bool(self._changed)

    def all(self) -> list[Entry]:
        """Return all kept entries, newest last."""
        return [_render_entry(self._kept, number) for number in self._kept]

    def drain(self) -> list[Entry]:
        """Return the entries that are new or changed since the last call."""
        changed, self._changed = self._changed, {}
        for number in changed.keys() & self._kept.keys():
            changed[number] = _render_entry(self._kept, number)
        return [_render_entry(changed, number) for number in changed]

    def number(self) -> int:
        """Return the number for a new entry."""
        number = self._next
        self._next += 1
        return number

    def put(self, entry: Entry | Story) -> None:
        """Add an entry, or replace it."""
        self._kept[entry.id] = entry
        self._changed[entry.id] = entry
        shorten(self._kept)
        shorten(self._changed)

    def renew(self, number: int) -> None:
        """Make this entry the newest when it is put next."""
        self._kept.pop(number, None)

    def drop_stops_below(self, key: str) -> list[str]:
        """Drop unsent entries of stops below a key: stopping a supervisor, or its end with a child, includes them.

        Returns the keys of the stopped children.
        """
        found: list[str] = []
        for number, entry in list(self._changed.items()):
            if isinstance(entry, Story) or entry.kind != "stopped" or entry.key is None:
                continue
            if entry.key.startswith(f"{key}/") and not entry.parts:
                del self._changed[number]
                self._kept.pop(number, None)
                found.append(entry.key)
        return found


def _render_entry(entries: dict[int, Entry | Story], number: int) -> Entry:
    """Return the entry with this number; a story is rendered and stored as an entry."""
    found = entries[number]
    if isinstance(found, Story):
        found = entries[number] = found.entry()
    return found
