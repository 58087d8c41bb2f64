"""Cookies that a stranger could guess at a port: what members send there follows from the cookie."""

from __future__ import annotations

import asyncio
import secrets
import socket
import tempfile
from collections.abc import Awaitable, Callable, Iterator

import pytest

import otp
from otp.cluster import Cluster, JoinRefused
from otp.cluster.cookies import discovery_key, is_weak
from otp.distribution import Settings
from otp.distribution.carriers.link_handshake import MAGIC, mark_of

SETTINGS = Settings(heartbeat=0.25, dead=1.5)
ADDRESS = "tcp/127.0.0.1:9"


@pytest.fixture(autouse=True)
def runtime_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        monkeypatch.setenv("XDG_RUNTIME_DIR", short)
        yield


def run(main: Callable[[otp.Node], Awaitable[None]]) -> None:
    async def with_node() -> None:
        async with otp.Node("a") as node:
            await main(node)

    asyncio.run(asyncio.wait_for(with_node(), 30))


@pytest.mark.parametrize("cookie", ["secret", b"0123456789abcdef", "x" * 64, "correct horse battery staple"])
@pytest.mark.parametrize("way", [{"listen": "127.0.0.1:0"}, {"connect": ADDRESS}])
def test_a_weak_cookie_opens_and_dials_no_port(way: dict[str, str], cookie: str | bytes) -> None:
    async def main(node: otp.Node) -> None:
        with pytest.raises(JoinRefused, match="expected a random cookie of at least 32 characters") as caught:
            await Cluster.join(node, cookie=cookie, discovery=None, settings=SETTINGS, **way)
        assert ("weak_cookie", *way.values()) == caught.value.reason

    run(main)


def test_a_member_with_a_weak_cookie_dials_no_port_later() -> None:
    """Others of this user reach it by its Unix socket."""

    async def main(node: otp.Node) -> None:
        a = await Cluster.join(node, cookie="secret", discovery=None, settings=SETTINGS)
        async with otp.Node("b") as other:
            b = await Cluster.join(
                other, cookie="secret", discovery=None, settings=SETTINGS, connect=a.members()[0].address or ""
            )
            with pytest.raises(JoinRefused, match="other users of this machine can try to guess it") as caught:
                await b.connect(ADDRESS)
            assert ("weak_cookie", ADDRESS) == caught.value.reason
            assert 2 == len(b.members())
            await b.leave()
        await a.leave()

    run(main)


def test_a_stranger_at_a_dialled_port_gets_a_value_to_compare_with_guesses() -> None:
    """This is why ports require a cookie that cannot be guessed; with such a cookie a member dials."""
    cookie = secrets.token_hex(16)

    async def main(node: otp.Node) -> None:
        with socket.create_server(("127.0.0.1", 0)) as stranger:
            stranger.setblocking(False)
            loop = asyncio.get_running_loop()
            port = stranger.getsockname()[1]
            joining = asyncio.ensure_future(
                Cluster.join(node, cookie=cookie, discovery=None, settings=SETTINGS, connect=f"tcp/127.0.0.1:{port}")
            )
            accepted, _ = await loop.sock_accept(stranger)
            with accepted:
                hello = await loop.sock_recv(accepted, 4096)
            assert hello[4:].startswith(MAGIC + mark_of(discovery_key(cookie.encode())))
            joining.cancel()
            await asyncio.gather(joining, return_exceptions=True)

    run(main)


def test_random_cookies_are_strong() -> None:
    assert not [cookie for _ in range(500) if is_weak(cookie := secrets.token_hex(16).encode())]
    assert not is_weak(secrets.token_urlsafe(32).encode())
