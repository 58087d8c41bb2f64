"""The hub's clock as a service: a process whose timers decide when a frame or a heartbeat is due."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import otp
from otp import GenServer, Node, NoReply, Ok, impl
from superlearner.control.clock import Clock
from superlearner.control.tree import TreeReader
from superlearner.web.hub import LIVE, Hub

__all__ = ["LivePage", "live_page", "make_hub"]


class LivePage(GenServer[Hub]):
    """The hub's clock: sends a frame when one is due, beats while somebody looks, else does nothing."""

    @impl
    def init(self, hub: Hub) -> Ok[Hub]:
        return Ok(hub, then=otp.Continue("resume"))

    @impl
    def handle_continue(self, term: Any, hub: Hub) -> NoReply[Hub]:
        hub.resume()
        return NoReply(hub)

    @impl
    def handle_info(self, message: Any, hub: Hub) -> NoReply[Hub]:
        # Anybody may send here, so the messages are compared by type first: a value's own `==` must not run.
        try:
            if type(message) is str and message == "frame":
                hub.flush()
            elif (type(message) is str and message == "watched" and hub.watched()) or (
                type(message) is otp.TimerFired and hub.beats(message.ref)
            ):
                self._arm(hub)
        except Exception as error:
            hub.failed(error)
            self._arm(hub)
        return NoReply(hub)

    def _arm(self, hub: Hub) -> None:
        """Time the next beat; only this timer is obeyed."""
        hub.next_beat(otp.start_timer(hub.heartbeat_interval, self.pid, "beat"))


def live_page(hub: Hub) -> Callable[[], Any]:
    """The start function of the service."""

    async def start() -> Any:
        return await LivePage.start_link(hub, name=LIVE)

    return start


def make_hub(node: Node, head: dict[str, Any], critical: Collection[str], **limits: Any) -> Hub:
    """A hub with a reader and a clock of its own."""
    clock = Clock()
    return Hub(node, TreeReader(clock, critical), clock, head, **limits)
