"""Incarnations that are unique over restarts of a node, kept in a file.

An incarnation is the `creation` of a `NodeId`. It is the time in seconds, or one more than the last one stored,
whichever is higher: so it grows also when the clock is set back, and when a node restarts within a second.

>>> import tempfile, pathlib
>>> from otp.distribution import IncarnationFile, NodeId
>>> with tempfile.TemporaryDirectory() as folder:
...     kept = IncarnationFile(pathlib.Path(folder, "incarnation"), clock=lambda: 1000.0)
...     first, second = NodeId("shop", kept.next()), NodeId("shop", kept.next())
...     kept.raise_to(5000)  # another node knows this one of an earlier start
...     print(first, second, kept.next())
shop#1000 shop#1001 5001

Source: the creation of Erlang's external term format, which its name server (epmd) gives out.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

from otp.locked_entries import follow_own_links, open_regular

__all__ = ["HIGHEST", "IncarnationError", "IncarnationFile", "Incarnations"]

HIGHEST: Final = (1 << 32) - 1
"""The highest incarnation: it fits into the creation of Erlang's external term format."""
_LONGEST: Final = 64


class IncarnationError(Exception):
    """The stored incarnation cannot be read or written, so that a new one might not be unique."""


class Incarnations(Protocol):
    """A store of the last incarnation of one node."""

    def next(self) -> int:
        """Return an incarnation that is higher than all before, and store it. Raises `IncarnationError`."""
        ...

    def raise_to(self, known: int) -> None:
        """Store an incarnation that another node knows, if it is higher than the stored one."""
        ...


class IncarnationFile:
    """The incarnations of one node, in a file of one number, which only its owner may read.

    Starts at the same time, also of several programs, get different numbers. A file that is not a number, or cannot be
    read or written, is an `IncarnationError` that names it: with a guess instead, a node could be taken for its
    predecessor. A clock beyond the year 2106 or before 1970 is ignored.

    Args:
        path: of the file; its folder has to exist.
        clock: returns the time in seconds.
    """

    def __init__(self, path: str | os.PathLike[str], clock: Callable[[], float] = time.time) -> None:
        self._path = Path(path)
        self._clock = clock

    def next(self) -> int:
        """Return an incarnation that is higher than all before, and store it. Raises `IncarnationError`."""
        with self._locked() as path:
            now, above = int(self._clock()), self._read(path) + 1
            if above > HIGHEST:
                raise IncarnationError(f"{self._path}: expected a number below {HIGHEST}; try another name of the node")
            found = max(now, above) if now <= HIGHEST else above
            self._write(path, found)
        return found

    def raise_to(self, known: int) -> None:
        """Store an incarnation that another node knows, if it is higher than the stored one."""
        with self._locked() as path:
            if self._read(path) < known <= HIGHEST:
                self._write(path, known)

    def _read(self, path: Path) -> int:
        try:
            with open(open_regular(path), "rb") as file:
                stored = file.read(_LONGEST).strip()
        except FileNotFoundError:
            return 0
        number = int(stored) if stored.isdigit() and len(stored) < _LONGEST else -1
        if 0 <= number <= HIGHEST:
            return number
        raise IncarnationError(
            f"{self._path}: expected the number of the last incarnation, got {stored!r}; "
            "if the clock of this machine is right, try again after removing the file"
        )

    def _write(self, path: Path, incarnation: int) -> None:
        beside = path.with_name(path.name + ".new")
        try:
            with suppress(FileNotFoundError):
                beside.unlink()
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(b"%d\n" % incarnation)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except BaseException:
            with suppress(OSError):
                beside.unlink()
            raise

    @contextmanager
    def _locked(self) -> Generator[Path]:
        """Keep other programs out; the path is that of the file behind links of this user.

        The file itself is replaced, so the lock is on another one.
        """
        try:
            path = follow_own_links(self._path)
            descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield path
            finally:
                os.close(descriptor)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            try_this = "try again after freeing disk space" if full else "try a folder of this user"
            raise IncarnationError(
                f"{self._path}: expected a file that can be read and written, got {error}; {try_this}"
            ) from error
