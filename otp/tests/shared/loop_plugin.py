"""Pytest plug-in: with `EVENT_LOOP=uvloop` tests and the programs that they start run on that loop.

Left out are tests that have a loop of their own, because their fixture `run` runs them in virtual time, and those that
are about the loop of asyncio itself.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

__all__ = ["pytest_collection_modifyitems", "pytest_configure"]

WANTED = os.environ.get("EVENT_LOOP", "asyncio")
IN_VIRTUAL_TIME = ("otp/tests", "otp/tests/asyncio_interop", "otp/tests/kernel")
"""The folders whose `conftest.py` has a fixture `run` in virtual time."""

PROGRAMS = Path(__file__).parent / "on_uvloop"


def pytest_configure() -> None:
    if WANTED not in ("asyncio", "uvloop"):
        raise pytest.UsageError(f"EVENT_LOOP: expected asyncio or uvloop, got {WANTED}")
    if WANTED == "uvloop":
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(PROGRAMS), os.environ.get("PYTHONPATH"))))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if WANTED == "uvloop":
        out = {item for item in items if _is_virtual(item) or item.get_closest_marker("asyncio_loop")}
        config.hook.pytest_deselected(items=list(out))
        items[:] = [item for item in items if item not in out]


def _is_virtual(item: pytest.Item) -> bool:
    info: Any = getattr(item, "_fixtureinfo", None)
    runs = () if info is None else info.name2fixturedefs.get("run", ())
    return any(run.baseid in IN_VIRTUAL_TIME for run in runs[-1:])
