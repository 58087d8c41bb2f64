"""The file of an SQLite database and the logs beside it: which they are, and who put them there."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path
from typing import Final

from superlearner.store.failures import StoreUnavailable

__all__ = ["FileId", "create_private", "identify", "make_replaced"]

LOGS: Final = ("-wal", "-shm", "-journal")
"""Endings of the files that SQLite reads beside a database."""

FileId = tuple[int, int]
"""Device and inode."""


def identify(file: Path) -> FileId | None:
    """Return the device and inode of a database, or None if it does not exist.

    In a folder where others can write, they would choose users and tokens with a database or a log, which SQLite reads
    into ours, and with a link the database that root changes. The owner of the folder is trusted: root may look at a
    data directory of another user.

    Raises:
        StoreUnavailable: another user may have put the database or one of its logs there, or it is a pipe.
    """
    found: FileId | None = None
    for path in (file, *(file.with_name(file.name + ending) for ending in LOGS)):
        try:
            entry = path.lstat()
        except FileNotFoundError:
            continue
        if os.name == "posix":
            _refuse_untrusted(path, entry)
        if stat.S_ISFIFO(entry.st_mode):  # the other end may never be opened
            raise StoreUnavailable(
                f"the database file {path.name} cannot be used: it is a pipe", f"try rm {shlex.quote(str(path))}"
            )
        if path is file:
            found = entry.st_dev, entry.st_ino
    return found


def _refuse_untrusted(path: Path, entry: os.stat_result) -> None:
    user, quoted = os.geteuid(), shlex.quote(str(path))
    if stat.S_ISLNK(entry.st_mode):
        if entry.st_uid != user:
            raise StoreUnavailable(
                f"the database file {path.name} is a link of user {entry.st_uid}",
                f"it was not followed; remove {quoted}, or try --data-dir with a folder of this user",
            )
    elif entry.st_uid not in (user, path.parent.stat().st_uid):
        raise StoreUnavailable(
            f"the database file {path.name} belongs to user {entry.st_uid}",
            f"it was not opened; use it as that user, or if it is yours, try chown {user} {quoted}; "
            "else try --data-dir with a folder of this user",
        )


def create_private(file: Path) -> FileId:
    """Create a database before SQLite does, readable only by its owner, and identify it. Raises `OSError`."""
    descriptor = os.open(file, os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        entry = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    return entry.st_dev, entry.st_ino


def make_replaced(file: Path) -> StoreUnavailable:
    """Return the error for a database that was replaced by another one between two steps."""
    return StoreUnavailable(
        f"the database file {file.name} was replaced while it was opened",
        f"see who can write to its folder with: ls -la {shlex.quote(str(file.parent))}",
    )
