"""HTTPS: certificates are checked before the start, and commands trust the platform's own."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import json
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from superlearner.base.tls import TlsError, client_context, first_certificate, server_context

pytestmark = pytest.mark.program

Run = Callable[..., Any]


def make(folder: Path, name: str = "own", *, password: bytes | None = None) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certfile, keyfile = folder / f"{name}.pem", folder / f"{name}.key"
    certfile.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    hidden = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    keyfile.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, hidden))
    return certfile, keyfile


def test_a_platform_with_a_certificate_speaks_https_and_its_commands_find_and_trust_it(
    start: Run, superlearner: Run, tmp_path: Path
) -> None:
    certfile, keyfile = make(tmp_path)
    program = start("--certfile", str(certfile), "--keyfile", str(keyfile))
    assert program.url.startswith("https://127.0.0.1:")
    trusting = ssl.create_default_context(cafile=str(certfile))
    token = {"authorization": f"Bearer {superlearner('token').stdout.strip()}"}
    with httpx.Client(base_url=program.url, verify=trusting) as client:
        assert client.get("/health/ready").status_code == 200
        code = client.post("/sign-in/link", headers=token).json()["data"]["code"]
        cookie = client.get(f"/?token={code}").headers["set-cookie"]
        assert cookie.endswith("; HttpOnly; Path=/; SameSite=strict; Secure")
        ours, foreign = {"origin": program.url}, {"origin": program.url.replace("https", "http")}
        assert client.request("DELETE", "/api/v1/processes/nobody", headers=ours).status_code == 404
        assert client.request("DELETE", "/api/v1/processes/nobody", headers=foreign).status_code == 403

    async def live() -> Any:
        url = program.url.replace("https", "wss") + "/live/supervisors"
        async with websockets.connect(url, ssl=trusting) as page:
            return json.loads(await page.recv())

    assert asyncio.run(live())["k"] == "s"
    listed = superlearner("supervisor", "list", "--json")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "demo_one_for_one" in listed.stdout
    assert f"{program.url} is" in superlearner("doctor").stdout
    second = superlearner("run", "--no-browser")
    assert (second.returncode, f"is already running at {program.url}/?token=" in second.stdout) == (0, True)
    elsewhere = {"SUPERLEARNER_DATA_DIR": str(tmp_path / "other"), "SUPERLEARNER_URL": program.url}
    refused = superlearner("supervisor", "list", **elsewhere)
    assert (refused.returncode, "--cacert FILE" in refused.stderr) == (3, True)
    trusted = superlearner("--cacert", str(certfile), "supervisor", "list", **elsewhere)
    assert (trusted.returncode, trusted.stderr) == (0, "")
    assert program.end()[0] == 0


def test_a_certificate_that_cannot_be_used_is_said_before_the_start(superlearner: Run, tmp_path: Path) -> None:
    certfile, keyfile = make(tmp_path)
    ended = superlearner("run", "--port", "0", "--certfile", str(certfile), "--keyfile", str(tmp_path / "nowhere"))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"the key {tmp_path / 'nowhere'} cannot be read: No such file or directory" in ended.stderr
    alone = superlearner("run", "--port", "0", "--keyfile", str(keyfile))
    assert alone.returncode == 2
    assert "--certfile FILE" in alone.stderr
    looked = superlearner("doctor", SUPERLEARNER_CERTFILE=str(tmp_path / "nowhere"), SUPERLEARNER_PORT="0")
    assert (looked.returncode, "bad   certificate" in looked.stdout) == (1, True)


def test_each_problem_with_certificate_and_key_has_its_message(tmp_path: Path) -> None:
    certfile, keyfile = make(tmp_path)
    _, other = make(tmp_path, "other")
    _, encrypted = make(tmp_path, "encrypted", password=b"secret")
    (tmp_path / "text").write_text("hello")
    both = tmp_path / "both.pem"
    both.write_bytes(certfile.read_bytes() + keyfile.read_bytes())
    server_context(certfile, keyfile)
    server_context(both)
    for given, words in [
        ((tmp_path, keyfile), "cannot be read: Is a directory"),
        ((tmp_path / "text", keyfile), "expected a certificate in PEM"),
        ((certfile, tmp_path / "text"), "both in PEM"),
        ((certfile, other), "does not belong to the certificate"),
        ((certfile, encrypted), "is encrypted"),
        ((certfile, None), "name its file with --keyfile"),
    ]:
        with pytest.raises(TlsError, match=words):
            server_context(*given)


def test_a_command_sends_its_token_only_to_the_owner_of_the_certificate(tmp_path: Path) -> None:
    """Another certificate with the same name is not enough."""
    own, own_key = make(tmp_path)
    foreign, foreign_key = make(tmp_path, "foreign")
    for shown, key, trusted in ((own, own_key, True), (foreign, foreign_key, False)):
        client, server = ssl.MemoryBIO(), ssl.MemoryBIO()
        asks = client_context(first_certificate(own)).wrap_bio(server, client, server_hostname="127.0.0.1")
        shows = server_context(shown, key).wrap_bio(client, server, server_side=True)
        assert shakes_hands(asks, shows) is trusted


def shakes_hands(client: ssl.SSLObject, server: ssl.SSLObject) -> bool:
    """Return whether the client trusts the server."""
    for _ in range(4):
        for one in (client, server):
            try:
                one.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError:
                return False
    return True


def test_a_handshake_that_does_not_come_ends(start: Run, tmp_path: Path) -> None:
    certfile, keyfile = make(tmp_path)
    program = start("--certfile", str(certfile), "--keyfile", str(keyfile), SUPERLEARNER_HEAD_TIMEOUT="0.5")
    port = httpx.URL(program.url).port
    assert port is not None
    with socket.create_connection(("127.0.0.1", port), timeout=20) as silent:
        assert silent.recv(1) == b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert plain.recv(100)[:4] != b"HTTP"
    assert program.end()[0] == 0
