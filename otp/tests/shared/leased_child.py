"""A child in lease mode that prints when it begins, handles a message and ends, like `leased_member.py`."""

from __future__ import annotations

import json
import time
from typing import Any

import otp
from otp import GenServer, NoReply, Ok, impl
from otp.cluster import Singleton, epoch

__all__ = ["LOBBY", "Beats", "report"]

BEAT = 0.02


def report(*event: Any) -> None:
    """Print an event as a line of JSON."""
    print(json.dumps(event), flush=True)


async def _watch(pid: Any) -> None:
    otp.monitor(pid)
    down = await otp.receive()
    report("ended", down.reason[0] if isinstance(down.reason, tuple) else str(down.reason))


class Beats(GenServer[int]):
    """Sends itself a message every 20 ms; its state is its epoch."""

    @impl
    def init(self, arg: Any) -> Any:
        otp.spawn(_watch, otp.self())
        mine = epoch(("lobby", "lobby"))
        report("began", mine)
        otp.send_after(BEAT, otp.self(), "beat")
        return Ok(mine)

    @impl
    def handle_info(self, message: Any, state: int) -> Any:
        report("handles", time.monotonic(), state)
        otp.send_after(BEAT, otp.self(), "beat")
        return NoReply(state)


LOBBY = Singleton.child_spec((Beats, None), name="lobby", consistency="lease")
