"""Two simulated clusters that meet after each has given the same name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import otp
from otp.cluster.simulation import SimulatedCluster
from otp.testing import advance

__all__ = ["meet_later"]


async def meet_later(sim: SimulatedCluster, own: Callable[[str], Any], first: int, later: int) -> tuple[Any, Any]:
    """Start `n2` apart from `n1`, register so many names on each and then `x`, and heal.

    Returns the process of `n1`, and the reason with which that of `n2` has ended. `own` registers a name and waits.
    """
    sim.cut("n1", "n2")
    await advance(10)
    await sim.start("n2")
    found: list[Any] = []
    for at, count in (("n1", first), ("n2", later)):
        for number in range(count):
            sim.spawn(at, own, f"{at} {number}")
        await advance(0.1)
        found.append(sim.spawn(at, own, "x"))
        await advance(0.1)
    ended = asyncio.ensure_future(otp.wait_down(found[1]))
    sim.heal()
    await sim.converge()
    return found[0], await ended if ended.done() else ended.cancel()
