"""The processes of the platform's own node that belong to the platform, decided by ancestry."""

from __future__ import annotations

from typing import Any, Final
from weakref import WeakSet

import otp
from otp import Application, Node, Pid
from otp.trace import Event

__all__ = ["Protection", "protection_of", "release_applications"]

APPLICATION: Final = "superlearner"
KEY: Final = "protection"


class Protection:
    """The ancestry of the processes on the platform's node: critical are all but those below the playground.

    The processes of other applications, which a person has started beside the playground, are released, too.

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
        self._playgrounds = WeakSet[Pid]()
        self._below = WeakSet[Pid]()
        otp.trace.subscribe(node, self._on_spawned, kinds={"spawned"})
        Application.put_env(APPLICATION, KEY, self, node=node)

    def open(self, playground: Pid) -> None:
        """Leave everything that starts below this process from now on unprotected; the process itself is critical."""
        self._playgrounds.add(playground)
        self._below.add(playground)

    def release(self, top: Pid) -> None:
        """Leave a process and everything below it unprotected, now and from now on."""
        self._below.add(top)
        for pid in otp.trace.node_of(top).processes():  # parents come before their children
            if otp.process_info(pid, "parent") in self._below:
                self._below.add(pid)

    def covers(self, pid: Pid) -> bool:
        """Return whether the process is critical."""
        return pid not in self._below or pid in self._playgrounds

    def covers_children(self, supervisor: Pid) -> bool:
        """Return whether the children of a supervisor are critical; those of the playground are not."""
        return supervisor not in self._below

    def _on_spawned(self, event: Event) -> None:
        if event.data["parent"] in self._below and event.pid is not None:
            self._below.add(event.pid)


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
