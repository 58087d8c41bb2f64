"""Checks in the process of the tests, which has all modules of the platform and not only those of a child."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from superlearner.course.engine import child
from superlearner.course.engine.integrity import Integrity


@pytest.fixture(scope="session", autouse=True)
def find_names_once() -> Iterator[None]:
    """Let all checks use one list of the names that answers must not change: finding them took half of the time."""
    names = Integrity()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(child, "Integrity", lambda: names)
        yield
