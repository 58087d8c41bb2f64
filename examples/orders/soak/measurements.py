"""Measurements of the service while it runs: memory, descriptors, connections to PostgreSQL."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import asyncpg

from .stage import Stage

EVERY = 2.0


@dataclass(frozen=True)
class Sample:
    at: float
    pid: int
    resident: int  # MB
    descriptors: int
    connections: int | None  # None while there is no database


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
            descriptors = len(list((folder / "fd").iterdir()))
        except (OSError, IndexError):  # it ended just now
            continue
        try:
            async with stage.connect() as connection:
                connections = await connection.fetchval(
                    "SELECT count(*) - 1 FROM pg_stat_activity WHERE datname = current_database()"
                )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            connections = None
        samples.append(Sample(loop.time(), stage.service.pid, pages * 4096 // 2**20, descriptors, connections))


@dataclass(frozen=True)
class Growth:
    """Medians after the warm-up and at the end of the last run of the service."""

    seconds: float
    resident: tuple[float, float]
    descriptors: tuple[float, float]


def growth(samples: list[Sample]) -> Growth:
    """Compare the second fifth of the life of the service with the last one."""
    last = [sample for sample in samples if sample.pid == samples[-1].pid]
    fifth = max(1, len(last) // 5)
    early, late = last[fifth : 2 * fifth] or last, last[-fifth:]
    return Growth(
        last[-1].at - last[0].at,
        (median(s.resident for s in early), median(s.resident for s in late)),
        (median(s.descriptors for s in early), median(s.descriptors for s in late)),
    )
