"""The `store` service, the only process that writes; it can be killed at any time."""

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
    """The process that opens the store's database and commits waiting rows."""

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
        # Any process may send here, so check the type first: a value's own `==` must not run.
        if type(message) is str and (message == "open" or (message == "write" and store.trouble is None)):
            await self._go_on(store)
        return NoReply(store)

    @impl
    def format_status(self, state: Store) -> Any:
        """Show the trouble instead of the whole store, whose address may name folders and passwords."""
        return {"trouble": None if state.trouble is None else state.trouble.why}

    async def _go_on(self, store: Store) -> None:
        with contextlib.suppress(StoreUnavailable):  # it was reported, and the next attempt is scheduled
            await store.writer.work()
