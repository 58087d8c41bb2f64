"""Members that are found by lists of addresses, which are read again while the cluster runs."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from otp.cluster import Dns, FileList, Multicast, Static
from otp.cluster.cluster import _sources
from otp.cluster.cookies import discovery_key
from otp.distribution.carriers.carrier_error import CarrierError
from otp.distribution.carriers.simulated import SimulatedCarrier
from otp.kernel.values.errors import BadArgument
from simulated_clusters import SETTINGS, Clusters, names, settle


def test_members_of_a_fixed_list_meet_whoever_starts_first(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        everybody = Static("sim/a", "sim/b", "sim/d")
        a = await c.join("a", discovery=everybody)
        assert ["a"] == names(a)
        b, d = await c.join("b", discovery=everybody), await c.join("d", discovery=(Multicast(), everybody))
        for cluster in (a, b, d):
            await cluster.wait_size(3)

    clusters(main, hints=False)


def test_a_file_is_read_again(clusters: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "members"

    async def main(c: Clusters) -> None:
        a = await c.join("a")
        b = await c.join("b", discovery=FileList(path))
        await settle(4 * SETTINGS.heartbeat)
        warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        assert 1 == len(warnings)
        assert str(path) in warnings[0]
        path.write_text("# the members\n\n  sim/nowhere\nsim/a  # the first\n")
        await b.wait_size(2)
        await a.wait_size(2)

    clusters(main, hints=False)


def test_a_member_that_was_disconnected_is_not_found_again(clusters: Any) -> None:
    async def main(c: Clusters) -> None:
        a = await c.join("a")
        b = await c.join("b", discovery=Static("sim/a"))
        await b.wait_size(2)
        b.disconnect("a")
        await settle(5 * SETTINGS.dead)
        assert (["a"], ["b"]) == (names(a), names(b))

    clusters(main, hints=False)


def test_a_name_is_resolved_to_addresses() -> None:
    assert ["tls/127.0.0.1:7447"] == asyncio.run(Dns("127.0.0.1", 7447, "tls").addresses())
    assert ["tcp/[::1]:7447"] == asyncio.run(Dns("::1", 7447).addresses())
    (found,) = _sources(Dns("127.0.0.1", 7447), "tls")
    assert ["tls/127.0.0.1:7447"] == asyncio.run(found.addresses())


def test_an_address_that_cannot_work_is_logged_once(
    clusters: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    dialled: list[str] = []

    async def connect(self: SimulatedCarrier, address: str, *, again: bool = False) -> None:
        dialled.append(address)
        raise CarrierError(("tls_required", address), f"{address}: expected certificates")

    async def main(c: Clusters) -> None:
        await c.join("a", discovery=Static("tcp/10.0.0.5:7447"))
        await settle(5 * SETTINGS.dead)

    monkeypatch.setattr(SimulatedCarrier, "connect", connect)
    with caplog.at_level(logging.INFO, "otp"):
        clusters(main)
    assert len(dialled) > 1
    said = [record.getMessage() for record in caplog.records]
    assert 1 == said.count("a#1 looks for members at tcp/10.0.0.5:7447, by Static")
    assert 1 == said.count("a#1 cannot connect with a member: tcp/10.0.0.5:7447: expected certificates")


def test_addresses_and_sources_of_another_kind_are_errors(clusters: Any) -> None:
    with pytest.raises(BadArgument, match="Static: expected addresses"):
        Static("sim/a", 7)  # type: ignore[arg-type]
    for port in (0, -1, 65_536, "7447"):
        with pytest.raises(BadArgument, match="Dns: expected a port from 1 to 65535, got "):
            Dns("localhost", port)  # type: ignore[arg-type]

    async def main(c: Clusters) -> None:
        with pytest.raises(BadArgument, match="expected Multicast, Folder, Static, FileList or Dns, got 'sim/a'"):
            await c.join("a", discovery=["sim/a"])

    clusters(main)


def test_the_discovery_key_shows_which_cookie_is_the_same_and_nothing_else() -> None:
    keys = {discovery_key(cookie) for cookie in (b"a", b"b", b"a cookie", b"secret")}
    assert 4 == len(keys)
    assert not any(cookie in key for key in keys for cookie in ("cookie", "secret", b"secret".hex()))
    assert discovery_key(b"a") == discovery_key(b"a")
