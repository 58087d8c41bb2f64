"""Processes of the restarts that the documentation plays; a recording shows the line that raised."""

from __future__ import annotations

from typing import Any

import otp
from otp import Children, GenServer, NoReply, Ok, Supervisor, impl

__all__ = ["Group", "Part", "price", "share"]


def share(visits: int) -> int:
    """Divide by zero, as a function for an agent."""
    return visits // 0


async def price(of: str) -> int:
    """Return a price at the message `go`, as a task; fail for one that is not known."""
    await otp.receive(otp.Is("go"))
    return {"tea": 3, "milk": 2}[of]


class Part(GenServer[dict[str, int]]):
    """A child that counts its messages, may be linked to another one, and fails on request."""

    @impl
    def init(self, arg: str | None) -> Ok[dict[str, int]]:
        """Link to the process of the name in `arg`."""
        if arg is not None:
            otp.link(otp.whereis(arg))
        return Ok({"handled": 0})

    @impl
    def handle_cast(self, request: Any, state: dict[str, int]) -> NoReply[dict[str, int]]:
        """Count the message, or fail."""
        if request == "bad":
            raise ValueError("bad request")
        return NoReply({"handled": state["handled"] + 1})


class Group(Supervisor):
    """A supervisor with these children."""

    @impl
    def init(self, arg: tuple[list[Any], dict[str, Any]]) -> Children:
        """Return the children and flags."""
        children, flags = arg
        return Children(children, **flags)
