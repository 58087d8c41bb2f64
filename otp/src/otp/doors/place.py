"""The address of a door: a Unix socket by its path, or a host and a port."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Final, NamedTuple

from otp.kernel.values.errors import BadArgument

__all__ = ["Place", "place_of"]

LONGEST_PATH: Final = 100
"""Maximum bytes of the path of a Unix socket: Linux takes 107, macOS 103."""
LARGEST_PORT: Final = 65_535
HOST_AND_PORT: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:/\[\]]+)):(\d{1,20})")


class Place(NamedTuple):
    """A path, or else a host and a port; `str` of it is what `place_of` parses."""

    path: str | None
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        if self.path is not None:
            return self.path
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def family(self) -> socket.AddressFamily:
        """The family of its sockets."""
        if self.path is not None:
            return socket.AF_UNIX
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    @property
    def for_socket(self) -> str | tuple[str, int]:
        """The address in the form that a socket's `bind` and `connect` take."""
        return self.path if self.path is not None else (self.host, self.port)

    @property
    def is_loopback(self) -> bool:
        """Return whether only this machine can connect to it."""
        if self.path is not None or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def place_of(address: str) -> Place:
    """Return the place given as a text.

    Args:
        address: the path of a Unix socket, which contains a `/`, or `host:port`, `[::1]:7000` with IPv6.

    Raises `BadArgument` for other texts, and for a path that is too long for a socket.

    >>> place_of("127.0.0.1:7000"), str(place_of("[::1]:7000")), place_of("/run/shop.sock").path
    (Place(path=None, host='127.0.0.1', port=7000), '[::1]:7000', '/run/shop.sock')
    """
    if "/" in address:
        if len(address.encode()) > LONGEST_PATH or "\0" in address:
            raise BadArgument(
                f"address: expected a path of at most {LONGEST_PATH} bytes, got {address[:200]!r}; try a shorter folder"
            )
        return Place(address)
    match = HOST_AND_PORT.fullmatch(address)
    if match is not None and int(match[3]) > LARGEST_PORT:
        raise BadArgument(f"address: expected a port of at most {LARGEST_PORT}, got {match[3]} in {address[:200]!r}")
    if match is None:
        raise BadArgument(
            f"address: expected the path of a Unix socket or host:port, got {address[:200]!r}; try '127.0.0.1:7000'"
        )
    return Place(None, match[1] or match[2], int(match[3]))
