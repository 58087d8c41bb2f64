"""The text about a callback that is interrupted."""

from __future__ import annotations

import asyncio
import itertools
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

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


TURNS = 10
"""Each interrupts a loop at another of its instructions."""
CPU_S = 0.005


class Interrupted(Exception):
    pass


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that interrupts")
@pytest.mark.parametrize(
    ("line", "code"),
    [
        (2, "while True: pass"),
        (2, "while True:\n    pass"),
        (3, "x = 1\nwhile x: x += 1"),
        (3, "x = 1\nwhile (x\n    or True):\n    x = 0"),
        (3, "x = 1\nwhile True:\n    try: x += 1\n    finally: x -= 1"),
        (2, "for each in itertools.repeat(1): pass"),
        (2, "for a, b in itertools.repeat((1, 2)): pass"),
        (3, "for each in (1, 2): pass\nwhile True: pass"),
        (2, "for each in (one for one in itertools.count()): pass"),
        (2, "while True:\n    for each in (1, 2): pass"),
    ],
)
def test_a_loop_is_named_wherever_a_signal_interrupts_it(tmp_path: Path, line: int, code: str) -> None:
    """Regression: a loop that is one jump was not: its body and its test do not run, or the jump is at its target."""
    path = tmp_path / "main.py"
    path.write_text("def spin():\n" + "".join(f"    {one}\n" for one in code.split("\n")))
    names: dict[str, Any] = {"itertools": itertools}
    exec(compile(path.read_text(), str(path), "exec"), names)
    found: list[int | None] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        assert frame is not None
        found.append(_find_loop(frame))
        raise Interrupted

    def run() -> None:
        with pytest.raises(Interrupted):
            signal.setitimer(signal.ITIMER_VIRTUAL, CPU_S)  # it does not repeat, so it interrupts no handler
            names["spin"]()

    before = signal.signal(signal.SIGVTALRM, interrupt)
    try:
        _ = [run() for _ in range(TURNS)]  # a `for` here would be the outermost loop
    finally:
        signal.signal(signal.SIGVTALRM, before)
    assert found == [line] * TURNS
