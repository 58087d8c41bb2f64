"""The listener: a connection of its own on which PostgreSQL notifies of new orders."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

import asyncpg

import otp
from otp import ExitSignal, GenServer, NoReply, Ok, Stop, impl

from . import ledger

PAUSE = 1.0  # seconds before it connects again

log = logging.getLogger("orders")


class State(NamedTuple):
    database: str
    connection: asyncpg.Connection | None = None


class Listener(GenServer[State]):
    @impl
    def init(self, arg: str):
        otp.process_flag("trap_exit", True)
        return Ok(State(arg), timeout=0)

    @impl
    async def handle_info(self, message: Any, state: State):
        match message:
            case ExitSignal(_, reason):
                return Stop(reason, state)
            case "lost":
                return NoReply(State(state.database), timeout=PAUSE)
            case _ if state.connection is None:  # a Timeout
                return await self.connect(state)
            case _:
                return NoReply(state)

    async def connect(self, state: State) -> NoReply[State]:
        me = self.pid
        try:
            connection = await asyncpg.connect(state.database, timeout=3, command_timeout=5)
            connection.add_termination_listener(lambda *_: otp.send(me, "lost"))
            await connection.add_listener(ledger.CHANNEL, lambda *_: GenServer.cast("dispatcher", "dispatch"))
        except ledger.UNAVAILABLE as error:
            log.warning("no notifications of orders: %s", error or type(error).__name__)
            return NoReply(state, timeout=PAUSE)
        GenServer.cast("dispatcher", "dispatch")  # for those that were accepted in the meantime
        return NoReply(State(state.database, connection))

    @impl
    async def terminate(self, reason: Any, state: State):
        if state.connection is not None:
            await state.connection.close(timeout=2)
