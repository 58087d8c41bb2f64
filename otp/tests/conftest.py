"""Shared by the tests of the library, unless a folder has its own: a run in each of the legal orders."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from otp.testing import Scheduler

MODES: dict[str, dict[str, Any]] = {
    "inline": {"inline": True},
    "queued": {"inline": False},
    "seed 1": {"seed": 1},
    "seed 2": {"seed": 2},
}


REPEATED = pytest.param("seed 2", marks=pytest.mark.repeated)


@pytest.fixture(params=["inline", "queued", "seed 1", REPEATED])
def run(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Runs an async function as the first process of a node, in virtual time, in each of the legal orders."""

    def run_here(fn: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        return Scheduler(**MODES[request.param]).run(fn, *args)

    return run_here
