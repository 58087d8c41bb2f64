"""The user's `Application` in the playground, with all its callbacks."""

from __future__ import annotations

import inspect
import logging
from typing import Any, Literal, cast

import otp
from otp import Application
from superlearner.control.protection import release_applications

__all__ = ["OwnApplication"]

log = logging.getLogger(__name__)


class OwnApplication:
    """An application whose top supervisor is a child of the playground.

    Args:
        cls: the user's class.
        args: the argument of its `start`.
    """

    def __init__(self, cls: Any, args: Any = ()) -> None:
        self.cls = cls
        self.args = args
        self.state: Any = None
        self.started = False

    async def start(self) -> Any:
        """Start its dependencies, then its top supervisor, linked; runs in the playground."""
        for needed in self.cls.applications:
            await Application.ensure_all_started(needed)
        await release_applications(otp.node())
        result: Any = self.cls.__handler__().start("normal", self.args)
        started: Any = await result if inspect.isawaitable(result) else result
        if isinstance(started, tuple):
            started, self.state = cast("tuple[Any, Any]", started)
        self.started = True
        return started

    async def prep_stop(self) -> None:
        """Call `prep_stop`, before its tree stops."""
        self.state = await self._call("prep_stop")

    async def stop(self) -> None:
        """Call `stop`, after its tree has stopped."""
        await self._call("stop")

    async def _call(self, callback: Literal["prep_stop", "stop"]) -> Any:
        """Call a callback during shutdown; if it fails, the shutdown continues, as in OTP."""
        if not self.started:
            return self.state
        try:
            result: Any = getattr(self.cls.__handler__(), callback)(self.state)
            return await result if inspect.isawaitable(result) else result
        except Exception:
            log.exception("application %s: %s failed", self.cls.name, callback)
            return self.state
