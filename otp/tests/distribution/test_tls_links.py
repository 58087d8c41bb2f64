"""Links with certificates on both sides: who has none, or one of another name, meets nobody."""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tools.certificate_authority import Authority
from tools.delaying_forwarder import forwarding

from direct_sides import Side
from otp.distribution import NodeId
from otp.distribution.carriers.announcing import Announcing
from otp.distribution.carriers.carrier_error import CarrierError
from otp.distribution.carriers.direct import DirectCarrier
from otp.distribution.carriers.stream_address import StreamAddress
from otp.distribution.carriers.tls import Tls

HOST = "127.0.0.1"
A, B, C = (NodeId(f"{name}@{HOST}", 1) for name in "abc")
LIMIT = 20.0


@pytest.fixture
def sides(tmp_path: Path) -> Any:
    """Runs a test with a function that starts a node with a certificate; they end with it."""
    authority, group = Authority(tmp_path), secrets.token_hex(8)

    def run(test: Callable[[Any], Awaitable[Any]]) -> None:
        async def main() -> None:
            begun: list[Side] = []

            async def side(me: NodeId, tls: Tls | None = None, multicast: str | None = None, **options: Any) -> Side:
                mine = tls or authority.member(me.name.partition("@")[0])
                one = Side(me, tmp_path, group=group, tls=mine, multicast=multicast, **options)
                begun.append(one)
                return await one.start()

            try:
                await asyncio.wait_for(test(side), LIMIT)
            finally:
                for one in begun:
                    await one.close()

        asyncio.run(main())

    return run


def test_members_of_one_authority_meet_by_multicast_and_by_address(sides: Any) -> None:
    async def test(side: Any) -> None:
        a, b = await side(A, multicast="lo"), await side(B, multicast="lo")
        assert (B, A) == (await a.linked.get(), await b.linked.get())
        assert a.address.startswith(f"tls/{HOST}:")
        c = await side(C)
        await c.carrier.connect(a.address)
        assert A == await c.linked.get()
        for size in (5, 1_000_000):  # before and after one record of TLS
            a.carrier.put(C, b"x" * size)
            assert (A, b"x" * size) == await c.got.get()
            c.carrier.put(A, b"y" * size)
            assert (C, b"y" * size) == await a.got.get()

    sides(test)


def test_a_node_whose_link_broke_counts_as_found_once_it_is_reached_and_again_once_it_has_proven_itself(
    sides: Any,
) -> None:
    """Over a distance the handshake alone takes as long as a heartbeat, after which the node would be lost."""

    async def test(side: Any) -> None:
        a, c = await side(A), await side(C)
        await c.carrier.connect(a.address)
        assert (A, True) == await c.hints.get()
        c.link(A)._socket.shutdown(socket.SHUT_RDWR)
        assert [(A, False), (A, True), (A, True)] == [await c.hints.get() for _ in range(3)]

    sides(test)


@pytest.mark.parametrize("fault", ["other authority", "expired", "other name", "no certificate", "plain"])
def test_a_stranger_meets_nobody_and_a_member_beside_it_does(tmp_path: Path, sides: Any, fault: str) -> None:
    authority = Authority(tmp_path, "again")
    bad = {
        "other authority": lambda: Authority(tmp_path, "other").member("bad"),
        "expired": lambda: authority.member("bad", days=-1),
        "other name": lambda: authority.member("bad", host="10.0.0.9"),
    }.get(fault, lambda: authority.member("bad"))()

    async def test(side: Any) -> None:
        a = await side(A, tls=authority.member("a"))
        if fault in ("no certificate", "plain"):
            assert b"" == await asyncio.to_thread(_read, a.address, authority.ca if fault == "no certificate" else None)
        else:
            stranger = await side(B, tls=bad)
            await stranger.carrier.connect(a.address)
            await stranger.dropped.get()
        assert a.linked.empty()
        c = await side(C, tls=authority.member("c"))
        await c.carrier.connect(a.address)
        assert (A, C) == (await c.linked.get(), await a.linked.get())
        assert [C] == list(a.carrier._links)

    sides(test)


def _read(address: str, ca: str | None) -> bytes:
    """Return what a client gets that shows no certificate."""
    plain = socket.create_connection((HOST, int(address.rpartition(":")[2])), LIMIT)
    if ca is None:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with plain:
            return plain.recv(100)[:0]
    context = ssl.create_default_context(cafile=ca)
    context.check_hostname = False
    try:
        with context.wrap_socket(plain) as one:
            one.sendall(b"hello")
            return one.recv(100)
    except OSError:
        return b""


def test_with_certificates_a_plain_address_and_a_missing_file_are_refused(tmp_path: Path, sides: Any) -> None:
    tls = Authority(tmp_path).member("a")
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")

    async def test(side: Any) -> None:
        for options, reason in (
            ({"connect": ["tcp/127.0.0.1:1"]}, ("tls_required", "tcp/127.0.0.1:1")),
            ({"connect": ["unix//run/b.sock"]}, ("tls_required", "unix//run/b.sock")),
            ({"tls": Tls("none.pem", tls.cert, tls.key)}, ("unreadable", "none.pem")),
            ({"tls": Tls(str(junk), tls.cert, tls.key)}, ("cannot_start", str(junk))),
            ({"multicast": "none0"}, ("cannot_start", "none0")),
        ):
            with pytest.raises(CarrierError) as caught:
                await side(A, **{"tls": tls, **options})
            assert reason == caught.value.reason

    sides(test)


def test_forged_announcements_cost_a_loop_little_and_delay_nobody(sides: Any, tmp_path: Path) -> None:
    """The group is known to whoever listens on the network; the secret is not."""

    async def test(side: Any) -> None:
        a = await side(A, multicast="lo")
        heard = a.carrier._announcing
        forger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        forger.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(HOST))
        target = heard._group, heard._port
        forged = heard._mine[:-20] + b"7" * 20
        for _ in range(20_000):
            forger.sendto(forged, target)
        forger.close()
        begun = asyncio.get_running_loop().time()
        b = await side(B, multicast="lo")
        assert A == await b.linked.get()
        assert asyncio.get_running_loop().time() - begun < 5
        assert [B] == list(a.carrier._links)

    sides(test)


def test_an_announcement_of_another_group_or_secret_is_not_heard() -> None:
    async def test() -> None:
        loop, heard = asyncio.get_running_loop(), asyncio.Queue[Any]()
        one = Announcing(loop, "g", b"secret", "lo", heard.put_nowait)
        others = [Announcing(loop, "g", b"other", "lo", print), Announcing(loop, "g", b"secret", "lo", print)]
        for number, other in enumerate(others):
            other.begin(NodeId("b", number), "tls/10.0.0.5:7447")
        assert (NodeId("b", 1), "tls/10.0.0.5:7447") == await asyncio.wait_for(heard.get(), LIMIT)
        assert heard.empty()
        for each in (one, *others):
            each.close()

    asyncio.run(test())


def test_an_advertised_address_is_the_one_that_others_dial(sides: Any, tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def test(side: Any) -> None:
        with socket.socket() as free:
            free.bind((HOST, 0))
            inside = free.getsockname()[1]
        async with forwarding(str(inside), 0.0) as outside:
            a = await side(A, tls=authority.member("a"), listen=f"{HOST}:{inside}", advertise=f"{HOST}:{outside}")
            assert f"tls/{HOST}:{outside}" == a.address == a.carrier.address
            b = await side(B, tls=authority.member("b"))
            await a.carrier.connect(b.address)
            assert (A, B) == (await b.linked.get(), await a.linked.get())
            targets = {str(address) for address in b.carrier._dialler._targets}
            assert {f"tls/{HOST}:{outside}"} == targets
            await b.tried.wait()

    sides(test)


def test_a_name_of_all_members_does_not_count_as_that_of_this_node(sides: Any) -> None:
    async def test(side: Any) -> None:
        a, b = await side(A), await side(B)
        here, there = (StreamAddress.parse(one.address, tls=True) for one in (a, b))
        places: dict[str, list[StreamAddress]] = {"all.example": [here, there], "alone.example": [here]}
        met, own = asyncio.Queue[NodeId](), asyncio.Queue[str]()

        async def resolve(address: StreamAddress) -> list[StreamAddress]:
            return places[address.host]

        def set_node(target: Any, node: NodeId, before: Any = a.carrier._dialler.set_node) -> None:
            before(target, node), met.put_nowait(node)

        a.carrier._resolve, a.carrier._dialler.set_node, a.carrier.on_itself = resolve, set_node, own.put_nowait
        await a.carrier.connect("tls/all.example:7447")
        assert {A, B} == {await met.get(), await met.get()}
        await a.carrier.connect("tls/alone.example:7447")
        assert "tls/alone.example:7447" == await own.get()
        assert own.empty()

    sides(test)


def test_an_address_to_advertise_needs_certificates(tmp_path: Path) -> None:
    async def main() -> None:
        carrier = DirectCarrier("group", b"secret", folder=tmp_path, listen=f"{HOST}:0", advertise=f"{HOST}:7447")
        with pytest.raises(CarrierError) as caught:
            await carrier.start(A, lambda *_: None, lambda *_: None)
        assert ("tls_required", f"{HOST}:7447") == caught.value.reason

    asyncio.run(main())
