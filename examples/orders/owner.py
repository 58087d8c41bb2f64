"""Owners of clients: processes that work with a client for others, and whose connections last as long as they do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple, TypeVar

import otp
from otp import ExitSignal, From, GenServer, NoReply, Ok, Stop, impl

T = TypeVar("T")


class Owned(NamedTuple):
    client: Any
    manager: AbstractAsyncContextManager[Any]
    work: set[asyncio.Task[None]]


class Owner(GenServer[Owned]):
    """A process that opens a client, runs the requests of others with it at the same time, and closes it at its end.

    The requests run in tasks of the owner, so the client stays in order when a requesting process is killed.
    """

    @impl
    async def init(self, arg: Callable[[], AbstractAsyncContextManager[Any]]):
        otp.process_flag("trap_exit", True)  # so that `terminate` runs when its supervisor stops it
        manager = arg()
        return Ok(Owned(await manager.__aenter__(), manager, set()))

    @impl
    def handle_call(self, request: Callable[[Any], Awaitable[Any]], caller: From, state: Owned):
        task = asyncio.create_task(answer(request, state.client, caller))
        state.work.add(task)
        task.add_done_callback(state.work.discard)
        return NoReply(state)

    @impl
    def handle_info(self, message: Any, state: Owned):
        match message:
            case ExitSignal(_, reason):
                return Stop(reason, state)
            case _:
                return NoReply(state)

    @impl
    def format_status(self, state: Owned):
        return type(state.client).__name__  # a client shows its address, and with it a password

    @impl
    async def terminate(self, reason: Any, state: Owned):
        for task in state.work:  # those who wait learn that the owner has ended, not that its client is closed
            task.cancel()
        await asyncio.gather(*state.work, return_exceptions=True)
        await state.manager.__aexit__(None, None, None)


async def answer(work: Callable[[Any], Awaitable[Any]], client: Any, caller: From) -> None:
    try:
        result = "done", await work(client)
    except Exception as error:
        result = "failed", error
    GenServer.reply(caller, result)


async def using(owner: str, work: Callable[[Any], Awaitable[T]]) -> T:
    """Let an owner do some work with its client; return its result or raise its error."""
    match await GenServer.call(owner, work, timeout=15):
        case "done", result:
            return result
        case "failed", error:
            raise error
    raise AssertionError
