"""The kernel tests' way to run a program: in virtual time, in each of the three orders a call may take."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

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
