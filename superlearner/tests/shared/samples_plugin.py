"""Pytest plug-in: `make test` runs the first `program` test of each file, and `make test-programs` finds the files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

__all__ = ["MARK", "pytest_collection_modifyitems"]

MARK: Final = "mark.program"
"""Text by which `make test-programs` finds the files to collect."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the samples before pytest selects by markers."""
    seen: set[Path] = set()
    for item in items:
        if item.get_closest_marker("program") is not None and item.path not in seen:
            seen.add(item.path)
            item.add_marker("sample")
            if MARK not in item.path.read_text(encoding="utf-8"):
                raise pytest.UsageError(
                    f"expected {MARK!r} in {item.path}, got the marker from elsewhere, and make test-programs would "
                    "leave its tests out; try pytestmark = pytest.mark.program in the file"
                )
