"""Frames of the live page in shorthand: the same frames in about a fifth of their bytes, for the pages themselves.

Frames are alike: a kill tells the same fields, and the same sentence, of another process at another time. So what
stays the same, the *shape*, is told once and has a number from then on; a row has a number too, and what a row tells
anyway (its label, its pid) is not told again:

    {"id": 7, "text": "cart was killed; shop (one_for_one) restarted cart", "key": "top/shop/cart", …}
    → [3, 7, 57, 12, …]     shape 3 is {"id": {"$": 0}, "text": {"+": [{"@": 1}, " was killed; ", {"@": 2}, …]}, …}

In a shape, `$` is the value at a place behind the number, `#` the key of the row with that number, `@` its label, `%`
its pid, `/` the rest of a key behind another one, `~` a time in ms since that of the frame, `+` a text in pieces.
Nothing is left out: `shorthand.js` makes the frames again as they were, times to the millisecond. Whoever asks the live
feed without `form=short` (curl, a script) gets the plain frames.
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
"""A shape beyond them is told whole, in place of its number, each time."""

FIXED: Final = frozenset({"kind", "level", "state", "strategy", "restart", "max", "window_s"})
"""Fields of few values: they are part of the shape."""

TIMES: Final = frozenset({"at", "since", "again_at", "resets_at", "expires"})
WORDS: Final = frozenset({"killed", "shutdown", "normal", "noproc", "infinity"})
"""Values that are part of the shape wherever they stand."""

USUAL: Final[dict[str, Any]] = {
    "name": None, "kind": "worker", "what": "", "strategy": None, "restart": "permanent", "state": "running",
    "doing": None, "again_at": None, "restarts": 0, "restarted_along": 0, "last": None, "budget": None, "mailbox": 0,
    "children": None, "critical": False,
}  # fmt: skip
"""What a row has where nothing is said; snapshots tell it."""

NEVER: Final = object()
OF_ROW: Final = {"id": NEVER, "pid": NEVER, "since": NEVER, **USUAL}
"""What of a row is in its shape, where it is not this; the rest stands before it."""

FIGURES: Final = re.compile(r"(\d+(?:\.\d+)*)")


class Shorthand:
    """The numbers of rows and shapes, as all who read shorthand know them, and what is told with them."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._next = 0
        self._shapes: dict[bytes, int] = {}
        self._untold: list[tuple[int, msgspec.Raw]] = []
        self._health: Mapping[str, Any] = {}

    def snapshot(self, frame: Mapping[str, Any], rows: Mapping[str, Row]) -> dict[str, Any]:
        """A snapshot: every row gets its number, and whoever begins with it learns all shapes.

        Args:
            frame: the plain snapshot.
            rows: the rows that viewers have with it, by key.
        """
        base, first = _ms(frame["now"]), not self._shapes
        nodes = [self._row(node, base, rows) for node in frame["nodes"]]
        feed = [self._entry(entry, base, rows) for entry in frame["feed"]]
        self._health = frame["health"]
        shapes = [msgspec.Raw(shape) for shape in self._shapes]
        if first:  # nobody reads but those who begin with this
            self._untold.clear()
        return {**frame, "t": base, "row": USUAL, "shapes": shapes, "nodes": nodes, "feed": feed}

    def delta(self, frame: Mapping[str, Any], rows: Mapping[str, Row]) -> dict[str, Any]:
        """A delta; `rows` are those that viewers have after it."""
        base = _ms(frame["t"]) if "t" in frame else 0
        told = dict(frame)
        if "t" in frame:
            told["t"] = base
        if "x" in frame:
            told["x"] = [self._number(key) for key in frame["x"]]
            self._forget(rows)
        if "n" in frame:
            told["n"] = [self._row(node, base, rows) for node in frame["n"]]
        if "p" in frame:
            told["p"] = [self._patch(key, changed, base, rows) for key, changed in frame["p"]]
        if "e" in frame:
            told["e"] = [self._entry(entry, base, rows) for entry in frame["e"]]
        if "h" in frame:
            told["h"] = {name: value for name, value in frame["h"].items() if value != self._health.get(name, ...)}
            self._health = frame["h"]
        if self._untold:
            told["s"], self._untold = self._untold, []
        return told

    def _number(self, key: str) -> int:
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = self._next
            self._next += 1
        return number

    def _forget(self, rows: Mapping[str, Row]) -> None:
        """Drop the numbers of those that are gone, once they are the most: a look at each is not for every frame."""
        if len(self._numbers) > 2 * len(rows) + 100:
            self._numbers = {key: number for key, number in self._numbers.items() if key in rows}

    def _row(self, node: Mapping[str, Any], base: int, rows: Mapping[str, Row]) -> list[Any]:
        """A row: its number, that of its parent, the last part of its key, and, if it is new, the sibling before it."""
        key, parent = node["key"], node["parent"]
        part = key if parent is None else key[len(parent) + 1 :]
        told = _Told(
            [self._number(key), -1 if parent is None else self._number(parent), part], base, self._number, rows
        )
        told.known[part] = {"$": 2}
        shape = {name: told.shape(name, value) for name, value in node.items() if value != OF_ROW.get(name, value)}
        if "after" in node:
            told.values.append(-1 if node["after"] is None else self._number(node["after"]))
        return self._in_shape(shape, told)

    def _patch(self, key: str, changed: Mapping[str, Any], base: int, rows: Mapping[str, Row]) -> list[Any]:
        told = _Told([self._number(key)], base, self._number, rows)
        return self._in_shape({name: told.shape(name, value) for name, value in changed.items()}, told)

    def _entry(self, entry: msgspec.Struct, base: int, rows: Mapping[str, Row]) -> list[Any]:
        """An entry of the feed; whom it is about comes first, because the rest repeats it."""
        told = _Told([], base, self._number, rows)
        fields: dict[str, Any] = {name: getattr(entry, name) for name in entry.__struct_fields__}
        text: str = fields.pop("text")
        parts: dict[str, Any] = fields.pop("parts") or {}
        sup: str | None = fields["sup"]
        shape = {name: told.row(fields.pop(name)) for name in ("key", "sup") if fields[name] is not None}
        shape |= {name: told.shape(name, value) for name, value in fields.items() if value is not None}
        if parts:
            shape["parts"] = {
                name: told.signals(value, sup) if name == "signals" else told.shape(name, value)
                for name, value in parts.items()
            }
        said = [parts[name] for name in ("who", "by", "reason") if parts.get(name)]
        shape["text"] = told.text(text, said)
        return self._in_shape(shape, told)

    def _in_shape(self, shape: dict[str, Any], told: _Told) -> list[Any]:
        data = encode(shape)
        number = self._shapes.get(data)
        if number is None:
            raw = msgspec.Raw(data)
            if len(self._shapes) >= MOST_SHAPES:
                return [raw, *told.values]
            number = self._shapes[data] = len(self._shapes)
            self._untold.append((number, raw))
        return [number, *told.values]


class _Told:
    """One thing that is told: what varies in it, in order, and how a text that it has told already is meant."""

    __slots__ = ("base", "known", "number_of", "places", "rows", "values")

    def __init__(self, values: list[Any], base: int, number_of: Callable[[str], int], rows: Mapping[str, Row]) -> None:
        self.values = values
        self.base = base
        self.number_of = number_of
        self.rows = rows
        self.known: dict[str, Any] = {}
        self.places: dict[str, int] = {}
        """Where the number of a row stands, by its key."""

    def hole(self, kind: str, value: Any) -> dict[str, int]:
        """The next value."""
        self.values.append(value)
        return {kind: len(self.values) - 1}

    def shape(self, name: str, value: Any) -> Any:
        """The shape of a field's value."""
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
        """The shape of a row's key."""
        place = self._place(key)
        return self.shape("key", key) if place is None else {"#": place}

    def text(self, text: str, said: Iterable[str]) -> Any:
        """The shape of a sentence: what was said before, and figures, are not part of it."""
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
        """The shape of a burst: who tells whom what is part of it, when is not."""
        who = [
            self._party(one, base) if isinstance(one, str) else [self._party(one[0], base), self.shape("", one[1])]
            for one in value["who"]
        ]
        listed = [
            [*one[:3], self.hole("$", one[3]), *(self.shape("", word) for word in one[4:])] for one in value["list"]
        ]
        return {"who": who, "list": listed, **({"more": self.hole("$", value["more"])} if "more" in value else {})}

    def _party(self, key: str, base: str | None) -> Any:
        """A key that is told without `base`."""
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
    """A piece of a sentence without what was said."""
    if not isinstance(piece, str):
        return [piece]
    parts: list[Any] = []
    for place, part in enumerate(piece.split(said)):
        parts += [known, part] if place else [part]
    return [part for part in parts if part != ""]


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
