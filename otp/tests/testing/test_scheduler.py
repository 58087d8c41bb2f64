"""The end of a deterministic run."""

from __future__ import annotations

import gc
import warnings
from collections.abc import AsyncIterator
from typing import Any

import pytest

from otp import testing
from otp.testing.virtual_loop import VirtualLoop


def test_a_generator_that_the_collector_finds_in_the_last_turn_is_closed_with_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was handed to the loop to be closed, the loop ended first, and a warning failed some later test."""

    async def main() -> None:
        async def source() -> AsyncIterator[int]:
            yield 1

        generator = source()
        await anext(generator)
        circle: list[Any] = [generator]
        circle.append(circle)

    real = VirtualLoop.shutdown_asyncgens

    async def collected_first(loop: VirtualLoop) -> None:
        gc.collect()
        await real(loop)

    monkeypatch.setattr(VirtualLoop, "shutdown_asyncgens", collected_first)
    gc.disable()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            testing.Scheduler(0).run(main)
            gc.collect()
    finally:
        gc.enable()
    assert [] == [str(warning.message) for warning in caught]
