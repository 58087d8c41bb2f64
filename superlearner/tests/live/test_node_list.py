"""The `platform` topic: what each page is notified of, whatever node it shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

import otp
from local_link import remote
from otp import Agent, Children, Supervisor, exit
from superlearner.operations.rights.users import User


class Kiosk(Supervisor):
    """A supervisor on the other node."""

    def init(self, arg: Any) -> Children:
        return Children([Agent.child_spec(int, id="till", name="till")])


@pytest.mark.operation("restart.list")
def test_a_restart_on_another_node_is_announced_and_listed(inside: Callable[..., Any]) -> None:
    async def test(running: Any) -> None:
        platform = running.platform
        of_learner = platform.node_list.of(User("ada", frozenset({"own"})))
        async with otp.Node("b@127.0.0.1") as other, remote(platform, other):
            await other.start(Kiosk, name="kiosk")
            page = platform.node_list.attach()
            frame = msgspec.json.decode(await page.next())
            assert frame["restarts"] == 0
            till = other.whereis("till")
            assert till is not None
            exit(till, "kill")
            async with asyncio.timeout(20):
                while not frame["restarts"]:
                    frame = msgspec.json.decode(await page.next())
            (line,) = (await running.get("/api/v1/restarts?settled=true"))["data"]
            assert (line["node"], line["line"]) == ("b@127.0.0.1", "till was killed and restarted")
        assert msgspec.json.decode(of_learner.snapshot())["restarts"] == 0

    inside(test)


def test_a_restart_on_the_node_of_the_platform_is_announced_so_that_start_lists_it(inside: Callable[..., Any]) -> None:
    async def test(running: Any) -> None:
        platform = running.platform
        await platform.node.start(Kiosk, name="kiosk")
        page = platform.node_list.attach()
        frame = msgspec.json.decode(await page.next())
        exit(platform.node.whereis("till"), "kill")
        async with asyncio.timeout(20):
            while not frame["restarts"]:
                frame = msgspec.json.decode(await page.next())

    inside(test)
