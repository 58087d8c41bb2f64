"""The six counters of the members: they keep their counts when their member leaves, and outlive a killed one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import otp
from otp import GenServer
from otp.cluster import Cluster, DistributedSupervisor
from otp.cluster.cluster import membership_of
from otp.distribution import TEACHING
from superlearner.cluster.ways import Way
from superlearner.demo.counters import COUNTERS, NAMES, DemoCounter

pytestmark = pytest.mark.program

LIMIT = 30.0
Run = Callable[..., subprocess.CompletedProcess[str]]


def places() -> dict[str, str]:
    found = {name: DistributedSupervisor.whereis(COUNTERS, name) for name in NAMES}
    return {name: pid.node for name, pid in found.items() if pid is not None}


def where(name: str) -> otp.Pid:
    pid = DistributedSupervisor.whereis(COUNTERS, name)
    assert pid is not None
    return pid


async def counts() -> list[int]:
    return [await GenServer.call(where(name), "count") for name in NAMES]


async def observe(data: Path, superlearner: Run) -> None:
    """Watch the counters of three members as a fourth one; stop `m2`, then kill `m1`."""
    arguments: dict[str, Any] = {**Way(data, settings=TEACHING).arguments("t"), "allow": (DemoCounter,)}
    cluster = await Cluster.join(otp.node(), **arguments)
    membership = membership_of(cluster)
    await cluster.wait_size(4, LIMIT)
    await DistributedSupervisor.start_link(name=COUNTERS, placement="least_loaded")
    while len(places()) < len(NAMES):
        await membership.changed()
    for number, name in enumerate(NAMES):
        for _ in range(number):
            GenServer.cast(where(name), "add")
    assert [0, 1, 2, 3, 4, 5] == await counts()

    stopped = await asyncio.to_thread(superlearner, "cluster", "stop", "m2")
    assert (0, "ended m2@127.0.0.1\n") == (stopped.returncode, stopped.stdout)
    while len(places()) < len(NAMES) or "m2@127.0.0.1" in membership.up:
        await membership.changed()
    assert "m2@127.0.0.1" not in places().values()
    assert [0, 1, 2, 3, 4, 5] == await counts()

    os.kill(json.loads((data / "members" / "begun.json").read_text())["m1"][0], signal.SIGKILL)
    while "m1@127.0.0.1" in membership.up:
        await membership.changed()
    async with asyncio.timeout(cluster.settle + 1):  # since its loss was detected
        while len(places()) < len(NAMES):
            await membership.changed()
    assert "m1@127.0.0.1" not in places().values()
    await cluster.leave(drain=False)


def test_counters_keep_their_counts_on_a_planned_leave_and_run_elsewhere_after_a_kill(
    superlearner: Run, tmp_path: Path
) -> None:
    begun = superlearner("cluster", "start", "3", "--teaching")
    try:
        assert 0 == begun.returncode, begun.stderr

        async def main() -> None:
            async with asyncio.timeout(LIMIT):
                await observe(tmp_path / "data", superlearner)

        otp.run(main)
    finally:
        superlearner("cluster", "stop")
