"""Files beside doors that name the code that holds the event loop: a held loop answers no question.

The watchdog's thread writes the file with its first warning, and removes it when the loop turns again. After the end of
the program, a file that is left says what held its loop then.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from otp.locked_entries import open_regular

if TYPE_CHECKING:
    from otp.watchdog import Held

__all__ = ["ENDING", "Hold", "HoldFile", "read_hold"]

ENDING: Final = ".hold"
DRAFT: Final = ".part"
LONGEST: Final = 5000
"""Bytes of a file."""
LONGEST_WORD: Final = 120
LONGEST_S: Final = 30 * 86_400.0
LARGEST_NUMBER: Final = 2**31
NEXT_S: Final = 0.2
"""A process that holds the loop again within this time goes on, with its next message."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The code that holds an event loop, as its program says: checked for its form, otherwise untrusted.

    Args:
        os_pid: the process id of the program.
        since: when it began, in seconds since 1970.
        who: the process, by its name or pid; "" for code outside of any.
        file, line, function: the line of user code: the name of the file without its folder.
    """

    os_pid: int
    since: float
    who: str
    file: str
    line: int
    function: str


class HoldFile:
    """The file of one door; all of it may be called in any thread, and nothing is raised if the disk is full."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._since: float | None = None
        self._who = ""
        self._before = "", 0.0, 0.0  # who held the loop last, since when and until when
        self._is_closed = False
        with contextlib.suppress(OSError):  # of a killed program with the same number, as in a container
            path.unlink()

    def update(self, held: Held | None) -> None:
        """Write what holds the loop; None removes it: the loop turns again."""
        with self._lock, contextlib.suppress(OSError):
            if held is None or self._is_closed:
                self._remove()
                return
            words = (held.name or held.pid or "", os.path.basename(held.file), held.function.rpartition(".")[2])
            who, file, function = (word[:LONGEST_WORD] for word in words)
            if self._since is None:
                self._since = time.time() - held.seconds
                before, since, until = self._before
                if who == before and self._since - until <= NEXT_S:
                    self._since = since
            self._who = who
            hold = Hold(os.getpid(), round(self._since, 3), who, file, held.line, function)
            _replace(self._path, json.dumps(asdict(hold)).encode())

    def close(self) -> None:
        """Remove the file; nothing is written any more."""
        self._is_closed = True
        with self._lock, contextlib.suppress(OSError):
            self._remove()

    def _remove(self) -> None:
        if self._since is not None:
            self._before = self._who, self._since, time.time()
            self._since = None
            self._path.unlink(missing_ok=True)


def _replace(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, as a whole. Raises `OSError`."""
    draft = path.with_name(f"{path.name}{DRAFT}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def read_hold(path: Path, os_pid: int, now: float) -> Hold | None:
    """Return what holds the loop of a program, as its file says; None without a valid file of this user.

    Args:
        path: the file.
        os_pid: the process id that it must have.
        now: the time, in seconds since 1970: nothing begins later.
    """
    try:
        with open(open_regular(path), "rb") as file:
            found = os.fstat(file.fileno())
            if found.st_mode & 0o077 or (hasattr(os, "geteuid") and found.st_uid != os.geteuid()):
                return None
            content = file.read(LONGEST + 1)
        hold = None if len(content) > LONGEST else _parse(json.loads(content))
    except (OSError, ValueError, RecursionError):
        return None
    return hold if hold is not None and hold.os_pid == os_pid and now - LONGEST_S < hold.since <= now else None


def _parse(content: Any) -> Hold | None:
    match content:
        case {
            "os_pid": int(os_pid), "since": float(since), "who": str(who), "file": str(file), "line": int(line),
            "function": str(function), **rest,
        } if (
            not rest and type(line) is int and 0 <= line < LARGEST_NUMBER
            and max(len(who), len(file), len(function)) <= LONGEST_WORD
        ):  # fmt: skip
            return Hold(os_pid, since, who, file, line, function)
        case _:
            return None
