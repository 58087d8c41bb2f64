"""Live page frames in shorthand, about a fifth of the bytes, for the pages.

Frames are alike: every kill sends the same fields and the same sentence, with another process and another time. So the
constant part, the *shape*, is sent once and referred to by number afterwards. Rows have numbers, too, and an entry does
not repeat what is in its row (label, pid):

    {"id": 7, "text": "cart was killed; shop (one_for_one) restarted cart", "key": "top/shop/cart", …}
    → [3, 7, 57, 12, …]     shape 3 is {"id": {"$": 0}, "text": {"+": [{"@": 1}, " was killed; ", {"@": 2}, …]}, …}

In a shape, `$` is the value at an index after the number, `#` the key of the row with that number, `@` its label, `%`
its pid, `/` the rest of a key that starts with another one, `~` a time in ms since that of the frame, `+` a text in
pieces. Nothing is lost: `shorthand.js` rebuilds the frames, with times to the millisecond. Clients without `form=short`
(curl, a script) get the plain frames.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from superlearner.live.frames import encode
from superlearner.live.rows import Row, label

__all__ = ["MOST_SHAPES", "Shorthand"]

MOST_SHAPES: Final = 1000
"""Limit of numbered shapes; further ones are sent whole each time."""

FIXED: Final = frozenset({"kind", "level", "state", "strategy", "restart", "max", "window_s"})
"""Fields with few different values, which become part of the shape."""

TIMES: Final = frozenset({"at", "since", "again_at", "resets_at", "expires"})
WORDS: Final = frozenset({"killed", "shutdown", "normal", "noproc", "infinity"})
"""Values that become part of the shape in any field."""

USUAL: Final[dict[str, Any]] = {
    "name": None, "kind": "worker", "what": "", "strategy": None, "restart": "permanent", "state": "running",
    "doing": None, "again_at": None, "restarts": 0, "restarted_along": 0, "last": None, "budget": None, "mailbox": 0,
    "children": None, "critical": False,
}  # fmt: skip
"""Defaults of a row's fields, left out of frames; snapshots send them."""

NEVER: Final = object()
OF_ROW: Final = {"id": NEVER, "pid": NEVER, "since": NEVER, **USUAL}
"""Fields of a row that are in its shape unless they have this value."""

FIGURES: Final = re.compile(r"(\d+(?:\.\d+)*)")


class Shorthand:
    """The numbers of rows and shapes that all shorthand readers share."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._next = 0
        self._shapes: dict[bytes, int] = {}
        self._unsent: list[tuple[int, msgspec.Raw]] = []
        self._health: Mapping[str, Any] = {}

    def snapshot(self, frame: Mapping[str, Any], rows: Mapping[str, Row]) -> dict[str, Any]:
        """Encode a snapshot: number all rows and include all shapes.

        Args:
            frame: the plain snapshot.
            rows: the rows that viewers have with it, by key.
        """
        base, first = _ms(frame["now"]), not self._shapes
        nodes = [self._row(node, base, rows) for node in frame["nodes"]]
        feed = [self._entry(entry, base, rows) for entry in frame["feed"]]
        self._health = frame["health"]
        shapes = [msgspec.Raw(shape) for shape in self._shapes]
        if first:  # every reader begins with this snapshot
            self._unsent.clear()
        return {**frame, "t": base, "row": USUAL, "shapes": shapes, "nodes": nodes, "feed": feed}

    def delta(self, frame: Mapping[str, Any], rows: Mapping[str, Row]) -> dict[str, Any]:
        """Encode a delta; `rows` are those that viewers have after it."""
        base = _ms(frame["t"]) if "t" in frame else 0
        short = dict(frame)
        if "t" in frame:
            short["t"] = base
        if "x" in frame:
            short["x"] = [self._number(key) for key in frame["x"]]
            self._forget(rows)
        if "n" in frame:
            short["n"] = [self._row(node, base, rows) for node in frame["n"]]
        if "p" in frame:
            short["p"] = [self._patch(key, changed, base, rows) for key, changed in frame["p"]]
        if "e" in frame:
            short["e"] = [self._entry(entry, base, rows) for entry in frame["e"]]
        if "h" in frame:
            short["h"] = {name: value for name, value in frame["h"].items() if value != self._health.get(name, ...)}
            self._health = frame["h"]
        if self._unsent:
            short["s"], self._unsent = self._unsent, []
        return short

    def _number(self, key: str) -> int:
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = self._next
            self._next += 1
        return number

    def _forget(self, rows: Mapping[str, Row]) -> None:
        """Drop the numbers of removed rows, but only once they outnumber the others."""
        if len(self._numbers) > 2 * len(rows) + 100:
            self._numbers = {key: number for key, number in self._numbers.items() if key in rows}

    def _row(self, node: Mapping[str, Any], base: int, rows: Mapping[str, Row]) -> list[Any]:
        """Return a row: number, parent's number, key part, predecessor if it is new."""
        key, parent = node["key"], node["parent"]
        part = key if parent is None else key[len(parent) + 1 :]
        encoder = _Encoder(
            [self._number(key), -1 if parent is None else self._number(parent), part], base, self._number, rows
        )
        encoder.known[part] = {"$": 2}
        shape = {name: encoder.shape(name, value) for name, value in node.items() if value != OF_ROW.get(name, value)}
        if "after" in node:
            encoder.values.append(-1 if node["after"] is None else self._number(node["after"]))
        return self._in_shape(shape, encoder)

    def _patch(self, key: str, changed: Mapping[str, Any], base: int, rows: Mapping[str, Row]) -> list[Any]:
        encoder = _Encoder([self._number(key)], base, self._number, rows)
        return self._in_shape({name: encoder.shape(name, value) for name, value in changed.items()}, encoder)

    def _entry(self, entry: msgspec.Struct, base: int, rows: Mapping[str, Row]) -> list[Any]:
        """Return a feed entry; its key comes first, because other fields refer to it."""
        encoder = _Encoder([], base, self._number, rows)
        fields: dict[str, Any] = {name: getattr(entry, name) for name in entry.__struct_fields__}
        text: str = fields.pop("text")
        parts: dict[str, Any] = fields.pop("parts") or {}
        sup: str | None = fields["sup"]
        shape = {name: encoder.row(fields.pop(name)) for name in ("key", "sup") if fields[name] is not None}
        shape |= {name: encoder.shape(name, value) for name, value in fields.items() if value is not None}
        if parts:
            shape["parts"] = {
                name: encoder.signals(value, sup) if name == "signals" else encoder.shape(name, value)
                for name, value in parts.items()
            }
        said = [parts[name] for name in ("who", "by", "reason") if parts.get(name)]
        shape["text"] = encoder.text(text, said)
        return self._in_shape(shape, encoder)

    def _in_shape(self, shape: dict[str, Any], encoder: _Encoder) -> list[Any]:
        data = encode(shape)
        number = self._shapes.get(data)
        if number is None:
            raw = msgspec.Raw(data)
            if len(self._shapes) >= MOST_SHAPES:
                return [raw, *encoder.values]
            number = self._shapes[data] = len(self._shapes)
            self._unsent.append((number, raw))
        return [number, *encoder.values]


class _Encoder:
    """The encoder of one item: variable values, and references to earlier ones."""

    __slots__ = ("base", "known", "number_of", "places", "rows", "values")

    def __init__(self, values: list[Any], base: int, number_of: Callable[[str], int], rows: Mapping[str, Row]) -> None:
        self.values = values
        self.base = base
        self.number_of = number_of
        self.rows = rows
        self.known: dict[str, Any] = {}
        self.places: dict[str, int] = {}
        """Index of a row's number, by its key."""

    def hole(self, kind: str, value: Any) -> dict[str, int]:
        """Append the next value and return its reference."""
        self.values.append(value)
        return {kind: len(self.values) - 1}

    def shape(self, name: str, value: Any) -> Any:
        """Return the shape of a field's value."""
        if value is None or isinstance(value, bool) or name in FIXED:
            return value
        if isinstance(value, str):
            if value in WORDS:
                return value
            found = self.known.get(value)
            if found is None:
                found = self.known[value] = self.hole("$", value)
            return found
        if isinstance(value, int | float):
            return self.hole("~", _ms(value) - self.base) if name in TIMES else self.hole("$", value)
        if isinstance(value, msgspec.Struct):
            return {one: self.shape(one, getattr(value, one)) for one in value.__struct_fields__}
        return [self.shape(name, item) for item in value]

    def row(self, key: str) -> Any:
        """Return the shape of a row's key."""
        place = self._place(key)
        return self.shape("key", key) if place is None else {"#": place}

    def text(self, text: str, said: Iterable[str]) -> Any:
        """Return the shape of a sentence without known texts and figures."""
        pieces: list[Any] = [text]
        for one in sorted(said, key=len, reverse=True):
            known = self.shape("", one)
            pieces = [part for piece in pieces for part in (_split(piece, one, known))]
        found: list[Any] = []
        for piece in pieces:
            if not isinstance(piece, str):
                found.append(piece)
                continue
            for place, part in enumerate(FIGURES.split(piece)):
                if part:
                    found.append(self.shape("", part) if place % 2 else part)
        return {"+": found}

    def signals(self, value: Mapping[str, Any], base: str | None) -> Any:
        """Return the shape of a burst: processes and kinds of signals, but not times."""
        who = [
            self._party(one, base) if isinstance(one, str) else [self._party(one[0], base), self.shape("", one[1])]
            for one in value["who"]
        ]
        listed = [
            [*one[:3], self.hole("$", one[3]), *(self.shape("", word) for word in one[4:])] for one in value["list"]
        ]
        return {"who": who, "list": listed, **({"more": self.hole("$", value["more"])} if "more" in value else {})}

    def _party(self, key: str, base: str | None) -> Any:
        """Return a key's shape, relative to `base`."""
        below = base is not None and (not key or key.startswith("/"))
        place, before = self._place(f"{base}{key}" if below else key), self.places.get(base or "")
        if place is None or (below and before is None):
            return self.shape("", key)
        return {"/": [place, before]} if below else {"#": place}

    def _place(self, key: str) -> int | None:
        place, row = self.places.get(key), self.rows.get(key)
        if place is None and row is not None:
            place = self.places[key] = len(self.values)
            self.values.append(self.number_of(key))
            self.known.setdefault(label(row), {"@": place})
            if row.pid is not None:
                self.known.setdefault(row.pid, {"%": place})
        return place


def _split(piece: Any, said: str, known: Any) -> list[Any]:
    """Split a piece of a sentence at known texts."""
    if not isinstance(piece, str):
        return [piece]
    parts: list[Any] = []
    for place, part in enumerate(piece.split(said)):
        parts += [known, part] if place else [part]
    return [part for part in parts if part != ""]


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
