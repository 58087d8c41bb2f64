"""Frames of the live page: snapshots, and deltas against what viewers have.

`Frames` keeps the rows as they were last sent. A delta has the removed (`x`), new (`n`) and changed (`p`) rows, applied
in this order, and the total of restarts (`r`) when it grew. It is built and encoded once, whatever the number of
viewers.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from superlearner.control.terms import clip, text_of
from superlearner.live.projection import Projection
from superlearner.live.rows import Row, changes, wire_row

__all__ = ["Frames", "encode"]

LONGEST_TEXT: Final = 2000
log = logging.getLogger(__name__)
to_json: Final = msgspec.json.Encoder().encode


def encode(frame: dict[str, Any]) -> bytes:
    """Return the bytes of a frame; values that cannot be encoded become text.

    One odd row must not break the page.
    """
    try:
        return to_json(frame)
    except Exception:
        log.exception("a frame of the live page has to be cleaned; this is a bug in SuperLearner, please report it")
        return to_json(_clean(frame))


def _clean(value: Any) -> Any:
    if isinstance(value, msgspec.Raw):
        return value
    if isinstance(value, msgspec.Struct):
        return {name: _clean(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, str):
        return clip(value, LONGEST_TEXT)
    return value if value is None or isinstance(value, bool | int | float) else text_of(value)


class Frames:
    """The builder of frames of one model.

    Args:
        model: the projection.
        head: additional fields of every snapshot: `epoch`, `node`, `version`.
    """

    def __init__(self, model: Projection, head: dict[str, Any]) -> None:
        self.model = model
        self.head = head
        self.seq = 0
        self.begin()

    def begin(self) -> None:
        """Reset to the current model: every new viewer gets a snapshot of it."""
        self.restarts = self.model.restarts
        self.sent: dict[str, Row] = dict(self.model.rows)
        self.model.removed.clear()

    def snapshot(self, now: float, feed: Iterable[Any], health: Any) -> dict[str, Any]:
        """Return the state after delta number `seq`. Call it when no row is dirty."""
        nodes = [wire_row(row, now) for row in self.model.walk()]
        fields = {"now": now, "r": self.model.restarts, "nodes": nodes, "feed": list(feed), "health": health}
        return {"k": "s", **self.head, "seq": self.seq, **fields}

    def delta(
        self,
        now: float,
        dirty: Iterable[str],
        events: Iterable[Any] = (),
        health: Any = None,
        since: float | None = None,
    ) -> dict[str, Any]:
        """Return the next delta: rows in `dirty`, new feed entries, health when due.

        `since` is the wall time of the oldest event in the frame.
        """
        self.seq += 1
        frame: dict[str, Any] = {"k": "d", "seq": self.seq}
        if since is not None:
            frame["t"] = since
        frame |= self._rows(now, dirty)
        if self.model.restarts != self.restarts:
            frame["r"] = self.restarts = self.model.restarts
        entries = list(events)
        if entries:
            frame["e"] = entries
        if health is not None:
            frame["h"] = health
        return frame

    def resent(self, dirty: Iterable[str]) -> None:
        """Mark the rows in `dirty` as sent: viewers get a snapshot instead of a delta."""
        self._rows(0.0, dirty)
        self.seq += 1

    def _rows(self, now: float, dirty: Iterable[str]) -> dict[str, Any]:
        rows, sent = self.model.rows, self.sent
        gone = [key for key in self.model.removed if key in sent]
        for key in gone:
            del sent[key]
        self.model.removed.clear()
        fresh: set[str] = set()
        patches: list[Any] = []
        for key in dirty:
            row = rows.get(key)
            if row is None:
                continue
            before = sent.get(key)
            sent[key] = row
            if before is None:
                fresh.add(key)
            elif before is not row and (changed := changes(before, row, now)):
                patches.append([key, changed])
        frame: dict[str, Any] = {}
        if gone:
            frame["x"] = _topmost(gone)
        if fresh:
            frame["n"] = self._new_rows(now, fresh)
        if patches:
            frame["p"] = patches
        return frame

    def _new_rows(self, now: float, fresh: set[str]) -> list[Any]:
        """Return new rows, parents first, siblings in order, each with its predecessor."""
        found: list[Any] = []
        pending = [key for key in fresh if self.model.rows[key].parent not in fresh]
        by_parent: dict[str | None, set[str]] = {}
        for key in pending:
            by_parent.setdefault(self.model.rows[key].parent, set()).add(key)
        for parent, keys in by_parent.items():
            self._new_below(now, parent, keys, found)
        return found

    def _new_below(self, now: float, parent: str | None, fresh: set[str] | None, found: list[Any]) -> None:
        """Collect rows in `fresh` (None: all children) in sibling order, with descendants."""
        before: str | None = None
        for key in self.model.roots if parent is None else self.model.children.get(parent, ()):
            if fresh is None or key in fresh:
                found.append(wire_row(self.model.rows[key], now, after=before))
                self.sent[key] = self.model.rows[key]
                self._new_below(now, key, None, found)
            before = key


def _topmost(keys: list[str]) -> list[str]:
    """Return keys without those below another of them, which go with that one."""
    all_keys = set(keys)
    found: list[str] = []
    for key in keys:
        parts = key.split("/")
        if not any("/".join(parts[:end]) in all_keys for end in range(1, len(parts))):
            found.append(key)
    return found
