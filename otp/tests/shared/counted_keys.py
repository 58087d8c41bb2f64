"""Keys that count their comparisons, a cost that does not depend on the machine."""

from __future__ import annotations


class CountedKey:
    """A hashable key; `CountedKey.compared` counts the comparisons of all of them."""

    compared = 0

    def __init__(self, number: int) -> None:
        self.number = number

    def __hash__(self) -> int:
        return hash(self.number)

    def __eq__(self, other: object) -> bool:
        CountedKey.compared += 1
        return isinstance(other, CountedKey) and self.number == other.number
