"""The service `store`: the one process that writes. Killed at any time, the next one goes on where it was."""

from __future__ import annotations

import contextlib
from typing import Any, Final

import otp
from otp import GenServer, NoReply, Ok, impl
from superlearner.store.failures import StoreUnavailable
from superlearner.store.store import Store

__all__ = ["STORE", "StoreService"]

STORE: Final = "store"


class StoreService(GenServer[Store]):
    """Opens the store's database and commits what waits whenever the store reminds it."""

    @impl
    def init(self, store: Store) -> Ok[Store]:
        store.writer.attend(self.pid)
        return Ok(store, then=otp.Continue("open"))

    @impl
    async def handle_continue(self, term: Any, store: Store) -> NoReply[Store]:
        await self._go_on(store)
        return NoReply(store)

    @impl
    async def handle_info(self, message: Any, store: Store) -> NoReply[Store]:
        # Anybody may send here, so the type is looked at first: a value's own `==` must not run.
        if type(message) is str and (message == "open" or (message == "write" and store.trouble is None)):
            await self._go_on(store)
        return NoReply(store)

    async def _go_on(self, store: Store) -> None:
        with contextlib.suppress(StoreUnavailable):  # it has told so, and a reminder is on its way
            await store.writer.work()
