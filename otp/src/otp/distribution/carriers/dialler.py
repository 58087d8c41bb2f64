"""Addresses, which are dialled until there is a link.

An address that failed, or whose link has ended, is dialled again after a pause that grows. An address that refuses a
connection after it had a link belongs to a process that has ended: a living node listens until it leaves, and the
system accepts connections for a stopped one.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Iterable
from contextvars import Context
from dataclasses import dataclass, field
from typing import Final

from otp.distribution.carriers.listing import Entry
from otp.distribution.carriers.stream_address import StreamAddress
from otp.distribution.node_id import NodeId
from otp.unix_sockets import has_ended

__all__ = ["FOREVER", "Dialler", "Target"]

SHORTEST_S: Final = 0.01
LONGEST_S: Final = 30.0
"""The maximum pause; a link that stood for longer is dialled again at once."""
ASKED_S: Final = 1.0
"""The maximum pause for a node that is listed, and for an address that is dialled forever."""
LAST_S: Final = 0.5
"""The maximum first pause after a link: a process that ends closes its sockets one after the other."""
ATTEMPT_S: Final = 2.0
"""Seconds until an address that neither accepts nor refuses is dialled again: the network drops what is sent there."""
GIVE_UP_S: Final = 30.0
"""Seconds for which an address is dialled that gives no link."""
FOREVER: Final = float("inf")


@dataclass(slots=True, eq=False)
class Target:
    """An address, the `node` to which it leads as far as is known, and until when it is dialled.

    It is `proven` if it was reached from here and belongs to that node. A target with an `entry` is dialled until the
    node that has listed itself there ends. `typed` are the spellings that have led to it, such as the name of a host;
    `process` is the one at the other end of its last link, if the system names it.
    """

    address: StreamAddress
    until: float
    node: NodeId | None = None
    entry: Entry | None = None
    typed: set[str] = field(default_factory=set[str])
    process: tuple[int, bytes] | None = None
    pause: float = 0.0
    since: float = 0.0
    proven: bool = False
    linked: bool = False
    dials: bool = False
    socket: socket.socket | None = None
    timer: asyncio.TimerHandle | None = None


class Dialler:
    """The addresses of other nodes.

    `on_connected` is called with a target and a connected socket, which it then owns; it answers by `linked` or
    `failed`. `on_refused` is called for a node whose process has ended, `on_left` for a listed node that gave no link
    before it ended.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, on_connected: Callable[[Target, socket.socket], object],
        on_refused: Callable[[NodeId], object], on_left: Callable[[NodeId], object],
    ) -> None:  # fmt: skip
        self._loop = loop
        self._on_connected = on_connected
        self._on_refused = on_refused
        self._on_left = on_left
        self._targets: dict[StreamAddress, Target] = {}
        self._closed = False

    def dial(
        self, address: StreamAddress, seconds: float = GIVE_UP_S, entry: Entry | None = None, typed: Iterable[str] = ()
    ) -> None:
        """Dial an address for so many seconds, unless it has a link or is being dialled; 0 is one attempt."""
        if self._closed:
            return
        until = self._loop.time() + seconds
        target = self._targets.get(address)
        if target is None:
            target = self._targets[address] = Target(address, until, entry and entry.node, entry)
        else:
            target.until = max(target.until, until)
        target.typed.update(typed)
        if not (target.linked or target.dials):
            self._dial(target)

    def set_node(self, target: Target, node: NodeId) -> None:
        """Record the node that has proven itself at an address."""
        target.node, target.proven = node, True

    def nodes_at(self, typed: str) -> set[NodeId | None]:
        """Return the nodes to which an address leads as it was typed; None stands for those not known yet."""
        return {target.node for target in self._targets.values() if typed in target.typed}

    def linked(self, node: NodeId, address: StreamAddress | None, process: tuple[int, bytes] | None) -> None:
        """Record that a node has a link, which either side may have dialled, and the address in its greeting.

        An address that was not dialled is tried once: it may lead to nothing from here.
        """
        for target in self._of_name(node):
            if target.node is not None and target.node.creation < node.creation:
                self._forget(target)
        if address is not None and address not in self._targets:
            self._targets[address] = Target(address, 0.0, node)
        for target in self._of(node):
            target.linked, target.since, target.process = True, self._loop.time(), process
            if target.timer is not None:
                target.timer.cancel()
                target.timer = None
            if not (target.proven or target.dials):
                self._dial(target)

    def unlinked(self, node: NodeId) -> None:
        """Redial a node whose link has ended."""
        now = self._loop.time()
        for target in self._of(node):
            target.linked = False
            target.until = max(target.until, now + GIVE_UP_S)
            if now - target.since > LONGEST_S:
                target.pause = 0.0
            elif target.proven:  # has its process ended?
                target.pause = min(target.pause, LAST_S)
            if not target.dials:
                self._again(target)

    def failed(self, target: Target) -> None:
        """Dial an address again that gave no link."""
        target.dials = False
        if self._targets.get(target.address) is target and not target.linked:
            self._again(target)

    def close(self) -> None:
        """Forget all addresses."""
        self._closed = True
        for target in list(self._targets.values()):
            self._forget(target)

    def _of(self, node: NodeId) -> list[Target]:
        return [target for target in self._targets.values() if target.node == node]

    def _of_name(self, node: NodeId) -> list[Target]:
        return [target for target in self._targets.values() if target.node and target.node.name == node.name]

    def _again(self, target: Target) -> None:
        late = self._loop.time() >= target.until
        # An address that is proven is dialled first: only its refusal shows that the process has ended.
        left = target.entry is not None and (late or not target.proven) and target.entry.is_left
        if left or (late and target.entry is None):
            self._give_up(target)
        else:
            seldom = target.entry is None and target.until != FOREVER and not target.address.tls
            longest = LONGEST_S if seldom else ASKED_S
            pause, target.pause = target.pause, min(max(2 * target.pause, SHORTEST_S), longest)
            if pause:
                target.timer = self._loop.call_later(pause, self._dial, target, context=Context())
            else:
                self._dial(target)

    def _give_up(self, target: Target) -> None:
        self._forget(target)
        if target.entry is not None:
            target.entry.remove()
            self._on_left(target.entry.node)
        if target.until == FOREVER:
            self.dial(target.address, FOREVER, typed=target.typed)

    def _dial(self, target: Target) -> None:
        self._stop(target)
        target.dials = True
        try:
            dialled = socket.socket(target.address.family, socket.SOCK_STREAM)
        except OSError:  # no descriptor is left
            self.failed(target)
            return
        dialled.setblocking(False)
        target.socket = dialled
        problem = dialled.connect_ex(target.address.target)
        if not target.address.path and problem in (errno.EINPROGRESS, errno.EWOULDBLOCK):
            Context().run(self._loop.add_writer, dialled, self._done, target)
            target.timer = self._loop.call_later(ATTEMPT_S, self._late, target, context=Context())
        else:
            self._handle(target, dialled, problem)

    def _late(self, target: Target) -> None:
        self._stop(target)
        self.failed(target)

    def _done(self, target: Target) -> None:
        dialled = target.socket
        if dialled is not None:
            self._loop.remove_writer(dialled)
            if target.timer is not None:
                target.timer.cancel()
                target.timer = None
            self._handle(target, dialled, dialled.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def _handle(self, target: Target, dialled: socket.socket, problem: int) -> None:
        target.socket = None
        if not problem and not target.linked:
            self._on_connected(target, dialled)
            return
        dialled.close()
        if target.linked:
            target.dials, target.proven = False, not problem
        # Windows also refuses a connection when too many wait to be accepted.
        elif problem == errno.ECONNREFUSED and target.proven and os.name == "posix":
            self._refused(target)
        elif problem == errno.ENOENT and target.proven and target.process is not None and has_ended(target.process):
            self._refused(target)  # another program has removed the socket of the killed one
        elif problem == errno.ENOENT and target.proven:  # it has left, and removed its socket
            target.dials, target.proven, target.until = False, False, target.until if target.until == FOREVER else 0.0
            self._again(target)
        else:
            self.failed(target)

    def _refused(self, target: Target) -> None:
        node = target.node
        for other in self._of(node) if node is not None else [target]:
            if other.entry is not None:
                other.entry.remove()
                other.entry = None
            if other.until == FOREVER:
                other.node, other.proven, other.linked = None, False, False
                self.failed(other)
            else:
                self._forget(other)
        if node is not None:
            self._on_refused(node)

    def _stop(self, target: Target) -> None:
        target.dials = False
        if target.timer is not None:
            target.timer.cancel()
            target.timer = None
        if target.socket is not None:
            self._loop.remove_writer(target.socket)
            target.socket.close()
            target.socket = None

    def _forget(self, target: Target) -> None:
        self._stop(target)
        if self._targets.get(target.address) is target:
            del self._targets[target.address]
