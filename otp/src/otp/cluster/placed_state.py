"""The children of a distributed supervisor on one member: those of a dynamic supervisor, with ids."""

# Terms have no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from otp.behaviours.server.child_spec import Children, ChildSpec
from otp.behaviours.supervisor.dynamic_state import DynamicState
from otp.bounded import text
from otp.cluster.placements import Placements
from otp.cluster.shared_table import SharedTable, Shares
from otp.kernel.ends.death import decide
from otp.kernel.steps.calling import cast
from otp.kernel.values.process import DEAD
from otp.kernel.values.sentences import say

__all__ = ["CONFLICT", "PlacedState"]

CONFLICT = "name_conflict"
"""The tag of the message that asks a supervisor to terminate a child that has lost its id."""


class PlacedState(DynamicState, Shares):
    """The children on this member; each start, restart and end is recorded in the shared table."""

    __slots__ = (
        "arriving",
        "coming",
        "finishing",
        "handoff_timeout",
        "ids",
        "losing",
        "placements",
        "shared",
        "terms",
        "to_move",
    )

    def __init__(self, flags: Children, template: ChildSpec | None = None, **options: Any) -> None:
        super().__init__(flags, template, **options)
        self.shared: SharedTable
        self.placements: Placements
        self.ids: dict[Any, Any] = {}
        """The id of each child here, by its process."""
        self.terms: dict[Any, Any] = {}
        """The terms of children that are starting."""
        self.coming: dict[Any, Any] = {}
        """Children that are moving here, each with its process on the member it moves from."""
        self.losing: set[Any] = set()
        """Processes of children that have lost their id and will be terminated."""
        self.finishing: dict[Any, bool] = {}
        """Processes of children that handle their last messages before they move, each with whether it has ended."""
        self.handoff_timeout: float = 5
        """Seconds that a child has for that."""
        self.arriving: dict[Any, str] = {}
        """Children that have moved, each with its new member, until all members know it."""
        self.to_move: dict[Any, str] = {}
        """Children that will move, each with its new member."""

    def lost(self, id: Any, pid: Any, winner: Any) -> None:
        """Terminate a child that has lost its id to another process."""
        self.losing.add(pid)
        cast(self.shared.pid, (CONFLICT, id, pid, winner))

    def log(self, what: str, id: Any, why: str) -> None:
        """Log a warning about a child of this member."""
        where = self.shared.membership.me.name
        say(logging.WARNING, f"{what} on %s, supervisor %s: %s", text(id), where, text(self.shared.table[1]), why)

    def kill_all(self) -> None:
        """End all children here, as `kill` does: their leases have ended. Those that are starting end too."""
        me = self.shared.pid
        links = me.links
        for pid in list(links) if type(links) is dict else [links]:
            if pid is not None and pid.parent is me:
                self._kill(pid, self.ids.get(pid, next(iter(self.placements.beginning), None)))
        self.losing.update(self.ids)

    def _kill(self, pid: Any, id: Any) -> None:
        if pid.status > DEAD:
            decide(pid, ("lease_lost", (self.shared.table[1], id)), self.shared.pid.runtime.outside, 0, True)

    def decide(self, pid: Any, spec: ChildSpec, reason: Any, now: int) -> Any:
        """Decide what follows from the end of a child."""
        verdict = super().decide(pid, spec, reason, now)
        if verdict == "restart":
            self.placements.beginning = (self.ids[pid],)
        return verdict

    def retry(self, old: Any, now: int) -> Any:
        """Decide about a failed restart; a child that may not run here any more is forgotten."""
        if old in self.ids and not self.placements.holds(self.ids[old]):
            self.forget(old)
            return "gone", None
        verdict, spec = super().retry(old, now)
        if verdict == "restart":
            self.placements.beginning = (self.ids[old],)
        return verdict, spec

    def failed(self, old: Any) -> None:
        """Record a failed restart, which will be retried."""
        super().failed(old)
        self.placements.beginning = ()

    def unsettled(self) -> bool:
        """Return whether any child has yet to start elsewhere or to end."""
        return bool(self.losing or self.to_move) or self.placements.unsettled()

    def process_of(self, id: Any) -> Any:
        """Return the process of a child here, which may have ended."""
        claim = self.placements.own(id)
        return None if claim is None else claim.pid

    def started(self, pid: Any, spec: ChildSpec, call: Callable[[], Any] | None = None) -> None:
        """Record a new child."""
        super().started(pid, spec, call)
        self.ids[pid] = id = spec.id
        if self.placements.own(id) is not None:
            self.placements.restart(id, pid)
        elif self.placements.holds(id):
            self.placements.begin(id, self.terms.pop(id), pid, self.coming.pop(id, None))
        else:  # the lease has ended during the start
            self.losing.add(pid)
            self._kill(pid, id)

    def restarted(self, old: Any, pid: Any) -> int:
        """Record a successful restart."""
        self.placements.beginning = ()
        restarts = super().restarted(old, pid)
        self.losing.discard(old)
        id = self.ids.pop(old)
        if pid is None:
            self.placements.end(id, old)
        else:
            self.ids[pid] = id
            if self.placements.own(id) is None:  # lost meanwhile
                self.lost(id, pid, self.placements.whereis(id))
            else:
                self.placements.restart(id, pid)
        return restarts

    def forget(self, pid: Any) -> None:
        """Remove a child for good."""
        super().forget(pid)
        self.losing.discard(pid)
        self.placements.end(self.ids.pop(pid, None), pid)

    def forget_moved(self, pid: Any) -> None:
        """Remove a child that moves to another member; its claim stays until it starts there."""
        super().forget(pid)
        del self.ids[pid]
