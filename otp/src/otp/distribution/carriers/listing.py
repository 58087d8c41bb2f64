"""A folder in which the nodes of one machine list their addresses, so that they find each other without a network.

An entry lasts as long as its node; the next reader removes the entry and the socket of one that was killed.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from pathlib import Path
from typing import Final, NamedTuple

from otp.distribution.carriers.carrier_error import CarrierError
from otp.distribution.carriers.stream_address import UNIX
from otp.distribution.node_id import NodeId, node_key, node_of
from otp.locked_entries import LockedEntry, is_left, read_entries, remove_left

__all__ = ["Entry", "Listing"]

ENDING: Final = ".link"


class Entry(NamedTuple):
    """A node that has listed itself."""

    node: NodeId
    address: str
    file: Path

    @property
    def is_left(self) -> bool:
        """Return whether its node has ended."""
        return is_left(self.file)

    def remove(self) -> None:
        """Remove what a node has left behind."""
        remove_left(self.file, _socket_of((self.node, self.address)))


class Listing:
    """The entries of a group in a folder, which is created if it is missing.

    Raises `CarrierError` for a folder that others could write to.
    """

    def __init__(self, folder: Path, group: str) -> None:
        self._folder = folder
        self._group = hashlib.blake2b(b"otp 2 listing " + group.encode(), digest_size=8).hexdigest()
        self._mine: LockedEntry | None = None
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
        text = f"{node_key(node)}\n{address}\n"
        try:
            self._mine = LockedEntry(path, text.encode(errors="surrogateescape"))
        except OSError as error:
            raise _unusable(self._folder, error.strerror or str(error)) from None

    def others(self) -> list[Entry]:
        """Return the other nodes of the group that run; remove what killed ones of any group have left."""
        mine = self._mine and self._mine.path
        found = read_entries(self._folder, f"*{ENDING}", _parse, _socket_of)
        return [
            Entry(*entry, path) for path, entry in found.items() if path != mine and path.name.startswith(self._group)
        ]

    def remove(self) -> None:
        """Remove the entry of this node."""
        if self._mine is not None:
            self._mine.remove()
            self._mine = None


def _parse(content: bytes) -> tuple[NodeId, str] | None:
    lines = content.decode(errors="surrogateescape").split("\n")
    node = node_of(lines[0])
    return None if node is None or len(lines) != 3 else (node, lines[1])


def _socket_of(entry: tuple[NodeId, str]) -> str | None:
    address = entry[1]
    return address[len(UNIX) :] if address.startswith(UNIX) else None


def _unusable(folder: Path, why: str) -> CarrierError:
    return CarrierError(
        ("cannot_start", str(folder)),
        f"{folder}: expected a folder in which only this user can list members, got a problem ({why}); "
        f"try `chmod 700` of it, or another data directory",
    )
