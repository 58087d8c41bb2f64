"""Owners of clients: processes whose connections last as long as they do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple

import otp
from otp import ExitSignal, From, GenServer, NoReply, Ok, Reply, Stop, impl


class Owned(NamedTuple):
    client: Any
    manager: AbstractAsyncContextManager[Any]


class Owner(GenServer[Owned]):
    """A process that opens a client, lends it to all who ask, and closes it at its end.

    Ask for the client each time you use it: after a restart of its owner it is another one.
    """

    @impl
    async def init(self, arg: Callable[[], AbstractAsyncContextManager[Any]]):
        otp.process_flag("trap_exit", True)  # so that `terminate` runs when its supervisor stops it
        manager = arg()
        return Ok(Owned(await manager.__aenter__(), manager))

    @impl
    def handle_call(self, request: Any, caller: From, state: Owned):
        return Reply(state.client, state)

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
        await state.manager.__aexit__(None, None, None)
