"""Checks that a run depends only on its program and its seed, by running it twice.

Typical causes of differences: the order of a set of strings or objects, `id()`, the clock or the random source of the
operating system, module state left behind by the first run.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from otp.testing.kernel import step_name

if TYPE_CHECKING:
    from otp.testing.run import Run

__all__ = ["NotDeterministic", "compare_runs", "compare_steps", "first_difference"]

_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]+")


class NotDeterministic(AssertionError):
    """The difference between two runs of one program with one seed, or between a run and its recording.

    `position` counts the steps or events before the first difference (from 0); `first` and `second` are what the two
    runs did there, None for a run that had ended.
    """

    def __init__(
        self, what: str, position: int, first: str | None, second: str | None, *, recorded: bool = False
    ) -> None:
        if recorded:
            differ = f"expected {first or 'the end'}, as recorded, got {second or 'the end'}"
        else:
            differ = f"the first run had {first or 'ended'}, the second {second or 'ended'}; expected the same of both"
        super().__init__(
            f"{what} {position}: {differ}; try sorting what is taken from a set, and otp.random and otp.monotonic()"
        )
        self.position = position
        self.first = first
        self.second = second


def first_difference(first: Sequence[object], second: Sequence[object]) -> int | None:
    """Return the position of the first difference of two records.

    Returns None if they are equal.

    >>> first_difference("abc", "abd"), first_difference("ab", "abc"), first_difference("a", "a")
    (2, 2, None)
    """
    for position, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return position
    return None if len(first) == len(second) else min(len(first), len(second))


def compare_steps(first: array[int], second: array[int]) -> None:
    """Raise `NotDeterministic` with the first step in which two runs differ."""
    if first == second:
        return
    position = first_difference(first, second)
    if position is not None:
        texts = [step_name(steps[position]) if position < len(steps) else None for steps in (first, second)]
        raise NotDeterministic("step", position, texts[0], texts[1])


def compare_runs(first: Run, second: Run) -> None:
    """Raise `NotDeterministic` with the first step, or else the first event, in which two runs differ.

    Events are compared as far as the nodes' rings reach, as text, without the addresses of objects.
    """
    compare_steps(first.kernel.steps, second.kernel.steps)
    events = [[_ADDRESS.sub("0x…", repr(event)) for event in run.node.tracer.history()] for run in (first, second)]
    position = first_difference(*events)
    if position is not None:
        texts = [those[position] if position < len(those) else None for those in events]
        raise NotDeterministic("event", position, texts[0], texts[1])
