"""The data directory is one platform's at a time, and tells where that platform is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from superlearner.base.data_dir import AlreadyRunning, DataDir, DataDirError, default_data_dir


def test_the_lock_of_a_directory_names_its_holder(tmp_path: Path) -> None:
    first, second = DataDir(tmp_path / "a" / "b"), DataDir(tmp_path / "a" / "b")
    first.acquire()
    first.announce("http://127.0.0.1:4000", "shop.py:Shop")
    with pytest.raises(AlreadyRunning) as caught:
        second.acquire()
    assert (caught.value.url, caught.value.os_pid, caught.value.app) == (
        "http://127.0.0.1:4000", os.getpid(), "shop.py:Shop",
    )  # fmt: skip
    first.close()
    second.acquire()
    second.close()


def test_letting_go_in_a_child_neither_unlocks_nor_writes(tmp_path: Path) -> None:
    parent, other = DataDir(tmp_path), DataDir(tmp_path)
    parent.acquire()
    parent.announce("http://127.0.0.1:4000")
    if (child := os.fork()) == 0:
        parent.let_go()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    with pytest.raises(AlreadyRunning) as caught:
        other.acquire()
    assert caught.value.url == "http://127.0.0.1:4000"
    parent.close()


def test_a_directory_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDirError, match="--data-dir"):
        DataDir(tmp_path / "file" / "below").acquire()


def test_the_default_follows_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_data_dir() == tmp_path / "superlearner"
