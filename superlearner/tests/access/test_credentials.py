"""Credentials: the token's file, one-time links, sessions, and the throttle."""

from __future__ import annotations

import hmac
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from other_user import NOBODY, needs_root
from superlearner.access import credentials as module
from superlearner.access.credentials import Credentials, CredentialsError, read_or_make_token, read_token
from superlearner.base.throttle import ADDRESSES, Throttle

TOKEN = "t" * 43


class Clock:
    """A clock that a test sets."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def test_the_token_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = read_or_make_token(tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
    assert len(made) == 43
    assert (tmp_path / "token").read_text() == f"{made}\n"
    assert read_or_make_token(tmp_path) == made
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


def test_each_data_directory_has_a_token_of_its_own(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    assert read_or_make_token(tmp_path / "one") != read_or_make_token(tmp_path / "other")
    assert read_token(tmp_path) is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_token_that_others_can_read_is_refused_and_left_alone(tmp_path: Path, mode: int) -> None:
    made = read_or_make_token(tmp_path)
    (tmp_path / "token").chmod(mode)
    with pytest.raises(CredentialsError, match=rf"0600, got {mode:04o}; delete it"):
        read_or_make_token(tmp_path)
    assert made in (tmp_path / "token").read_text()


@needs_root
def test_a_token_of_another_user_who_knows_it_is_refused(tmp_path: Path) -> None:
    """Such as one planted in a data directory before the first start; only root could read it."""
    made = read_or_make_token(tmp_path)
    os.chown(tmp_path / "token", NOBODY, NOBODY)
    with pytest.raises(CredentialsError, match=f"belongs to user {NOBODY}: expected a file of this user"):
        read_or_make_token(tmp_path)
    assert made == read_token(tmp_path), "a command of root uses the token of the platform that it asks"


@pytest.mark.parametrize("text", ["", "hunter2", "x" * 31, "two words " * 10, "ü" * 40, "line\n" * 40])
def test_tokens_that_are_too_short_or_unfit_for_a_header_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "token").write_text(text)
    (tmp_path / "token").chmod(0o600)
    with pytest.raises(CredentialsError, match="32 or more letters"):
        read_token(tmp_path)


def test_a_token_path_that_is_not_a_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "token").mkdir(mode=0o700)
    with pytest.raises(CredentialsError, match="expected a file"):
        read_token(tmp_path)
    (tmp_path / "token").rmdir()
    (tmp_path / "elsewhere").write_text("e" * 43)
    (tmp_path / "token").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CredentialsError, match="cannot be read"):
        read_token(tmp_path)


def test_a_pipe_instead_of_a_token_does_not_hold_the_start(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "token", 0o600)
    with pytest.raises(CredentialsError, match="expected a file"):
        read_or_make_token(tmp_path)


def test_a_start_that_died_while_it_made_the_token_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "token.new").write_text("half")
    assert len(read_or_make_token(tmp_path)) == 43
    assert not (tmp_path / "token.new").exists()


def test_a_token_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="cannot be written"):
        read_or_make_token(tmp_path / "nowhere")


def test_the_server_keeps_nothing_that_could_be_used_elsewhere() -> None:
    credentials = Credentials(TOKEN)
    code = credentials.new_code()
    session = credentials.new_session()
    kept = repr(vars(credentials))
    assert [secret for secret in (TOKEN, code, session) if secret in kept] == []


def test_every_secret_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[Any, Any]] = []

    def compare(one: Any, other: Any) -> bool:
        compared.append((one, other))
        return hmac.compare_digest(one, other)

    class Watched:
        compare_digest = staticmethod(compare)
        digest = staticmethod(hmac.digest)
        new = staticmethod(hmac.new)

    monkeypatch.setattr(module, "hmac", Watched)
    credentials = Credentials(TOKEN)
    codes = [credentials.new_code(), credentials.new_code()]
    session = credentials.new_session()
    for ask, number in [
        (lambda: credentials.is_token(TOKEN), 1),
        (lambda: credentials.is_token("wrong"), 1),
        (lambda: credentials.redeem("wrong"), 2),
        (lambda: credentials.redeem(codes[0]), 2),  # all are compared, wherever the right one is
        (lambda: credentials.session(session), 1),
        (lambda: credentials.session("wrong"), 1),
    ]:
        compared.clear()
        ask()
        assert len(compared) == number
    assert credentials.is_token(TOKEN)
    assert {len(one) for one in compared[-1]} == {32}  # digests, so timing does not reveal the length either


def test_a_code_signs_in_once_and_is_not_the_token() -> None:
    credentials = Credentials(TOKEN)
    code, other = credentials.new_code(), credentials.new_code()
    assert code != other
    assert not credentials.is_token(code)
    assert not credentials.redeem(TOKEN)
    assert credentials.redeem(code)
    assert not credentials.redeem(code)
    assert credentials.redeem(other)


def test_unused_codes_do_not_pile_up() -> None:
    credentials = Credentials(TOKEN)
    codes = [credentials.new_code() for _ in range(17)]
    assert not credentials.redeem(codes[0])
    assert credentials.redeem(codes[1])


def test_links_of_one_holder_drop_none_of_another() -> None:
    credentials = Credentials(TOKEN)
    code = credentials.new_code()
    others = [credentials.new_code("7") for _ in range(20)]
    assert credentials.redeem(code) == "owner"
    assert credentials.redeem(others[-1]) == "7"


def test_a_session_ends_after_a_week() -> None:
    clock = Clock()
    credentials = Credentials(TOKEN, now=clock)
    session = credentials.new_session()
    assert credentials.session(session).worth == "right"
    clock.now += 7 * 24 * 3600 - 1
    assert credentials.session(session).worth == "right"
    clock.now += 1
    assert credentials.session(session).worth == "expired"


def test_a_session_outlives_a_restart_and_ends_with_its_token() -> None:
    session = Credentials(TOKEN).new_session()
    assert Credentials(TOKEN).session(session).worth == "right"
    assert Credentials("u" * 43).session(session).worth == "wrong"


@pytest.mark.parametrize(
    "change",
    [
        lambda session: "9" + session,
        lambda session: session[:-1] + ("0" if session[-1] != "0" else "1"),
        lambda session: session.replace(".", "", 1),
        lambda session: session.rpartition(".")[0],
        lambda session: "",
        lambda session: "...",
        lambda session: "ÿ" * 100,
        lambda session: TOKEN,
    ],
)
def test_a_session_that_was_changed_is_wrong(change: Callable[[str], str]) -> None:
    credentials = Credentials(TOKEN)
    assert credentials.session(change(credentials.new_session())).worth == "wrong"


def test_too_many_failed_attempts_delay_the_next_ones_for_a_while() -> None:
    clock = Clock()
    throttle = Throttle(burst=3, every=5, now=clock)
    for _ in range(3):
        assert throttle.wait("192.0.2.1") == 0
        throttle.count("192.0.2.1")
    assert throttle.wait("192.0.2.1") == 5
    assert throttle.wait("192.0.2.2") == 0
    clock.now += 5
    assert throttle.wait("192.0.2.1") == 0
    throttle.count("192.0.2.1")
    assert throttle.wait("192.0.2.1") == 5
    clock.now += 100
    for _ in range(3):
        assert throttle.wait("192.0.2.1") == 0
        throttle.count("192.0.2.1")


def test_the_addresses_of_one_network_count_as_one_host() -> None:
    throttle = Throttle(burst=1, now=Clock())
    throttle.count("2001:db8::1")
    throttle.count("::ffff:192.0.2.1")
    assert throttle.wait("2001:db8::ffff") > 0
    assert throttle.wait("2001:db8:0:1::1") == 0
    assert throttle.wait("192.0.2.1") > 0
    throttle.count("no address")
    assert throttle.wait("no address") > 0


def test_many_addresses_do_not_pile_up() -> None:
    throttle = Throttle(burst=1, now=Clock())
    for number in range(ADDRESSES + 1):
        throttle.count(f"10.0.{number >> 8}.{number & 255}")
    assert throttle.wait("10.0.0.0") == 0
    assert throttle.wait("10.0.0.1") > 0
