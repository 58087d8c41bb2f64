"""A member in a program of its own, with distributed tables: `python distributed_member.py NAME COOKIE FOLDER`."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import otp
from distributed_children import Counter, Moving
from otp.cluster import Cluster, DistributedRegistry, DistributedSupervisor, Singleton
from otp.distribution import Settings

__all__ = ["ALLOW", "CHILDREN", "SETTINGS", "SETTLE"]

SETTINGS = Settings(heartbeat=0.25, dead=1.5)
SETTLE = 0.5
ALLOW = [Counter, Moving]
CHILDREN = [
    DistributedRegistry.child_spec(name="rooms"),
    DistributedSupervisor.child_spec(name="workers"),
    Singleton.child_spec((Counter, 0), name="lobby"),
]


async def _own() -> None:
    await DistributedRegistry.register("rooms", f"room of {otp.node().name}", 7)
    while True:
        await otp.receive()


async def main(name: str, cookie: str, folder: str) -> None:
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    async with otp.Node(name) as node:
        await Cluster.join(
            node, cookie=cookie, incarnations=Path(folder) / name, settings=SETTINGS, settle=SETTLE, allow=ALLOW
        )
        await node.start(otp.Supervisor, otp.Children(CHILDREN))
        node.spawn(_own)
        print("ready", flush=True)
        await asked.wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
