"""The hub's clock as a service: a process whose timers decide when a frame or a heartbeat is due."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import otp
from otp import GenServer, Node, NoReply, Ok, impl
from superlearner.control.tree import Clock, TreeReader
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
        match message:
            case "frame":
                hub.flush()
            case "beat" | "watched" if hub.beats(message):
                otp.send_after(hub.heartbeat_interval, self.pid, "beat")
            case _:
                pass
        return NoReply(hub)


def live_page(hub: Hub) -> Callable[[], Any]:
    """The start function of the service."""

    async def start() -> Any:
        return await LivePage.start_link(hub, name=LIVE)

    return start


def make_hub(node: Node, head: dict[str, Any], critical: Collection[str], **limits: Any) -> Hub:
    """A hub with a reader and a clock of its own."""
    clock = Clock()
    return Hub(node, TreeReader(clock, critical), clock, head, **limits)
