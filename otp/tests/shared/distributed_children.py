"""Children of distributed supervisors, in a module that all members can import."""

from __future__ import annotations

from typing import Any

import otp
from otp import GenServer, Ignore, NoReply, Ok, Reply, Stop, impl
from otp.cluster.claims import plain
from otp.testing import advance

__all__ = [
    "Counter",
    "Cranky",
    "Moving",
    "Late",
    "Noting",
    "Picky",
    "Slow",
    "SlowOn",
    "Stateful",
    "by_first_letter",
    "fail_to_place",
    "start_with_object",
    "start_with_word",
]


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


class Moving(GenServer[int]):
    """Counts calls, wherever it runs."""

    @impl
    def init(self, arg: int) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: int) -> Any:
        return Reply(state, state + 1)

    @impl
    def handoff(self, state: int) -> int:
        return state

    @impl
    def take_over(self, arg: int, term: int) -> Any:
        return Ok(term)


class Noting(Moving):
    """Notes each message that it begins to handle; its argument is its id."""

    note: Any = None

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        holder = plain(otp.whereis("workers"))  # the supervisor on this member has the lease
        Noting.note("handling", table=("supervisor", "workers"), key=state, pid=holder)
        return NoReply(state) if request == "work" else Stop(request, state)


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


class Stateful(GenServer[list[Any]]):
    """Keeps what it gets, and hands it over; the argument `"slow"` or `"bad"` makes its `handoff` so."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok([arg])

    @impl
    async def handle_call(self, request: Any, caller: Any, state: list[Any]) -> Any:
        if request == "wait":
            await advance(1)
        if isinstance(request, tuple):
            state = [*state, request]
        return Reply(list(state), state)

    @impl
    def handle_cast(self, request: Any, state: list[Any]) -> Any:
        if request == "crash":
            return Stop(request, state)
        return NoReply([*state, request])

    @impl
    async def handoff(self, state: list[Any]) -> Any:
        if state[0] == "slow":
            await advance(60)
        return object() if state[0] == "bad" else state

    @impl
    def take_over(self, arg: Any, term: list[Any]) -> Any:
        return Stop("refused") if arg == "refuses" else Ok([*term, "moved"])

    @impl
    def terminate(self, reason: Any, state: list[Any]) -> None:
        state.clear()


class SlowOn(GenServer[Any]):
    """Takes some seconds to start on the member that its argument names."""

    @impl
    async def init(self, arg: Any) -> Any:
        member, seconds = arg
        if otp.self().node == member:
            await advance(seconds)
        return Ok(arg)


class Late(GenServer[Any]):
    """Does not start while `missing` is above 0; each attempt lowers it."""

    missing: int = 0

    @impl
    def init(self, arg: Any) -> Any:
        Late.missing -= 1
        return Stop("missing") if Late.missing >= 0 else Ok(arg)


async def start_with_word() -> Any:
    """Start a counter, and return a word with its pid."""
    return await Counter.start_link(0), "word"


async def start_with_object() -> Any:
    """Start a counter, and return something with its pid that cannot travel."""
    return await Counter.start_link(0), {"lock": object()}


def by_first_letter(id: Any, members: list[Any]) -> Any:
    """Place `a…` on the first member by name, all others on the last one."""
    ordered = sorted(members, key=lambda member: member.name)
    return ordered[0] if id.startswith("a") else ordered[-1].name


def fail_to_place(id: Any, members: list[Any]) -> Any:
    """Return no member."""
    return "nowhere"
