"""Watchdog of the platform: prints the callback that blocks the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import otp
from otp import GenServer, NoReply, Ok, impl
from otp.watchdog import AGAIN_AFTER_S, LIBRARY_FOLDERS, PING_EVERY_S, Held
from otp.watchdog import Watchdog as LoopWatchdog
from superlearner.base.terminal import complain
from superlearner.control.slots import id_text

__all__ = ["AGAIN_AFTER_S", "LIBRARY_FOLDERS", "WATCHDOG", "Held", "Watchdog", "WatchdogService"]

WATCHDOG: Final = "watchdog"


class Watchdog(LoopWatchdog):
    """A watchdog that prints to the terminal; for arguments see the base class."""

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
        self.after = after
        self.look: Callable[[], object] | None = None
        """Callback that the service runs regularly in the loop."""

    def text_of(self, name: object) -> str:
        """Return a name as the page shows it."""
        return id_text(name)


def _to_terminal(held: Held) -> None:
    complain(str(held))


@dataclass(slots=True)
class Watch:
    """State of the service: the factory and the current watchdog, if any."""

    make: Callable[[], Watchdog | None]
    watchdog: Watchdog | None = None


class WatchdogService(GenServer[Watch]):
    """The process that owns the watchdog's thread; a restart creates a new thread.

    The message `"again"` recreates the watchdog.
    """

    @impl
    def init(self, make: Callable[[], Watchdog | None]) -> Ok[Watch]:
        otp.process_flag("trap_exit", True)
        watch = Watch(make)
        self._begin(watch)
        return Ok(watch)

    @impl
    def handle_info(self, message: Any, watch: Watch) -> NoReply[Watch]:
        # Any process may send here. Check the type first, so that a value's own `==` does not run.
        if type(message) is WatchdogCheck and message.watchdog is watch.watchdog:
            self._look(message)
        elif type(message) is str and message == "again":
            if watch.watchdog is not None:
                watch.watchdog.stop()
            self._begin(watch)
        return NoReply(watch)

    def _begin(self, watch: Watch) -> None:
        watch.watchdog = watch.make()
        if watch.watchdog is not None:
            watch.watchdog.start()
            otp.send(self.pid, WatchdogCheck(watch.watchdog))

    def _look(self, due: WatchdogCheck) -> None:
        if due.watchdog.look is not None:
            due.watchdog.look()
        otp.send_after(PING_EVERY_S, self.pid, due)

    @impl
    def terminate(self, reason: Any, watch: Watch) -> None:
        if watch.watchdog is not None:
            watch.watchdog.stop()


@dataclass(frozen=True, slots=True, eq=False)
class WatchdogCheck:
    """Timer message for a watchdog's check, ignored by later watchdogs."""

    watchdog: Watchdog
