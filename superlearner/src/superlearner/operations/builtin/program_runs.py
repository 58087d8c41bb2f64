"""Runs of the program of a node, from the stored ends and starts of the node."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

from superlearner.operations.builtin.restart_loops import PROGRAM
from superlearner.operations.builtin.restart_words import read_moment
from superlearner.operations.engine.seams import MomentHistory
from superlearner.operations.results.restarts import Crashed, Moment, Started

__all__ = ["list_runs"]

MOST_CHANGES: Final = 50


async def list_runs(history: MomentHistory, nodes: list[str], owner: str | None) -> list[float]:
    """Return when each run of a node's program but the first began, oldest first, as far as that is stored.

    A run is taken to begin at the end of the one before it: the platform may have attached it later.
    """
    rows, _ = await history.page(nodes, [], owner, None, None, 0, MOST_CHANGES, number=PROGRAM)
    moments = await asyncio.to_thread(lambda: [one for one in map(read_moment, rows) if one is not None])
    return list(_find_runs(sorted(moments, key=lambda one: one.at)))


def _find_runs(moments: Sequence[Moment]) -> Iterator[float]:
    ended, process = None, None
    for moment in moments:
        for event in moment.events:
            if isinstance(event, Crashed) and not moment.ran_on:
                ended = moment.at
            elif isinstance(event, Started):
                if ended is not None or process not in (None, event.pid):
                    yield moment.at if ended is None else ended
                ended, process = None, event.pid
