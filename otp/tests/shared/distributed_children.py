"""Children of distributed supervisors, in a module that all members can import."""

from __future__ import annotations

from typing import Any

import otp
from otp import GenServer, Ignore, Ok, Reply, Stop, impl
from otp.testing import advance

__all__ = ["Counter", "Cranky", "Picky", "Slow", "by_first_letter", "fail_to_place"]


class Counter(GenServer[Any]):
    """Counts calls; it ends as it is asked to, and records the reason with which it is terminated."""

    ended: list[Any] = []

    @impl
    def init(self, arg: Any) -> Any:
        otp.process_flag("trap_exit", True)
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return Reply(state, state + 1)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return Stop(request, state)

    @impl
    def terminate(self, reason: Any, state: Any) -> None:
        Counter.ended.append(reason)


class Cranky(GenServer[Any]):
    """Does not start."""

    @impl
    def init(self, arg: Any) -> Any:
        return Stop(arg or "cranky")


class Picky(GenServer[str]):
    """Starts on the member that its argument names; elsewhere its start is ignored."""

    @impl
    def init(self, arg: str) -> Any:
        return Ok(arg) if otp.self().node == arg else Ignore()


class Slow(GenServer[float]):
    """Takes some seconds to start, and crashes when it is asked to."""

    @impl
    async def init(self, arg: float) -> Any:
        await advance(arg)
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: float) -> Any:
        return Stop(request, state)


def by_first_letter(id: Any, members: list[Any]) -> Any:
    """Place `a…` on the first member by name, all others on the last one."""
    ordered = sorted(members, key=lambda member: member.name)
    return ordered[0] if id.startswith("a") else ordered[-1].name


def fail_to_place(id: Any, members: list[Any]) -> Any:
    """Return no member."""
    return "nowhere"
