"""Addresses of streams on this machine: the path of a Unix socket, or a port of the loopback interface."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from typing import Final

from otp.distribution.carriers.carrier_error import CarrierError
from otp.distribution.carriers.zenoh_settings import LOOPBACK_NAMES, endpoint, host_of

__all__ = ["LONGEST_PATH", "UNIX", "StreamAddress", "has_port", "place_of", "unix_family"]

UNIX: Final = "unix/"
LONGEST_PATH: Final = 103
"""Bytes of the path of a Unix socket: macOS has room for 104, Linux for 108, with a zero at the end."""


@dataclass(frozen=True, slots=True)
class StreamAddress:
    """An address on this machine: either a `path`, or a `host` and a `port`.

    >>> str(StreamAddress.parse("localhost:7447")), str(StreamAddress.parse("unix//run/user/1000/otp/b.sock"))
    ('tcp/127.0.0.1:7447', 'unix//run/user/1000/otp/b.sock')
    """

    path: str = ""
    host: str = ""
    port: int = 0

    @classmethod
    def parse(cls, text: str, default_port: int | None = None) -> StreamAddress:
        """Return the address that a text names.

        Raises `CarrierError`: `("bad_address", text)`, or `("tls_required", text)` for another machine.
        """
        if text.startswith(UNIX):
            path = text[len(UNIX) :]
            if not os.path.isabs(path) or "\0" in path or len(os.fsencode(path)) > LONGEST_PATH:
                what = f"expected the path of a socket, of at most {LONGEST_PATH} bytes, got {path!r:.200}"
                raise CarrierError(("bad_address", text), f"{what}; try unix//run/user/1000/otp/NAME.sock")
            if unix_family() is None:
                why = "this system has no Unix sockets; try tcp/127.0.0.1:7447"
                raise CarrierError(("bad_address", text), f"{text}: {why}")
            return cls(path)
        written = endpoint(text, None, default_port)
        host = host_of(written)
        return cls(host="127.0.0.1" if host in LOOPBACK_NAMES else host, port=int(written.rpartition(":")[2]))

    def __str__(self) -> str:
        if self.path:
            return UNIX + self.path
        return f"tcp/{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def family(self) -> int:
        """The family of its sockets."""
        if self.path:
            return socket.AF_UNIX
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    @property
    def target(self) -> str | tuple[str, int]:
        """The address as sockets take it."""
        return self.path or (self.host, self.port)


def unix_family() -> int | None:
    """Return the family of Unix sockets, None on systems without them."""
    return getattr(socket, "AF_UNIX", None)


def has_port(listen: str) -> bool:
    """Return whether an address to listen on names a port; 0 stands for a free one.

    >>> has_port("127.0.0.1:0"), has_port("127.0.0.1"), has_port("::1"), has_port("[::1]:7447")
    (True, False, False, True)
    """
    return re.search(r"(?:\]|^[^:]*):\d+$", listen) is not None


def place_of(name: str | tuple[str, int] | tuple[str, int, int, int]) -> bytes:
    """Return the address of a socket in one form for both ends."""
    return repr(name if isinstance(name, str) else name[:2]).encode()
