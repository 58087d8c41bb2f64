"""The servers of the workloads in `peer_otp.py`."""

from __future__ import annotations

from otp import GenServer, NoReply, Ok, Reply, impl, send

__all__ = ["AsyncCounter", "BusyCounter", "Counter", "Desk"]


class Counter(GenServer[int]):
    """A counter of calls and casts."""

    @impl
    def init(self, arg):
        return Ok(0)

    @impl
    def handle_call(self, request, caller, state):
        return Reply(state + 1, state + 1)

    @impl
    def handle_cast(self, request, state):
        return NoReply(state + 1)


class BusyCounter(Counter):
    """A counter with a message to itself in front of each request."""

    @impl
    def handle_call(self, request, caller, state):
        send(self.pid, "work")
        return Reply(state + 1, state + 1)

    @impl
    def handle_info(self, message, state):
        return NoReply(state)


class AsyncCounter(Counter):
    """A counter with an async callback that never waits."""

    @impl
    async def handle_call(self, request, caller, state):
        return Reply(state + 1, state + 1)


class Desk(GenServer[tuple]):
    """A server that keeps its callers waiting until it gets a message."""

    @impl
    def init(self, arg):
        return Ok(())

    @impl
    def handle_call(self, request, caller, waiting):
        match request:
            case "hold":
                return NoReply((caller, waiting))
            case "count":
                return Reply(length(waiting), waiting)
            case "release":
                while waiting:
                    held, waiting = waiting
                    GenServer.reply(held, 1)
                return Reply("released", ())


def length(chain: tuple) -> int:
    n = 0
    while chain:
        n, chain = n + 1, chain[1]
    return n
