"""Names, addresses and discovery as people write them."""

from __future__ import annotations

import asyncio
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from otp import Node
from otp.cluster import Dns, FileList, Folder, Multicast
from superlearner.cluster.certificates import make_certificates
from superlearner.cluster.cookie import CookieError, read_cookie
from superlearner.cluster.line import MemberLink
from superlearner.cluster.ways import BadWay, Way, discovery_of, member_name, tls_of, unreachable_host
from superlearner.nodes.remote import NodeGone
from superlearner.settings.settings import Settings
from superlearner.web.platform import way_of


@pytest.mark.parametrize("name", ["", "-b", "b c", "b@", "a@b@c", "b/..", "b\n", "x" * 64])
def test_a_wrong_name_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(BadWay, match=r"try b, or b@10\.0\.0\.5"):
        member_name(name)


TLS = object()


@pytest.mark.parametrize(
    ("name", "more", "missing"),
    [
        ("b@10.0.0.5", {}, "--listen 10.0.0.5 and --tls-ca, --tls-cert, --tls-key"),
        ("b@shop.internal", {"listen": "tcp/127.0.0.1:7447"}, "--listen shop.internal and --tls-ca"),
        ("b@10.0.0.5", {"listen": "[::1]:7447", "connect": ("tcp/[::1]:1",)}, "--listen 10.0.0.5 and --tls-ca"),
        ("b@10.0.0.5", {"tls": TLS}, "--listen 10.0.0.5, got"),
        ("b@10.0.0.5", {"tls": TLS, "connect": ("tls/10.0.0.6:7447",)}, None),  # it dials
        ("b@10.0.0.5", {"tls": TLS, "listen": "10.0.0.5:7447"}, None),
        ("b@10.0.0.5", {"tls": TLS, "advertise": "10.0.0.5:7447"}, None),
        ("b@10.0.0.5", {"listen": "10.0.0.5"}, None),  # refused elsewhere
        ("b@127.0.0.1", {}, None),
        ("b@localhost", {}, None),
    ],
)
def test_a_member_named_after_a_host_that_it_cannot_be_reached_at(
    tmp_path: Path, name: str, more: dict[str, Any], missing: str | None
) -> None:
    warning = unreachable_host(name, Way(tmp_path, **more))
    assert warning is None if missing is None else warning is not None and f"expected {missing}" in warning


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("local", Multicast("lo")),
        ("lan", Multicast("auto")),
        ("none", None),
        ("file:shared/members", FileList(Path("shared/members"))),
        ("dns:shop.internal:9000", Dns("shop.internal", 9000)),
    ],
)
def test_each_kind_of_discovery_has_a_spelling(text: str, expected: object) -> None:
    assert discovery_of(text) == expected


@pytest.mark.parametrize(
    "text", ["", "locale", "local:", "local:1", "none:", "file:", "dns:", "dns:a:0", "dns:a:70000", "dns::1"]
)
def test_wrong_discovery_is_refused_with_the_spellings(text: str) -> None:
    with pytest.raises(BadWay, match=r"expected local, lan, file:PATH, dns:NAME\[:PORT\] or none"):
        discovery_of(text)


def test_members_of_a_data_directory_find_each_other_there_unless_discovery_says_otherwise(tmp_path: Path) -> None:
    assert (Folder(tmp_path / "members"), Multicast("lo")) == Way(tmp_path).arguments("b@h")["discovery"]
    assert FileList(Path("x")) == Way(tmp_path, discovery="file:x").arguments("b@h")["discovery"]
    assert Way(tmp_path, discovery="none").arguments("b@h")["discovery"] is None


def test_a_cookie_file_wins_and_the_folder_gets_none(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.touch(0o600)
    other.write_text("a cookie of another member\n")
    assert Way(tmp_path / "data", cookie_file=other).arguments("b@h")["cookie"] == "a cookie of another member"
    assert read_cookie(tmp_path / "data" / "cookie") is None


def test_a_missing_cookie_file_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(CookieError, match=r"got no file .*/missing; try a copy"):
        Way(tmp_path, cookie_file=tmp_path / "missing").cookie()
    assert not list(tmp_path.iterdir())


def test_the_incarnations_of_a_name_stay_in_their_folder(tmp_path: Path) -> None:
    kept = Way(tmp_path).arguments("b@fe80::1/../x")["incarnations"]
    assert kept.parent == tmp_path / "incarnations"


def test_certificates_come_in_threes() -> None:
    assert tls_of(None, None, None) is None
    with pytest.raises(BadWay, match="got no cert and no key"):
        tls_of(Path("ca.pem"), None, None)


def test_a_bundle_is_checked_before_a_member_joins(tmp_path: Path) -> None:
    (ours,) = make_certificates(tmp_path / "ours", ["10.0.0.5"])
    (theirs,) = make_certificates(tmp_path / "theirs", ["10.0.0.5"])
    ca, cert, key = (ours / name for name in ("ca.pem", "cert.pem", "key.pem"))
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    assert tls_of(ca, cert, key) is not None
    wrong = [
        ((theirs / "ca.pem", cert, key), f"{cert}: expected a certificate of the authority"),
        ((ca, cert, theirs / "key.pem"), f"{theirs / 'key.pem'} does not belong to {cert}"),
        ((junk, cert, key), f"{junk}: expected the certificate of an authority"),
        ((ca, junk, key), f"{junk}: expected a certificate (PEM)"),
        ((ca, cert, junk), f"{junk}: expected a private key"),
        ((ca, tmp_path / "missing", key), "missing cannot be read: No such file"),
    ]
    for bundle, said in wrong:
        with pytest.raises(BadWay, match=re.escape(said)):
            tls_of(*bundle)


AUTHORITY = """[ca]
default_ca=c
[c]
database=index
serial=serial
new_certs_dir=.
default_md=sha256
policy=p
[p]
commonName=supplied
"""


def test_a_certificate_that_has_expired_is_named(tmp_path: Path) -> None:
    (ours,) = make_certificates(tmp_path, ["10.0.0.5"])
    for name, text in (("conf", AUTHORITY), ("index", ""), ("serial", "01\n")):
        (tmp_path / name).write_text(text)

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=tmp_path, check=True, capture_output=True)

    openssl("req", "-new", "-key", "10.0.0.5/key.pem", "-subj", "/CN=b", "-out", "request")
    openssl(
        "ca", "-batch", "-notext", "-config", "conf", "-cert", "authority/ca.pem", "-keyfile", "authority/key.pem",
        "-startdate", "20200101000000Z", "-enddate", "20200102000000Z", "-in", "request", "-out", "old.pem",
    )  # fmt: skip
    with pytest.raises(BadWay, match=r"old\.pem: certificate has expired"):
        tls_of(ours / "ca.pem", tmp_path / "old.pem", ours / "key.pem")


def test_a_stopping_platform_asks_members_nothing_more() -> None:
    async def test() -> None:
        async with Node("a@127.0.0.1") as node:
            link = MemberLink(node, "b@127.0.0.1")
        with pytest.raises(NodeGone, match="the platform is stopping"):
            await link.ask(b"")
        link.cast(b"")

    asyncio.run(test())


def test_a_platform_joins_as_its_settings_say(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path,
        discovery="none",
        cluster_listen="0.0.0.0:7447",
        cluster_advertise="10.0.0.5:7447",
        cluster_connect=("tls/10.0.0.6:7447",),
    )
    assert way_of(settings) is None, "it joins no cluster"
    way = way_of(settings.model_copy(update={"discovery": "lan"}))
    assert way is not None
    assert (way.listen, way.advertise, way.connect) == ("0.0.0.0:7447", "10.0.0.5:7447", ("tls/10.0.0.6:7447",))
