"""The addresses of this machine: those that other machines can reach, and those that they cannot."""

from __future__ import annotations

import array
import ipaddress
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["is_any", "is_loopback", "machine_addresses"]

SIOCGIFCONF: Final = 0x8912
REQUEST_BYTES: Final = 40
MOST: Final = 128
IF_INET6: Final = Path("/proc/net/if_inet6")


def is_any(host: str) -> bool:
    """Return whether a server that listens on `host` accepts connections to every address of the machine.

    >>> is_any("0.0.0.0"), is_any("::"), is_any("127.0.0.1"), is_any("localhost")
    (True, True, False, False)
    """
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Return whether `host` is loopback; names except `localhost` are not.

    >>> [is_loopback(host) for host in ("localhost", "127.0.0.2", "::1", "0.0.0.0", "::", "shop.example")]
    [True, True, True, False, False, False]
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def machine_addresses(host: str = "0.0.0.0") -> list[str]:
    """Return the addresses behind `host`, a host for which `is_any` holds; those of loopback are left out.

    On Linux these are the addresses of all interfaces; elsewhere those of the host name and of the default route.
    """
    found = _of_interfaces() if sys.platform == "linux" else _of_name_and_route()
    if ":" in host:
        found += _six()
    return [one for one in dict.fromkeys(found) if _is_for_others(one)]


def _is_for_others(address: str) -> bool:
    found = ipaddress.ip_address(address)
    return not (found.is_loopback or found.is_link_local or found.is_unspecified)


def _of_interfaces() -> list[str]:
    import fcntl  # not on every system

    space = array.array("B", bytes(REQUEST_BYTES * MOST))
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        request = struct.pack("iL", len(space), space.buffer_info()[0])
        size: int = struct.unpack("iL", fcntl.ioctl(asked.fileno(), SIOCGIFCONF, request))[0]
        rows = space.tobytes()[:size]
        return [socket.inet_ntoa(rows[at + 20 : at + 24]) for at in range(0, size, REQUEST_BYTES)]
    return _of_name_and_route()


def _of_name_and_route() -> list[str]:
    found: list[str] = []
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.connect(("192.0.2.1", 9))  # sends nothing; it selects the interface of the default route
        found.append(str(asked.getsockname()[0]))
    with suppress(OSError):
        found += [str(one[4][0]) for one in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    return found


def _six() -> list[str]:
    """Return the global IPv6 addresses, as far as the system lists them in a file."""
    with suppress(OSError):
        rows = [line.split() for line in IF_INET6.read_text().splitlines()]
        return [str(ipaddress.IPv6Address(int(row[0], 16))) for row in rows if row[3] == "00"]
    return []
