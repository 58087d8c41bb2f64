"""The text about a callback that is interrupted."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator

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


async def wait_and_spin() -> int | None:
    for started in [asyncio.Event()]:
        started.set()
        await started.wait()
        while True:
            return work()
    return None


def begin_a_loop() -> int | None:
    for each in [_find_loop(sys._getframe())]:
        return each
    return None


def leave_a_loop() -> int | None:
    while not sys:
        pass
    else:
        return _find_loop(sys._getframe())


def numbers() -> Iterator[int | None]:
    yield _find_loop(sys._getframe())


def take_numbers() -> int | None:
    for each in numbers():
        return each
    return None


def test_a_loop_that_may_not_be_the_one_that_holds_is_not_blamed() -> None:
    """Regression: a loop was blamed that awaits in each iteration, has not begun or has ended."""
    assert asyncio.run(wait_and_spin()) is None
    assert (begin_a_loop(), leave_a_loop()) == (None, None)
    assert take_numbers() == take_numbers.__code__.co_firstlineno + 1
