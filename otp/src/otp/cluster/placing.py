"""Asking the members of a distributed supervisor to start a child, until one does."""

# Ids, terms and reasons are of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Final

from otp.behaviours.supervisor.child_start import here
from otp.bounded import text
from otp.cluster.lease_placements import STORE_LIMIT
from otp.cluster.placed_state import PlacedState
from otp.kernel.ends.info import is_alive
from otp.kernel.steps.calling import call
from otp.kernel.values.errors import CallExit, StartError
from otp.kernel.values.results import Ignore

__all__ = ["ensure", "place"]

LONGEST_PAUSE: Final = 30.0
"""Maximum seconds until the child of a singleton whose start has failed is tried again."""


async def place(state: PlacedState, id: Any, term: Any, on: str | None = None, timeout: float = STORE_LIMIT) -> Any:
    """Ask a member to start a child, and return its answer. Raises `StartError` if that member is lost.

    In lease mode another one is asked if the store does not answer, until `timeout` seconds are over.
    """
    placements, me = state.placements, state.shared.membership.me.name
    unfit: dict[str, Any] = {}
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout
    while True:
        member = placements.choose(id, unfit, on)
        if member is None:
            return ("error", next(iter(unfit.values())))
        placements.placing[id] = member
        try:
            limit = (max(0.0, end - loop.time()) / 2,) if placements.leased else ()
            answer = await call(placements.supervisor(member), ("place", id, term, me, *limit), "infinity")
        except CallExit as error:
            reason = error.cause_reason
            if isinstance(reason, tuple) and reason[:1] == ("nodedown",):
                raise StartError(reason) from None
            answer = ("error", reason)
        finally:
            placements.placing.pop(id, None)
        match answer:
            case ("error", "max_children" | "left" | "noproc" | "shutdown" | "killed" as reason):
                unfit[member] = reason
            case ("error", ("not_spawnable" | "not_importable" | "lease_unavailable", _) as reason):
                unfit[member] = reason
            case ("ignored", _):
                return ("ok", Ignore())
            case _:
                return answer


async def ensure(state: PlacedState, id: Any, term: Any, pause: float | None = None) -> None:
    """Start the child of a singleton unless it is running; if its start fails, try again after a pause."""
    membership, answer, longest = state.shared.membership, None, LONGEST_PAUSE
    while answer is None and is_alive(state.shared.pid) and not membership.over:
        with suppress(StartError):  # the member that should start it is lost
            answer = await place(state, id, term)
    match answer:
        case None | ("ok", _):
            return
        case ("error", ("already_started", _)):
            if not state.placements.leased or state.placements.whereis(id) is not None:
                return
            pause = longest = state.placements.pause  # a member that this one has never seen has its lease, and may end
        case _:
            state.log("child %s could not start and will be retried", id, text(answer[1]))
    pause = membership.settings.heartbeat if pause is None else pause
    await asyncio.sleep(pause)
    here().runtime.spawn(ensure, state, id, term, min(2 * pause, longest))
