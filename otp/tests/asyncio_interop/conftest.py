"""Fixtures for tests of asyncio inside processes: runs in virtual time, in three orders, and the kinds of wait.

Tests that need a thread use `otp.run`.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

import otp
from otp import GenServer, Tag
from otp.testing import Scheduler
from silent_server import Silent


@pytest.fixture(params=[True, False, None], ids=["inline", "queued", "seeded"])
def run(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return Scheduler(seed=5, inline=request.param).run


async def sleeps() -> None:
    await asyncio.sleep(60)


async def receives() -> None:
    await otp.receive()


async def receives_selectively() -> None:
    await otp.receive(Tag("never"))


async def receives_with_a_limit() -> None:
    await otp.receive(timeout=60)


async def calls() -> None:
    await GenServer.call(await Silent.start(1), "never", timeout="infinity")


async def waits_for_a_future() -> None:
    await asyncio.get_running_loop().create_future()


@pytest.fixture(params=[sleeps, receives, receives_selectively, receives_with_a_limit, calls, waits_for_a_future])
def wait(request: pytest.FixtureRequest) -> Callable[[], Awaitable[None]]:
    """Return a function that waits without end, one for each kind of wait."""
    return request.param


@pytest.fixture
def collect_unclosed() -> Iterator[None]:
    """Collect here what is left open on purpose, not in another test, where its warning would be an error."""
    yield
    gc.collect()
