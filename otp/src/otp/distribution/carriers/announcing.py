"""Announcements by multicast: the nodes of a group tell each other on a network where they listen.

An announcement is one datagram: the mark of the group, the node, its address, and a MAC over them with the secret of
the group. It has no frame and no secret; who hears one dials the address, and trusts only the handshake there.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from typing import Final, NamedTuple

from otp.distribution.carriers.carrier_error import CarrierError
from otp.distribution.carriers.link_handshake import mark_of
from otp.distribution.node_id import NodeId, node_key, node_of

__all__ = ["Announcement", "Announcing"]

MAGIC: Final = b"otp here 1 "
MARK: Final = 8
MAC: Final = 16
LONGEST: Final = 1_024
AT_ONCE: Final = 64
"""Datagrams that are read before the loop may do something else: a stranger may send as many as it likes."""
OFTEN_S: Final = 0.5
SELDOM_S: Final = 5.0
"""Seconds between two announcements, of the first `EARLY` and of later ones."""
EARLY: Final = 10
EVERYWHERE: Final = "auto"
"""The interface that the system chooses."""


class Announcement(NamedTuple):
    """A node, and the address at which it listens."""

    node: NodeId
    address: str


class Announcing:
    """Announces a node on an interface, and hears others of its group.

    Args:
        loop: the running loop.
        group: the key of discovery, whose digest chooses the multicast address.
        secret: that of the group.
        interface: the name of a network interface, or `auto`.
        on_announcement: called with the announcement of another node.

    Raises `CarrierError("cannot_start", …)` for an interface without multicast.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, group: str, secret: bytes, interface: str,
        on_announcement: Callable[[Announcement], object],
    ) -> None:  # fmt: skip
        self._loop = loop
        self._mark = MAGIC + mark_of(group)
        self._key = hmac.digest(secret, b"otp 1 announcements", "sha256")
        self._on_announcement = on_announcement
        self._mine: bytes = b""
        self._sent = 0
        self._timer: asyncio.TimerHandle | None = None
        digest = hashlib.blake2b(group.encode(), digest_size=5).digest()
        self._group = f"239.{digest[0]}.{digest[1]}.{digest[2]}"
        self._port = 16_384 + int.from_bytes(digest[3:], "big") % 16_384  # below those that systems give to clients
        try:
            self._socket = _open(self._group, self._port, interface)
        except OSError as error:
            raise CarrierError(
                ("cannot_start", interface), f"{interface}: expected a network with multicast, got {error}"
            ) from None
        Context().run(loop.add_reader, self._socket, self._readable)

    def begin(self, me: NodeId, address: str) -> None:
        """Announce a node from now on."""
        said = self._mark + f"{node_key(me)} {address}".encode(errors="surrogateescape")
        self._mine = said + self._mac(said)
        self._announce()

    def close(self) -> None:
        """Stop."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _announce(self) -> None:
        with suppress(OSError):  # the network is down: the next one may arrive
            self._socket.sendto(self._mine, (self._group, self._port))
        self._sent += 1
        pause = OFTEN_S if self._sent < EARLY else SELDOM_S
        self._timer = self._loop.call_later(pause, self._announce, context=Context())

    def _readable(self) -> None:
        for _ in range(AT_ONCE):
            try:
                data = self._socket.recv(LONGEST)
            except OSError:
                return
            found = self._read(data)
            if found is not None:
                self._on_announcement(found)

    def _read(self, data: bytes) -> Announcement | None:
        said, mac = data[:-MAC], data[-MAC:]
        if data == self._mine or not said.startswith(self._mark) or not hmac.compare_digest(mac, self._mac(said)):
            return None
        name, _, address = said[len(self._mark) :].decode(errors="surrogateescape").partition(" ")
        node = node_of(name)
        return None if node is None else Announcement(node, address)

    def _mac(self, said: bytes) -> bytes:
        return hmac.digest(self._key, said, "sha256")[:MAC]


def _open(group: str, port: int, interface: str) -> socket.socket:
    index = 0 if interface == EVERYWHERE else socket.if_nametoindex(interface)
    membership = struct.pack("=4s4si", socket.inet_aton(group), bytes(4), index)
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(AttributeError, OSError):  # several nodes of one machine hear it
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        opened.bind((group, port))
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, membership)
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
    except BaseException:
        opened.close()
        raise
    return opened
