"""Servers that run what they are asked, such as a call of another one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import otp
from otp import GenServer, NoReply, Ok, Reply, impl

Act = Callable[[Any, otp.From], Awaitable[Any]]


class Peer(GenServer[Any]):
    """A server that replies to `None`, and runs each other request."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok({})

    @impl
    async def handle_call(self, request: Act | None, caller: otp.From, state: Any) -> Any:
        if request is None:
            return Reply("answer", state)
        result = await request(state, caller)
        return NoReply(state) if result is NoReply else Reply(result, state)

    @impl
    async def handle_cast(self, request: Act, state: Any) -> NoReply[Any]:
        await request(state, None)  # type: ignore[arg-type]
        return NoReply(state)


class AsksTheNext(GenServer[str]):
    """A server that passes each request on to the server of this name; without a name it never replies."""

    @impl
    def init(self, arg: str) -> Ok[str]:
        return Ok(arg)

    @impl
    async def handle_call(self, request: Any, caller: Any, state: str) -> Any:
        return Reply(await GenServer.call(state, request), state) if state else NoReply(state)


def asks(name: str, request: Act | None = None, *timeout: Any) -> Act:
    """Return an act that calls the server of this name."""

    async def act(state: Any, caller: otp.From) -> Any:
        return await GenServer.call(name, request, *timeout)

    return act


def catch_failure(act: Act) -> Act:
    """Return an act that catches the failure of a call, and returns it with the time."""

    async def guarded(state: Any, caller: otp.From) -> Any:
        try:
            return await act(state, caller)
        except otp.CallExit as failed:
            return (type(failed), str(failed), failed.cycle, otp.monotonic())

    return guarded


async def ask(name: str, request: Act) -> Any:
    return await GenServer.call(name, request, 60)
