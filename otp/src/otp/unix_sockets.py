"""Unix sockets that only this user can connect to."""

from __future__ import annotations

import errno
import os
import socket
import stat

__all__ = ["bind_privately"]


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


def _is_left(path: str, kind: int) -> bool:
    found = os.lstat(path)
    if not stat.S_ISSOCK(found.st_mode) or found.st_uid != os.geteuid():  # a file refuses connections, too
        return False
    with socket.socket(socket.AF_UNIX, kind) as asking:
        asking.setblocking(False)
        return asking.connect_ex(path) == errno.ECONNREFUSED
