"""Shared by the tests of peers: a real loop, and a reserve of warm guards for each."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from otp.testing import Scheduler


@pytest.fixture
def run() -> Callable[..., Any]:
    """Runs an async function as the first process of a node, in real time: a peer is a real process."""

    def run_here(fn: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        return Scheduler(io="real", inline=True).run(fn, *args)

    return run_here


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter. Each start of pytest makes the folder above `tmp_path` private again."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
