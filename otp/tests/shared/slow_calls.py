"""A server that answers late, and how a call to it failed."""

from __future__ import annotations

import asyncio
from typing import Any

import otp
from otp import GenServer, Ok, Reply, impl


class Busy(GenServer[None]):
    """Is busy for the requested number of seconds."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok(None)

    @impl
    async def handle_call(self, seconds: Any, caller: otp.From, state: None) -> Any:
        await asyncio.sleep(seconds)
        return Reply(f"after {seconds}", state)


async def failing(coroutine: Any) -> Any:
    try:
        return await coroutine
    except otp.CallExit as error:
        return type(error), error.cause_reason
