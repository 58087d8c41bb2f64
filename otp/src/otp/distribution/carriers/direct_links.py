"""Direct links between the nodes of one machine, beside a carrier that finds them and carries what has no link.

A node listens on loopback and announces its address and a key, in one text. Of two nodes the smaller one dials. Both
prove that they know the key and the secret of their group, and which address was dialled, since others can read what is
announced and relay what is sent; everything else is for the session. A link that has ended is dialled again. If that is
refused, the process of the node has ended, and `on_closed` is called.

A link may come while the carrier has frames on their way. Each side then sends a switch, with the number of the link,
as its last frame over the carrier, and reads the link when that of the other side has arrived: no frame passes another.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import socket
from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import Final
from weakref import finalize

from otp.distribution.carriers.carrier import OnFrame
from otp.distribution.carriers.dialler import Announced, Dialler, read
from otp.distribution.carriers.direct_link import DirectLink
from otp.distribution.carriers.limited_warnings import LimitedWarnings
from otp.distribution.carriers.stream import FRAME_LIMIT
from otp.distribution.carriers.zenoh_settings import node_key, node_of
from otp.distribution.node_id import NodeId

__all__ = ["DirectLinks"]

SIZE: Final = 16
"""Bytes of a key, of the number of a link, and of a proof."""
LINKS: Final = 256
FIRST: Final = 64
"""Accepted sockets that have not proven themselves."""
FIRST_S: Final = 5.0
FIRST_LIMIT: Final = 2_048
FULL_S: Final = 1.0
HOLD_S: Final = 0.25
"""Seconds to wait for a switch, which the carrier may have dropped; the session notices a frame that comes later."""
SILENT_S: Final = 10.0
"""Seconds of silence before the link of a node ends that is no longer announced."""


class DirectLinks:
    """The links of `me`, which begin and end by themselves after `listen`, between nodes that know `secret`.

    `on_frame` is called with the frames that arrive. `switch` sends a node the number of a link over the carrier,
    after all frames before; `switched` is to be called with those that arrive.
    """

    def __init__(
        self, me: NodeId, loop: asyncio.AbstractEventLoop, on_frame: OnFrame,
        switch: Callable[[NodeId, bytes], object], secret: bytes,
    ) -> None:  # fmt: skip
        self._me = me
        self._loop = loop
        self._on_frame = on_frame
        self._switch = switch
        self._secret = secret
        self._key = os.urandom(SIZE)
        self._links: dict[NodeId, DirectLink] = {}
        self._held: dict[bytes, tuple[DirectLink, asyncio.TimerHandle]] = {}
        """Links that wait for a switch, by number."""
        self._switched: dict[bytes, None] = {}
        """The latest switches that came before their links."""
        self._first: dict[DirectLink, tuple[asyncio.TimerHandle, Callable[[], object]]] = {}
        """Unproven links, with their timers and drop callbacks."""
        self._doubted: dict[NodeId, asyncio.TimerHandle] = {}
        self._dialler = Dialler(loop, self._connected, self._refused)
        self._warnings = LimitedWarnings(loop)
        self._announced = ""
        self.on_closed: Callable[[NodeId], object] = _ignore
        """Called for a node whose process has ended."""
        self._server: socket.socket | None = None
        self._closed = False

    def listen(self, host: str) -> str | None:
        """Listen on a loopback address; return the announcement, or None where the loop cannot watch sockets."""
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            server = socket.create_server((host, 0), family=family, backlog=LINKS)
        except OSError:
            return None
        server.setblocking(False)
        self._server = server
        try:
            self._watch()
        except NotImplementedError:
            self._server = None
            server.close()
            return None
        finalize(self, server.close)  # a loop that is closed first leaves it open
        host, port = server.getsockname()[:2]
        self._announced = f"{f'[{host}]' if ':' in host else host}:{port}/{self._key.hex()}"
        return self._announced

    def dial(self, node: NodeId, announced: str) -> None:
        """Link with a node that has announced itself, unless that one is to dial, or there is a link."""
        if self._closed or node == self._me:
            return
        self._trust(node)
        for other in [other for other in self._links if other.name == node.name and other.creation < node.creation]:
            self.gone(other)
        self._dialler.learn(node, announced)
        if self._me < node:
            self._dialler.dial(node)

    def gone(self, node: NodeId, announced: str | None = None) -> None:
        """Handle that an announcement of a node has gone: its link ends once it is silent.

        The carrier may have lost a living node, which then has only the link.
        """
        known = self._dialler.gone(node, announced)
        link = self._links.get(node)
        if link is not None and node not in self._doubted and (known or announced is None):
            self._doubt(node, link)

    def put(self, node: NodeId, frame: bytes) -> bool:
        """Send `frame` if there is a link to `node`, and return whether there is."""
        link = self._links.get(node)
        if link is None:
            return False
        link.put(frame)
        return True

    def switched(self, number: bytes) -> None:
        """Read a link: all that the other side has sent over the carrier has arrived."""
        if len(number) != SIZE:
            return
        held = self._held.pop(number, None)
        if held is None:
            if len(self._switched) >= LINKS:
                del self._switched[next(iter(self._switched))]
            self._switched[number] = None
            return
        link, timer = held
        timer.cancel()
        link.resume()

    def close(self) -> None:
        """End all links; what was put is still sent if that needs no waiting."""
        self._closed = True
        if self._server is not None:
            self._loop.remove_reader(self._server)
            self._server.close()
            self._server = None
        self._dialler.close()
        first, held = (timer for timer, _ in self._first.values()), (timer for _, timer in self._held.values())
        for timer in (*first, *held, *self._doubted.values()):
            timer.cancel()
        for link in (*self._first, *self._links.values()):
            link.close()
        self._first.clear()
        self._links.clear()
        self._held.clear()
        self._doubted.clear()

    # The side that dials

    def _connected(self, node: NodeId, announced: Announced, dialled: socket.socket) -> None:
        if self._me > node or len(self._links) >= LINKS:  # it is alive, and has to dial itself
            dialled.close()
            self._dialler.failed(node, announced)
            return
        number = os.urandom(SIZE)
        link = self._begin(dialled, partial(self._dialler.failed, node, announced))
        link.on_frame = partial(self._answered, link, node, number, announced)
        me = f"{node_key(self._me)} {self._announced}".encode()
        link.put(number + self._proof(announced.key, b"dials", number + me) + me)

    def _answered(self, link: DirectLink, node: NodeId, number: bytes, announced: Announced, frame: bytes) -> None:
        proof = self._proof(announced.key, b"answers", number + announced.text.encode())
        if hmac.compare_digest(frame, proof) and node not in self._links:
            link.put(self._proof(announced.key, b"confirms", number))
            self._establish(link, node, number)
            self._dialler.linked(node, announced, dialled=True)
        else:
            self._drop(link)

    def _refused(self, node: NodeId) -> None:
        self.on_closed(node)

    # The side that listens

    def _watch(self) -> None:
        if self._server is not None:
            Context().run(self._loop.add_reader, self._server, self._accept)

    def _accept(self) -> None:
        server = self._server
        if server is None:
            return
        try:
            accepted, _ = server.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:  # no file descriptors are left: the loop would try again at once
            self._warnings.warn(f"{self._me} accepts no links for {FULL_S} s: {error}")
            self._loop.remove_reader(server)
            self._loop.call_later(FULL_S, self._watch)
            return
        if len(self._first) >= FIRST:
            accepted.close()
            return
        link = self._begin(accepted, _ignore)
        link.on_frame = partial(self._greeted, link)

    def _greeted(self, link: DirectLink, frame: bytes) -> None:
        number, proof, who = frame[:SIZE], frame[SIZE : 2 * SIZE], frame[2 * SIZE :]
        name, _, announced = who.decode("ascii", "replace").partition(" ")
        node = node_of(name)
        proven = hmac.compare_digest(proof, self._proof(self._key, b"dials", number + who))
        if node is None or not proven:
            self._drop(link)
            return
        link.put(self._proof(self._key, b"answers", number + self._announced.encode()))
        link.on_frame = partial(self._confirmed, link, node, number, read(announced))

    def _confirmed(
        self, link: DirectLink, node: NodeId, number: bytes, announced: Announced | None, frame: bytes
    ) -> None:  # fmt: skip
        confirmed = hmac.compare_digest(frame, self._proof(self._key, b"confirms", number))
        if not confirmed or node in self._links or len(self._links) >= LINKS:
            self._drop(link)
            return
        self._establish(link, node, number)
        if announced is not None:
            self._dialler.linked(node, announced, dialled=False)

    # Both

    def _begin(self, connected: socket.socket, on_drop: Callable[[], object]) -> DirectLink:
        link = DirectLink(self._loop, connected, _ignore, _ignore)
        link.limit = FIRST_LIMIT
        link.warn = self._warnings.warn
        link.on_end = partial(self._drop, link)
        self._first[link] = self._loop.call_later(FIRST_S, self._drop, link), on_drop
        link.resume()
        return link

    def _establish(self, link: DirectLink, node: NodeId, number: bytes) -> None:
        self._first.pop(link)[0].cancel()
        self._links[node] = link
        self._switch(node, number)
        link.limit = FRAME_LIMIT
        link.on_frame = partial(self._on_frame, node)
        link.on_end = partial(self._ended, node, number)
        if number in self._switched:
            del self._switched[number]
        else:
            link.pause()
            self._held[number] = link, self._loop.call_later(HOLD_S, self.switched, number)

    def _drop(self, link: DirectLink) -> None:
        first = self._first.pop(link, None)
        link.close()
        if first is not None:
            timer, on_drop = first
            timer.cancel()
            on_drop()

    def _ended(self, node: NodeId, number: bytes) -> None:
        del self._links[node]
        held = self._held.pop(number, None)
        if held is not None:
            held[1].cancel()
        self._trust(node)
        self._dialler.unlinked(node)

    def _doubt(self, node: NodeId, link: DirectLink) -> None:
        link.received = False
        self._doubted[node] = self._loop.call_later(SILENT_S, self._check, node, link)

    def _trust(self, node: NodeId) -> None:
        doubted = self._doubted.pop(node, None)
        if doubted is not None:
            doubted.cancel()

    def _check(self, node: NodeId, link: DirectLink) -> None:
        if link.received:
            self._doubt(node, link)
        else:
            link.close()
            link.on_end()

    def _proof(self, key: bytes, purpose: bytes, data: bytes) -> bytes:
        return hmac.digest(self._secret, key + purpose + data, "sha256")[:SIZE]


def _ignore(*_: object) -> None:
    pass
