"""The servers that the workloads of `peer_otp.py` talk to."""

from __future__ import annotations

from otp import GenServer, NoReply, Ok, Reply, impl, send

__all__ = ["AsyncCounter", "BusyCounter", "Counter", "Desk"]


class Counter(GenServer[int]):
    """Counts what it is asked and told."""

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
    """Has always a message of its own in front of the next request."""

    @impl
    def handle_call(self, request, caller, state):
        send(self.pid, "work")
        return Reply(state + 1, state + 1)

    @impl
    def handle_info(self, message, state):
        return NoReply(state)


class AsyncCounter(Counter):
    """The same counter with a callback that may wait, though it does not."""

    @impl
    async def handle_call(self, request, caller, state):
        return Reply(state + 1, state + 1)


class Desk(GenServer[tuple]):
    """Lets its callers wait until somebody says so."""

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
