"""A service in a process of its own that observers can connect to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import observed_service


@pytest.fixture
def folder(own_sockets: Path) -> Path:
    """The folder of doors, of this test alone."""
    return own_sockets


@pytest.fixture
def service(folder: Path, tmp_path: Path) -> Callable[..., Any]:
    """`async with service(**options_of_observe) as it:` it has a process, an address and a token; and `otp` alone."""
    return partial(observed_service.service, tmp_path, bare=True)
