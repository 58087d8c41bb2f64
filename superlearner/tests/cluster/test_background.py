"""Background members that do not start: all are ended, and the error says why."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from superlearner.cluster.background import NotConnected, begun_members, start_members
from superlearner.cluster.control import records

pytestmark = pytest.mark.program


@pytest.mark.parametrize(
    ("options", "timeout", "words"),
    [
        (("--empty",), 0.01, "expected 2 members to be ready, 2 are not; they are ended"),
        (("--app", "missing.py:Tree"), 60.0, "ended with 1: .*missing.py"),
    ],
    ids=["too late", "ended"],
)
def test_members_that_do_not_start_in_time_are_ended_with_the_reason(
    tmp_path: Path, options: tuple[str, ...], timeout: float, words: str
) -> None:
    with pytest.raises(NotConnected, match=words):
        start_members(tmp_path, 2, options=options, timeout=timeout)
    assert ({}, []) == (begun_members(tmp_path), records(tmp_path))
    assert [] == [one for one in psutil.Process().children() if str(tmp_path) in one.cmdline()]
