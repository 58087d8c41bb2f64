"""Unix sockets that only this user can connect to."""

from __future__ import annotations

import errno
import os
import socket
import stat
import struct
import sys
from pathlib import Path
from typing import Final

__all__ = ["bind_privately", "has_ended", "is_own_socket", "process_of_peer", "uid_of_peer"]

_UCRED: Final = struct.Struct("iII")
"""`struct ucred` of Linux: process, user and group."""
_XUCRED: Final = struct.Struct("II")
"""The beginning of `struct xucred` of macOS and FreeBSD: version and user."""
_XUCRED_SIZE: Final = 256
_SOL_LOCAL: Final = 0
_LOCAL_PEERCRED: Final = 1
_FLAGS, _STARTED = 6, 19
"""The indexes of two fields of `/proc/PID/stat`."""
_PF_EXITING: Final = 4
"""The flag that Linux sets before it closes the files of a process that ends."""


def bind_privately(path: str, kind: int = socket.SOCK_STREAM) -> socket.socket:
    """Return a socket with mode 0600 at a path, which does not listen yet.

    It replaces a socket of this user that a killed program left behind: one that refuses connections. Raises `OSError`,
    `EADDRINUSE` for any other file.
    """
    bound = socket.socket(socket.AF_UNIX, kind)
    try:
        try:
            bound.bind(path)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not _is_left(path, kind):
                raise
            os.unlink(path)
            bound.bind(path)
        os.chmod(path, 0o600)
    except BaseException:
        bound.close()
        raise
    return bound


def is_own_socket(path: str) -> bool:
    """Return whether a path is that of a socket which this user has bound. Raises `OSError`."""
    found = os.lstat(path)
    return stat.S_ISSOCK(found.st_mode) and found.st_uid == os.geteuid()


def _is_left(path: str, kind: int) -> bool:
    if not is_own_socket(path):  # a file refuses connections, too
        return False
    with socket.socket(socket.AF_UNIX, kind) as asking:
        asking.setblocking(False)
        return asking.connect_ex(path) == errno.ECONNREFUSED


def uid_of_peer(connected: socket.socket) -> int | None:
    """Return the user at the other end of a Unix socket, None if this system does not say. Raises `OSError`."""
    if sys.platform == "linux":
        answer = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        return _UCRED.unpack(answer)[1]
    if sys.platform.startswith(("darwin", "freebsd")):
        return _uid_in_xucred(connected.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED_SIZE))
    return None


def process_of_peer(connected: socket.socket) -> tuple[int, bytes] | None:
    """Return the process at the other end of a Unix socket: its id and start time; None if they are not known."""
    if not sys.platform.startswith("linux"):
        return None
    pid = _UCRED.unpack(connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))[0]
    found = _stat(pid)
    return None if found is None else (pid, found[_STARTED])


def has_ended(process: tuple[int, bytes]) -> bool:
    """Return whether a process has ended or is ending, even if its parent has not read its exit status yet."""
    pid, started = process
    found = _stat(pid)
    return found is None or found[_STARTED] != started or found[0] in b"ZX" or bool(int(found[_FLAGS]) & _PF_EXITING)


def _stat(pid: int) -> list[bytes] | None:
    """Return the fields of `/proc/PID/stat` after the name, which may have blanks; the first is the state."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None


def _uid_in_xucred(answer: bytes) -> int | None:
    if len(answer) < _XUCRED.size:
        return None
    version, uid = _XUCRED.unpack_from(answer)
    return None if version else uid
