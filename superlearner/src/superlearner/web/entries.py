"""The newest entries of the feed, numbered, and those that viewers do not have yet."""

from __future__ import annotations

from typing import Any, Final

from superlearner.web.stories import Entry

__all__ = ["MAX_ENTRIES", "Entries", "shorten"]

MAX_ENTRIES: Final = 200


def shorten(remembered: dict[Any, Any], most: int = MAX_ENTRIES) -> None:
    """Forget what came first, until there are `most`."""
    while len(remembered) > most:
        del remembered[next(iter(remembered))]


class Entries:
    """At most `MAX_ENTRIES`; one that is put again keeps its place."""

    def __init__(self) -> None:
        self._next = 1
        self._kept: dict[int, Entry] = {}
        self._changed: dict[int, Entry] = {}

    @property
    def changed(self) -> bool:
        """Whether entries wait to be sent."""
        return bool(self._changed)

    def all(self) -> list[Entry]:
        """All kept entries, newest last."""
        return list(self._kept.values())

    def drain(self) -> list[Entry]:
        """New and changed entries since the last time."""
        changed, self._changed = self._changed, {}
        return list(changed.values())

    def number(self) -> int:
        """The number of a new entry."""
        number = self._next
        self._next += 1
        return number

    def put(self, entry: Entry) -> None:
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
            if (
                entry.kind == "stopped"
                and entry.key is not None
                and entry.key.startswith(f"{key}/")
                and not entry.parts
            ):
                del self._changed[number]
                self._kept.pop(number, None)
                found.append(entry.key)
        return found
