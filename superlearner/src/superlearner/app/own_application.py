"""The person's `Application` in the playground: its callbacks at the times where OTP has them."""

from __future__ import annotations

import inspect
import logging
from typing import Any, Literal, cast

from otp import Application

__all__ = ["OwnApplication"]

log = logging.getLogger(__name__)


class OwnApplication:
    """An application whose top supervisor is a child of the playground, so that it starts again if it gives up.

    Args:
        cls: the person's class.
        args: what its `start` gets.
    """

    def __init__(self, cls: Any, args: Any = ()) -> None:
        self.cls = cls
        self.args = args
        self.state: Any = None
        self.started = False

    async def start(self) -> Any:
        """Start what it depends on, then its top supervisor, linked; runs in the playground."""
        for needed in self.cls.applications:
            await Application.ensure_all_started(needed)
        result: Any = self.cls.__handler__().start("normal", self.args)
        started: Any = await result if inspect.isawaitable(result) else result
        if isinstance(started, tuple):
            started, self.state = cast("tuple[Any, Any]", started)
        self.started = True
        return started

    async def prep_stop(self) -> None:
        """Before its tree stops."""
        self.state = await self._told("prep_stop")

    async def stop(self) -> None:
        """After its tree has stopped."""
        await self._told("stop")

    async def _told(self, callback: Literal["prep_stop", "stop"]) -> Any:
        """Call a callback on the way down: it may fail, the way down goes on (as in OTP)."""
        if not self.started:
            return self.state
        try:
            result: Any = getattr(self.cls.__handler__(), callback)(self.state)
            return await result if inspect.isawaitable(result) else result
        except Exception:
            log.exception("application %s: %s failed", self.cls.name, callback)
            return self.state
