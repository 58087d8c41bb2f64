"""Servers whose child task takes a place, and releases it in its `finally`."""

from __future__ import annotations

import asyncio
from typing import Any

import otp
from loops import forever, turns
from otp import ChildSpec, GenServer, NoReply, Ok, Shared, Stop, impl

__all__ = ["Holder", "Place", "ended", "holder"]


class Place:
    """A place that one server can take at a time, with a log of its use."""

    def __init__(self) -> None:
        self.taken = False
        self.log: list[str] = []

    def take(self, name: str) -> None:
        self.log.append(f"+{name}")
        if self.taken:
            raise OSError("address already in use")
        self.taken = True

    async def hold(self, name: str, turns_of_cleanup: int | None) -> None:
        """Hold the place until the task is cancelled, and release it so many turns later; None waits for ever."""
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
    """A server with the argument `(place, name, turns of cleanup)`."""

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
    """End a server by a signal, or by itself; when this returns, its child task has just begun its cleanup."""
    pid: Any = otp.whereis(name)
    if reason in ("kill", "shutdown"):
        otp.exit(pid, reason)
    else:
        GenServer.cast(pid, reason)
    await otp.wait_down(pid)
