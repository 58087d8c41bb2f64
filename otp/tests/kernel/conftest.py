"""The kernel tests' way to run a program: in virtual time, in each of the three orders a call may take."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from asking_peers import Peer
from otp.testing import Scheduler


@pytest.fixture(params=[True, False, None], ids=["inline", "queued", "seeded"])
def run(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[Callable[..., Any]]:
    """`run(fn, *args)`: the value of a first process; fails if the runtime reported a bug."""
    yield Scheduler(seed=11, inline=request.param).run
    own = [record.getMessage() for record in caplog.get_records("call") if "bug of otp" in record.getMessage()]
    assert own == []


@pytest.fixture
def errors(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """`errors()`: what was logged as an error so far."""

    def texts() -> list[str]:
        return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]

    return texts


@pytest.fixture
def among(run: Callable[..., Any]) -> Callable[[int, Callable[..., Awaitable[Any]]], Any]:
    """Runs a program with the servers `a`, `b`, … in each of the orders a call may take."""

    def among_servers(count: int, program: Callable[..., Awaitable[Any]]) -> Any:
        async def main() -> Any:
            return await program(*[await Peer.start(None, name=name) for name in "abcdefgh"[:count]])

        return run(main)

    return among_servers
