"""Zenoh with certificates on both sides: who has none, or a wrong one, meets nobody."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import Any

import pytest
import zenoh

from certificate_authority import Authority
from otp.distribution import NodeId
from otp.distribution.carriers.carrier_error import CarrierError
from otp.distribution.carriers.zenoh import Tls, ZenohCarrier

A, B, C = NodeId("a", 1), NodeId("b", 1), NodeId("c", 1)


class FrameLog:
    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()

    async def start(self, carrier: ZenohCarrier, me: NodeId) -> ZenohCarrier:
        await carrier.start(me, lambda *frame: self.queue.put_nowait(frame), lambda *hint: self.queue.put_nowait(hint))
        return carrier

    async def __call__(self) -> Any:
        return await asyncio.wait_for(self.queue.get(), 20)


@pytest.fixture
def group() -> str:
    return secrets.token_hex(8)


def test_members_of_one_authority_meet_by_multicast_and_by_address(tmp_path: Path, group: str) -> None:
    authority = Authority(tmp_path)

    async def main() -> None:
        a, b, c = FrameLog(), FrameLog(), FrameLog()
        one = await a.start(ZenohCarrier(group, tls=authority.member("a")), A)
        two = await b.start(ZenohCarrier(group, tls=authority.member("b")), B)
        assert ((B, True), (A, True)) == (await a(), await b())
        assert one.address.startswith("tls/127.0.0.1:")
        three = await c.start(ZenohCarrier(group, tls=authority.member("c"), multicast=None), C)
        await three.connect(one.address)
        assert {(A, True), (B, True)} == {await c(), await c()}
        assert ((C, True), (C, True)) == (await a(), await b())
        three.put(B, b"hello")
        assert (C, b"hello") == await b()
        for carrier in (one, two, three):
            await carrier.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    "fault", ["other authority", "expired", "expired server", "no certificate", "wrong host", "plain"]
)
def test_a_stranger_meets_nobody_and_a_member_beside_it_does(tmp_path: Path, group: str, fault: str) -> None:
    """The stranger connects before the member does, so an event of the member shows that it was refused."""
    authority = Authority(tmp_path)
    good = authority.member("good")
    bad = authority.member("bad")
    at_seed = authority.member("seed")
    match fault:
        case "other authority":
            bad = Authority(tmp_path, "other").member("bad")
        case "expired":
            bad = authority.member("bad", days=-1)
        case "expired server":
            at_seed = authority.member("seed", days=-1)
        case "wrong host":
            at_seed = authority.member("seed", host="elsewhere.example")

    async def main() -> None:
        a = FrameLog()
        seed = await a.start(ZenohCarrier(group, tls=at_seed, multicast=None), A)
        refused = await asyncio.to_thread(_links, seed.address, fault, bad)
        assert not refused
        assert a.queue.empty()
        if fault not in ("expired server", "wrong host"):
            assert await asyncio.to_thread(_links, seed.address, "", good)
            b = FrameLog()
            member = await b.start(ZenohCarrier(group, tls=good, multicast=None, connect=[seed.address]), B)
            assert ((B, True), (A, True)) == (await a(), await b())
            await member.close()
        await seed.close()

    asyncio.run(main())


def _links(address: str, fault: str, tls: Tls) -> bool:
    """Whether a client of Zenoh, which gives up at once, links to `address`."""
    import json

    config = zenoh.Config()
    if fault == "plain":
        address = address.replace("tls/", "tcp/")
        settings: dict[str, Any] = {}
    else:
        settings = {"root_ca_certificate": tls.ca, "verify_name_on_connect": True}
        if fault != "no certificate":
            settings |= {"connect_private_key": tls.key, "connect_certificate": tls.cert, "enable_mtls": True}
    for key, value in {
        "mode": "client",
        "connect/endpoints": [address],
        "connect/timeout_ms": 2_000,
        "connect/exit_on_failure": True,
        "scouting/multicast/enabled": False,
        "transport/unicast/open_timeout": 1_000,
        "transport/link/tls": settings,
    }.items():
        config.insert_json5(key, json.dumps(value))
    try:
        session = zenoh.open(config)
    except zenoh.ZError:
        return False
    session.close()
    return True


def test_with_certificates_a_plain_address_and_a_missing_file_are_refused(tmp_path: Path, group: str) -> None:
    tls = Authority(tmp_path).member("a")
    missing = str(tmp_path / "none.pem")

    async def main() -> None:
        for options, reason in (
            ({"tls": tls, "connect": ["tcp/127.0.0.1:1"]}, ("tls_required", "tcp/127.0.0.1:1")),
            ({"tls": Tls(missing, tls.cert, tls.key)}, ("unreadable", missing)),
        ):
            with pytest.raises(CarrierError) as caught:
                await FrameLog().start(ZenohCarrier(group, **options), A)
            assert reason == caught.value.reason
        (tmp_path / "junk.pem").write_text("junk")
        with pytest.raises(CarrierError) as caught:
            await FrameLog().start(ZenohCarrier(group, tls=Tls(str(tmp_path / "junk.pem"), tls.cert, tls.key)), A)
        assert "cannot_start" == caught.value.reason[0]

    asyncio.run(main())
