"""The hubs' clock: a process whose timers trigger frames and heartbeats.

It has no state of its own, so it can be killed at any time: its successor asks every hub what is due.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import otp
from otp import GenServer, NoReply, Ok, impl
from superlearner.live.hub import LIVE, Hub, Tick
from superlearner.live.hubs import Hubs

__all__ = ["LivePage", "live_page"]


class LivePage(GenServer[Hubs]):
    """A clock that sends frames when they are due and beats for hubs with viewers."""

    @impl
    def init(self, hubs: Hubs) -> Ok[Hubs]:
        return Ok(hubs, then=otp.Continue("resume"))

    @impl
    def handle_continue(self, term: Any, hubs: Hubs) -> NoReply[Hubs]:
        for hub in hubs:
            hub.resume()
        return NoReply(hubs)

    @impl
    def handle_info(self, message: Any, hubs: Hubs) -> NoReply[Hubs]:
        # Anyone may send messages here, so compare their types first: a value's own `==` must not run.
        ref = message.ref if type(message) is otp.TimerFired else None
        tick = message.message if type(message) is otp.TimerFired else message
        if type(tick) is not Tick or not hubs.has(tick.hub):
            return NoReply(hubs)
        hub = tick.hub
        try:
            if tick.asked == "frame":
                hub.flush()
            elif (tick.asked == "watched" and hub.watched()) or (tick.asked == "beat" and hub.beats(ref)):
                self._arm(hub)
        except Exception as error:
            hub.failed(error)
            self._arm(hub)
        return NoReply(hubs)

    def _arm(self, hub: Hub) -> None:
        """Set the timer of a hub's next beat; earlier timers are ignored."""
        hub.next_beat(otp.start_timer(hub.heartbeat_interval, self.pid, Tick(hub, "beat")))


def live_page(hubs: Hubs) -> Callable[[], Any]:
    """Return the start function of the service."""

    async def start() -> Any:
        return await LivePage.start_link(hubs, name=LIVE)

    return start
