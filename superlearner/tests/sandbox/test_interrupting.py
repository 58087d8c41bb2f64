"""The text about a callback that is interrupted."""

from __future__ import annotations

import sys

from superlearner.sandbox.interrupting import _find_loop


def work() -> int | None:
    for _ in range(3):
        return _find_loop(sys._getframe())
    return None


def spin() -> int | None:
    while True:
        return work()


def test_the_outermost_loop_is_blamed_as_inner_ones_may_end_each_time() -> None:
    """Regression: the loop that ran at that moment was said not to end."""
    assert (work(), spin()) == (work.__code__.co_firstlineno + 1, spin.__code__.co_firstlineno + 1)
