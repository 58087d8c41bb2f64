"""Names, addresses and discovery as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from otp.cluster import Dns, FileList, Multicast
from superlearner.cluster.cookie import CookieError, read_cookie
from superlearner.cluster.ways import BadWay, Way, discovery_of, member_name, tls_of


@pytest.mark.parametrize("name", ["", "-b", "b c", "b@", "a@b@c", "b/..", "b\n", "x" * 64])
def test_a_wrong_name_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(BadWay, match=r"try b, or b@10\.0\.0\.5"):
        member_name(name)


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


def test_a_cookie_file_wins_and_the_folder_gets_none(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.touch(0o600)
    other.write_text("a cookie of another member\n")
    assert Way(tmp_path / "data", cookie_file=other).arguments("b@h")["cookie"] == "a cookie of another member"
    assert read_cookie(tmp_path / "data" / "cookie") is None


def test_a_missing_cookie_file_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(CookieError, match="there is no cookie"):
        Way(tmp_path, cookie_file=tmp_path / "missing").cookie()
    assert not list(tmp_path.iterdir())


def test_the_incarnations_of_a_name_stay_in_their_folder(tmp_path: Path) -> None:
    kept = Way(tmp_path).arguments("b@fe80::1/../x")["incarnations"]
    assert kept.parent == tmp_path / "incarnations"


def test_certificates_come_in_threes() -> None:
    assert tls_of(None, None, None) is None
    with pytest.raises(BadWay, match="got no cert and no key"):
        tls_of(Path("ca.pem"), None, None)
