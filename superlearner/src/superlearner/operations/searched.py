"""The operations as the search of the documentation knows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from superlearner.operations.declaration import Operation
from superlearner.teaching.manual import Indexed

__all__ = ["anchor_of", "searched"]

WEIGHT = 0.75
"""What explains a thing comes before what does it."""


def searched(operations: Iterable[Operation], root: str) -> Iterator[Indexed]:
    """A section for each operation, at its place in the reference of the API."""
    for one in operations:
        text = f"{one.name}: {one.method} {one.path.replace(':path', '')}. {one.description}".strip()
        address = f"{root}/api/docs/{one.category}#{anchor_of(one.name)}"
        yield Indexed(address, "API reference", one.summary, " ".join(text.split()), WEIGHT)


def anchor_of(name: str) -> str:
    """Where an operation is on the page of its category.

    >>> anchor_of("process.kill")
    'process-kill'
    """
    return name.replace(".", "-")
