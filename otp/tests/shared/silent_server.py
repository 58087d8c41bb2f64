"""A server that never answers."""

from __future__ import annotations

from typing import Any

from otp import GenServer, NoReply, Ok, impl


class Silent(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return NoReply(state)
