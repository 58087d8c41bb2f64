"""Entries under keys that several processes may share, on all members that have the table.

Each member sends the entries of its own processes to the others, so each entry has one writer. When the connection to a
member ends, its entries are removed.
"""

# Keys and values are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from otp.behaviours.registry._table import DuplicateTable, Entry, Table, Wanted
from otp.cluster.claims import Channel, plain
from otp.cluster.refusals import NotMember
from otp.cluster.travelling import divide
from otp.distribution import NodeId
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import DEAD, EXITING, Process

if TYPE_CHECKING:
    from otp.cluster.membership import Membership

__all__ = ["Entries"]


class Entries:
    """The entries that one member sees; `tie` and `untie` work as in `Claims`."""

    def __init__(self, channel: Channel, *, tie: Callable[[Any], None], untie: Callable[[Any], None]) -> None:
        self._channel = channel
        self.table: Table = DuplicateTable()
        self._tie = tie
        self._untie = untie

    @property
    def _membership(self) -> Membership:
        return self._channel.membership

    # Changes on this member

    def register(self, entries: list[tuple[Any, Any]], pid: Pid) -> dict[Any, Pid | None]:
        """Add entries for a process of this member; return None for each key, as in `Claims`."""
        if self._membership.over:
            raise NotMember(f"node {self._membership.node.name!r} has left its cluster")
        self.add(entries, pid)
        return dict.fromkeys(key for key, _ in entries)

    def add(self, entries: list[tuple[Any, Any]], pid: Any) -> None:
        """Add entries for a process of this member. Raises `BadArgument` if it has ended."""
        if pid.status in (DEAD, EXITING):
            raise BadArgument(f"register: expected a living process, got {pid}, which has ended")
        if entries and not self.table.has(pid):
            self._tie(pid)
        for key, value in entries:
            self.table.add(key, Entry(pid, value))
            self._report("registered", key, pid)
        for part in divide((key, pid, value) for key, value in entries):
            self._channel.tell_all("all", part)

    def release(self, key: Any, pid: Pid, wanted: Wanted | None = None) -> None:
        """Remove a local process's entries under a key, or only those whose value is `wanted`."""
        found = [entry.value for entry in self.table.lookup(key) if entry.pid is pid]
        kept = [] if wanted is None else [value for value in found if not wanted(value)]
        if len(kept) == len(found):
            return
        self.table.remove(key, pid)
        self._report("unregistered", key, pid)
        self._channel.tell_all("drop", key, pid)
        if kept:
            self.add([(key, value) for value in kept], pid)
        if not self.table.has(pid):
            self._untie(pid)

    def end_owner(self, pid: Any) -> None:
        """Remove the entries of a process of this member that has ended."""
        for key in dict.fromkeys(self.table.drop(pid)):
            self._report("owner_ended", key, pid)
            self._channel.tell_all("drop", key, pid)

    def begin_again(self) -> None:
        """Record the entries of this member, which has joined a cluster again."""
        for key, entry in self.table.items():
            self._report("registered", key, entry.pid)

    def _report(self, kind: str, key: Any, pid: Pid) -> None:
        self._membership.report(kind, table=self._channel.table, key=key, pid=plain(pid), unique=False)

    # Messages of other members

    def send_all(self, node: NodeId) -> None:
        """Send all entries of this member to a peer."""
        me = self._membership.node
        own = ((key, entry.pid, entry.value) for key, entry in self.table.items() if entry.pid.runtime is me)
        for part in divide(own):
            self._channel.tell(node, "all", part)

    def read(self, node: NodeId, message: tuple[Any, ...]) -> None:
        """Handle a message of another member. Raises `ValueError` for an invalid one."""
        match message:
            case ("all", list(entries)):
                for entry in entries:
                    match entry:
                        case (Hashable() as key, Process() as pid, value) if pid.runtime.name == node.name:
                            self.table.add(key, Entry(pid, value))
                        case _:
                            raise ValueError(f"expected an entry of a process of {node}, got {entry!r:.200}")
            case ("drop", Hashable() as key, Process() as pid) if pid.runtime.name == node.name:
                self.table.remove(key, pid)
            case _:
                raise ValueError(f"expected a message about entries, got {message!r:.200}")
        self._membership.wake()

    def remove_member(self, node: NodeId, why: str = "") -> None:
        """Remove the entries of a peer that is gone."""
        for pid in dict.fromkeys(entry.pid for _, entry in self.table.items() if entry.pid.runtime.name == node.name):
            self.table.drop(pid)
