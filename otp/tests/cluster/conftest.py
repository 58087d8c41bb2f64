"""Clusters of simulated members in virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from otp.testing import Scheduler
from simulated_clusters import Clusters


@pytest.fixture
def clusters() -> Callable[..., Any]:
    """Runs an async function with `Clusters`, in virtual time."""

    def run(test: Callable[[Clusters], Awaitable[Any]], **network: Any) -> Any:
        async def main() -> Any:
            async with AsyncExitStack() as stack:
                return await test(Clusters(stack, **network))

        return Scheduler(inline=True).run(main)

    return run
