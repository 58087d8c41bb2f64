"""Pytest plug-in: `make test` runs the first `program` test of each file."""

from __future__ import annotations

from pathlib import Path

import pytest

__all__ = ["pytest_collection_modifyitems"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the samples before pytest selects by markers."""
    seen: set[Path] = set()
    for item in items:
        if item.get_closest_marker("program") is not None and item.path not in seen:
            seen.add(item.path)
            item.add_marker("sample")
