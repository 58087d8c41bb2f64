"""Certificates for members on several hosts: one authority, and a folder with a bundle for each host.

Made with the command `openssl`, which systems with TLS have; nothing is imported for it.
"""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

__all__ = ["CertificateError", "make_certificates"]

AUTHORITY: Final = "authority"
YEARS: Final = 5
KEY: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*")


class CertificateError(Exception):
    """Certificates could not be made; the text says why and what to try."""


def make_certificates(out: Path, hosts: list[str]) -> list[Path]:
    """Make a bundle of `ca.pem`, `cert.pem` and `key.pem` for each host, and return their folders.

    The first call makes the authority in `out/authority`; later ones use it, so hosts can be added. Keys have mode
    0600.

    Args:
        out: the folder for all of them.
        hosts: IP addresses or host names at which members listen.

    Raises:
        CertificateError: a host is malformed, the authority is incomplete, or `openssl` fails or is missing.
    """
    names = {host: _alternative_name(host) for host in hosts}
    if shutil.which("openssl") is None:
        raise CertificateError("expected the command openssl, which is not installed; try: apt install openssl")
    authority = out / AUTHORITY
    ca, ca_key = authority / "ca.pem", authority / "key.pem"
    if ca.exists() != ca_key.exists():
        raise CertificateError(f"{authority} needs both ca.pem and key.pem; copy the missing one, or remove both")
    try:
        if not ca.exists():
            authority.mkdir(parents=True, exist_ok=True, mode=0o700)
            _openssl(
                "req", "-x509", *KEY, "-keyout", str(ca_key), "-out", str(ca), "-days", str(365 * YEARS),
                "-subj", "/CN=SuperLearner cluster", "-addext", "basicConstraints=critical,CA:TRUE",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign",
            )  # fmt: skip
        return [_bundle(out, host, name, ca, ca_key) for host, name in names.items()]
    except OSError as error:
        raise CertificateError(f"{out} cannot be written: {error.strerror or error}; try --out FOLDER") from None


def _alternative_name(host: str) -> str:
    try:
        return f"IP:{ipaddress.ip_address(host)}"
    except ValueError:
        if HOST.fullmatch(host) and len(host) < 254:
            return f"DNS:{host}"
    raise CertificateError(f"expected an IP address or a host name, got {host!r:.100}; try 10.0.0.5")


def _bundle(out: Path, host: str, name: str, ca: Path, ca_key: Path) -> Path:
    folder = out / host.replace(":", "_")
    folder.mkdir(exist_ok=True, mode=0o700)
    with TemporaryDirectory(dir=out) as work:
        request, extensions = Path(work, "request.pem"), Path(work, "extensions")
        extensions.write_text(
            f"subjectAltName={name}\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n"
            "keyUsage=critical,digitalSignature\n",
            encoding="ascii",
        )
        key = folder / "key.pem"
        _openssl("req", "-new", *KEY, "-keyout", str(key), "-out", str(request), "-subj", "/CN=member")
        _openssl(
            "x509", "-req", "-in", str(request), "-CA", str(ca), "-CAkey", str(ca_key), "-CAcreateserial",
            "-out", str(folder / "cert.pem"), "-days", str(365 * YEARS), "-extfile", str(extensions),
        )  # fmt: skip
    shutil.copyfile(ca, folder / "ca.pem")
    return folder


def _openssl(*arguments: str) -> None:
    before = os.umask(0o077)  # keys never have another mode
    try:
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    finally:
        os.umask(before)
    if done.returncode:
        raise CertificateError(f"openssl {arguments[0]} failed: {done.stderr.strip()[-300:]}")
