"""Stored incidents of which a later row knows the end: each is listed once, with its latest end."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any, Final

from superlearner.observing.monitoring.facts import LAST_SEEN
from superlearner.operations.builtin.restart_loops import FAILED_START, INCIDENT, beginning, is_incident
from superlearner.store import MomentRow, Store

__all__ = ["end_of", "is_same_incident", "read_corrected", "without_corrected"]

ALIKE_S: Final = 0.002
MOST_NEAR: Final = 20
MOST_INCIDENTS: Final = 5000
"""Incidents beside another one, among which those that were corrected are looked for."""
MANY: Final = 500
"""Rows that are compared in a thread: the event loop does not wait for more."""


def is_same_incident(row: MomentRow, one: MomentRow) -> bool:
    """Return whether two incidents are the same: one that outlasts an attachment is stored again at its end."""
    near = is_incident(one) and row.node == one.node and abs(row.at - one.at) <= ALIKE_S
    if row.cause == FAILED_START:
        return near and row.line == one.line  # its beginning does not name the child
    return near and beginning(row.line) == beginning(one.line)


def end_of(row: MomentRow) -> tuple[float, bool]:
    """Return the end of an incident, to compare it with that of another row about it: when it was last seen is less."""
    return row.until, LAST_SEEN not in row.line


async def read_corrected(
    store: Store, asked: dict[str, Any], offset: int, limit: int, *, replays: bool
) -> tuple[list[MomentRow], int]:
    """Return rows, newest first, without those that were corrected, and the number of all: pages agree about both."""
    asked = asked | {"without": await _find_corrected(store, asked) or None}
    rows = await store.moments(**asked, limit=limit, offset=offset, replays=replays)
    return rows, await store.count_moments(**asked)


async def _find_corrected(store: Store, asked: dict[str, Any]) -> list[int]:
    """Return the ids of the rows that were corrected."""
    if asked["number"] not in (None, INCIDENT):
        return []
    near = await store.moments_beside(ALIKE_S, limit=MOST_INCIDENTS, **asked | {"number": INCIDENT})
    kept = without_corrected(near) if len(near) <= MANY else await asyncio.to_thread(without_corrected, near)
    return [*{row.id for row in near} - {row.id for row in kept}]


def without_corrected(rows: list[MomentRow]) -> list[MomentRow]:
    """Return rows with one for each incident, that with the latest end, in their order."""
    kept: dict[int, MomentRow] = {}
    places = defaultdict[tuple[str, ...], list[int]](list)
    for place, row in enumerate(rows):
        if is_incident(row):
            near = places[row.node, *beginning(row.line)]
            same = next((one for one in near[-MOST_NEAR:] if is_same_incident(row, kept[one])), None)
            if same is not None:
                kept[same] = max(kept[same], row, key=end_of)
                continue
            near.append(place)
        kept[place] = row
    return list(kept.values())
