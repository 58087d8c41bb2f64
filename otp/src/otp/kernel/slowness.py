"""A fault that makes the callbacks of a server slow."""

# Messages are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import CoroutineType
from typing import Any, Final

from otp.kernel.debugging import with_debug
from otp.kernel.monitors import Monitor, unwatch, watch
from otp.kernel.process import Process
from otp.kernel.vtable import Callbacks

__all__ = ["Slowness"]

SLOWED: Final = ("handle_call", "handle_cast", "handle_info")


class Slowness:
    """A delay in front of each callback of `target`, like that of a slow disk.

    `hits` counts the callbacks. Meanwhile the server is busy and its mailbox grows; other processes continue. A code
    change also ends the delay.
    """

    __slots__ = ("_base", "_monitor", "_own", "_seconds", "ended", "hits", "target")

    def __init__(self, target: Process, seconds: float, ended: Callable[[], object] | None) -> None:
        self.target: Process = target
        self.hits: int = 0
        self.ended: Callable[[], object] | None = ended
        self._seconds = seconds
        self._base: Callbacks = target._vt
        self._own = own = Callbacks.__new__(Callbacks)
        for name in Callbacks.__slots__:
            setattr(own, name, getattr(self._base, name))
        for name in SLOWED:
            setattr(own, name, self._slowed(getattr(self._base, name)))
        target._vt = own
        self._monitor: Monitor = watch(target, lambda _reason: self.heal())

    def _slowed(self, callback: Callable[..., Any]) -> Callable[..., Any]:
        async def slowly(*args: Any) -> Any:
            self.hits += 1
            await asyncio.sleep(self._seconds)
            result = callback(*args)
            return await result if type(result) is CoroutineType else result

        return slowly

    def heal(self) -> None:
        """Go on at full speed, after the callback that waits now. Calling it twice has no effect."""
        ended, self.ended = self.ended, None
        unwatch(self._monitor)
        callbacks: Callbacks | None = self.target._vt
        if callbacks is self._own:
            self.target._vt = self._base
        elif callbacks is not None and callbacks.debug is not None and callbacks.debug.base is self._own:
            self.target._vt = with_debug(callbacks.debug, self._base)
        if ended is not None:
            ended()
