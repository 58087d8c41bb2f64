"""Members of a cluster, started as users start them."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Member = Callable[..., subprocess.Popen[str]]
READY = re.compile(r"member (\S+) ready, (\d+) members?")


@pytest.fixture
def member(tmp_path: Path, command: Callable[..., Any]) -> Iterator[Member]:
    """Start `superlearner node` and wait until it is ready."""
    started: list[Any] = []

    def run(name: str, *arguments: str, data: str = "data") -> Any:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("SUPERLEARNER_")}
        process = command(
            "node", name, "--data-dir", str(tmp_path / data), *arguments,
            cwd=tmp_path, env={**kept, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        started.append(process)
        line = process.stdout.readline()
        if not READY.match(line):
            process.kill()
            raise AssertionError(f"expected a member, got {line!r} and {process.communicate()[1]}")
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
