"""Certificates of `cluster certificate`: what they prove, who may read them, and what a wrong call gets."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path

import pytest

from superlearner.cluster.certificates import CertificateError, make_certificates


def shake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> None:
    """Perform a TLS handshake in memory, and read a byte on each side."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    there = server.wrap_bio(to_server, to_client, server_side=True)
    here = client.wrap_bio(to_client, to_server, server_hostname=name)
    waiting = [here, there]
    for side in [here, there] * 6:
        if side in waiting:
            try:
                side.do_handshake()
                waiting.remove(side)
            except ssl.SSLWantReadError:
                pass
    assert waiting == []
    here.write(b"x")
    assert there.read(1) == b"x"


def contexts(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.verify_mode = ssl.CERT_REQUIRED
    for one in (server, client):
        one.load_verify_locations(folder / "ca.pem")
        one.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return server, client


def test_two_hosts_trust_each_other_and_no_other_authority(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    first, second = make_certificates(ours, ["10.0.0.5", "shop.internal"])
    (stranger,) = make_certificates(theirs, ["10.0.0.5"])
    shake(contexts(first)[0], contexts(second)[1], "10.0.0.5")
    shake(contexts(second)[0], contexts(first)[1], "shop.internal")
    with pytest.raises(ssl.SSLError):
        shake(contexts(first)[0], contexts(stranger)[1], "10.0.0.5")
    with pytest.raises(ssl.SSLCertVerificationError, match=r"10\.0\.0\.6"):
        shake(contexts(first)[0], contexts(second)[1], "10.0.0.6")


def test_hosts_can_be_added_later(tmp_path: Path) -> None:
    (first,) = make_certificates(tmp_path, ["10.0.0.5"])
    (second,) = make_certificates(tmp_path, ["10.0.0.6"])
    shake(contexts(first)[0], contexts(second)[1], "10.0.0.5")


def test_only_the_owner_can_read_keys(tmp_path: Path) -> None:
    make_certificates(tmp_path, ["10.0.0.5", "::1"])
    keys = sorted(tmp_path.rglob("key.pem"))
    assert [key.parent.name for key in keys] == ["10.0.0.5", "__1", "authority"]
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}
    assert sorted(path.name for path in (tmp_path / "10.0.0.5").iterdir()) == ["ca.pem", "cert.pem", "key.pem"]


@pytest.mark.parametrize("host", ["", "../x", "a b", "10.0.0.5/24", "x" * 300])
def test_a_malformed_host_is_refused_before_anything_is_written(tmp_path: Path, host: str) -> None:
    with pytest.raises(CertificateError, match="expected an IP address or a host name"):
        make_certificates(tmp_path / "out", ["10.0.0.5", host])
    assert not (tmp_path / "out").exists()


def test_half_an_authority_is_not_replaced(tmp_path: Path) -> None:
    make_certificates(tmp_path, ["10.0.0.5"])
    (tmp_path / "authority" / "key.pem").unlink()
    with pytest.raises(CertificateError, match=r"needs both ca\.pem and key\.pem"):
        make_certificates(tmp_path, ["10.0.0.6"])


def test_without_openssl_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CertificateError, match="apt install openssl"):
        make_certificates(tmp_path / "out", ["10.0.0.5"])
