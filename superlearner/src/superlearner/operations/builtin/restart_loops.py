"""Crash loops in a list of restarts: repeated lines become one, which counts them. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from superlearner.operations.results.restarts import RestartLine
from superlearner.store import MomentRow

__all__ = ["Loop", "fold", "is_sum", "name_of_sum", "names"]

BEYOND: Final = 4
"""Equal lines are folded if there are more than these."""
PAUSE_S: Final = 120.0
"""Seconds without an equal line that end a loop: only the first 100 restarts of each minute have a line."""
TIMES: Final = re.compile(r"(?<= ended )(once|[\d,]+ times)(?= more)")
NAME: Final = re.compile(r"(.+?)(?:, with others,)? ended (?:once|[\d,]+ times) more")


@dataclass(slots=True)
class Loop:
    """Equal lines, newest first, or a single line."""

    lines: list[RestartLine | MomentRow]

    @property
    def newest(self) -> RestartLine | MomentRow:
        """The newest line."""
        return self.lines[0]

    @property
    def until(self) -> float:
        """The time of its last event."""
        return max(one.until or one.at for one in self.lines)

    def describe(self, newest: RestartLine) -> RestartLine:
        """Return one line for all of them; `newest` describes the newest."""
        if len(self.lines) == 1:
            return newest
        count = sum(one.count for one in self.lines)
        line = TIMES.sub(f"{count:,} times", newest.line) if is_sum(self.newest) else newest.line
        at = min(one.at for one in self.lines)
        return newest.model_copy(update={"line": line, "count": count, "at": at, "until": self.until})


def is_sum(one: RestartLine | MomentRow) -> bool:
    """Return whether a line stands for restarts that were only counted."""
    return isinstance(one, MomentRow) and one.count > 1 and not one.events


def name_of_sum(line: str) -> str | None:
    """Return the name in the line of a sum.

    >>> name_of_sum("till, with others, ended 1,090 times more"), name_of_sum("till crashed")
    ('till', None)
    """
    found = NAME.fullmatch(line)
    return None if found is None else found[1]


def names(line: str, process: str) -> bool:
    """Return whether the line of a restart names a process, by the same rule as the store.

    >>> [names(line, "till") for line in ("till crashed", "a crashed; till was killed", "till, with", "tills crashed")]
    [True, True, True, False]
    """
    return any(f" {process}{end}" in f" {line}" for end in " ,")


def fold(lines: Sequence[RestartLine | MomentRow]) -> list[Loop]:
    """Group lines into loops, both newest first.

    >>> row = MomentRow("shop", "9f3a0c1b22d4", 7, 9, 100.0, 100.0, "till crashed and was restarted", 1, "7")
    >>> [len(one.lines) for one in fold([row] * 4)], [len(one.lines) for one in fold([row] * 5)]
    ([1, 1, 1, 1], [5])
    """
    places: list[list[int]] = []
    current: dict[tuple[str | None, str, bool], list[int]] = {}
    for place, one in enumerate(lines):
        key = one.node, TIMES.sub("", one.line), is_sum(one)
        loop = current.get(key)
        if loop is not None and lines[loop[-1]].at - (one.until or one.at) <= PAUSE_S:
            loop.append(place)
        else:
            current[key] = loop = [place]
            places.append(loop)
    few = [loop for loop in places if len(loop) <= BEYOND and not is_sum(lines[loop[0]])]
    many = [loop for loop in places if len(loop) > BEYOND or is_sum(lines[loop[0]])]
    return [
        Loop([lines[place] for place in loop]) for loop in sorted([*many, *([one] for loop in few for one in loop)])
    ]
