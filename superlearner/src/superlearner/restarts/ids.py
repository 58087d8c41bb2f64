"""Ids of restarts: the run of a node's program and the number of an event, such as `9f3a0c1b22d4.1204`.

Numbers of events start over with each program. A run is random, so an id is unique over restarts of the platform.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from otp import Node

__all__ = ["REF", "RUN", "Ref", "includes", "new_run", "numbers_text", "run_of"]

RUN: Final = re.compile(r"[0-9a-f]{12}")
REF: Final = r"^([0-9a-f]{12}\.)?[1-9][0-9]{0,14}$"
"""The pattern of an id; without a run, it means the present program of the node."""

_runs: Final = WeakKeyDictionary[Node, str]()


def new_run() -> str:
    """Return a new id of a run."""
    return secrets.token_hex(6)


def run_of(node: Node) -> str:
    """Return the run of a node of this program; every node has its own."""
    found = _runs.get(node)
    if found is None:
        found = _runs[node] = new_run()
    return found


class Ref(NamedTuple):
    """An id of a restart; the number may be that of any of its events.

    >>> Ref.read("9f3a0c1b22d4.1204"), str(Ref("9f3a0c1b22d4", 7)), Ref.read("12")
    (Ref(run='9f3a0c1b22d4', number=1204), '9f3a0c1b22d4.7', Ref(run=None, number=12))
    """

    run: str | None
    number: int

    def __str__(self) -> str:
        return f"{self.number}" if self.run is None else f"{self.run}.{self.number}"

    @staticmethod
    def read(text: str) -> Ref:
        """Return the id that a text of the pattern `REF` is."""
        run, _, number = text.rpartition(".")
        return Ref(run or None, int(number))


def numbers_text(numbers: Iterable[int]) -> str:
    """Return numbers as short text, in order.

    >>> numbers_text([7, 3, 4, 5])
    '3-5 7'
    """
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return " ".join(f"{first}-{last}" if last > first else f"{first}" for first, last in parts)


def includes(text: str, number: int) -> bool:
    """Return whether a number is in the text of `numbers_text`.

    >>> includes("3-5 7", 4), includes("3-5 7", 6)
    (True, False)
    """
    for part in text.split():
        first, _, last = part.partition("-")
        if int(first) <= number <= int(last or first):
            return True
    return False
