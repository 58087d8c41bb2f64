"""Files in a folder that last as long as the programs that wrote them.

A program locks its entry, and the system releases the lock when the program ends, however it ends. So an entry that can
be locked was left behind; the next reader removes it, and the socket that it names.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar
from weakref import WeakSet, finalize

from otp.unix_sockets import is_own_socket

if sys.platform != "win32":
    import fcntl

__all__ = [
    "LockedEntry", "follow_own_links", "is_left", "open_regular", "read_entries", "remove_left", "reserve_socket",
]  # fmt: skip

LONGEST: Final = 10_000
"""Bytes of an entry."""
RESERVED: Final = ".lock"
LINKS: Final = 40
"""Links in a row that are followed, as by Linux."""
T = TypeVar("T")

_held: Final[WeakSet[LockedEntry]] = WeakSet()


class LockedEntry:
    """An entry of this program, until `remove` or the end of the program; a forked child does not hold it.

    It replaces one of the same path. Raises `OSError` if it cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     entry = LockedEntry(Path(folder, "b.entry"), b"here")
    ...     found = read_entries(Path(folder), "*.entry", bytes.decode, lambda _: None)
    ...     entry.remove()
    ...     list(found.values()), is_left(entry.path)
    (['here'], True)
    """

    def __init__(self, path: Path, content: bytes) -> None:
        self.path = path
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        while True:
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
            descriptor = os.open(draft, flags, 0o600)
            try:
                if sys.platform != "win32":
                    fcntl.flock(descriptor, fcntl.LOCK_EX)
                if os.write(descriptor, content) < len(content):  # the disk had room for a part
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                draft.replace(path)
            except BaseException as error:
                os.close(descriptor)
                with contextlib.suppress(OSError):
                    draft.unlink()
                if isinstance(error, FileNotFoundError) and path.parent.exists():
                    continue  # a reader removed the draft before it was locked
                raise
            break
        self._unlock = finalize(self, os.close, descriptor)
        _held.add(self)

    def remove(self) -> None:
        """Remove the entry; no effect in a forked child, or the second time."""
        if self._unlock.alive:
            with contextlib.suppress(OSError):
                self.path.unlink()
            self._unlock()


def _release_in_child() -> None:
    for entry in list(_held):
        entry._unlock()  # pyright: ignore[reportPrivateUsage]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_release_in_child)


def read_entries(
    folder: Path, pattern: str, parse: Callable[[bytes], T | None], socket_of: Callable[[T], str | None]
) -> dict[Path, T]:
    """Return the entries of running programs; remove those that killed programs left behind.

    Files for which `parse` returns None are not entries, and are left alone.

    Args:
        folder: a folder in which only one user can write.
        pattern: the names of its entries.
        parse: returns what an entry contains.
        socket_of: returns the path of the socket that goes with an entry.
    """
    for draft in folder.glob(f".{pattern}.*"):
        if is_left(draft):
            remove_left(draft, None)
    found: dict[Path, T] = {}
    for path in sorted(folder.glob(pattern)):
        content = _read(path)
        entry = None if content is None else parse(content)
        if entry is None:
            continue
        if is_left(path):
            remove_left(path, socket_of(entry))
        else:
            found[path] = entry
    return found


def open_regular(path: Path) -> int:
    """Open a regular file for reading, without following a link or waiting on a pipe. Raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return descriptor


def follow_own_links(path: Path) -> Path:
    """Return the file that links of this user lead to, such as on another disk.

    A link of another user is returned itself: they would choose the file. Raises `OSError`.
    """
    for _ in range(LINKS):
        target = _read_own_link(path)
        if target is None:
            break
        path = path.parent / target
    return path


def _read_own_link(path: Path) -> str | None:
    """Return where a link of this user leads; None for another file, or none."""
    if not hasattr(os, "O_PATH"):
        try:
            entry = path.lstat()
        except FileNotFoundError:
            return None
        return os.readlink(path) if _is_own_link(entry) else None
    try:
        link = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        # By descriptor, because another user may exchange a link in a shared folder after the look at it.
        return os.readlink("", dir_fd=link) if _is_own_link(os.fstat(link)) else None
    finally:
        os.close(link)


def _is_own_link(entry: os.stat_result) -> bool:
    return stat.S_ISLNK(entry.st_mode) and (not hasattr(os, "geteuid") or entry.st_uid == os.geteuid())


def _read(path: Path) -> bytes | None:
    try:
        with open(open_regular(path), "rb") as file:
            return file.read(LONGEST)
    except OSError:
        return None


def is_left(path: Path) -> bool:
    """Return whether the program that wrote an entry has ended."""
    try:
        with open(open_regular(path), "rb") as file:
            if sys.platform == "win32":
                return False
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:  # it is locked, or no file descriptors are left
        return False
    return True


def remove_left(path: Path, socket: str | None) -> None:
    """Remove an entry that was left behind, and the socket of its program, if both belong to this user.

    Root may read the folder of another user, who must not choose what root removes.
    """
    if hasattr(os, "geteuid"):
        try:
            if path.lstat().st_uid != os.geteuid():
                return
        except OSError:
            return
    with contextlib.suppress(OSError):
        if socket is not None and is_own_socket(socket):
            os.unlink(socket)
    with contextlib.suppress(OSError):
        path.unlink()


def reserve_socket(path: Path) -> LockedEntry:
    """Lock an entry beside the path of a socket, and remove sockets of killed programs in its folder.

    Bind the socket afterwards, and remove it before the entry. Raises `OSError`.
    """
    read_entries(path.parent, f"*{RESERVED}", _parse_path, lambda socket: socket)
    return LockedEntry(path.with_suffix(RESERVED), os.fsencode(path))


def _parse_path(content: bytes) -> str | None:
    path = os.fsdecode(content)
    return path if os.path.isabs(path) and "\0" not in path else None
