"""Tables that members share under one name: those of distributed registries and supervisors.

Each table knows its peers: the other members that have it. A message is a tuple `("cluster", "table", key, what, …)`,
where `key` is `(kind, name)`:

```
("open", options, running, pid)       to all members when the table starts, and to a member that comes up
("opened", options, running, pid)     the reply, before all entries; changes follow as they happen
("listed",)                           after these entries
("none",)                             the reply of a member without the table
("close",)                            when the process of the table has ended
("sync", number) ("synced", number)   the reply: everything sent before has arrived
```

Other messages belong to the content: see `claims` and `entries`.
"""

# Names, options and entries are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from otp.behaviours.registry._table import Table
from otp.bounded import text
from otp.cluster.claims import Claims
from otp.cluster.entries import Entries
from otp.cluster.refusals import NotMember
from otp.distribution import NodeId
from otp.kernel.ends.info import is_alive
from otp.kernel.values.errors import StartError
from otp.kernel.values.process import Process
from otp.kernel.values.sentences import say

if TYPE_CHECKING:
    from otp.cluster.member_leases import MemberLeases
    from otp.cluster.membership import Membership

__all__ = ["Content", "SharedTable", "SharedTables", "Shares", "TableKey"]

TableKey = tuple[str, Any]
"""The kind of a table, `"registry"` or `"supervisor"`, and its name."""


class Content(Protocol):
    """The entries of a table."""

    @property
    def table(self) -> Table:
        """The entries to read."""
        ...

    def send_all(self, node: NodeId) -> None:
        """Send all entries of this member to a peer."""
        ...

    def begin_again(self) -> None:
        """Continue with the entries of this member, which has joined a cluster again."""
        ...

    def read(self, node: NodeId, message: tuple[Any, ...]) -> None:
        """Handle a message of a peer. Raises `ValueError` for an invalid one."""
        ...

    def remove_member(self, node: NodeId, why: str = "") -> None:
        """Remove the entries of a peer that is gone."""
        ...


class SharedTable:
    """A table of this member; the `Channel` of its content.

    `options` must be equal on all members. `listed` is called when the entries of a peer have arrived, `ended` when
    this member has left the cluster, and `rejoined` when it has joined one again. `unsettled` returns whether the table
    has yet to settle.
    """

    def __init__(self, membership: Membership, key: TableKey, options: Any) -> None:
        self.membership: Membership = membership
        self.table: TableKey = key
        self.options = options
        self.content: Content
        self.pid: Any = None
        """The process of the table on this member."""
        self.peers: dict[str, NodeId] = {}
        self.pids: dict[str, Process] = {}
        """The processes of the table on the peers."""
        self.listed: Callable[[NodeId], object] = lambda _: None
        self.ended: Callable[[], object] = lambda: None
        self.rejoined: Callable[[], object] = lambda: None
        self.unsettled: Callable[[], bool] = lambda: False
        self.running: bool = False
        self._refused: Any = None  # the options of another member, if they differ
        self._awaited: set[NodeId] = set()
        self._early: deque[tuple[NodeId, tuple[Any, ...]]] = deque()
        self._syncs: dict[int, set[NodeId]] = {}
        self._number = 0

    # Life

    async def open(self, pid: Process) -> None:
        """Share the table, and wait until the other members have answered or had time to be lost.

        Raises `StartError(("incompatible", …))` if another member has the table with different options.
        """
        membership = self.membership
        if membership.over:
            raise NotMember(f"node {membership.node.name!r} has left its cluster")
        self.pid = pid
        membership.shared.add(self)
        await self._exchange()
        if self._refused is not None:
            self.close()
            raise StartError(("incompatible", self.table, self.options, self._refused))
        self._run()

    def move(self, membership: Membership) -> None:
        """Continue in the cluster that the node has joined after it had left one; call `reopen` next."""
        self.membership, self.running, self._refused = membership, False, None
        self.peers.clear()
        self.pids.clear()
        self.content.begin_again()

    async def reopen(self) -> None:
        """Share the table in the cluster that the node has joined again."""
        await self._exchange()
        if self._refused is not None:
            self._report_difference("another member", self._refused)
        if is_alive(self.pid):
            self._run()
            self.rejoined()

    async def _exchange(self) -> None:
        """Exchange entries with all members, and wait until they have answered or had time to be lost."""
        membership = self.membership
        others = [NodeId(name, member.incarnation) for name, member in membership.up.items()]
        self._awaited = set(others)
        for node in others:
            self.meet(node)
        with suppress(TimeoutError):
            async with asyncio.timeout(membership.settings.dead + membership.settings.heartbeat):
                while self._awaited and self._refused is None:
                    await membership.changed()

    def _run(self) -> None:
        membership, self.running = self.membership, True
        membership.report("opened", table=self.table)
        while self._early:
            node, message = self._early.popleft()
            if node.name in self.peers:
                self.content.read(node, message)

    def close(self) -> None:
        """End the table on this member."""
        if self.membership.shared.remove(self):
            if self.running:
                self.membership.report("closed", table=self.table)
            self.tell_all("close")

    def meet(self, node: NodeId) -> None:
        """Request the entries of a member that came up."""
        self.tell(node, "open", self.options, self.running, self.pid)

    def _list(self, node: NodeId) -> None:
        if self.tell(node, "opened", self.options, self.running, self.pid):
            self.content.send_all(node)
            if isinstance(self.content, Claims):
                self.content.send_grants(node)
            self.tell(node, "listed")

    # Messages

    def tell(self, node: NodeId, *message: Any) -> bool:
        """Send a message to the table of another member; return False if it is not connected."""
        return self.membership.distribution.tell(node, ("cluster", "table", self.table, *message))

    def tell_all(self, *message: Any) -> None:
        """Send a message to the table on all peers."""
        for node in list(self.peers.values()):
            self.tell(node, *message)

    async def sync(self) -> None:
        """Wait until each peer has received all messages sent so far, or is gone."""
        self._number += 1
        number = self._number
        self._syncs[number] = {node for node in self.peers.values() if self.tell(node, "sync", number)}
        try:
            while self._syncs[number]:
                await self.membership.changed()
        finally:
            del self._syncs[number]

    def read(self, node: NodeId, message: tuple[Any, ...]) -> None:
        """Handle a message of another member. Raises `ValueError` for an invalid one."""
        match message:
            case ("open", options, bool(running), Process() as pid, *_):
                if self._accepts(node, options, running, pid):
                    self._list(node)
                else:
                    self.tell(node, "opened", self.options, self.running, self.pid)
            case ("opened", options, bool(running), Process() as pid, *_):
                known = node.name in self.peers
                if self._accepts(node, options, running, pid):
                    if not known:
                        self._list(node)
                    if isinstance(self.content, Entries):
                        self.content.remove_member(node)  # all of them follow
            case ("listed", *_):
                self._awaited.discard(node)
                if node.name in self.peers:
                    self.listed(node)
            case ("none", *_):
                self._awaited.discard(node)
                self._part(node, "closed")
            case ("close", *_):
                self._part(node, "closed")
            case ("sync", int(number), *_):
                self.tell(node, "synced", number)
            case ("synced", int(number), *_):
                self._syncs.get(number, set()).discard(node)
            case ("ask" | "ask_many", *_) if not self.running:  # not all entries have arrived yet
                self._early.append((node, message))
            case _ if node.name in self.peers:
                self.content.read(node, message)
            case _:
                pass  # from a member with different options
        self.membership.wake()

    def _accepts(self, node: NodeId, options: Any, running: bool, pid: Process) -> bool:
        """Make a member a peer; return False if its options differ."""
        if options != self.options:
            self._awaited.discard(node)
            if not self.running and (running or node.name < self.membership.me.name):
                self._refused = options
            elif self.running and running:
                self._report_difference(node, options)
            return False
        if self.pids.get(node.name, pid) is not pid:
            self._part(node, "closed")  # it has been restarted
        self.peers[node.name] = node
        self.pids[node.name] = pid
        return True

    def _report_difference(self, node: object, options: Any) -> None:
        say(
            logging.ERROR, "%s %s of %s is not shared with %s, whose options differ: %s",
            self.table[0], text(self.table[1]), self.membership.me, node, text(options),
        )  # fmt: skip

    def remove_member(self, node: NodeId, why: str) -> None:
        """Handle the end of the connection to a member."""
        self._awaited.discard(node)
        self._part(node, why)

    def _part(self, node: NodeId, why: str) -> None:
        for waiting in self._syncs.values():
            waiting.discard(node)
        if self.peers.get(node.name) == node:
            del self.peers[node.name]
            self.content.remove_member(node, why)
            del self.pids[node.name]


class Shares:
    """A state of a process that has a shared table."""

    __slots__ = ()

    shared: SharedTable


class SharedTables:
    """The tables that run on this member."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership
        self._tables: dict[TableKey, SharedTable] = {}
        self.leases: MemberLeases | None = None
        """The session in the store of leases, if the member has one."""

    def __iter__(self) -> Iterator[SharedTable]:
        return iter(list(self._tables.values()))

    def claims(self) -> list[Claims]:
        """Return the claims of the tables with unique keys."""
        return [table.content for table in self if isinstance(table.content, Claims)]

    def add(self, table: SharedTable) -> None:
        """Add a table. Raises `StartError` if one with its name exists."""
        if table.table in self._tables:
            raise StartError(("already_started", self._tables[table.table].pid))
        self._tables[table.table] = table

    def take_over(self) -> None:
        """Continue with the tables of an earlier membership of the node."""
        for process in list(self._membership.node.process_table.values()):
            if isinstance(process.state, Shares):
                table = process.state.shared
                self._tables[table.table] = table
                table.move(self._membership)

    async def reopen(self) -> None:
        """Share the tables that this membership has taken over."""
        await asyncio.gather(*(table.reopen() for table in self))

    def remove(self, table: SharedTable) -> bool:
        """Remove a table; return whether it existed."""
        return self._tables.get(table.table) is table and self._tables.pop(table.table) is table

    def send_all(self, node: NodeId) -> None:
        """Exchange the entries of all tables with a member that came up."""
        for table in self:
            table.meet(node)

    def read(self, node: NodeId, message: tuple[Any, ...]) -> None:
        """Handle a message of another member. Raises `ValueError` for an invalid one."""
        match message:
            case ((str(kind), name), str(what), *rest):
                table = self._tables.get((kind, name))
                if table is not None:
                    table.read(node, (what, *rest))
                elif what in ("open", "ask", "ask_many", "sync"):
                    self._membership.distribution.tell(node, ("cluster", "table", (kind, name), "none"))
            case _:
                raise ValueError(f"expected a message about a table, got {message!r:.200}")

    def remove_member(self, node: NodeId, why: str) -> None:
        """Handle the end of the connection to a member."""
        for table in self:
            table.remove_member(node, why)

    def finish(self) -> None:
        """Handle that this member has left the cluster."""
        if self.leases is not None:
            self.leases.finish()
        for table in self:
            table.ended()
