"""The newest entries of the feed, numbered, and those that viewers do not have yet."""

from __future__ import annotations

from typing import Any, Final

from superlearner.live.stories import Entry, Story

__all__ = ["MAX_ENTRIES", "Entries", "shorten"]

MAX_ENTRIES: Final = 200


def shorten(remembered: dict[Any, Any], most: int = MAX_ENTRIES) -> None:
    """Forget what came first, until there are `most`."""
    while len(remembered) > most:
        del remembered[next(iter(remembered))]


class Entries:
    """At most `MAX_ENTRIES`; one that is put again keeps its place.

    A story is put as it is, and told only when somebody wants its entry: most change several times before that.
    """

    def __init__(self) -> None:
        self._next = 1
        self._kept: dict[int, Entry | Story] = {}
        self._changed: dict[int, Entry | Story] = {}

    @property
    def changed(self) -> bool:
        """Whether entries wait to be sent."""
        return bool(self._changed)

    def all(self) -> list[Entry]:
        """All kept entries, newest last."""
        return [_told(self._kept, number) for number in self._kept]

    def drain(self) -> list[Entry]:
        """New and changed entries since the last time."""
        changed, self._changed = self._changed, {}
        for number in changed.keys() & self._kept.keys():
            changed[number] = _told(self._kept, number)
        return [_told(changed, number) for number in changed]

    def number(self) -> int:
        """The number of a new entry."""
        number = self._next
        self._next += 1
        return number

    def put(self, entry: Entry | Story) -> None:
        """A new entry, or what has become of one."""
        self._kept[entry.id] = entry
        self._changed[entry.id] = entry
        shorten(self._kept)
        shorten(self._changed)

    def renew(self, number: int) -> None:
        """Put next, this one is the newest again."""
        self._kept.pop(number, None)

    def drop_stops_below(self, key: str) -> list[str]:
        """Forget unsent entries of stops below: who stops a supervisor, as who ends with a child, stops what is there.

        Answers the keys of those who were stopped.
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


def _told(entries: dict[int, Entry | Story], number: int) -> Entry:
    """The entry with this number, which is told from now on."""
    found = entries[number]
    if isinstance(found, Story):
        found = entries[number] = found.entry()
    return found
