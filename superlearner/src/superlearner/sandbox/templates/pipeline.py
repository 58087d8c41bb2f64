"""A pipeline: later stages depend on earlier ones

A source makes numbers, a filter
passes on the odd ones, a sink adds
them up. With rest_for_one a crash
of the filter restarts the filter
and the sink; the source keeps
running. Kill each of them and
watch.
"""

from typing import Any

import otp
from otp import Children, GenServer, NoReply, Ok, Supervisor, impl

EVERY_S = 0.5


class Source(GenServer[int]):
    """Sends the next number, twice a second."""

    @impl
    def init(self, arg: Any) -> Ok[int]:
        otp.send_after(EVERY_S, self.pid, "tick")
        return Ok(0)

    @impl
    def handle_info(self, message: Any, n: int) -> NoReply[int]:
        GenServer.cast("filter", n)
        otp.send_after(EVERY_S, self.pid, "tick")
        return NoReply(n + 1)


class Filter(GenServer[int]):
    """Passes on odd numbers, and counts the others."""

    @impl
    def init(self, arg: Any) -> Ok[int]:
        return Ok(0)

    @impl
    def handle_cast(self, request: Any, dropped: int) -> NoReply[int]:
        if request % 2 == 0:
            return NoReply(dropped + 1)
        GenServer.cast("sink", request)
        return NoReply(dropped)


class Sink(GenServer[int]):
    """Adds up what arrives."""

    @impl
    def init(self, arg: Any) -> Ok[int]:
        return Ok(0)

    @impl
    def handle_cast(self, request: Any, total: int) -> NoReply[int]:
        return NoReply(total + request)


class Main(Supervisor):
    """rest_for_one: each child depends on the ones before it."""

    @impl
    def init(self, config: Any) -> Children:
        return Children(
            [
                Source.child_spec(None, id="source", name="source"),
                Filter.child_spec(None, id="filter", name="filter"),
                Sink.child_spec(None, id="sink", name="sink"),
            ],
            strategy="rest_for_one",
        )
