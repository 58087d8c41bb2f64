"""What a process held is freed with the process, by counting references: no collection of cycles has to run.

A server that is killed and restarted has sockets, files and memory in its locals. Each test ends processes in one way
while the collector is off, and asks some turns of the loop later what is left of the objects that they held.
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
    """`left_of(life)`: the loops in which a life leaves objects, and how many; it must hold some."""

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
