"""The process for which a dynamic supervisor starts a child."""

from __future__ import annotations

import asyncio
import sys

import otp
from otp.observer.tree import find_requester
from otp.testing import Scheduler, wait_all_idle
from otp.watchdog import outward


class SlowRoom(otp.GenServer[None]):
    @otp.impl
    async def init(self, arg: asyncio.Event) -> otp.Ok[None]:
        await arg.wait()
        return otp.Ok(None)


def test_the_requester_of_a_child_is_found_whether_the_supervisor_is_free_or_busy() -> None:
    async def main() -> None:
        found: list[otp.Pid | None] = []

        def note(event: otp.trace.Event) -> None:
            if event.data["what"] == "SlowRoom":
                found.append(find_requester(outward(sys._getframe())))  # pyright: ignore[reportPrivateUsage]

        is_open = asyncio.Event()
        rooms = await otp.DynamicSupervisor.start_link()
        subscription = otp.trace.subscribe(otp.node(), note, kinds=("spawned",))

        async def ask() -> None:
            await otp.DynamicSupervisor.start_child(rooms, SlowRoom.child_spec(is_open, restart="temporary"))

        first, second = otp.spawn_monitor(ask), otp.spawn_monitor(ask)
        await wait_all_idle()
        assert found == [first[0]]
        is_open.set()  # the second one has asked while the supervisor waited for the first child
        await otp.receive()
        await otp.receive()
        assert found == [first[0], second[0]]
        await SlowRoom.start_link(is_open)
        assert found[2:] == [None]
        subscription.close()

    Scheduler(0).run(main)
