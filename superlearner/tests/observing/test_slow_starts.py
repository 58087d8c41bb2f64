"""Processes that hang in `init` while the platform stops are killed; the time of a standstill does not count."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp import GenServer, Ok, Pid
from otp.testing import Scheduler, advance
from stopped_programs import pass_time
from superlearner.observing import slow_starts
from superlearner.observing.slow_starts import GRACE_S, Rescue


class Waits(GenServer[None]):
    """A server whose start waits for an event."""

    async def init(self, begun_and_released: tuple[asyncio.Event, asyncio.Event]) -> Any:
        begun, released = begun_and_released
        begun.set()
        await released.wait()
        return Ok(None)


def test_a_process_that_hangs_is_killed() -> None:
    async def main() -> dict[Pid, float]:
        begun = asyncio.Event()
        otp.spawn(Waits.start, (begun, asyncio.Event()))
        await begun.wait()
        rescue = Rescue(otp.node())
        rescue.begin()
        await advance(2 * GRACE_S)
        rescue.end()
        return slow_starts.starting(otp.node())

    assert {} == Scheduler().run(main)


def test_a_start_during_which_the_platform_stood_still_is_not_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_starts, "GRACE_S", 0.1)

    async def main() -> bool:
        async with otp.Node("platform") as node:
            begun, released = asyncio.Event(), asyncio.Event()
            starting = asyncio.create_task(node.start(Waits, (begun, released)))
            await begun.wait()
            rescue = Rescue(node)
            rescue.begin()
            pass_time(0.3)
            asyncio.get_running_loop().call_later(0.06, released.set)  # after the next check
            found = await starting
            rescue.end()
            return otp.is_alive(found)

    assert asyncio.run(main())
