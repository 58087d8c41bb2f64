"""Servers whose child tasks hold a place for one, and give it back in their `finally`."""

from __future__ import annotations

import asyncio
from typing import Any

import otp
from loops import forever, turns
from otp import ChildSpec, GenServer, NoReply, Ok, Shared, Stop, impl

__all__ = ["Holder", "Place", "ended", "holder"]


class Place:
    """A place for one, and what has happened to it."""

    def __init__(self) -> None:
        self.taken = False
        self.log: list[str] = []

    def take(self, name: str) -> None:
        self.log.append(f"+{name}")
        if self.taken:
            raise OSError("address already in use")
        self.taken = True

    async def hold(self, name: str, turns_of_cleanup: int | None) -> None:
        """Give the place back when the task is cancelled, so many turns later; None: never, if it may wait."""
        try:
            await forever()
        finally:
            try:
                self.log.append(f"-{name}")
                if turns_of_cleanup is None:
                    await forever()
                else:
                    await turns(turns_of_cleanup)
            finally:
                self.taken = False
                self.log.append(f".{name}")


class Holder(GenServer[Any]):
    """Its argument: places, a name, turns that the cleanup takes."""

    @impl
    def init(self, arg: Any) -> Any:
        place, name, cleanup = arg
        place.take(name)
        return Ok(asyncio.create_task(place.hold(name, cleanup)))

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return Stop(request, state)

    @impl
    def handle_info(self, message: Any, state: Any) -> Any:
        return NoReply(state)


def holder(place: Place, name: str = "a", cleanup: int | None = 4, **options: Any) -> ChildSpec:
    return Holder.child_spec((Shared(place), name, cleanup), name=name, id=name, **options)


async def ended(name: str, reason: Any) -> None:
    """End a server by a signal, or by itself with a reason; its child task has just begun to clean up."""
    pid: Any = otp.whereis(name)
    if reason in ("kill", "shutdown"):
        otp.exit(pid, reason)
    else:
        GenServer.cast(pid, reason)
    await otp.wait_down(pid)
