"""Clusters of simulated members in virtual time, and servers that keep leases."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from tools.etcd import Etcd, etcd_cluster
from tools.postgres import NotInstalled

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


@pytest.fixture(scope="module")
def etcd() -> Iterator[list[Etcd]]:
    """A member of etcd of this test file."""
    try:
        with etcd_cluster() as servers:
            yield servers
    except NotInstalled as missing:
        pytest.skip(str(missing))
