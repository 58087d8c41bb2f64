"""The cookie of a data directory: one for all programs, readable by its owner only."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from other_user import NOBODY, needs_root
from superlearner.cluster.cookie import COOKIE_FILE, CookieError, read_cookie, read_or_make_cookie

MANY = 16


def test_all_who_create_it_at_once_get_the_same_cookie(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    barrier = Barrier(MANY)

    def make(_: int) -> str:
        barrier.wait()
        return read_or_make_cookie(folder)

    with ThreadPoolExecutor(MANY) as threads:
        made = set(threads.map(make, range(MANY)))
    assert made == {read_cookie(folder / COOKIE_FILE)}
    assert [COOKIE_FILE] == [path.name for path in folder.iterdir()]


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    read_or_make_cookie(tmp_path)
    assert stat.S_IMODE((tmp_path / COOKIE_FILE).stat().st_mode) == 0o600


def test_two_folders_have_different_cookies(tmp_path: Path) -> None:
    assert read_or_make_cookie(tmp_path / "a") != read_or_make_cookie(tmp_path / "b")


def test_no_file_is_no_cookie(tmp_path: Path) -> None:
    assert read_cookie(tmp_path / COOKIE_FILE) is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_cookie_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / COOKIE_FILE
    read_or_make_cookie(tmp_path)
    path.chmod(mode)
    with pytest.raises(CookieError, match=f"can be read by others.*chmod 600 {path}"):
        read_or_make_cookie(tmp_path)


@needs_root
def test_a_cookie_of_another_user_who_knows_it_is_refused(tmp_path: Path) -> None:
    """Such as one planted in a data directory before the first start; only root could read it."""
    read_or_make_cookie(tmp_path)
    os.chown(tmp_path / COOKIE_FILE, NOBODY, NOBODY)
    with pytest.raises(CookieError, match=f"belongs to user {NOBODY}: expected a file of this user"):
        read_or_make_cookie(tmp_path)


def test_a_pipe_instead_of_a_cookie_does_not_hold_the_start(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / COOKIE_FILE, 0o600)
    with pytest.raises(CookieError, match="one line of 16 to 1000 ASCII characters"):
        read_or_make_cookie(tmp_path)


@pytest.mark.parametrize("text", [b"", b"short\n", b"x" * 1001, b"\xff" * 40, b"one line of it\nand another one\n"])
def test_a_damaged_cookie_is_refused_and_kept(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / COOKIE_FILE
    path.touch(0o600)
    path.write_bytes(text)
    with pytest.raises(CookieError, match="one line of 16 to 1000 ASCII characters"):
        read_or_make_cookie(tmp_path)
    assert path.read_bytes() == text


def test_a_folder_that_cannot_be_created_is_an_error_with_advice(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CookieError, match=r"try --data-dir|cannot be read"):
        read_or_make_cookie(tmp_path / "file" / "folder")
