"""The formation of a cluster: which of two clusters that meet is the older one.

A member that starts forms a cluster of its own. When it meets an older cluster, it adopts that cluster's formation, and
gives its own claims to names later times than the claims there. So when two clusters meet for the first time, the older
one keeps its names. After a partition, both sides have the same formation, and the older claim wins.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otp.distribution import NodeId

if TYPE_CHECKING:
    from otp.cluster.claims import Claims
    from otp.cluster.membership import Membership

__all__ = ["Formation", "Shown", "read_shown"]

KIND: Final = "formed"


class Shown(NamedTuple):
    """A formation as a member sends it; of two that meet, the greater one stays.

    `age` is in seconds, `id` is the founder, and `time` is the logical time of the latest claim to a name.
    """

    age: float
    id: str
    time: int


class Formation:
    """The formation to which a member belongs."""

    def __init__(self, membership: Membership, loop: asyncio.AbstractEventLoop) -> None:
        self._membership = membership
        self._loop = loop
        self.id: str = str(membership.me)
        self._begun = loop.time()
        self.time: int = 0
        """The logical time of the latest claim to a key."""
        self._sent: dict[NodeId, Shown] = {}
        """The formation that was sent to each connected node: both sides compare the same two."""
        self._of: dict[NodeId, str] = {}
        """The formation of each connected node, as far as it is known."""

    def describe(self) -> Shown:
        """Return the formation as others get it."""
        return Shown(self._loop.time() - self._begun, self.id, self.time)

    def show(self, node: NodeId) -> tuple[float, str, int]:
        """Return what is sent to a node that has connected."""
        self._sent[node] = shown = self.describe()
        return shown.age, shown.id, shown.time

    def meet(self, node: NodeId, theirs: Shown) -> None:
        """Compare the formation of a node that has connected with the one that was sent to it."""
        sent = mine = self._sent.get(node)
        if sent is None or mine is None or mine.id != self.id:
            mine = self.describe()
            self._membership.distribution.tell(node, ("cluster", KIND, *mine))
        self._of[node] = max(sent or mine, theirs, key=lambda one: one[:2]).id  # as the node decides, too
        if theirs[:2] > mine[:2]:
            self._adopt(node, theirs)
        self._compare()

    def remove(self, node: NodeId) -> None:
        """Handle the end of a connection."""
        self._sent.pop(node, None)
        self._of.pop(node, None)

    def tick(self) -> int:
        """Return the time of a new claim, later than all times that this member knows."""
        self.time += 1
        return self.time

    def see(self, time: int) -> None:
        """Handle the time of a claim of another member."""
        self.time = max(self.time, time)

    def _tables(self) -> list[Claims]:
        return [self._membership.names, *self._membership.shared.claims()]

    def _compare(self) -> None:
        for table in self._tables():
            table.compare()

    def _redate(self, seen: int) -> None:
        """Date the claims of this member after all those of the older cluster, in the same order."""
        self.see(seen)
        own = [date for table in self._tables() for date in table.dates()]
        for _, table, key in sorted(own, key=lambda date: date[0]):
            table.redate(key, self.tick())

    def of(self, node: NodeId) -> str:
        """Return the formation in which a connected node currently dates its claims."""
        return self._of.get(node, self.id)

    def read(self, node: NodeId, message: tuple[Any, ...]) -> None:
        """Handle the formation that a connected member has adopted. Raises `ValueError` for an invalid one."""
        theirs = read_shown(message)
        self._of[node] = theirs.id
        if theirs[:2] > self.describe()[:2]:
            self._adopt(node, theirs)
        self._compare()

    def _adopt(self, node: NodeId, theirs: Shown) -> None:
        if theirs.id == self.id:
            return
        membership = self._membership
        membership.report("adopted", formation=theirs.id, before=self.id, of=node.name, time=theirs.time)
        self.id, self._begun = theirs.id, self._loop.time() - theirs.age
        self._redate(theirs.time)
        membership.tell_all(("cluster", KIND, *self.describe()))  # first, because receivers date the claims below by it
        for table in self._tables():
            table.resend()


def read_shown(shown: Any) -> Shown:
    """Return the formation that another member shows. Raises `ValueError` for an invalid one."""
    match shown:
        case (float() | int() as age, str(id), int(time), *_) if age >= 0 and time >= 0:
            return Shown(float(age), id, time)
        case _:
            raise ValueError(f"expected age, founder and time of a formation, got {shown!r:.200}")
