"""A server that returns its caller, or never replies."""

from __future__ import annotations

from typing import Any

import otp
from otp import GenServer, Ok, Reply, impl


class Server(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: otp.From, state: Any) -> Any:
        if request == "never":
            return otp.NoReply(state)
        return Reply((request, caller.pid), state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        otp.send(request, "cast")
        return otp.NoReply(state)
