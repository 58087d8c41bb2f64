"""Measurements of the service while it runs: memory, descriptors, connections to PostgreSQL."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from examples.orders.ledger import UNAVAILABLE

from .stage import Stage

EVERY = 2.0


@dataclass(frozen=True)
class Sample:
    at: float
    pid: int
    resident: int  # MB
    descriptors: int
    connections: int | None  # None while there is no database
    peers: Counter[str] = field(default_factory=Counter[str])  # the sockets among the descriptors

    @property
    def own_descriptors(self) -> int:
        """All but the connections of clients, which come and go with the load."""
        return self.descriptors - self.peers["client"]


async def measure(stage: Stage, samples: list[Sample]) -> None:
    """Take samples until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(EVERY)
        if stage.service.has_ended():
            continue
        folder = Path("/proc", str(stage.service.pid))
        try:
            pages = int((folder / "statm").read_text().split()[1])
            descriptors = [str(link.readlink()) for link in (folder / "fd").iterdir()]
            peers = peers_of(stage, descriptors, (folder / "net" / "tcp").read_text())
        except (OSError, IndexError):  # it ended just now
            continue
        try:
            async with stage.connect() as connection:
                connections = await connection.fetchval(
                    "SELECT count(*) - 1 FROM pg_stat_activity WHERE datname = current_database()"
                )
        except UNAVAILABLE:
            connections = None
        megabytes = pages * 4096 // 2**20
        samples.append(Sample(loop.time(), stage.service.pid, megabytes, len(descriptors), connections, peers))


def peers_of(stage: Stage, descriptors: list[str], table: str) -> Counter[str]:
    """Count the sockets by the program at their other end; `table` is the kernel's table of TCP sockets."""
    ends: dict[str, int] = {}
    for row in table.splitlines()[1:]:
        _, _, remote, *_, inode = row.split()[:10]
        ends[f"socket:[{inode}]"] = int(remote.split(":")[1], 16)
    return Counter(stage.ports.get(ends[one], "client") for one in descriptors if one in ends)


@dataclass(frozen=True)
class Growth:
    """Medians after the warm-up and at the end of the last run of the service."""

    seconds: float
    resident: tuple[float, float]
    descriptors: tuple[float, float]
    peers: tuple[Counter[str], Counter[str]] = (Counter(), Counter())


def growth(samples: list[Sample]) -> Growth:
    """Compare the second fifth of the life of the service with the last one."""
    last = [sample for sample in samples if sample.pid == samples[-1].pid]
    fifth = max(1, len(last) // 5)
    early, late = last[fifth : 2 * fifth] or last, last[-fifth:]
    return Growth(
        last[-1].at - last[0].at,
        (median(s.resident for s in early), median(s.resident for s in late)),
        (median(s.own_descriptors for s in early), median(s.own_descriptors for s in late)),
        (early[-1].peers, late[-1].peers),
    )
