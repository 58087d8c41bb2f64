"""The user at the other end of a Unix socket."""

from __future__ import annotations

import os
import socket
import struct
from typing import Any

import pytest

from otp.unix_sockets import uid_of_peer


class ForeignSocket:
    """A socket of another system, which answers with `answer`."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.options: list[Any] = []

    def getsockopt(self, *option: int) -> bytes:
        self.options.append(option)
        return self.answer


def xucred(version: int, uid: int) -> bytes:
    """Return `struct xucred` of `<sys/ucred.h>`: version, user, number of groups, groups."""
    return struct.pack("IIh16I", version, uid, 1, 20, *[0] * 15)


def test_the_user_of_a_peer_on_this_system() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert os.geteuid() == uid_of_peer(one)


@pytest.mark.parametrize("platform", ["darwin", "freebsd14"])
def test_the_user_of_a_peer_on_macos_and_freebsd(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", platform)
    asked: Any = ForeignSocket(xucred(0, 501))
    assert 501 == uid_of_peer(asked)
    [(level, option, size)] = asked.options
    assert (0, 1) == (level, option), "SOL_LOCAL, LOCAL_PEERCRED"
    assert size >= len(xucred(0, 501)) == 76


@pytest.mark.parametrize("answer", [xucred(1, 501), b"", b"\0\0\0\0"])
def test_an_answer_of_another_form_is_unknown(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    asked: Any = ForeignSocket(answer)
    assert uid_of_peer(asked) is None


def test_other_systems_do_not_report_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "sunos5")
    asked: Any = ForeignSocket(b"")
    assert uid_of_peer(asked) is None
    assert not asked.options
