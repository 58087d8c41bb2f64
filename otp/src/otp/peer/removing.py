"""Removing a folder that a malicious program has filled.

`shutil.rmtree` uses a level of the stack and an open file for each level of folders, so ten thousand levels end it with
a `RecursionError`, and it stops at a folder whose mode its owner has removed. Here every nested folder is moved up to
the first level before it is removed: two open files are enough for any depth. No link is followed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import Final

__all__ = ["remove_folder"]

OPEN_FOLDER: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
BY_PATH: Final = getattr(os, "O_PATH", 0)


def remove_folder(path: str) -> bool:
    """Remove a folder and its content as far as permitted.

    Returns whether it is gone. A link in its place stays.

    >>> import tempfile
    >>> remove_folder(tempfile.mkdtemp())
    True
    """
    with contextlib.suppress(OSError):
        top = _open(path, None)
        try:
            while folders := _without_files(top):
                for name in folders:
                    _flatten(name, top)
        finally:
            os.close(top)
        os.rmdir(path)
    return not os.path.lexists(path)


def _without_files(folder: int) -> list[str]:
    """Remove all but folders from a folder; return the names of its folders."""
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in found:
        if not is_folder:
            os.unlink(name, dir_fd=folder)
    return [name for name, is_folder in found if is_folder]


def _flatten(name: str, top: int) -> None:
    """Remove a folder of the first level, and move nested folders there."""
    folder = _open(name, top)
    try:
        for below in _without_files(folder):
            os.close(_open(below, folder))  # moving a folder needs the right to write to it
            os.rename(below, secrets.token_hex(16), src_dir_fd=folder, dst_dir_fd=top)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=top)


def _open(name: str, beside: int | None) -> int:
    """Open a folder, even if its mode forbids that to its owner."""
    if not BY_PATH:
        return os.open(name, OPEN_FOLDER, dir_fd=beside)
    found = os.open(name, OPEN_FOLDER | BY_PATH, dir_fd=beside)
    try:
        if os.fstat(found).st_mode & 0o700 != 0o700:
            os.chmod(f"/proc/self/fd/{found}", 0o700)
        return os.open(".", OPEN_FOLDER, dir_fd=found)
    finally:
        os.close(found)
