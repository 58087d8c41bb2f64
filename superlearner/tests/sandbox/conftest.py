"""For tests that run the inside of a sandbox in their program."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _one_program_a_sandbox() -> Iterator[None]:
    """Remove the module `main` after each test: in reality, each sandbox has a separate program."""
    known, path = sys.modules.pop("main", None), list(sys.path)
    yield
    sys.path[:] = path
    sys.modules.pop("main", None)
    if known is not None:
        sys.modules["main"] = known
