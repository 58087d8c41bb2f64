"""A server that answers with what it was asked."""

from __future__ import annotations

from typing import Any

from otp import GenServer, NoReply, Ok, Reply, impl


class Echo(GenServer[None]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(None)

    @impl
    def handle_call(self, request: Any, caller: Any, state: None) -> Any:
        return Reply(request, state)

    @impl
    def handle_cast(self, request: Any, state: None) -> Any:
        return NoReply(state)
