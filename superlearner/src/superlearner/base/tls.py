"""TLS: the platform's certificate, and trust in it by the commands."""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path
from typing import Final

__all__ = ["CACERT", "TlsError", "client_context", "first_certificate", "server_context"]

CACERT: Final = "SUPERLEARNER_CACERT"
"""The environment variable with a file of further trusted authorities."""
CERTIFICATE: Final = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class TlsError(OSError):
    """A certificate or key that cannot be used; the text says which and what to try."""


class _Encrypted(Exception):
    """The key asks for a password."""


def server_context(certfile: Path, keyfile: Path | None = None) -> ssl.SSLContext:
    """Return the TLS context of the server; its oldest version is TLS 1.2.

    Args:
        certfile: PEM: the certificate, then the intermediate certificates up to its authority.
        keyfile: PEM: the private key; by default it is read from `certfile`.

    Raises:
        TlsError: they cannot be read, are not PEM, or do not belong together.
    """
    text = _read(certfile, "certificate")
    key = certfile if keyfile is None else keyfile
    if keyfile is not None:
        _read(keyfile, "key")
    if CERTIFICATE.search(text) is None:
        raise TlsError(f"expected a certificate in PEM (-----BEGIN CERTIFICATE-----) in {certfile}, got something else")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certfile, key, password=_no_password)
    except _Encrypted:
        raise TlsError(
            f"the key {key} is encrypted, and there is no way to enter its password; "
            f"save it unencrypted (openssl pkey -in {key} -out plain.pem) into a file that only you can read"
        ) from None
    except ssl.SSLError as error:
        raise TlsError(_explained(error, certfile, key)) from None
    return context


def client_context(certificate: str | None = None) -> ssl.SSLContext:
    """Return the TLS context of a command.

    It trusts only `certificate`, or else authorities, by host name.

    Args:
        certificate: PEM of the platform's own certificate, trusted for any host name. None trusts the authorities of
            the system and of the file in `SUPERLEARNER_CACERT`.

    Raises:
        TlsError: that file exists but cannot be used.
    """
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False  # comparing the certificate itself is stronger than comparing its name
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it need not be self-signed
        context.load_verify_locations(cadata=certificate)
        return context
    context = ssl.create_default_context()
    more = os.environ.get(CACERT)
    if more:
        try:
            context.load_verify_locations(cafile=more)
        except OSError as error:
            said = "it contains no certificate in PEM" if isinstance(error, ssl.SSLError) else error.strerror or error
            raise TlsError(f"the authorities {more} cannot be used: {said}") from None
    return context


def first_certificate(certfile: Path) -> str:
    """Return the first certificate in a file. Raises TlsError."""
    found = CERTIFICATE.search(_read(certfile, "certificate"))
    return found[0] if found else ""


def _read(file: Path, what: str) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise TlsError(f"the {what} {file} cannot be read: {error.strerror or error}") from None


def _no_password() -> str:
    raise _Encrypted


def _explained(error: ssl.SSLError, certfile: Path, key: Path) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"the key {key} does not belong to the certificate {certfile}; try the key it was made with"
    if key == certfile:
        return f"expected the private key in {certfile} as well ({error.reason}); name its file with --keyfile"
    return (
        f"expected a certificate in {certfile} and its private key in {key}, both in PEM, got others ({error.reason})"
    )
