"""The announced addresses of nodes on this machine, which are dialled until there is a link.

An address that failed, or whose link has ended, is dialled again after a pause that grows, until its announcement has
gone. An address that refuses a connection after it had a link belongs to a process that has ended: a living node
listens until it leaves, and the system accepts connections for a stopped one.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import socket
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from typing import Final

from otp.distribution.carriers.zenoh_settings import is_loopback
from otp.distribution.node_id import NodeId

__all__ = ["Announced", "Dialler", "read"]

NODES: Final = 256
"""Addresses that are remembered; a further one takes the place of one that has given no link."""
SHORTEST_S: Final = 0.01
LONGEST_S: Final = 30.0
"""The maximum pause; a link that stood for longer is dialled again at once."""
LAST_S: Final = 0.5
"""The maximum first pause after a link, and the maximum pause once a node is no longer announced: a process that ends
closes its sockets one after the other."""
ADDRESS: Final = re.compile(r"(?:\[([0-9a-f:]+)\]|([0-9.]+)):(\d{1,5})/([0-9a-f]{32})")


@dataclass(slots=True)
class Announced:
    """An address and its key, and the text that announces them.

    It is `gone` if it is no longer announced, and `proven` if it belongs to its node and was reached from here.
    """

    text: str
    address: tuple[str, int]
    key: bytes
    pause: float = 0.0
    since: float = 0.0
    gone: bool = False
    proven: bool = False
    linked: bool = False
    dials: bool = False
    socket: socket.socket | None = None
    timer: asyncio.TimerHandle | None = None


def read(text: str) -> Announced | None:
    """Return the address of an announcement, or None if it is not on this machine.

    >>> read("127.0.0.1:4369/00112233445566778899aabbccddeeff").address
    ('127.0.0.1', 4369)
    """
    found = ADDRESS.fullmatch(text)
    if found is None:
        return None
    host, port = found[1] or found[2], int(found[3])
    return Announced(text, (host, port), bytes.fromhex(found[4])) if is_loopback(host) and port <= 0xFFFF else None


class Dialler:
    """The addresses of other nodes.

    `on_connected` is called with a node, its address and a connected socket, which it then owns; it answers by `linked`
    or `failed`. `on_refused` is called for a node whose process has ended.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, on_connected: Callable[[NodeId, Announced, socket.socket], object],
        on_refused: Callable[[NodeId], object],
    ) -> None:  # fmt: skip
        self._loop = loop
        self._on_connected = on_connected
        self._on_refused = on_refused
        self._nodes: dict[NodeId, Announced] = {}

    def learn(self, node: NodeId, text: str) -> None:
        """Remember an announced address, unless it is not on this machine, or there is a link."""
        announced = read(text)
        if announced is None:
            return
        known = self._nodes.get(node)
        if known is not None:
            if known.text == text:
                known.gone = False
                return
            if known.linked or known.proven:  # an incarnation keeps its address: this one was forged
                return
            self._forget(node)
        if len(self._nodes) >= NODES:
            unproven = next((one for one, each in self._nodes.items() if not (each.linked or each.proven)), None)
            if unproven is None:
                return
            self._forget(unproven)
        self._nodes[node] = announced

    def dial(self, node: NodeId) -> None:
        """Dial a node that has an address, unless it has a link or is being dialled."""
        known = self._nodes.get(node)
        if known is not None and not (known.linked or known.dials):
            self._dial(node, known)

    def linked(self, node: NodeId, known: Announced, *, dialled: bool) -> None:
        """Record the link and the address of a node; any other address was forged.

        An address that the link did not go to is tried once: it may lead to nothing from here.
        """
        if node in self._nodes:
            self._forget(node)
        self._nodes[node] = known
        known.linked, known.proven = True, dialled
        known.since = self._loop.time()
        if not dialled:
            self._dial(node, known)

    def unlinked(self, node: NodeId) -> None:
        """Redial a node whose link has ended."""
        known = self._nodes.get(node)
        if known is not None:
            known.linked = False
            if self._loop.time() - known.since > LONGEST_S:
                known.pause = 0.0
            elif known.proven:  # has its process ended?
                known.pause = min(known.pause, LAST_S)
            self._again(node, known)

    def failed(self, node: NodeId, known: Announced) -> None:
        """Dial an address again that gave no link."""
        known.dials = False
        if self._nodes.get(node) is not known or known.linked:
            return
        if known.gone and (known.pause > LAST_S or not known.proven):
            self._forget(node)
        else:
            self._again(node, known)

    def gone(self, node: NodeId, text: str | None) -> bool:
        """Forget a node if this announcement of it has gone; one that had a link is dialled a few times before.

        Returns whether it has. None: another incarnation of the node is announced.
        """
        known = self._nodes.get(node)
        if known is None or text not in (None, known.text):
            return False
        known.gone = True
        if not (known.linked or known.dials):
            if known.proven:
                known.pause = SHORTEST_S
                self._dial(node, known)
            else:
                self._forget(node)
        return True

    def close(self) -> None:
        """Forget all addresses."""
        for node in list(self._nodes):
            self._forget(node)

    def _again(self, node: NodeId, known: Announced) -> None:
        pause, known.pause = known.pause, min(max(2 * known.pause, SHORTEST_S), LONGEST_S)
        if pause:
            known.timer = self._loop.call_later(pause, self._dial, node, known)
        else:
            self._dial(node, known)

    def _dial(self, node: NodeId, known: Announced) -> None:
        self._stop(known)
        known.dials = True
        host = known.address[0]
        try:
            dialled = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        except OSError:  # no descriptor is left
            self.failed(node, known)
            return
        dialled.setblocking(False)
        known.socket = dialled
        problem = dialled.connect_ex(known.address)
        if problem == errno.EINPROGRESS:
            Context().run(self._loop.add_writer, dialled, self._done, node, known)
        else:
            self._handle(node, known, dialled, problem)

    def _done(self, node: NodeId, known: Announced) -> None:
        dialled = known.socket
        if dialled is not None:
            self._loop.remove_writer(dialled)
            self._handle(node, known, dialled, dialled.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def _handle(self, node: NodeId, known: Announced, dialled: socket.socket, problem: int) -> None:
        known.socket = None
        if not problem and not known.linked:
            self._on_connected(node, known, dialled)
            return
        dialled.close()
        if not problem:
            known.dials, known.proven = False, True
            return
        # Windows also refuses a connection when too many wait to be accepted.
        if problem == errno.ECONNREFUSED and known.proven and os.name == "posix":
            self._forget(node)
            self._on_refused(node)
        else:
            self.failed(node, known)

    def _stop(self, known: Announced) -> None:
        known.dials = False
        if known.timer is not None:
            known.timer.cancel()
            known.timer = None
        if known.socket is not None:
            self._loop.remove_writer(known.socket)
            known.socket.close()
            known.socket = None

    def _forget(self, node: NodeId) -> None:
        self._stop(self._nodes.pop(node))
