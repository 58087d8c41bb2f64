"""A service in a process of its own that observers can connect to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import observed_service


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of doors, of this test alone."""
    path = Path(tmp_path_factory.mktemp("d"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(path))
    monkeypatch.setenv("TMPDIR", str(path))  # doors there are listed too
    monkeypatch.setattr("tempfile.tempdir", str(path))
    return path


@pytest.fixture
def service(folder: Path, tmp_path: Path) -> Callable[..., Any]:
    """`async with service(**options_of_observe) as it:` it has a process, an address and a token; and `otp` alone."""
    return partial(observed_service.service, tmp_path, bare=True)
