"""A server that records what it receives, and how a test reads the record."""

from __future__ import annotations

from typing import Any

import otp
from otp import Continue, GenServer, NoReply, Ok, Reply, Timeout, impl

__all__ = ["Log", "log_of"]


class Log(GenServer[list[Any]]):
    """A server that records what it receives; a request may contain the options of its result."""

    @impl
    def init(self, arg: Any) -> Any:
        return arg if arg is not None else Ok([])

    @impl
    def handle_call(self, request: Any, caller: Any, state: list[Any]) -> Any:
        match request:
            case "log":
                return Reply(list(state), state)
            case ("reply", options):
                return Reply("ok", [*state, "call"], **options)

    @impl
    def handle_cast(self, request: Any, state: list[Any]) -> Any:
        match request:
            case ("with", name, options):
                return NoReply([*state, name], **options)
        return NoReply([*state, request])

    @impl
    def handle_info(self, message: Any, state: list[Any]) -> Any:
        match message:
            case Timeout():
                return NoReply([*state, ("timeout", otp.monotonic())])
            case ("with", name, options):
                return NoReply([*state, name], **options)
        return NoReply([*state, message])

    @impl
    def handle_continue(self, term: Any, state: list[Any]) -> Any:
        match term:
            case ("then", first, then):
                return NoReply([*state, first], then=Continue(then))
            case ("raise", reason):
                raise otp.Exit(reason)
        return NoReply([*state, ("continue", term)])


async def log_of(server: Any) -> Any:
    """Return what a server answers to the request `"log"`."""
    return await GenServer.call(server, "log")
