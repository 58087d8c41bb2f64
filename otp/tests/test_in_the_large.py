"""Properties that only show at scale (design part 1 §2, §9), each in a fresh interpreter with its own memory."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import otp
from otp import GenServer, Ok, Reply, impl

ROOT = Path(__file__).parents[2]
MIB = 2**20


def in_a_fresh_interpreter(*arguments: str) -> dict[str, Any]:
    """Run a Python program; gives the JSON object it prints."""
    paths = {"PYTHONPATH": os.pathsep.join([str(ROOT / "otp" / "src"), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, env={**os.environ, **paths}
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_million_processes_and_calls_and_100000_crashes_give_their_memory_back() -> None:
    found = in_a_fresh_interpreter(__file__)
    assert found["processes"] == 1
    assert found["grown_mib"] < 3, found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_million_servers_need_at_most_a_gibibyte() -> None:
    found = in_a_fresh_interpreter(str(ROOT / "benchmarks" / "soak.py"), "million", "--seconds", "20")
    assert found["servers"] == 1_000_000
    assert found["rss_growth_gib"] <= 1.0, found
    assert found["alive_at_the_end"] == 1_000_000  # who was killed is back


# What the fresh interpreter does


class Echo(GenServer[None]):
    """A server that echoes requests."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok(None)

    @impl
    def handle_call(self, request: Any, caller: Any, state: None) -> Any:
        return Reply(request, state)


def nothing() -> None:
    """A process that ends at once."""


def crashes() -> None:
    """A process that ends with an error."""
    raise ValueError("on purpose")


async def spawns(count: int) -> None:
    """Start processes, and wait for the end of each hundredth."""
    for number in range(count):
        if number % 100:
            otp.spawn(nothing)
        else:
            _, ref = otp.spawn_monitor(nothing)
            await otp.receive(ref)


async def calls(count: int) -> None:
    """Call a server again and again."""
    server = await Echo.start(None)
    for number in range(count):
        await GenServer.call(server, number)
    await GenServer.stop(server)


async def downs(count: int) -> None:
    """Watch processes crash."""
    for _ in range(count):
        _, ref = otp.spawn_monitor(crashes)
        down = await otp.receive(ref)
        assert isinstance(down.reason, otp.Crash)


async def main() -> None:
    """All of it once to warm up, a tenth in size; then in full, and what memory has grown by."""
    from benchmarks.protocol import resident_bytes

    async def all_of_it(share: int) -> None:
        await spawns(1_000_000 // share)
        await calls(1_000_000 // share)
        await downs(100_000 // share)
        await asyncio.sleep(0)
        gc.collect()

    await all_of_it(10)
    before = resident_bytes()
    await all_of_it(1)
    grown = (resident_bytes() - before) / MIB
    print(json.dumps({"grown_mib": round(grown, 2), "processes": len(otp.processes())}))


if __name__ == "__main__":
    logging.getLogger("otp").setLevel(logging.CRITICAL + 1)
    otp.run(main)
