"""Entries for operations in the search of the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from superlearner.operations.declaration import Operation
from superlearner.teaching.manual import Indexed

__all__ = ["anchor_of", "searched"]

WEIGHT = 0.75
"""Less than 1, so that explanations rank above operations."""


def searched(operations: Iterable[Operation], root: str) -> Iterator[Indexed]:
    """Yield a search entry for each operation, linked to the API reference."""
    for one in operations:
        text = f"{one.name}: {one.method} {one.path.replace(':path', '')}. {one.description}".strip()
        address = f"{root}/api/docs/{one.category}#{anchor_of(one.name)}"
        yield Indexed(address, "API reference", one.summary, " ".join(text.split()), WEIGHT)


def anchor_of(name: str) -> str:
    """Return the anchor of an operation on its category's page.

    >>> anchor_of("process.kill")
    'process-kill'
    """
    return name.replace(".", "-")
