"""The data directory, and the lock that allows one platform on it at a time.

The lock file contains the address of the platform that holds it, so that a second `run` can find the first.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any, Final

from superlearner.base.commands import beginning, command, complete_all

__all__ = [
    "DATABASE_FILE",
    "AlreadyRunning",
    "DataDir",
    "DataDirError",
    "command_line",
    "command_with",
    "default_data_dir",
    "describe_unusable",
    "find_existing",
    "find_file",
    "in_data_dir",
    "provide_temporary_folder",
]

DATABASE_FILE: Final = "superlearner.db"
LOCK_FILE = "lock"
START_WAIT_S = 3.0
"""Seconds that a second `run` waits for the address of a starting platform."""


class DataDirError(OSError):
    """The data directory cannot be created or written; the text says what to try."""


class AlreadyRunning(Exception):
    """Another platform is running on this data directory.

    Attributes:
        url: its address; None if it has not been written yet.
        os_pid: its process id, if known.
        app: the tree it runs; None if it runs only the demo.
        certificate: its own certificate in PEM, if it serves https.
    """

    def __init__(self, url: str | None, os_pid: int | None, app: str | None, certificate: str | None = None) -> None:
        super().__init__(f"a platform is already running on this data directory: {url or 'address unknown'}")
        self.url = url
        self.os_pid = os_pid
        self.app = app
        self.certificate = certificate


def command_line(folder: Path | None) -> str:
    """Return how a command begins in another terminal, for a platform with this data directory.

    A command finds the platform, its address and its token there.

    >>> command_line(None), command_line(default_data_dir()), command_line(Path("/class a"))
    ('superlearner', 'superlearner', "superlearner --data-dir '/class a'")
    """
    if folder is None or folder.absolute() == default_data_dir().absolute():
        return beginning()
    return beginning(data_dir=folder.absolute())


def command_with(words: str, folder: Path) -> str:
    """Return a command that takes the data directory itself, such as `run`.

    >>> command_with("run", default_data_dir()), command_with("run", Path("/class a"))
    ('superlearner run', "superlearner run --data-dir '/class a'")
    """
    elsewhere = folder.absolute() != default_data_dir().absolute()
    return command(words, data_dir=folder.absolute() if elsewhere else None)


def in_data_dir(text: str, folder: Path | None) -> str:
    """Return a text whose commands act on this data directory; None is the default one.

    >>> in_data_dir("try `superlearner run`", Path("/class a"))
    "try `superlearner --data-dir '/class a' run`"
    """
    return complete_all(text, command_line(folder))


def find_existing(path: Path) -> Path:
    """Return the path if it exists, else the nearest one above it that does."""
    # Before Python 3.14, `Path.exists` raises for a name that is too long, and below a folder that cannot be read.
    return next((one for one in (path, *path.parents) if os.path.exists(one)), Path(path.anchor))


def find_file(folder: Path) -> Path | None:
    """Return the file that stands where a folder should be: the path itself, or one above it."""
    there = find_existing(folder)
    return None if not os.path.exists(there) or os.path.isdir(there) else there


def describe_unusable(folder: Path, error: OSError) -> str:
    """Return why a data directory cannot be used, and what to try."""
    file = find_file(folder)
    why = error.strerror or str(error)
    if file is not None:
        why = f"{'it' if file == folder else file} is a file"
    return f"the data directory {folder} cannot be used: {why}; try --data-dir FOLDER with a folder you can write to"


def default_data_dir() -> Path:
    """Return the data directory of this system, unless `$XDG_DATA_HOME` names another."""
    if xdg := os.environ.get("XDG_DATA_HOME"):
        return Path(xdg) / "superlearner"
    if sys.platform == "darwin":
        return _home() / "Library" / "Application Support" / "superlearner"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(_home()))) / "superlearner"
    return _home() / ".local" / "share" / "superlearner"


def _home() -> Path:
    """Return the user's home; the root folder for a user without one, such as a bare user id in a container."""
    try:
        return Path.home()
    except RuntimeError:
        return Path(os.sep)


def provide_temporary_folder(data_dir: Path) -> None:
    """Let temporary files go into the data directory if this system has no other folder for them."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        folder = data_dir / "tmp"
        with contextlib.suppress(OSError):  # the code that needs a file reports it
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.tempdir = str(folder)


class DataDir:
    """A data directory that this process locks; `close()` releases it.

    The operating system releases the lock when the process ends, however it ends, so a stale lock file is harmless.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[str] | None = None

    def acquire(self) -> None:
        """Create the directory and lock it.

        Raises:
            AlreadyRunning: another platform holds the lock.
            DataDirError: the directory cannot be created or written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = open(self.path / LOCK_FILE, "a+", encoding="utf-8", opener=_open_no_link)  # noqa: SIM115 - open while it is locked
        except OSError as error:
            raise self._unusable(error) from None
        if not _try_lock(lock):
            record = _record_of_holder(lock)
            lock.close()
            raise AlreadyRunning(record.get("url"), record.get("pid"), record.get("app"), record.get("certificate"))
        self._lock = lock

    def announce(self, url: str, app: str | None = None, certificate: str | None = None) -> None:
        """Write the address into the lock file, for a second `run` and for the command line.

        It includes the certificate itself: its file may be renewed while this platform still serves the old one.

        Raises:
            DataDirError: the disk is full.
        """
        if self._lock is None:
            raise RuntimeError("the data directory is not locked; this is a bug in SuperLearner, please report it")
        text = json.dumps({"url": url, "pid": os.getpid(), "app": app, "certificate": certificate}).encode()
        number = self._lock.fileno()
        try:
            os.ftruncate(number, 0)
            if os.write(number, text) < len(text):  # the disk had room for a part
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise self._unusable(error) from None

    def let_go(self) -> None:
        """Close this copy of the lock in a forked child, which may outlive the platform.

        It writes and unlocks nothing: the platform's own copy keeps the lock.
        """
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def close(self) -> None:
        """Release the lock; the file stays, empty."""
        lock, self._lock = self._lock, None
        if lock is None:
            return
        with contextlib.suppress(OSError):  # its disk is gone, or broken
            os.ftruncate(lock.fileno(), 0)
        lock.close()

    def _unusable(self, error: OSError) -> DataDirError:
        return DataDirError(describe_unusable(self.path, error))


def _open_no_link(path: str, flags: int) -> int:
    """Open a file and refuse links: the content is replaced, and others may have prepared the directory."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _try_lock(file: IO[str]) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows, best effort
        return _try_lock_windows(file)
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _try_lock_windows(file: IO[str]) -> bool:  # pragma: no cover - Windows only
    import importlib

    msvcrt: Any = importlib.import_module("msvcrt")
    try:
        file.seek(1 << 20)  # a byte after the text, so that others can still read it
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    return True


def _record_of_holder(file: IO[str]) -> dict[str, Any]:
    """Return what the holder wrote; wait a moment for one that is just starting."""
    deadline = time.monotonic() + START_WAIT_S
    while True:
        file.seek(0)
        try:
            record: Any = json.loads(file.read())
        except ValueError:
            record = None
        if isinstance(record, dict):
            return record  # pyright: ignore[reportUnknownVariableType] - JSON
        if time.monotonic() > deadline:
            return {}
        time.sleep(0.05)  # there is no event to wait for
