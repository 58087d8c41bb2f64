"""Direct links between the nodes of one machine, beside a carrier that finds them and carries what has no link.

A node listens on loopback and announces its address and a key, in one text. Of two nodes the smaller one dials. Both
prove that they know the key and the secret of their group, since others can read what is announced; everything else is
for the session.

A link may come while the carrier has frames on their way. Each side then sends a switch, with the number of the link,
as its last frame over the carrier, and reads the link when that of the other side has arrived: no frame passes another.
"""

from __future__ import annotations

import asyncio
import errno
import hmac
import logging
import os
import re
import socket
from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import Final
from weakref import finalize

from otp.distribution.carriers.carrier import OnFrame
from otp.distribution.carriers.direct_link import DirectLink
from otp.distribution.carriers.stream import FRAME_LIMIT
from otp.distribution.carriers.zenoh_settings import is_loopback, node_key, node_of
from otp.distribution.node_id import NodeId

__all__ = ["DirectLinks"]

logger: Final = logging.getLogger("otp.distribution")

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
ADDRESS: Final = re.compile(r"(?:\[([0-9a-f:]+)\]|([0-9.]+)):(\d{1,5})/([0-9a-f]{32})")


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
        self._first: dict[DirectLink, asyncio.TimerHandle] = {}
        self._dialled: dict[NodeId, socket.socket] = {}
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
        return f"{f'[{host}]' if ':' in host else host}:{port}/{self._key.hex()}"

    def dial(self, node: NodeId, announced: str) -> None:
        """Link with a node that has announced itself, unless that one is to dial, or there is a link."""
        found = ADDRESS.fullmatch(announced)
        if self._closed or found is None or self._me >= node or node in self._links or node in self._dialled:
            return
        host, port, key = found[1] or found[2], int(found[3]), bytes.fromhex(found[4])
        if len(self._links) + len(self._dialled) >= LINKS or not is_loopback(host) or port > 0xFFFF:
            return
        try:
            dialled = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        except OSError:
            return  # no descriptor is left: the carrier goes on
        dialled.setblocking(False)
        if dialled.connect_ex((host, port)) not in (0, errno.EINPROGRESS):
            dialled.close()
            return
        self._dialled[node] = dialled
        Context().run(self._loop.add_writer, dialled, self._connected, node, key)

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
        for dialled in self._dialled.values():
            self._loop.remove_writer(dialled)
            dialled.close()
        self._dialled.clear()
        for timer in (*self._first.values(), *(timer for _, timer in self._held.values())):
            timer.cancel()
        for link in (*self._first, *self._links.values()):
            link.close()
        self._first.clear()
        self._links.clear()
        self._held.clear()

    # The side that dials

    def _connected(self, node: NodeId, key: bytes) -> None:
        dialled = self._dialled.pop(node)
        self._loop.remove_writer(dialled)
        if dialled.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            dialled.close()
            return
        number = os.urandom(SIZE)
        link = self._begin(dialled)
        link.on_frame = partial(self._answered, link, node, number, key)
        me = node_key(self._me).encode()
        link.put(number + self._proof(key, b"dials", number + me) + me)

    def _answered(self, link: DirectLink, node: NodeId, number: bytes, key: bytes, frame: bytes) -> None:
        if hmac.compare_digest(frame, self._proof(key, b"answers", number)) and node not in self._links:
            self._establish(link, node, number)
        else:
            self._drop(link)

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
            logger.warning("%s accepts no links for %s s: %s", self._me, FULL_S, error)
            self._loop.remove_reader(server)
            self._loop.call_later(FULL_S, self._watch)
            return
        if len(self._first) >= FIRST:
            accepted.close()
            return
        link = self._begin(accepted)
        link.on_frame = partial(self._greeted, link)

    def _greeted(self, link: DirectLink, frame: bytes) -> None:
        number, proof, who = frame[:SIZE], frame[SIZE : 2 * SIZE], frame[2 * SIZE :]
        node = node_of(who.decode("ascii", "replace"))
        proven = hmac.compare_digest(proof, self._proof(self._key, b"dials", number + who))
        if node is None or not proven or node in self._links or len(self._links) >= LINKS:
            self._drop(link)
            return
        link.put(self._proof(self._key, b"answers", number))
        self._establish(link, node, number)

    # Both

    def _begin(self, connected: socket.socket) -> DirectLink:
        link = DirectLink(self._loop, connected, _ignore, _ignore)
        link.limit = FIRST_LIMIT
        link.on_end = partial(self._drop, link)
        self._first[link] = self._loop.call_later(FIRST_S, self._drop, link)
        link.resume()
        return link

    def _establish(self, link: DirectLink, node: NodeId, number: bytes) -> None:
        self._first.pop(link).cancel()
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
        timer = self._first.pop(link, None)
        if timer is not None:
            timer.cancel()
        link.close()

    def _ended(self, node: NodeId, number: bytes) -> None:
        del self._links[node]
        held = self._held.pop(number, None)
        if held is not None:
            held[1].cancel()

    def _proof(self, key: bytes, purpose: bytes, data: bytes) -> bytes:
        return hmac.digest(self._secret, key + purpose + data, "sha256")[:SIZE]


def _ignore(*_: object) -> None:
    pass
