"""The smallest tree worth watching: three independent workers.

    demo_one_for_one          one_for_one, 3 restarts in 5 s
    ├── counter_1             starts at 0
    ├── counter_2             starts at 100
    └── printer_1

Kill `counter_1` and only `counter_1` restarts, at 0: no other process holds its number, so no other has to restart
with it. Kill it a fourth time within 5 s and the supervisor gives up.
"""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

from otp import Children, From, GenServer, NoReply, Ok, Reply, Supervisor, impl

__all__ = ["Counter", "DemoOneForOne", "Printer"]

log = logging.getLogger(__name__)


class Counter(GenServer[float]):
    """A number. Casts: `"increment"`, `"decrement"`, `("add", n)`, `"reset"`, `"crash"`; the call `"get_value"`."""

    @impl
    def init(self, start: int) -> Ok[float]:
        return Ok(start)

    @impl
    def handle_call(self, request: Any, caller: From, value: float) -> Reply[float]:
        match request:
            case "get_value":
                return Reply(value, value)
            case _:
                raise ValueError(f"expected the call 'get_value', got {request!r}")

    @impl
    def handle_cast(self, request: Any, value: float) -> NoReply[float]:
        match request:
            case "increment":
                return NoReply(value + 1)
            case "decrement":
                return NoReply(value - 1)
            case ("add", int() | float() as amount):
                return NoReply(value + amount)
            case "reset":
                return NoReply(0)
            case "crash":
                raise RuntimeError("crashed on request")
            case _:
                raise ValueError(f"a counter does not understand {request!r}")

    @impl
    def handle_info(self, message: Any, value: float) -> NoReply[float]:
        # A stray message breaks no contract: the server ignores it and lives.
        return NoReply(value)


class Printed(NamedTuple):
    """The state of a printer."""

    prints: int
    last: str | None


class Printer(GenServer[Printed]):
    """Prints to the log and counts. Cast or call: `("print", text)`; the call `"get_print_count"`."""

    @impl
    def init(self, arg: object) -> Ok[Printed]:
        return Ok(Printed(0, None))

    @impl
    def handle_call(self, request: Any, caller: From, state: Printed) -> Reply[Printed]:
        match request:
            case "get_print_count":
                return Reply(state.prints, state)
            case ("print", text):
                return Reply("ok", printed(state, text))
            case _:
                raise ValueError(f"expected 'get_print_count' or ('print', text), got {request!r}")

    @impl
    def handle_cast(self, request: Any, state: Printed) -> NoReply[Printed]:
        match request:
            case ("print", text):
                return NoReply(printed(state, text))
            case "crash":
                raise RuntimeError("crashed on request")
            case _:
                raise ValueError(f"a printer does not understand {request!r}")

    @impl
    def handle_info(self, message: Any, state: Printed) -> NoReply[Printed]:
        return NoReply(state)


def printed(state: Printed, text: object) -> Printed:
    """Print `text` to the log and count it."""
    line = str(text)[:200]
    log.info("%s", line)
    return Printed(state.prints + 1, line)


class DemoOneForOne(Supervisor):
    """one_for_one, because none of the three uses another."""

    @impl
    def init(self, arg: object) -> Children:
        return Children(
            [
                Counter.child_spec(0, id="counter_1", name="counter_1"),
                Counter.child_spec(100, id="counter_2", name="counter_2"),
                Printer.child_spec(None, id="printer_1", name="printer_1"),
            ],
            strategy="one_for_one",
            max_restarts=3,
            max_seconds=5,
        )
