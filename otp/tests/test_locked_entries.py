"""Entries that last as long as the programs that wrote them, and the sockets that go with them."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial, partialmethod
from pathlib import Path
from typing import Any

import pytest

from other_user import NOBODY, needs_root
from otp import locked_entries
from otp.locked_entries import LockedEntry, follow_own_links, is_left, read_entries, reserve_socket
from otp.unix_sockets import bind_privately

HOLDER = """
import os, sys
from pathlib import Path
from otp.locked_entries import LockedEntry, reserve_socket
from otp.unix_sockets import bind_privately
folder = Path(sys.argv[1])
kept = LockedEntry(folder / "one.entry", b"one"), reserve_socket(folder / "one.sock"), bind_privately(sys.argv[2])
{more}
print(flush=True)
input()
"""
FORK = """
reading, writing = os.pipe()
removed, remove = os.pipe()
if not os.fork():
    kept[0].remove()
    os.write(remove, b".")
    os.close(writing)
    os.read(reading, 1)  # until its parent has ended
    os._exit(0)
os.read(removed, 1)
os.close(reading)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a path that is short enough for sockets."""
    path = Path(tempfile.mkdtemp(dir="/tmp"))
    yield path
    shutil.rmtree(path)


@contextlib.contextmanager
def holder(folder: Path, more: str = "") -> Iterator[subprocess.Popen[str]]:
    """Run a program that holds an entry and a socket until it is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER.format(more=more), str(folder), str(folder / "one.sock")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def entries(folder: Path) -> list[str]:
    def parse(content: bytes) -> str | None:
        return content.decode() or None

    return list(read_entries(folder, "*.entry", parse, lambda _: None).values())


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_entry_lasts_as_long_as_its_program_and_so_does_its_socket(folder: Path) -> None:
    with holder(folder) as other:
        assert ["one"] == entries(folder)
        mine = reserve_socket(folder / "mine.sock")
        assert ["mine.lock", "one.entry", "one.lock", "one.sock"] == names(folder)
        other.kill()
        other.wait()
        assert [] == entries(folder)
        again = reserve_socket(folder / "again.sock")
        assert ["again.lock", "mine.lock"] == names(folder)
    mine.remove()
    again.remove()
    assert [] == names(folder)


def test_a_socket_that_does_not_listen_yet_is_not_removed(folder: Path) -> None:
    """It refuses connections, as one of a killed program does."""
    with holder(folder):
        with socket.socket(socket.AF_UNIX) as asking, pytest.raises(ConnectionRefusedError):
            asking.connect(str(folder / "one.sock"))
        reserve_socket(folder / "mine.sock").remove()
        assert (folder / "one.sock").exists()


def test_a_forked_child_neither_holds_nor_removes_an_entry_of_its_parent(folder: Path) -> None:
    with holder(folder, FORK) as parent:
        assert ["one"] == entries(folder)
        parent.kill()
        parent.wait()
        assert [] == entries(folder)


def test_an_entry_is_readable_by_its_user_alone_and_replaces_an_earlier_one(folder: Path) -> None:
    earlier = LockedEntry(folder / "one.entry", b"earlier")
    later = LockedEntry(folder / "one.entry", b"later")
    assert ["later"] == entries(folder)
    assert 0o600 == stat.S_IMODE(later.path.stat().st_mode)
    earlier.remove()
    later.remove()
    later.remove()
    assert [] == names(folder)


def test_drafts_of_killed_programs_are_removed_and_those_of_living_ones_stay(folder: Path) -> None:
    (folder / ".killed.entry.1").touch()
    draft = LockedEntry(folder / ".living.entry.2", b"")
    assert [] == entries(folder)
    assert [".living.entry.2"] == names(folder)
    draft.remove()


def test_an_entry_whose_draft_a_reader_removes_is_written_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its creation and its lock a draft looks as if it were left."""
    flock, locked = locked_entries.fcntl.flock, list[Any]()

    def lock(descriptor: int, how: int) -> None:
        if not locked:
            locked.append(how)
            [draft] = folder.glob(".one.entry.*")
            draft.unlink()
        flock(descriptor, how)

    monkeypatch.setattr(locked_entries.fcntl, "flock", lock)
    entry = LockedEntry(folder / "one.entry", b"one")
    monkeypatch.undo()
    assert ["one"] == entries(folder)
    entry.remove()


def test_files_that_are_no_entries_stay(folder: Path) -> None:
    (folder / "junk.entry").touch()
    (folder / "folder.entry").mkdir()
    (folder / "loop.entry").symlink_to("loop.entry")
    os.mkfifo(folder / "pipe.entry")
    (folder / "relative.lock").write_text("thesis.txt")
    (folder / "thesis.txt").touch()
    before = names(folder)
    assert [] == entries(folder)
    reserve_socket(folder / "one.sock").remove()
    assert before == names(folder)


def test_an_entry_removes_nothing_but_a_socket(folder: Path) -> None:
    (folder / "thesis.txt").touch()
    (folder / "one.lock").write_text(str(folder / "thesis.txt"))
    reserve_socket(folder / "two.sock").remove()
    assert ["thesis.txt"] == names(folder)


def test_a_folder_that_is_full_or_missing_raises_and_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FileNotFoundError):
        LockedEntry(folder / "missing" / "one.entry", b"one")

    def write(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(OSError, match="No space"):
        LockedEntry(folder / "one.entry", b"one")
    assert [] == names(folder)


@needs_root
def test_a_socket_of_another_user_is_neither_removed_nor_replaced(folder: Path) -> None:
    bind_privately(str(folder / "other.sock")).close()
    os.chown(folder / "other.sock", NOBODY, NOBODY)
    (folder / "one.lock").write_text(str(folder / "other.sock"))
    reserve_socket(folder / "two.sock").remove()
    assert ["other.sock"] == names(folder)
    with pytest.raises(OSError, match="in use"):
        bind_privately(str(folder / "other.sock"))


@needs_root
def test_an_entry_of_another_user_removes_nothing(folder: Path) -> None:
    bind_privately(str(folder / "one.sock")).close()
    (folder / "one.lock").write_text(str(folder / "one.sock"))
    os.chown(folder / "one.lock", NOBODY, NOBODY)
    reserve_socket(folder / "two.sock").remove()
    assert ["one.lock", "one.sock"] == names(folder)


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_socket_replaces_one_that_was_left_and_no_other_file(folder: Path, kind: int) -> None:
    path = folder / "one.sock"
    bind_privately(str(path), kind).close()
    with bind_privately(str(path), kind) as bound:
        assert 0o600 == stat.S_IMODE(path.stat().st_mode)
        if kind == socket.SOCK_STREAM:
            bound.listen()
        with pytest.raises(OSError, match="in use"):
            bind_privately(str(path), kind)
    for make in (Path.touch, Path.mkdir, lambda path: path.symlink_to("one.sock")):
        other = folder / "other"
        make(other)
        with pytest.raises(OSError, match="in use"):
            bind_privately(str(other), kind)
        other.rmdir() if other.is_dir() and not other.is_symlink() else other.unlink()


def test_a_missing_entry_counts_as_left_behind(folder: Path) -> None:
    assert is_left(folder / "missing.entry")


@pytest.mark.skipif(not hasattr(os, "O_PATH"), reason="needs descriptors of links, which Linux has")
def test_a_link_that_is_exchanged_after_the_look_at_it_leads_where_it_led(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "ours")

    def exchange_after(look: Callable[[Any], os.stat_result], file: Any) -> os.stat_result:
        entry = look(file)
        link.unlink()
        link.symlink_to(tmp_path / "theirs")
        return entry

    monkeypatch.setattr(os, "fstat", partial(exchange_after, os.fstat))
    monkeypatch.setattr(Path, "lstat", partialmethod(lambda file, look: exchange_after(look, file), Path.lstat))
    assert tmp_path / "ours" == follow_own_links(link)
