"""Certificates of members for tests."""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from otp.distribution.carriers.tls import Tls

__all__ = ["NOW", "Authority"]

NOW: Final = dt.datetime.now(dt.UTC)


class Authority:
    """A certificate authority in a folder."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self.folder, self.name = folder, name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.ca = self._write(name, self._sign(self.subject, self.key, NOW + dt.timedelta(1), None))

    def _sign(self, subject: Any, key: Any, until: dt.datetime, host: str | None) -> bytes:
        builder = x509.CertificateBuilder(
            self.subject, subject, key.public_key(), x509.random_serial_number(), NOW - dt.timedelta(2), until
        ).add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
        if host is not None:
            names: list[Any] = [x509.DNSName(host) if host[0].isalpha() else x509.IPAddress(ipaddress.ip_address(host))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _write(self, name: str, data: bytes) -> str:
        path = self.folder / f"{name}.pem"
        path.write_bytes(data)
        return str(path)

    def member(self, name: str, days: int = 1, host: str = "127.0.0.1") -> Tls:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        certificate = self._sign(subject, key, NOW + dt.timedelta(days), host)
        stem = f"{self.name}-{name}"
        return Tls(self.ca, self._write(f"{stem}-cert", certificate), self._write(f"{stem}-key", private))
