"""The data directory is one platform's at a time, and tells where that platform is."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from superlearner.base.data_dir import (
    AlreadyRunning,
    DataDir,
    DataDirError,
    command_line,
    default_data_dir,
    describe_unusable,
    provide_temporary_folder,
)
from superlearner.base.terminal import unwritable


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


def test_a_directory_that_cannot_even_be_looked_at_is_explained(tmp_path: Path) -> None:
    """Regression: while looking for a file in its place, `Path.is_file` raised the same error again."""
    folder = tmp_path / ("x" * 300)
    with pytest.raises(DataDirError, match="cannot be used: File name too long; try --data-dir"):
        DataDir(folder).acquire()
    with pytest.raises(OSError) as caught:
        folder.mkdir()
    assert unwritable(caught.value).endswith("File name too long; try --data-dir with another folder")
    caught.value.filename = str(folder / "below")
    assert unwritable(caught.value).endswith("File name too long; try --data-dir with another folder")


def test_a_device_in_place_of_a_data_directory_is_named() -> None:
    """Regression: `/dev/null cannot be used: ; try --data-dir FOLDER`."""
    for folder, why in (("/dev/null", "it is a file"), ("/dev/null/below", "/dev/null is a file")):
        assert f"cannot be used: {why}; try" in describe_unusable(Path(folder), NotADirectoryError())


def test_a_lock_that_is_a_link_is_refused_and_its_file_stays(tmp_path: Path) -> None:
    """Others who can write to the directory may have prepared it; the text of the lock is replaced."""
    (tmp_path / "thesis.txt").write_text("dear")
    (tmp_path / "lock").symlink_to("thesis.txt")
    with pytest.raises(DataDirError, match="symbolic links"):
        DataDir(tmp_path).acquire()
    assert (tmp_path / "thesis.txt").read_text() == "dear"


def test_the_default_follows_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_data_dir() == tmp_path / "superlearner"


def test_a_user_without_a_home_gets_a_folder_that_errors_can_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a number for a user in a container: no HOME, no entry in passwd."""

    def no_entry(number: int) -> Any:
        raise KeyError(number)

    monkeypatch.setattr("pwd.getpwuid", no_entry)
    for name in ("HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert default_data_dir().is_relative_to("/")
    assert command_line(Path("/class")) == "superlearner --data-dir /class"


@pytest.mark.parametrize("room", [None, 5], ids=["none", "for a part"])
def test_a_full_disk_is_named_and_the_lock_is_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int | None
) -> None:
    def write(number: int, data: bytes) -> int:
        if room is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return room

    data = DataDir(tmp_path)
    data.acquire()
    with monkeypatch.context() as full, pytest.raises(DataDirError, match="No space left on device; try --data-dir"):
        full.setattr("os.write", write)
        data.announce("http://127.0.0.1:4000/")
    data.close()
    data.acquire()
    data.close()


def test_a_system_without_temporary_files_has_a_folder_for_them_in_the_data_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr("tempfile._candidate_tempdir_list", lambda: ["/proc/self"])
    provide_temporary_folder(tmp_path)
    assert str(tmp_path / "tmp") == tempfile.gettempdir()
    with tempfile.NamedTemporaryFile() as file:
        assert Path(file.name).parent == tmp_path / "tmp"
