"""The server of OTP's gen_server_SUITE, which follows instructions."""

from __future__ import annotations

from typing import Any

from otp import GenServer, NoReply, Ok, Reply, Timeout, impl


class Server(GenServer[Any]):
    """A server that follows instructions: a function of its state (and of the caller), or its new state."""

    @impl
    def init(self, arg: Any) -> Any:
        return arg() if callable(arg) else Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return request(caller, state) if callable(request) else Reply((request, state), state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return request(state) if callable(request) else NoReply(request)

    @impl
    def handle_info(self, message: Any, state: Any) -> Any:
        if message == Timeout():
            return state[0](*state[1:])  # what the server meant to do when nothing else happens
        return message(state) if callable(message) else NoReply(message)

    @impl
    def handle_continue(self, term: Any, state: Any) -> Any:
        return term(state)
