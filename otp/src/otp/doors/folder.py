"""The folder of open doors of one user: a socket and a record for each, private to the user.

A record lasts as long as its program; the next reader removes the record and the socket of one that was killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from otp.doors.holds import DRAFT
from otp.doors.holds import ENDING as HOLD
from otp.kernel.values.errors import BadArgument
from otp.locked_entries import LockedEntry, read_entries, remove_left

__all__ = ["DoorRecord", "find_doors", "find_hold_file", "runtime_folder", "write_record"]

ENDING: Final = ".door"
KEPT_S: Final = 60.0
"""Seconds in which readers may learn what held the loop of a program when it was killed."""
LONGEST_FOLDER: Final = 60
"""Bytes that leave room for the name of a socket: its path has at most 103 on macOS."""


@dataclass(frozen=True, slots=True)
class DoorRecord:
    """An open door.

    Args:
        name: the name to attach to: that of the service, a hyphen and its process id.
        node: the name of the node behind it.
        os_pid: the process id of the service.
        address: the address of the door, as `place_of` parses it.
        permissions: what visitors may do.
        token: the secret that opens it.
    """

    name: str
    node: str
    os_pid: int
    address: str
    permissions: tuple[str, ...]
    token: str

    def __repr__(self) -> str:
        return f"<DoorRecord {self.name} {self.address}>"


def runtime_folder() -> Path:
    """Return the folder for doors of this user, and create it if it is missing.

    It is `$XDG_RUNTIME_DIR/otp`; where that is not set, or cannot be written, `otp-UID` in the folder for temporary
    files, and `/tmp` instead of one that is too long for a socket. Raises `BadArgument` if there is none, or one that
    others can write or read.
    """
    problems: list[str] = []
    for path in _folders():
        try:
            path.mkdir(mode=0o700, exist_ok=True)
            _check_private(path)
            if os.access(path, os.W_OK | os.X_OK):
                return path
            problems.append(f"{path} cannot be written")
        except OSError as error:
            problems.append(f"{path}: {error.strerror}")
    why = "; ".join(problems) or "no folder accepts temporary files; is the disk full?"
    raise BadArgument(
        f"expected a folder for doors, got none ({why}); "
        "try another XDG_RUNTIME_DIR, or address='127.0.0.1:7000' and token=…"
    )


def _folders() -> list[Path]:
    """Return the places for the folder of this user, the best one first."""
    if sys.platform == "win32":
        return []
    base = os.environ.get("XDG_RUNTIME_DIR")
    found = [Path(base, "otp")] if base else []
    with contextlib.suppress(OSError):  # none can be written
        found.append(Path(tempfile.gettempdir(), f"otp-{os.getuid()}"))
    short = [path for path in found if len(os.fsencode(path)) <= LONGEST_FOLDER]
    return short if len(short) == len(found) else [*short, Path("/tmp", f"otp-{os.getuid()}")]


def _check_private(path: Path) -> None:
    """Raise `BadArgument` for a folder that others can write or read."""
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise BadArgument(
            f"expected {path} to be a folder of this user alone; try `rm -r` of it, or another XDG_RUNTIME_DIR"
        )


def write_record(folder: Path, record: DoorRecord) -> LockedEntry:
    """Write the record of a door of this program. Raises `OSError`."""
    return LockedEntry(folder / f"{record.name}{ENDING}", json.dumps(asdict(record)).encode())


def find_doors() -> list[DoorRecord]:
    """Return the open doors of this user, by name.

    Removes what killed programs left behind.

    >>> all(record.os_pid > 0 for record in find_doors())
    True
    """
    return sorted(_find().values(), key=lambda record: record.name)


def find_hold_file(address: str) -> Path | None:
    """Return the path of the file that says what holds the program behind an open door; see `holds`."""
    with contextlib.suppress(BadArgument):
        return next((path.with_suffix(HOLD) for path, one in _find().items() if one.address == address), None)
    return None


def _find() -> dict[Path, DoorRecord]:
    found: dict[Path, DoorRecord] = {}
    for folder in (folders := _folders()):  # a service may have another environment
        try:
            _check_private(folder)
            found |= read_entries(folder, f"*{ENDING}", _parse, partial(_socket_in, folder))
            _remove_old_holds(folder)
        except OSError:
            continue
        except BadArgument:  # others may create the one in the folder for temporary files
            if folder is folders[0]:
                raise
    return found


def _remove_old_holds(folder: Path) -> None:
    """Remove what killed programs said of their loops. Raises `OSError`."""
    for path in (*folder.glob(f"*{HOLD}"), *folder.glob(f"*{HOLD}{DRAFT}")):
        with contextlib.suppress(FileNotFoundError):
            is_open = path.with_name(path.name.removesuffix(DRAFT)).with_suffix(ENDING).exists()
            if not is_open and time.time() - path.lstat().st_mtime > KEPT_S:
                remove_left(path, None)


def _parse(content: bytes) -> DoorRecord | None:
    try:
        fields: dict[str, Any] = json.loads(content)
        fields["permissions"] = tuple(fields["permissions"])
        return DoorRecord(**fields)
    except (ValueError, TypeError, KeyError):
        return None


def _socket_in(folder: Path, record: DoorRecord) -> str | None:
    """Return the path of a door's socket unless the user has chosen it."""
    return record.address if Path(record.address).parent == folder else None
