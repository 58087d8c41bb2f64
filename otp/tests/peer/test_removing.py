"""A folder is removed whatever a program has made of it, and nothing else is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from otp.peer.removing import remove_folder

LEVELS = 3_000


def test_three_thousand_levels_of_folders_are_removed(tmp_path: Path) -> None:
    """They used more stack than there is, so that the end of a peer was never reported."""
    folder = tmp_path / "its"
    folder.mkdir()
    at = os.open(folder, os.O_RDONLY)
    for _ in range(LEVELS):
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    assert remove_folder(str(folder))
    assert [] == os.listdir(tmp_path)


def test_links_are_removed_and_what_they_lead_to_stays(tmp_path: Path) -> None:
    kept, folder = tmp_path / "kept", tmp_path / "its"
    (kept / "more").mkdir(parents=True)
    (kept / "file").write_text("x")
    (folder / "below").mkdir(parents=True)
    for place in (folder, folder / "below"):
        (place / "folder").symlink_to(kept)
        (place / "file").symlink_to(kept / "file")
        (place / "nowhere").symlink_to("nowhere")
        os.link(kept / "file", place / "second name")
    assert remove_folder(str(folder))
    assert ["file", "more"] == sorted(os.listdir(kept))


def test_a_link_in_the_place_of_the_folder_stays_with_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "its").symlink_to("kept")
    assert not remove_folder(str(tmp_path / "its"))
    assert ["its", "kept"] == sorted(os.listdir(tmp_path))


def test_pipes_and_names_that_are_no_text_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "its"
    folder.mkdir()
    for name in (b"a\nb", b"-rf", b" ", b"x" * 255, *([] if sys.platform == "darwin" else [b"\xff\xfe"])):
        os.mkfifo(os.path.join(os.fsencode(folder), name + b"f" if len(name) < 255 else b"f"))
        os.makedirs(os.path.join(os.fsencode(folder), name, name))
    assert remove_folder(str(folder))


@pytest.mark.skipif(sys.platform != "linux", reason="a folder is opened without the right to read it on Linux only")
def test_folders_that_forbid_to_be_entered_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "its"
    below = folder / "one" / "two"
    below.mkdir(parents=True)
    for place in (below, below.parent, folder):
        place.chmod(0)
    assert remove_folder(str(folder))


def test_a_folder_that_is_gone_is_gone(tmp_path: Path) -> None:
    assert remove_folder(str(tmp_path / "never was"))
