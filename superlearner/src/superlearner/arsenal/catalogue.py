"""The whole catalogue of operations, and the page that shows it: `docs/arsenal.md`.

    python -m superlearner.arsenal.catalogue > docs/arsenal.md

An entry *works* if the operation it names exists; one that names none, or one that does not exist yet, is *planned*;
the others do *not apply*, with the reason.
"""

from __future__ import annotations

import sys
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from superlearner.arsenal.catalogue_entries import ENTRIES, Row
from superlearner.arsenal.registry import all_operations

__all__ = ["Entry", "catalogue", "page"]

State = Literal["working", "planned", "not applicable"]
STATES: Final[tuple[State, ...]] = ("working", "planned", "not applicable")

INTRODUCTION: Final = """\
What one might want to do to a running system, and what can be done here. An entry that works names the operation, which
has a test that sees its effect. `GET /api/v1/arsenal/operations` lists all operations with their parameters, also those
that the catalogue does not ask for.

This page is made: `python -m superlearner.arsenal.catalogue > docs/arsenal.md`. A test fails when it is not current."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One operation of the catalogue; `operation` is ours if it works, `reason` why it does not apply."""

    category: str
    name: str
    state: State
    operation: str | None = None
    reason: str | None = None


def catalogue(existing: Container[str]) -> list[Entry]:
    """All entries in their order; `existing` holds the names of our operations."""
    return [_entry(category, row, existing) for category, rows in ENTRIES.items() for row in rows]


def _entry(category: str, row: Row, existing: Container[str]) -> Entry:
    match row:
        case (name, None, reason):
            return Entry(category, name, "not applicable", reason=reason)
        case (name, str(operation)) if operation in existing:
            return Entry(category, name, "working", operation=operation)
        case _:
            return Entry(category, row[0], "planned")


def page(entries: Sequence[Entry]) -> str:
    """The page."""
    return "\n".join(_lines(entries)) + "\n"


def _lines(entries: Sequence[Entry]) -> Iterator[str]:
    yield "# The catalogue of operations"
    yield ""
    yield from INTRODUCTION.splitlines()
    yield ""
    yield f"| {len(entries)} entries | working | planned | not applicable |"
    yield "| --- | --: | --: | --: |"
    categories = list(dict.fromkeys(entry.category for entry in entries))
    for category in categories:
        yield _counts(category, (entry for entry in entries if entry.category == category))
    yield _counts("**all**", entries)
    for category in categories:
        yield ""
        yield f"## {category}"
        yield ""
        yield "| | | |"
        yield "| --- | --- | --- |"
        for entry in entries:
            if entry.category == category:
                said = f"`{entry.operation}`" if entry.operation is not None else entry.reason or ""
                yield f"| {entry.name} | {entry.state} | {said} |"


def _counts(category: str, entries: Iterable[Entry]) -> str:
    states = [entry.state for entry in entries]
    return f"| {category} | {' | '.join(str(states.count(state)) for state in STATES)} |"


if __name__ == "__main__":
    sys.stdout.write(page(catalogue({operation.name for operation in all_operations()})))
