"""TLS between members on different machines: certificates for both directions, and the bytes of one link.

A `Tunnel` does no I/O: it turns what a link sends into bytes for the socket, and bytes of the socket into what arrived.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from dataclasses import dataclass
from typing import Final

from otp.distribution.carriers.carrier_error import CarrierError

__all__ = ["Contexts", "Tls", "Tunnel", "TunnelError", "is_named"]

PART: Final = 64 * 1024
"""Bytes that are decrypted at a time."""


@dataclass(frozen=True, slots=True)
class Tls:
    """Paths of PEM files: the authority that both sides trust, and this node's certificate and key.

    The certificate has the name of the member, or the host in it: `10.0.0.5` for `shop@10.0.0.5`.
    """

    ca: str
    cert: str
    key: str


class TunnelError(Exception):
    """A connection that is no TLS, or whose certificate is refused."""


class Contexts:
    """The settings of TLS for links that this node dials, and for those that it accepts.

    Both sides show a certificate of the authority. Raises `CarrierError`: `("unreadable", path)`, or
    `("cannot_start", path)` for a file that is no certificate.
    """

    def __init__(self, tls: Tls) -> None:
        for path in (tls.ca, tls.cert, tls.key):
            if not os.access(path, os.R_OK):
                raise CarrierError(("unreadable", path), f"{path}: expected a readable PEM file; try another path")
        self.dials: ssl.SSLContext = _context(ssl.PROTOCOL_TLS_CLIENT, tls)
        self.accepts: ssl.SSLContext = _context(ssl.PROTOCOL_TLS_SERVER, tls)


def _context(protocol: int, tls: Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # the name of the member is checked, once it has said it
    context.verify_mode = ssl.CERT_REQUIRED
    path = tls.ca
    try:
        context.load_verify_locations(tls.ca)
        path = tls.cert
        context.load_cert_chain(tls.cert, tls.key)
    except (ssl.SSLError, OSError) as error:
        raise CarrierError(("cannot_start", path), f"{path}: expected a PEM file of its kind, got {error}") from None
    return context


def is_named(name: str, names: frozenset[str]) -> bool:
    """Return whether a certificate with these names is that of the member `name`.

    >>> is_named("shop@10.0.0.5", frozenset({"10.0.0.5"})), is_named("shop@10.0.0.5", frozenset({"10.0.0.6"}))
    (True, False)
    """
    return bool({name, _plain(name.rpartition("@")[2])} & names)


def _plain(host: str) -> str:
    """Return an address in its shortest form, as certificates are compared."""
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return host.lower()


class Tunnel:
    """The TLS of one link.

    Args:
        context: that of the direction.
        accepts: whether the other side has dialled.
    """

    __slots__ = ("_early", "_in", "_is_open", "_out", "_tls")

    def __init__(self, context: ssl.SSLContext, *, accepts: bool) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=accepts)
        self._is_open = False
        self._early: list[bytes] = []  # written before the handshake was over

    def begin(self) -> bytes:
        """Return the first bytes for the socket. Raises `TunnelError`."""
        self._shake()
        return self._out.read()

    def write(self, data: bytes) -> bytes:
        """Return the bytes for the socket that carry `data`; none before the handshake is over."""
        if not self._is_open:
            self._early.append(data)
            return b""
        self._tls.write(data)
        return self._out.read()

    def read(self, data: bytes) -> tuple[bytes, bytes]:
        """Return what has arrived with bytes of the socket, and bytes for it. Raises `TunnelError`."""
        self._in.write(data)
        if not self._is_open:
            self._shake()
        parts: list[bytes] = []
        if self._is_open:
            try:
                while part := self._tls.read(PART):
                    parts.append(part)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as error:
                raise TunnelError(_reason(error)) from None
        return b"".join(parts), self._out.read()

    def names(self) -> frozenset[str]:
        """Return the names and addresses in the certificate of the other side, which its authority vouches for."""
        found = self._tls.getpeercert() or {}
        listed: tuple[tuple[str, str], ...] = found.get("subjectAltName", ())  # pyright: ignore[reportAssignmentType]
        return frozenset(_plain(value) for kind, value in listed if kind in ("DNS", "IP Address"))

    def _shake(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            raise TunnelError(_reason(error)) from None
        self._is_open = True
        for data in self._early:
            self._tls.write(data)
        self._early.clear()


def _reason(error: ssl.SSLError) -> str:
    text = getattr(error, "verify_message", "") or error.reason or str(error)
    return text.replace("_", " ").lower()
