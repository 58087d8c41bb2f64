"""Names the callback that holds the event loop, while it does so, on the terminal: `otp.watchdog` for the platform."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import otp
from otp import GenServer, NoReply, Ok, impl
from otp.watchdog import AGAIN_AFTER_S, LIBRARY_FOLDERS, PING_EVERY_S, Held
from otp.watchdog import Watchdog as LoopWatchdog
from superlearner.control.slots import id_text
from superlearner.terminal import complain

__all__ = ["AGAIN_AFTER_S", "LIBRARY_FOLDERS", "Held", "Watchdog", "WatchdogService"]


class Watchdog(LoopWatchdog):
    """A watchdog that speaks on the terminal; its arguments are those of `otp.watchdog.Watchdog`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        node: otp.Node,
        *,
        after: float = 1.0,
        say: Callable[[Held], object] | None = None,
        answers_again: Callable[[Held], object] | None = None,
        began: Callable[[], object] | None = None,
    ) -> None:
        say = _to_terminal if say is None else say
        super().__init__(loop, node, after=after, say=say, answers_again=answers_again, began=began)
        self.look: Callable[[], object] | None = None
        """What the service calls every now and then in the loop, for what is seen without a thread."""

    def text_of(self, name: object) -> str:
        """As on the page."""
        return id_text(name)


def _to_terminal(held: Held) -> None:
    complain(str(held))


class WatchdogService(GenServer[Watchdog]):
    """The process that owns the thread: killed, it is started again with a thread of its own."""

    @impl
    def init(self, make: Callable[[], Watchdog]) -> Ok[Watchdog]:
        otp.process_flag("trap_exit", True)
        watchdog = make()
        watchdog.start()
        otp.send(self.pid, "look")
        return Ok(watchdog)

    @impl
    def handle_info(self, message: Any, watchdog: Watchdog) -> NoReply[Watchdog]:
        if message == "look":
            if watchdog.look is not None:
                watchdog.look()
            otp.send_after(PING_EVERY_S, self.pid, "look")
        return NoReply(watchdog)

    @impl
    def terminate(self, reason: Any, watchdog: Watchdog) -> None:
        watchdog.stop()
