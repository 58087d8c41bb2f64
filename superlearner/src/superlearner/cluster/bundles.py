"""The certificates that a member starts with, checked before it joins: others only see a connection that fails."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

from superlearner.base.commands import command

__all__ = ["bundle_problem"]

NEW: Final = f"try a bundle of `{command('cluster certificate')}`"
FOREIGN: Final = frozenset({18, 19, 20, 21})
"""Codes of OpenSSL for a certificate whose authority is another one."""


def bundle_problem(ca: Path, cert: Path, key: Path) -> str | None:
    """Return what is wrong with an authority, a certificate and its key; None if a member can use them."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.verify_mode, client.check_hostname = ssl.CERT_REQUIRED, False
    for path, what in ((ca, "the certificate of an authority"), (cert, "a certificate"), (key, "a private key")):
        try:
            text = path.read_bytes()
            if path != key:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
            elif b"PRIVATE KEY-----" not in text:
                return f"{path}: expected {what} (PEM); {NEW}"
        except ssl.SSLError:
            return f"{path}: expected {what} (PEM); {NEW}"
        except OSError as error:
            return f"{path} cannot be read: {error.strerror or error}"
    try:
        for side in (server, client):
            side.load_verify_locations(ca)
            side.load_cert_chain(cert, key, password="")
        _shake_hands(server, client)
    except ssl.SSLCertVerificationError as error:
        if error.verify_code in FOREIGN:
            return f"{cert}: expected a certificate of the authority {ca}, got one of another; {NEW}"
        return f"{cert}: {error.verify_message}; {NEW}"
    except ssl.SSLError:
        return f"{key} does not belong to {cert}; {NEW}"
    return None


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    """Perform a handshake of a member with itself, in memory. Raises `ssl.SSLError`."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    there = server.wrap_bio(to_server, to_client, server_side=True)
    here = client.wrap_bio(to_client, to_server)
    waiting = [here, there]
    while waiting:
        for side in list(waiting):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(side)
