"""Remains of a program are removed only if they are provably that program's."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from superlearner.sandbox.traces import SandboxTraces, remove, traces_of


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A program that lives until it is killed."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as one:
        yield one
        one.kill()


def known(process: subprocess.Popen[bytes], folder: Path) -> SandboxTraces:
    found = traces_of(process.pid, str(folder))
    assert found is not None
    return found


def test_a_process_and_a_folder_that_are_left_are_removed(process: subprocess.Popen[bytes], tmp_path: Path) -> None:
    folder = tmp_path / "its"
    (folder / "more").mkdir(parents=True)
    assert [f"its process {process.pid}", f"its folder {folder}"] == remove(known(process, folder))
    assert process.wait() == -signal.SIGKILL
    assert not folder.exists()


def test_a_folder_of_thousands_of_levels_is_removed_too(process: subprocess.Popen[bytes], tmp_path: Path) -> None:
    """Regression: a program could leave a folder that the platform could not remove at its next start."""
    folder = tmp_path / "its"
    folder.mkdir()
    traces = known(process, folder)
    level = os.open(folder, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("deep", dir_fd=level)
        level, above = os.open("deep", os.O_RDONLY, dir_fd=level), level
        os.close(above)
    os.close(level)
    assert f"its folder {folder}" in remove(traces)
    assert not folder.exists()


@pytest.mark.parametrize("other", [{"since": 1}, {"boot": "another"}])
def test_a_process_that_only_has_its_number_lives_on(
    process: subprocess.Popen[bytes], tmp_path: Path, other: dict[str, object]
) -> None:
    left = replace(known(process, tmp_path / "none"), **other)  # type: ignore[arg-type]
    assert remove(left) == []
    process.stdin.close()  # type: ignore[union-attr]
    assert process.wait() == 0  # by itself


def test_a_folder_that_only_has_its_name_stays(process: subprocess.Popen[bytes], tmp_path: Path) -> None:
    folder, other = tmp_path / "its", tmp_path / "another"
    folder.mkdir()
    traces = replace(known(process, folder), since=1)
    other.mkdir()
    folder.rename(tmp_path / "moved")
    other.rename(folder)
    assert remove(traces) == []
    assert folder.is_dir()
    folder.rmdir()
    folder.symlink_to(tmp_path / "moved")
    assert remove(traces) == []
    assert (tmp_path / "moved").is_dir()


def test_an_ended_program_has_no_traces(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    assert traces_of(process.pid, "/") is None
