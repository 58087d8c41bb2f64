"""The platform's side of the restarts of a node in another program: it requests each and passes it on once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import replace
from functools import partial
from typing import Final

import otp
from otp import standstill
from superlearner.nodes.remote import BadAnswer, RemoteError, RemoteNode, follow
from superlearner.nodes.remote.protocol import Drawn, Failed, Recent
from superlearner.operations.builtin.restart_loops import is_incident
from superlearner.restarts import recorder
from superlearner.restarts.ids import RUN
from superlearner.store import MomentRow

__all__ = ["MOST_RECALLED", "NodeListener"]

MOST_RECALLED: Final = 10_000
MOST_LINES: Final = 5_000
"""The restarts without a replay that a node may send in a minute; once attached, it sends all in its memory."""
MOST_UNSETTLED: Final = 200
WAIT_S: Final = 20.0
MARGIN_S: Final = 5.0
PAUSE_S: Final = 0.2
LAST_S: Final = 1.0
AT_ONCE_S: Final = 0.001

log: Final = logging.getLogger(__name__)


class NodeListener:
    """The requests to one node in another program, one after the other."""

    def __init__(
        self,
        remote: RemoteNode,
        take: Callable[[MomentRow], object],
        recall: Callable[[str], Awaitable[list[MomentRow]]],
    ) -> None:
        self._remote = remote
        self._take = take
        self._recall = recall
        self._run = ""
        self._known: dict[int, MomentRow] = {}
        """The restarts that are kept, without replays, by number."""
        self._summed: list[tuple[int, int]] = []
        """The first and the last number of each sum that was kept before the node was attached."""
        self._unsettled: list[MomentRow] = []
        """The newest that had not settled when it answered last."""
        self._asks_unsettled = True
        self._place = 0
        self._minute = -recorder.MINUTE_S
        self._taken = 0
        self._lines = 0
        self._task = asyncio.get_running_loop().create_task(self._live(), context=Context())

    def close(self, *, is_over: bool = False) -> None:
        """Stop. If its program has ended (`is_over`), keep what has not settled as it was last seen."""
        self._task.cancel()
        with contextlib.suppress(BadAnswer):
            for row in self._unsettled if is_over else ():
                if (is_incident(row) or self._is_new(row)) and self._has_room(row):
                    self._take(row)

    async def fetch_last(self) -> bool:
        """Fetch what has happened so far, settled or not; return whether the node answered in time."""
        try:
            async with standstill.timeout(LAST_S):
                await self._more(0)  # the node records what has not settled
                while await self._more(AT_ONCE_S):
                    pass
        except (RemoteError, TimeoutError):
            return False
        return True

    async def _live(self) -> None:
        try:
            await follow(partial(self._more, WAIT_S), PAUSE_S)
        except BadAnswer as error:
            log.warning("restarts of %s are no longer recorded: %s", self._remote.name, error)

    async def _more(self, seconds: float) -> bool | None:
        """Make one request; return whether there was anything new, None if the node cannot answer it."""
        asked = Recent(self._place, seconds, self._asks_unsettled)
        told = await self._remote.ask(asked, Drawn, seconds + MARGIN_S, is_use=False)
        if isinstance(told, Failed):
            if told.code == "malformed_request" and self._asks_unsettled:
                self._asks_unsettled = False  # an older service
                return await self._more(seconds)
            return None
        for place, row in told.moments:
            if is_incident(row):  # its run is its own
                known = await self._recall(row.run)
                if place > self._place:
                    self._place = place
                    if not known and self._has_room(row):
                        self._take(row)
                continue
            if row.run != self._run and RUN.fullmatch(row.run):
                await self._begin(row.run)  # may end here: another request then takes the row
            if place > self._place:
                self._place = place
                if self._is_new(row) and self._has_room(row):
                    self._take(row)
                    self._known[row.number] = replace(row, node=self._remote.name, data=None)
                    if len(self._known) > MOST_RECALLED:
                        del self._known[next(iter(self._known))]
        self._unsettled = told.unsettled[:MOST_UNSETTLED]
        for run in {one.run for one in self._unsettled if not is_incident(one) and one.run != self._run}:
            if RUN.fullmatch(run):
                await self._begin(run)
        return bool(told.moments)

    def has(self, number: int, run: str) -> bool:
        """Return whether a restart is kept, alone or in an earlier sum that the node may no longer have."""
        if run != self._run:
            return False
        return number in self._known or any(first <= number <= last for first, last in self._summed)

    def _is_new(self, row: MomentRow) -> bool:
        """Return whether a restart is not kept, or went on when it was."""
        known = self._known.get(row.number) if row.run == self._run else None
        if known is None:
            return not self.has(row.number, row.run)
        return replace(row, node=self._remote.name, data=None).continues(known)

    async def _begin(self, run: str) -> None:
        """Read the restarts that are kept of a run, once for each time the node is attached."""
        kept = await self._recall(run)
        if run == self._run:
            return  # another request was answered first
        kept.sort(key=lambda one: one.number)
        self._run, self._known = run, {row.number: row for row in kept}
        self._summed = [(row.number, row.last) for row in kept if not row.events]

    def _has_room(self, row: MomentRow) -> bool:
        """Return whether another one may be kept: a node that keeps to the limit never has too many."""
        now = otp.monotonic()
        if now - self._minute >= recorder.MINUTE_S:
            self._minute, self._taken, self._lines = now, 0, 0
        if row.data is None:
            self._lines += 1
            return self._lines <= MOST_LINES
        self._taken += 1
        return self._taken <= 2 * recorder.MOST_A_MINUTE
