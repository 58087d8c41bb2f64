"""The process groups that a member knows: its own processes, and those of which others have sent messages.

Each member sends the others what its processes join and leave, and all of it to one that comes up. So there is one
writer for each entry, and the entries of a member end with its connection.
"""

# Messages are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otp.distribution import NodeId
from otp.kernel.ends.mailbox import deliver
from otp.kernel.values.pids import Pid, Ref
from otp.kernel.values.process import Process, off_exit, on_exit

if TYPE_CHECKING:
    from otp.cluster.membership import Membership

__all__ = ["GroupJoin", "GroupLeave", "Groups"]

KIND: Final = "pg"
CHUNK: Final = 1_000
"""Groups in one message to a member that came up."""

_Key = tuple[Any, Any]
"""A group, as `(scope, group)`."""


class GroupJoin(NamedTuple):
    """Processes have joined a group that is monitored with `ref`.

    >>> GroupJoin("ref", "workers", ["pid"]).group
    'workers'
    """

    ref: Ref
    group: Any
    pids: list[Pid]


class GroupLeave(NamedTuple):
    """Processes have left a group that is monitored with `ref`, ended, or are on a member that is lost.

    >>> GroupLeave("ref", "workers", ["pid"]).group
    'workers'
    """

    ref: Ref
    group: Any
    pids: list[Pid]


class Groups:
    """The groups that one member sees."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership
        self._local: dict[_Key, list[Pid]] = {}
        self._remote: dict[NodeId, dict[_Key, list[Pid]]] = {}
        self._watchers: dict[Ref, tuple[Process, _Key]] = {}

    # Queries

    def members(self, key: _Key) -> list[Pid]:
        """Return the processes of a group, those of this member first."""
        return [*self.local(key), *(pid for groups in self._remote.values() for pid in groups.get(key, ()))]

    def local(self, key: _Key) -> list[Pid]:
        """Return the processes of a group on this member."""
        return list(self._local.get(key, ()))

    def all(self) -> list[_Key]:
        """Return the groups that have processes."""
        return list(dict.fromkeys([*self._local, *(key for groups in self._remote.values() for key in groups)]))

    # Changes on this member

    def join(self, key: _Key, pid: Pid) -> None:
        """Add a process of this member, once more if it is there."""
        self._local.setdefault(key, []).append(pid)
        on_exit(pid, self, self._ended)
        self._tell("join", key, [pid])
        self._notify(GroupJoin, key, [pid])

    def leave(self, key: _Key, pid: Pid) -> bool:
        """Remove a process once; return whether it was there."""
        pids = self._local.get(key, [])
        if pid not in pids:
            return False
        pids.remove(pid)
        if not pids:
            del self._local[key]
        if not any(pid in others for others in self._local.values()):
            off_exit(pid, self)
        self._tell("leave", key, [pid])
        self._notify(GroupLeave, key, [pid])
        return True

    def _ended(self, pid: Process) -> None:
        for key in list(self._local):
            while self.leave(key, pid):
                pass

    def _forget_watcher(self, process: Process) -> None:
        self._watchers = {ref: watch for ref, watch in self._watchers.items() if watch[0] is not process}

    def watch(self, process: Process, ref: Ref, key: _Key) -> None:
        """Notify a process of those that join and leave a group."""
        self._watchers[ref] = (process, key)
        on_exit(process, (self, ref), self._forget_watcher)

    def unwatch(self, ref: Ref) -> bool:
        """End a monitor; return whether there was one."""
        process, _ = self._watchers.pop(ref, (None, None))
        if process is not None:
            off_exit(process, (self, ref))
        return process is not None

    # Messages of other members

    def send_all(self, node: NodeId) -> None:
        """Send a member that came up all processes of this one."""
        groups = [(*key, list(pids)) for key, pids in self._local.items()]
        for first in range(0, len(groups), CHUNK):
            self._membership.distribution.tell(node, ("cluster", KIND, "all", groups[first : first + CHUNK]))

    def read(self, node: NodeId, message: tuple[Any, ...]) -> None:
        """Handle a message of another member. Raises `ValueError` for an invalid one."""
        match message:
            case ("all", list(groups)):
                for scope, group, pids in groups:
                    self._add(node, (scope, group), pids)
            case ("join", scope, group, list(pids)):
                self._add(node, (scope, group), pids)
            case ("leave", scope, group, list(pids)):
                self._remove(node, (scope, group), pids)
            case _:
                raise ValueError(f"expected a message about groups, got {message!r:.200}")
        self._membership.wake()

    def remove_member(self, node: NodeId, why: str = "") -> None:
        """Remove the processes of a member whose connection ended."""
        for key, pids in self._remote.pop(node, {}).items():
            self._notify(GroupLeave, key, pids)

    def _add(self, node: NodeId, key: _Key, pids: list[Any]) -> None:
        _check(node, key, pids)
        self._remote.setdefault(node, {}).setdefault(key, []).extend(pids)
        self._notify(GroupJoin, key, pids)

    def _remove(self, node: NodeId, key: _Key, pids: list[Any]) -> None:
        _check(node, key, pids)
        there = self._remote.get(node, {})
        gone = Counter(pids)
        kept: list[Pid] = []
        for pid in there.get(key, ()):
            if gone[pid]:
                gone[pid] -= 1
            else:
                kept.append(pid)
        if kept:
            there[key] = kept
        else:
            there.pop(key, None)
        self._notify(GroupLeave, key, pids)

    def _tell(self, what: str, key: _Key, pids: list[Pid]) -> None:
        self._membership.tell_all(("cluster", KIND, what, *key, pids))
        self._membership.wake()

    def _notify(self, kind: Callable[[Ref, Any, list[Pid]], Any], key: _Key, pids: list[Pid]) -> None:
        for ref, (process, watched) in list(self._watchers.items()):
            if watched == key:
                deliver(process, kind(ref, key[1], list(pids)))


def _check(node: NodeId, key: _Key, pids: list[Any]) -> None:
    """Raise `ValueError` unless a member speaks of its own processes."""
    if not all(isinstance(pid, Process) and pid.runtime.name == node.name for pid in pids):
        raise ValueError(f"expected processes of {node}, got {pids!r:.200}")
    if not all(isinstance(part, Hashable) for part in key):
        raise ValueError(f"expected a group that can be hashed, got {key!r:.200}")
