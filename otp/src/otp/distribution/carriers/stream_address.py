"""Addresses of streams: the path of a Unix socket, a port of the loopback interface, or one of a machine with TLS."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from dataclasses import dataclass
from typing import Final

from otp.distribution.carriers.carrier_error import CarrierError

__all__ = [
    "LONGEST_PATH",
    "UNIX",
    "StreamAddress",
    "check_listen",
    "has_port",
    "parse_reachable",
    "place_of",
    "unix_family",
]

LOOPBACK_NAMES: Final = ("localhost",)
UNIX: Final = "unix/"
LONGEST_PATH: Final = 103
"""Bytes of the path of a Unix socket: macOS has room for 104, Linux for 108, with a zero at the end."""


@dataclass(frozen=True, slots=True)
class StreamAddress:
    """An address: either a `path`, or a `host` and a `port`, beyond this machine with `tls`.

    >>> str(StreamAddress.parse("localhost:7447")), str(StreamAddress.parse("unix//run/user/1000/otp/b.sock"))
    ('tcp/127.0.0.1:7447', 'unix//run/user/1000/otp/b.sock')
    """

    path: str = ""
    host: str = ""
    port: int = 0
    tls: bool = False

    @classmethod
    def parse(cls, text: str, default_port: int | None = None, *, tls: bool = False) -> StreamAddress:
        """Return the address that a text names, for a node with certificates if `tls`.

        Raises `CarrierError`: `("bad_address", text)`, or `("tls_required", text)` for another machine without
        certificates, and for an address that is not one of TLS with them.
        """
        if text.startswith(UNIX) and tls:
            raise CarrierError(("tls_required", text), f"{text}: expected an address of TLS; try tls/10.0.0.5:7447")
        if text.startswith(UNIX):
            path = text[len(UNIX) :]
            if not os.path.isabs(path) or "\0" in path or len(os.fsencode(path)) > LONGEST_PATH:
                what = f"expected the path of a socket, of at most {LONGEST_PATH} bytes, got {path!r:.200}"
                raise CarrierError(("bad_address", text), f"{what}; try unix//run/user/1000/otp/NAME.sock")
            if unix_family() is None:
                why = "this system has no Unix sockets; try tcp/127.0.0.1:7447"
                raise CarrierError(("bad_address", text), f"{text}: {why}")
            return cls(path)
        written = endpoint(text, tls, default_port)
        host = host_of(written)
        return cls(host="127.0.0.1" if host in LOOPBACK_NAMES else host, port=int(written.rpartition(":")[2]), tls=tls)

    def __str__(self) -> str:
        if self.path:
            return UNIX + self.path
        return f"{'tls' if self.tls else 'tcp'}/{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def is_resolved(self) -> bool:
        """True if no name has to be looked up."""
        try:
            return bool(self.path or ipaddress.ip_address(self.host))
        except ValueError:
            return False

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


def parse_reachable(address: str, *, tls: bool = False) -> StreamAddress:
    """Return the address that a text names. Raises `CarrierError`, also for one that this user may not dial."""
    found = StreamAddress.parse(address, tls=tls)
    if found.path:
        try:
            os.stat(found.path)
        except PermissionError:
            raise CarrierError(
                ("cannot_start", address),
                f"{address} belongs to another user; try `--listen 127.0.0.1:7447` there (`listen=`), "
                "and tcp/127.0.0.1:7447 here",
            ) from None
        except OSError:
            pass  # it may come later
    return found


def has_port(listen: str) -> bool:
    """Return whether an address to listen on names a port; 0 stands for a free one.

    >>> has_port("127.0.0.1:0"), has_port("127.0.0.1"), has_port("::1"), has_port("[::1]:7447")
    (True, False, False, True)
    """
    return re.search(r"(?:\]|^[^:]*):\d+$", listen) is not None


def place_of(name: str | tuple[str, int] | tuple[str, int, int, int]) -> bytes:
    """Return the address of a socket in one form for both ends."""
    return repr(name if isinstance(name, str) else name[:2]).encode()


def endpoint(address: str, tls: bool, default_port: int | None = None) -> str:
    """Return an address with its scheme and port; raises `CarrierError` for one that is malformed or needs TLS.

    >>> endpoint("127.0.0.1:7447", tls=False)
    'tcp/127.0.0.1:7447'
    >>> endpoint("::1", tls=False, default_port=0)
    'tcp/[::1]:0'
    """
    given = re.fullmatch(r"(?:(tcp|tls)/)?(?:\[([0-9A-Fa-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?", address)
    if given is None and _is_ip6(address):
        protocol, host, port = None, address, None
    elif given is not None:
        protocol, host, port = given[1], given[2] or given[3], given[4]
    else:
        raise _malformed(address)
    number = int(port) if port else default_port
    if number is None or number > 0xFFFF:
        raise _malformed(address)
    if not tls and (protocol == "tls" or not _is_loopback(host)):
        raise _tls_required(address)
    if tls and protocol == "tcp":
        raise _tls_required(address)
    return f"{'tls' if tls else 'tcp'}/{f'[{host}]' if ':' in host else host}:{number}"


def host_of(endpoint: str) -> str:
    """Return the host of an address with a scheme.

    >>> host_of("tcp/[::1]:0"), host_of("tcp/127.0.0.1:7447")
    ('::1', '127.0.0.1')
    """
    return endpoint.partition("/")[2].rpartition(":")[0].strip("[]")


def _malformed(address: str) -> CarrierError:
    hint = "" if re.search(r":-?\d|/", address) else "; try adding the port"
    text = f"expected an address like 127.0.0.1:7447 or tls/10.0.0.5:7447, got {address!r:.100}{hint}"
    return CarrierError(("bad_address", address), text)


def _tls_required(address: str) -> CarrierError:
    text = f"{address}: expected TLS beyond this machine; try certificates, or 127.0.0.1"
    return CarrierError(("tls_required", address), text)


def _is_ip6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    """Return whether a host is this machine: an address of the loopback range, or a name for one."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in LOOPBACK_NAMES


def check_listen(listen: str, multicast: str | None, tls: bool) -> str:
    """Return where to listen; raises `CarrierError` for an address or interface that needs TLS."""
    if not tls and multicast is not None and not re.fullmatch(r"lo\d*", multicast):
        raise _tls_required(multicast)
    return endpoint(listen, tls, default_port=0)
