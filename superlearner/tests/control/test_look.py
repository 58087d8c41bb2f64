"""The sentence about a callback that has run for a while."""

from __future__ import annotations

import asyncio
from typing import Any

import otp
from otp import GenServer, NoReply, Ok, impl
from otp.testing import Scheduler, advance
from superlearner.control.look import describe_callback


class Waiting(GenServer[asyncio.Event]):
    @impl
    def init(self, arg: asyncio.Event) -> Ok[asyncio.Event]:
        return Ok(arg)

    @impl
    async def handle_cast(self, request: Any, state: asyncio.Event) -> NoReply[asyncio.Event]:
        await state.wait()
        return NoReply(state)


def test_a_callback_that_runs_for_a_second_is_told_with_its_line() -> None:
    """Regression: `error why` did not show a hang before it was a problem, after 4 s."""

    async def main() -> None:
        over = asyncio.Event()
        server = await Waiting.start(over)
        assert describe_callback(otp.trace.node_of(server), server) == ""
        GenServer.cast(server, "wait")
        await advance(0.9)
        assert describe_callback(otp.trace.node_of(server), server) == ""
        await advance(1.1)
        line = Waiting.handle_cast.__code__.co_firstlineno + 2
        told = f"it has been in handle_cast at test_look.py:{line} for 2 s"
        assert describe_callback(otp.trace.node_of(server), server) == told
        over.set()
        await otp.sys.get_state(server)
        assert describe_callback(otp.trace.node_of(server), server) == ""

    Scheduler().run(main)
