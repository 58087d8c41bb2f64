"""The processes of the platform's own node that belong to the platform, decided by ancestry.

This is the only place that decides it. Nodes without a platform have no such processes: all are their user's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from weakref import WeakKeyDictionary, WeakSet

import otp
from otp import Application, Node, Pid
from otp.trace import Event

__all__ = ["Protection", "protection_of", "release_applications", "running_process"]

APPLICATION: Final = "superlearner"
KEY: Final = "protection"


class Protection:
    """The ancestry of the processes on the platform's node: which of them are the platform's own, and critical.

    The platform's own are those that ran before it, and those that they started. Below the playground everything is its
    user's, and so are other applications, which a person has started beside the playground, with all their processes.

    A process is entered when it is spawned, because a dead process forgets its parent: one whose parents have ended
    keeps its place. No name counts.

    >>> async def playground(protection):
    ...     protection.open(otp.self())
    ...     mine = otp.spawn(otp.receive)
    ...     return protection.covers(otp.self()), protection.covers(mine)
    >>> async def main():
    ...     protection = Protection(otp.node())
    ...     other = otp.spawn(otp.receive)
    ...     return protection.covers(other), await playground(protection)
    >>> otp.run(main)
    (True, (True, False))
    """

    def __init__(self, node: Node) -> None:
        self._spawn = node.spawn
        self._spawns = False
        self._own = WeakSet[Pid](node.processes())
        self._newest = max((pid.id for pid in self._own), default=0)
        self._children = WeakKeyDictionary[Pid, bool]()
        """Processes whose children do not follow them: True if those are the platform's own."""
        otp.trace.subscribe(node, self._on_spawned, kinds={"spawned"})
        Application.put_env(APPLICATION, KEY, self, node=node)

    def open(self, playground: Pid) -> None:
        """Leave everything that starts below this process from now on to the user; the process itself is critical."""
        self._children[playground] = False

    def close(self, stand_in: Pid) -> None:
        """Keep everything that starts below this process of the user from now on: it stands for another program."""
        self._children[stand_in] = True

    def spawn(self, function: Callable[..., object], *args: Any) -> Pid:
        """Start a process of the platform's own that has no parent, such as one for a request."""
        self._spawns = True
        try:
            return self._spawn(function, *args)
        finally:
            self._spawns = False

    def release(self, top: Pid) -> None:
        """Leave a process and everything below it to the user, now and from now on."""
        self._own.discard(top)
        for pid in self.own():  # parents come before their children
            parent = otp.process_info(pid, "parent")
            if parent is not None and not self.covers_children(parent):
                self._own.discard(pid)

    def own(self) -> list[Pid]:
        """Return the platform's own processes, the oldest first, among them some that have just ended."""
        return sorted(self._own, key=lambda pid: pid.id)

    def covers(self, pid: Pid) -> bool:
        """Return whether a process is the platform's own, and critical; one is until its start is reported."""
        return pid in self._own or pid.id > self._newest

    def covers_children(self, supervisor: Pid) -> bool:
        """Return whether the children of a supervisor are critical; those of the playground are not."""
        return self._children.get(supervisor, supervisor in self._own)

    def _on_spawned(self, event: Event) -> None:
        """Enter a process; one without a parent goes by the process that runs, and is the user's if none does."""
        pid, starter = event.pid, event.data["parent"] or running_process()
        if pid is None:
            return
        self._newest = max(self._newest, pid.id)
        spawns, self._spawns = self._spawns, False
        if spawns or (starter is not None and self.covers_children(starter)):
            self._own.add(pid)


def running_process() -> Pid | None:
    """Return the running process, which starts another one; None outside any process."""
    try:
        return otp.self()
    except otp.NotAProcess:
        return None


def protection_of(node: Node) -> Protection | None:
    """Return the protection of the platform's node; None for other nodes, which have no critical processes."""
    found: Any = Application.get_env(APPLICATION, KEY, node=node)
    return found if isinstance(found, Protection) else None


async def release_applications(node: Node) -> None:
    """Release the running applications of a node but the platform: a person has started them."""
    protection = protection_of(node)
    for one in await Application.loaded_applications(node=node):
        if protection is not None and one.master is not None and one.name != APPLICATION:
            protection.release(one.master)
