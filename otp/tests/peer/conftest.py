"""Shared by the tests of peers: a real loop, and a reserve of warm guards for each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from otp.testing import Scheduler


@pytest.fixture
def run() -> Callable[..., Any]:
    """Runs an async function as the first process of a node, in real time: a peer is a real process."""

    def run_here(fn: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        return Scheduler(io="real", inline=True).run(fn, *args)

    return run_here
