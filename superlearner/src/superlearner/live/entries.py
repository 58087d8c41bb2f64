"""The newest entries of the feed, numbered, and those not yet sent to viewers."""

from __future__ import annotations

from typing import Any, Final

from superlearner.live.stories import Entry, Story

__all__ = ["MAX_ENTRIES", "Entries", "shorten"]

MAX_ENTRIES: Final = 200


def shorten(remembered: dict[Any, Any], most: int = MAX_ENTRIES) -> None:
    """Drop the oldest items until `most` are left."""
    while len(remembered) > most:
        del remembered[next(iter(remembered))]


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
        return [_told(self._kept, number) for number in self._kept]

    def drain(self) -> list[Entry]:
        """Return the entries that are new or changed since the last call."""
        changed, self._changed = self._changed, {}
        for number in changed.keys() & self._kept.keys():
            changed[number] = _told(self._kept, number)
        return [_told(changed, number) for number in changed]

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


def _told(entries: dict[int, Entry | Story], number: int) -> Entry:
    """Return the entry with this number; a story is rendered and stored as an entry."""
    found = entries[number]
    if isinstance(found, Story):
        found = entries[number] = found.entry()
    return found
