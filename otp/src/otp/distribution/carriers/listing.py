"""A folder in which the nodes of one machine list their addresses, so that they find each other without a network.

A node writes an entry, and holds a lock on it for its lifetime. An entry that can be locked was left behind by a node
that was killed; the next reader removes it and its socket.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
from pathlib import Path
from typing import Final, NamedTuple
from weakref import finalize

from otp.distribution.carriers.carrier_error import CarrierError
from otp.distribution.carriers.stream_address import UNIX
from otp.distribution.carriers.zenoh_settings import node_key, node_of
from otp.distribution.node_id import NodeId

if sys.platform != "win32":
    import fcntl

__all__ = ["Entry", "Listing"]

ENDING: Final = ".link"
LONGEST: Final = 4_096


class Entry(NamedTuple):
    """A node that has listed itself."""

    node: NodeId
    address: str
    file: Path

    @property
    def is_left(self) -> bool:
        """Return whether its node has ended."""
        try:
            with self.file.open("rb") as file:
                return _is_free(file.fileno())
        except FileNotFoundError:
            return True
        except OSError:  # no file descriptors are left
            return False

    def remove(self) -> None:
        """Remove what a node has left behind."""
        left = [self.file, Path(self.address[len(UNIX) :])] if self.address.startswith(UNIX) else [self.file]
        for path in left:
            with contextlib.suppress(OSError):
                path.unlink()


class Listing:
    """The entries of a group in a folder, which is created if it is missing.

    Raises `CarrierError` for a folder that others could write to.
    """

    def __init__(self, folder: Path, group: str) -> None:
        self._folder = folder
        self._group = hashlib.blake2b(b"otp 2 listing " + group.encode(), digest_size=8).hexdigest()
        self._mine: Path | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            found = folder.stat()
        except OSError as error:
            raise _unusable(folder, error.strerror or str(error)) from None
        if sys.platform != "win32" and (found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o022):
            raise _unusable(folder, "it belongs to another user, or others can write to it")

    def add(self, node: NodeId, address: str) -> None:
        """List a node, until `remove` or the end of this program. Raises `CarrierError`."""
        key = hashlib.blake2b(f"{node_key(node)} {address}".encode(errors="surrogateescape"), digest_size=8)
        path = self._folder / f"{self._group}-{key.hexdigest()}{ENDING}"
        draft = path.with_suffix(f".{os.getpid()}")
        text = f"{node_key(node)}\n{address}\n"
        try:
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()
            descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
            try:
                if sys.platform != "win32":
                    fcntl.flock(descriptor, fcntl.LOCK_EX)
                os.write(descriptor, text.encode(errors="surrogateescape"))
                draft.replace(path)
            except BaseException:
                os.close(descriptor)
                raise
        except OSError as error:
            raise _unusable(self._folder, error.strerror or str(error)) from None
        self._mine = path
        self._unlock = finalize(self, os.close, descriptor)

    def others(self) -> list[Entry]:
        """Return the other nodes of the group that run; remove what killed ones of any group have left."""
        found: list[Entry] = []
        for path in sorted(self._folder.glob(f"*{ENDING}")):
            entry = None if path == self._mine else _read(path)
            if entry is None:
                continue
            if entry.is_left:
                entry.remove()
            elif path.name.startswith(self._group):
                found.append(entry)
        return found

    def remove(self) -> None:
        """Remove the entry of this node."""
        if self._mine is not None:
            with contextlib.suppress(OSError):
                self._mine.unlink()
            self._mine = None
            self._unlock()


def _read(path: Path) -> Entry | None:
    try:
        with path.open("rb") as file:
            lines = file.read(LONGEST).decode(errors="surrogateescape").split("\n")
    except OSError:
        return None
    node = node_of(lines[0])
    return None if node is None or len(lines) != 3 else Entry(node, lines[1], path)


def _is_free(descriptor: int) -> bool:
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _unusable(folder: Path, why: str) -> CarrierError:
    return CarrierError(
        ("cannot_start", str(folder)),
        f"{folder}: expected a folder in which only this user can list members, got a problem ({why}); "
        f"try `chmod 700` of it, or another data directory",
    )
