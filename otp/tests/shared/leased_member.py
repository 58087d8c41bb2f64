"""A member whose process wants the key `x` of a registry in lease mode: `leased_member.py NAME FOLDER TTL URL owner`.

With `child` instead of `owner`, a `Singleton` in lease mode runs instead of the process; `["shares", members]` is
printed once the member knows where it runs.

It prints `["began", epoch]` when it has the key, `["handles", time, epoch]` for each message, by a clock that all
programs of a machine share, and `["ended", reason]`. The cookie is that of `OTP_COOKIE`. SIGTERM ends it.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from pathlib import Path
from typing import Any

import otp
from leased_child import LOBBY, Beats, report
from otp.behaviours.registry.registry import AlreadyRegistered
from otp.cluster import Cluster, DistributedRegistry, EtcdLeases, LeaseUnavailable, PostgresLeases, epoch
from otp.distribution import Settings

__all__ = ["store_of"]

BEAT = 0.02
PAUSE = 0.05


def store_of(url: str) -> Any:
    """Return the store of leases at an address of PostgreSQL, or at several of etcd: `etcd:http://…,http://…`."""
    scheme, _, rest = url.partition(":")
    return EtcdLeases(rest.split(",")) if scheme == "etcd" else PostgresLeases(url)


async def _own() -> None:
    """Own the key once it is free, and handle messages as its owner."""
    while True:
        try:
            await DistributedRegistry.register("jobs", "x", timeout=1)
            break
        except (AlreadyRegistered, LeaseUnavailable):
            otp.send_after(PAUSE, otp.self(), "again")
            await otp.receive()
    mine = epoch(("jobs", "x"))
    report("began", mine)
    while True:
        otp.send_after(BEAT, otp.self(), "beat")
        await otp.receive()
        report("handles", time.monotonic(), mine)


async def _report() -> None:
    """Run owners one after the other, and print how they end."""
    while True:
        otp.monitor(otp.spawn(_own))
        down = await otp.receive()
        report("ended", down.reason[0] if isinstance(down.reason, tuple) else str(down.reason))


async def main(name: str, folder: str, ttl: str, url: str, kind: str) -> None:
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    settings = Settings(heartbeat=0.1, dead=0.5, lease_ttl=float(ttl))
    async with otp.Node(name) as node:
        cluster = await Cluster.join(
            node, settings=settings, incarnations=Path(folder) / name, leases=store_of(url), allow=[Beats]
        )
        if kind == "child":
            await node.start(otp.Supervisor, otp.Children([LOBBY]))
            report("shares", len(cluster.members()))
        else:
            await node.start(DistributedRegistry, {"consistency": "lease"}, name="jobs")
            node.spawn(_report)
        await asked.wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
