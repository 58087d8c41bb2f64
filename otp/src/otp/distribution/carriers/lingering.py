"""Sockets that close without waiting.

Zenoh sets `SO_LINGER` on its sockets: closing one whose other side is silent holds one of its few threads for 10
seconds, and after a lost network all links stand still. There is no setting for it.
"""

from __future__ import annotations

import os
import re
import socket
import stat
import struct
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any, Final

__all__ = ["close_without_waiting"]

DESCRIPTORS: Final = "/dev/fd"
OFF: Final = struct.pack("ii", 0, 0)
LOCATOR: Final = re.compile(r"(?:tcp|tls)/(?:\[([^\]]+)\]|([^:]+)):(\d+)")


def close_without_waiting(links: Iterable[tuple[str, str]]) -> int:
    """Switch off `SO_LINGER` for sockets of this program; return how many were found.

    A link is a pair of addresses, such as `tcp/127.0.0.1:7447`. Systems without `/dev/fd` are left as they are.
    """
    wanted = {(_address(source), _address(target)) for source, target in links}
    try:
        descriptors = os.listdir(DESCRIPTORS) if wanted else []
    except OSError:
        return 0
    return sum(_switch_off(int(each), wanted) for each in descriptors if each.isdigit())


@contextmanager
def borrowed(descriptor: int) -> Generator[socket.socket, None, None]:
    """Lend the socket of a descriptor; it has no second one, whose close could be the one that waits.

    Raises `OSError` if the descriptor is closed or no socket.
    """
    same = socket.socket(fileno=descriptor)
    try:
        yield same
    finally:
        same.detach()


def _address(locator: str) -> tuple[Any, int] | None:
    found = LOCATOR.match(locator)
    return None if found is None else _read(found[1] or found[2], int(found[3]))


def _read(host: str, port: int, *_: int) -> tuple[Any, int] | None:
    try:
        return ip_address(host), port
    except ValueError:
        return None


def _switch_off(descriptor: int, wanted: set[tuple[Any, Any]]) -> bool:
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return False
        with borrowed(descriptor) as same:
            if same.family not in (socket.AF_INET, socket.AF_INET6) or same.type != socket.SOCK_STREAM:
                return False
            here, there = _read(*same.getsockname()), _read(*same.getpeername())
            if here is None or (here, there) not in wanted:
                return False
            same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, OFF)
            return True
    except OSError:  # it is not connected, or closed by now
        return False
