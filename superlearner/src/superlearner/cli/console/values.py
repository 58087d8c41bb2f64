"""Answers as values with attributes and indices, displayed as on the command line."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from inspect import signature
from types import FunctionType
from typing import Any, cast

from superlearner.cli.console.failures import NoField
from superlearner.cli.showing import drawn

__all__ = ["Record", "Rows", "render", "value_of"]


class Record(dict[str, Any]):
    """A record whose fields are also attributes: `process.pid`, `process["pid"]`.

    >>> found = value_of({"name": "counter_1", "links": [{"pid": "0.7.0"}]})
    >>> found.name, found.links[0].pid
    ('counter_1', '0.7.0')
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        """Return a field."""
        try:
            return self[name]
        except KeyError:
            raise NoField(f"there is no field {name!r}; there are {', '.join(self)}") from None

    def __dir__(self) -> Iterable[str]:
        """List the fields, for completion."""
        return [*super().__dir__(), *(name for name in self if name.isidentifier())]

    def __repr__(self) -> str:
        """Return a line for each field."""
        return render(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text("…" if cycle else render(self, terminal=sys.stdout.isatty()))


class Rows(list[Any]):
    """A list of records; `meta` has the page numbers if there are pages."""

    __slots__ = ("meta",)

    def __init__(self, items: Iterable[Any] = (), meta: Mapping[str, Any] | None = None) -> None:
        super().__init__(items)
        self.meta = meta

    def __repr__(self) -> str:
        """Return a table."""
        return render(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text("…" if cycle else render(self, terminal=sys.stdout.isatty()))


def value_of(data: Any, meta: Mapping[str, Any] | None = None) -> Any:
    """Return an answer's JSON with objects as records and lists as rows."""
    if isinstance(data, dict):
        return Record({name: value_of(one) for name, one in data.items()})  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if isinstance(data, list):
        return Rows(map(value_of, data), meta)  # pyright: ignore[reportUnknownArgumentType]
    return data


def render(value: object, *, terminal: bool = False) -> str:
    """Return a value as the prompt shows it: drawing, table, fields or `repr`."""
    if isinstance(value, Record):
        match value:
            case {"drawing": {"text": str(text)}}:
                return drawn(text)
            case _:
                return drawn(dict(value), terminal=terminal) if value else "{}"
    if isinstance(value, list) and value and all(isinstance(one, Record) for one in value):  # pyright: ignore[reportUnknownVariableType]
        meta: Mapping[str, Any] | None = getattr(value, "meta", None)  # pyright: ignore[reportUnknownArgumentType]
        text = drawn(list(value), terminal=terminal)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        if meta and meta.get("total_pages", 1) > 1:
            text += f"\npage {meta['page']} of {meta['total_pages']}, {meta['total']} in all; see page="
        return text
    if isinstance(value, FunctionType) and hasattr(value, "__signature__"):
        return f"{value.__qualname__}{signature(value)}"
    return repr(list[Any](value)) if isinstance(value, Rows) else repr(cast(object, value))
