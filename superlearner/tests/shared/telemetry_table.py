"""The table in `docs/telemetry.md`, and a check of events against it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.files import ROOT

__all__ = ["Emitted", "Row", "TableCheck", "emitted", "table"]

PAGE = ROOT / "docs" / "telemetry.md"
_NAME = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Row:
    """An event with the names of its measurements and of its metadata."""

    event: str
    measurements: frozenset[str]
    metadata: frozenset[str]


@dataclass(frozen=True, slots=True)
class Emitted:
    """A call that emits an event whose name matches `pattern`; None: not literal."""

    place: str
    pattern: str
    measurements: frozenset[str] | None
    metadata: frozenset[str] | None


def table(page: str | None = None) -> dict[str, Row]:
    """Return the rows by event."""
    rows: dict[str, Row] = {}
    for line in (PAGE.read_text(encoding="utf-8") if page is None else page).splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 4 and cells[0].startswith("`") and "." in cells[0]:
            event = cells[0].strip("`")
            rows[event] = Row(event, frozenset(_NAME.findall(cells[1])), frozenset(_NAME.findall(cells[2])))
    return rows


def emitted(folder: Path = ROOT / "superlearner" / "src") -> Iterator[Emitted]:
    """Yield all calls of `telemetry.execute` in the sources."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "execute":
                if ast.unparse(node.func.value).endswith(("telemetry", "get(Telemetry)")):
                    place = f"{path.name}:{node.lineno}"
                    yield Emitted(place, _pattern(node.args[0], place), _keys(node.args[1]), _keys(node.args[2]))


def _pattern(name: ast.expr, place: str) -> str:
    if isinstance(name, ast.Constant) and isinstance(name.value, str):
        return re.escape(name.value)
    if isinstance(name, ast.JoinedStr):
        return "".join(re.escape(str(one.value)) if isinstance(one, ast.Constant) else "[a-z_]+" for one in name.values)
    raise AssertionError(f"{place}: expected the name of the event as a literal")


def _keys(mapping: ast.expr) -> frozenset[str] | None:
    if not isinstance(mapping, ast.Dict):
        return None
    keys = [key.value for key in mapping.keys if isinstance(key, ast.Constant)]
    return frozenset(map(str, keys)) if len(keys) == len(mapping.keys) else None


class TableCheck:
    """Telemetry handler that records deviations from the table."""

    def __init__(self) -> None:
        self._rows = table()
        self.problems: list[str] = []

    def __call__(self, event: str, measurements: Mapping[str, float], metadata: Mapping[str, Any]) -> None:
        row = self._rows.get(event)
        if row is None:
            self.problems.append(f"{event} has no row in docs/telemetry.md")
        elif not set(measurements) <= row.measurements or not set(metadata) <= row.metadata:
            self.problems.append(f"{event}: docs/telemetry.md lacks some of {[*measurements, *metadata]}")
