"""A name that must be granted, whose answer a test gives; for the tests of `async grant(pid)`."""

from __future__ import annotations

import asyncio
from typing import Any

import otp

__all__ = ["Answered", "World"]


class World:
    """State that all programs share: the process behind each name, and the requests in their order."""

    def __init__(self) -> None:
        self.owners: dict[str, otp.Pid] = {}
        self.log: list[str] = []

    def name(self, key: str = "it", **options: Any) -> Answered:
        """Return a name of this world."""
        return Answered(self, key, **options)


class Answered:
    """A name whose grant waits for `answer(value)`: a bool, or an error to raise.

    The `first` answers are given without waiting; `asked` is the process that waits for the next one. With `stubborn`,
    its grant ignores the first cancellation, and takes the name all the same.
    """

    def __init__(self, world: World, key: str, *, first: tuple[Any, ...] = (), stubborn: bool = False) -> None:
        self.world = world
        self.key = key
        self.first = list(first)
        self.stubborn = stubborn
        self.asked: asyncio.Future[otp.Pid] = asyncio.get_running_loop().create_future()
        self._answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def answer(self, value: Any) -> Answered:
        """Let the grant go on."""
        self._answer.set_result(value)
        return self

    def whereis(self) -> otp.Pid | None:
        return self.world.owners.get(self.key)

    def register(self, pid: otp.Pid) -> bool:
        self.world.log.append("register")
        return True

    def unregister(self, pid: otp.Pid) -> None:
        self.world.log.append("unregister")
        if self.world.owners.get(self.key) == pid:
            del self.world.owners[self.key]

    async def grant(self, pid: otp.Pid) -> Any:
        self.world.log.append("grant")
        if not self.first and not self.asked.done():
            self.asked.set_result(pid)
        try:
            answer = self.first.pop(0) if self.first else await asyncio.shield(self._answer)
        except asyncio.CancelledError:
            self.world.log.append("cancelled")
            if not self.stubborn:
                raise
            answer = True
        if isinstance(answer, Exception):
            raise answer
        if answer is True:
            self.world.owners[self.key] = pid
        return answer
