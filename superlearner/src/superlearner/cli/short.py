"""Short answers: the fields that an operation declares; `--json` has all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

__all__ = ["shortened"]


def shortened(data: Any, paths: Sequence[str]) -> Any:
    """Return only the named fields; `walls.name` is of a nested record or list.

    >>> shortened([{"id": 1, "made": {"by": "ada", "at": 5}, "x": 0}], ["made.by", "id"])
    [{'by': 'ada', 'id': 1}]
    >>> shortened({"id": 1, "steps": [{"text": "a", "x": 0}]}, ["id", "steps.text"])
    {'id': 1, 'steps': [{'text': 'a'}]}

    Missing fields of a record take no line; in a list all rows have the same columns, in the order of the paths:

    >>> shortened({"id": 1, "why": None}, ["why", "id"]), shortened([{"id": 1}], ["end.why", "id"])
    ({'id': 1}, [{'why': None, 'id': 1}])
    """
    if isinstance(data, list):
        return [_row(shortened(one, paths), paths) for one in cast("list[Any]", data)]
    if not isinstance(data, dict) or not paths:
        return cast("Any", data)
    fields: dict[str, Any] = cast("dict[str, Any]", data)
    below: dict[str, list[str]] = {}
    for path in paths:
        name, _, rest = path.partition(".")
        below.setdefault(name, []).extend([rest] if rest else [])
    chosen: dict[str, Any] = {}
    for name, rests in below.items():
        if fields.get(name) is None:
            continue
        value = shortened(fields[name], rests)
        if rests and isinstance(value, dict):
            chosen.update(cast("dict[str, Any]", value))  # a column per field, without nesting
        else:
            chosen[name] = value
    return chosen


def _row(chosen: Any, paths: Sequence[str]) -> Any:
    if not isinstance(chosen, dict) or not paths:
        return cast("Any", chosen)
    fields: dict[str, Any] = cast("dict[str, Any]", chosen)
    order = dict.fromkeys(head if head in fields else last for head, last in map(_ends, paths))
    return {name: fields.get(name) for name in order}


def _ends(path: str) -> tuple[str, str]:
    return path.partition(".")[0], path.rpartition(".")[2]
