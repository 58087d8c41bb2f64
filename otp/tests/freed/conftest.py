"""The end of a process frees the objects it held by reference counting, without a run of the garbage collector.

A server that is killed and restarted holds sockets, files and memory in its locals. Each test disables the collector,
ends processes in one way, and checks some turns of the loop later that none of the objects they held is left.
"""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Callable, Iterator

import pytest

import otp
from loops import LOOPS, turns
from witnesses import Life, Witness


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disable the logs: pytest would keep their records, and the objects in them."""
    for name in ("otp", "asyncio"):
        monkeypatch.setattr(logging.getLogger(name), "disabled", True)


@pytest.fixture
def left_of() -> Iterator[Callable[[Life], dict[str, int]]]:
    """Return a function that runs a `Life` in each loop, and returns how many objects are left, by loop."""

    def left_in(loop: str, life: Life) -> int:
        async def main() -> int:
            made: list[weakref.ref[Witness]] = []

            def hold() -> Witness:
                witness = Witness()
                made.append(weakref.ref(witness))
                return witness

            assert await otp.wait_down(otp.spawn(life, hold)) == "normal"
            await turns()
            assert made
            return sum(witness() is not None for witness in made)

        return LOOPS[loop](main)

    gc.disable()
    yield lambda life: {loop: left for loop in LOOPS if (left := left_in(loop, life))}
    gc.enable()
