"""Frames between nodes: one direct stream for each pair of them.

A node listens on a Unix socket in a folder that only its user can enter. Nodes of one user find each other by the
`listings` that they share. A node of another user is reached at a port of the loopback interface, which is opened only
if `listen` names one, or once this node dials one; there each frame has a seal. Nodes on different machines have
certificates: with `tls`, a node listens at a port only, and each link is a TLS connection.

>>> import asyncio, tempfile
>>> from pathlib import Path
>>> from otp.distribution import NodeId
>>> async def main(folder):
...     a, b = (DirectCarrier("d5c1", b"secret", folder=folder, listings=[folder]) for _ in range(2))
...     events = asyncio.Queue()
...     await a.start(NodeId("a", 1), lambda *_: None, lambda *hint: events.put_nowait(hint))
...     await b.start(NodeId("b", 1), lambda *frame: events.put_nowait(frame), lambda *_: None)
...     print(await events.get())
...     a.put(NodeId("b", 1), b"hello")
...     print(await events.get())
...     await b.close()
...     print(await events.get())
...     await a.close()
>>> with tempfile.TemporaryDirectory() as folder:
...     asyncio.run(main(Path(folder)))
(NodeId(name='b', creation=1), True)
(NodeId(name='a', creation=1), b'hello')
(NodeId(name='b', creation=1), False)

Both ends of a link prove that they know the secret of the group (`link_handshake`); the rest is up to the session.
If both dial at once, one link stays. A link that has ended is dialled again. If that
is refused, the process of the node has ended, and `on_closed` is called.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from otp.distribution.carriers.announcing import Announcement, Announcing
from otp.distribution.carriers.carrier import OnFrame, OnHint
from otp.distribution.carriers.carrier_error import CarrierError
from otp.distribution.carriers.dialler import FOREVER, GIVE_UP_S, Dialler, Target
from otp.distribution.carriers.direct_link import KEPT, DirectLink
from otp.distribution.carriers.limited_warnings import LimitedWarnings
from otp.distribution.carriers.link_handshake import (
    NONCE,
    Greeting,
    Handshake,
    mark_of,
    read_answer,
    read_hello,
)
from otp.distribution.carriers.listener import Listener
from otp.distribution.carriers.listing import Listing
from otp.distribution.carriers.seal import SEAL
from otp.distribution.carriers.stream import FRAME_LIMIT
from otp.distribution.carriers.stream_address import (
    UNIX,
    StreamAddress,
    check_listen,
    has_port,
    parse_reachable,
    place_of,
    unix_family,
)
from otp.distribution.carriers.tls import Contexts, Tls, Tunnel, TunnelError, is_named
from otp.distribution.node_id import NodeId
from otp.locked_entries import LockedEntry, reserve_socket
from otp.unix_sockets import process_of_peer, uid_of_peer

__all__ = ["DirectCarrier"]

LINKS: Final = 1_024
FIRST: Final = 64
"""Accepted sockets that have not proven themselves."""
FIRST_S: Final = 5.0
FIRST_LIMIT: Final = 2_048
NAMED_S: Final = 1.0
"""Seconds between two reports of nodes of other groups: any process may dial."""
KEPT_S: Final = 1.0
"""Seconds for which frames to a node whose link has ended are kept for its next link."""
SILENT_S: Final = 10.0
"""Seconds of silence after which the link of a superseded node ends: a forked child may keep it open."""


@dataclass(slots=True, eq=False)
class _Begun:
    """A link that is not proven yet."""

    link: DirectLink
    place: bytes
    local: bool
    """True for a Unix socket."""
    sealed: bool
    timer: asyncio.TimerHandle
    process: tuple[int, bytes] | None
    target: Target | None = None
    """The address that was dialled, None if it was accepted."""
    node: NodeId | None = None
    """The node at the other end, once it has proven itself."""
    hello: Greeting | None = None
    shakes: Handshake | None = None


class DirectCarrier:
    """A carrier of frames between the nodes of `group`, which all know `secret`.

    `folder` is where its Unix socket lies; only this user may enter it. `listings` are folders in which the nodes find
    each other. `listen` with a port, such as `127.0.0.1:7447`, also opens that port to nodes of other users, and
    `unix/PATH` names the socket. `connect` has the addresses of other nodes, which are dialled forever.

    With `tls`, all nodes show certificates, and may be on other machines. They hear each other on the network interface
    `multicast`. A certificate is only for members on the host that it names. `silence` is the time in seconds after
    which a link without an acknowledgement ends. `advertise` is the address that other machines dial, if that is not
    the one to listen on.

    With `weak`, others could guess the secret, so ports are neither opened nor dialled.

    `start` raises `CarrierError` with one of the reasons `("tls_required", address)`, `("address_in_use", address)`,
    `("bad_address", address)`, `("weak_cookie", address)` and `("cannot_start", text)`.
    """

    dials: Final = True
    """Nodes learned from other members have to be dialled: nothing else finds them."""

    def __init__(
        self, group: str, secret: bytes, *, folder: Path | None = None, listings: Sequence[Path] = (),
        listen: str = "127.0.0.1", connect: Sequence[str] = (), multicast: str | None = None, weak: bool = False,
        tls: Tls | None = None, silence: float = 6.0, advertise: str | None = None,
    ) -> None:  # fmt: skip
        self._group = group
        self._secret = secret
        self._mark = mark_of(group)
        self._folder = Path.cwd() if folder is None else folder.absolute()
        self._listings_at = list(listings)
        self._listen = listen
        self._connect = list(connect)
        self._multicast = multicast
        self._weak = weak
        self._tls = tls
        self._silence = silence
        self._advertise = advertise
        self._advertised: StreamAddress | None = None
        self._contexts: Contexts | None = None
        self._announcing: Announcing | None = None
        self.address: str = ""
        self._listened = ""
        self.on_room: Callable[[NodeId], object] = _ignore
        self.on_stranger: Callable[[NodeId], object] | None = None
        """Called for a node of another group that was met at an address."""
        self.on_itself: Callable[[str], object] = _ignore
        """Called with an address as it was typed, if all that it stands for has led to this node itself."""
        self.on_closed: Callable[[NodeId], object] | None = None
        """Called for a node whose process has ended: its address refuses this node after it had a link."""
        self._links: dict[NodeId, DirectLink] = {}
        self._begun: dict[DirectLink, _Begun] = {}
        self._superseded: dict[NodeId, asyncio.TimerHandle] = {}
        self._kept: dict[NodeId, list[bytes]] = {}
        """Frames for nodes whose links have just ended, which are dialled again."""
        self._listeners: dict[int, Listener] = {}
        """The open listeners, by the family of their sockets."""
        self._listings: list[Listing] = []
        self._reserved: LockedEntry | None = None
        self._named_at = float("-inf")
        self._closed = False
        self._me: NodeId
        self._on_frame: OnFrame
        self._on_hint: OnHint
        self._loop: asyncio.AbstractEventLoop
        self._warnings: LimitedWarnings
        self._dialler: Dialler

    async def start(self, me: NodeId, on_frame: OnFrame, on_hint: OnHint) -> None:
        """Listen, list this node, and dial the other nodes of the group; raises `CarrierError`."""
        self._me = me
        self._on_frame = on_frame
        self._on_hint = on_hint
        self._loop = asyncio.get_running_loop()
        self._warnings = LimitedWarnings(self._loop)
        self._dialler = Dialler(self._loop, self._on_connected, self._on_refused, self._on_left)
        connect = {typed: self._parse(typed) for typed in self._connect}
        if self._advertise is not None:
            # Without certificates, the address is a part of the proofs, which keeps others from relaying.
            self._advertised = StreamAddress.parse(self._advertise, tls=True)
            if self._tls is None:
                why = f"{self._advertise}: expected certificates to advertise it; try tls="
                raise CarrierError(("tls_required", self._advertise), why)
        try:
            self._contexts = None if self._tls is None else Contexts(self._tls)
            self._listen_first()
            self._listings = [Listing(path, self._group) for path in self._listings_at]
            for listing in self._listings:
                listing.add(me, self._listened)
            # From here on each of two nodes that start at once is listed before it looks for the other one.
            self._dial_listed()
            for typed, address in connect.items():
                await self._dial(address, FOREVER, typed)
            if self._contexts is not None and self._multicast is not None:
                self._announcing = Announcing(
                    self._loop, self._group, self._secret, self._multicast, self._on_announcement
                )
                self._announcing.begin(me, self.address)
        except BaseException:
            await self.close()
            raise

    def _dial_listed(self) -> None:
        entries = {entry.address: entry for listing in self._listings for entry in listing.others()}
        for entry in entries.values():
            try:
                address = StreamAddress.parse(entry.address)
                self._check_strength(address, entry.address)
            except CarrierError as error:
                self._warnings.warn(f"{entry.file}: {error}")
                continue
            self._on_hint(entry.node, True)
            self._dialler.dial(address, 0.0, entry)

    def _listen_first(self) -> None:
        """Listen for nodes of this user, and at the address of `listen`."""
        if self._contexts is not None:
            check_listen(self._listen, self._multicast, tls=True)
            self._open(StreamAddress.parse(self._listen, 0, tls=True), self._listen)
            return
        if self._listen.startswith(UNIX):
            self._open(StreamAddress.parse(self._listen), self._listen)
            return
        check_listen(self._listen, self._multicast, tls=False)
        if unix_family() is not None:
            path = self._folder / f"link-{os.urandom(8).hex()}.sock"
            address = StreamAddress(str(path))
            try:
                self._reserved = reserve_socket(path)
            except OSError as error:
                raise CarrierError(("cannot_start", str(address)), f"{address}: {error.strerror or error}") from None
            self._open(address, str(address))
        if unix_family() is None or has_port(self._listen):
            self._open(StreamAddress.parse(self._listen, 0), self._listen)

    def _open(self, address: StreamAddress, typed: str) -> None:
        self._check_strength(address, typed)
        listener = Listener(self._loop, address, typed, self._on_accepted, self._warnings.warn)
        self._listeners[address.family] = listener
        self._listened = str(listener.address)
        self.address = str(self._advertised or listener.address)

    async def connect(self, address: str, *, again: bool = False) -> None:
        """Dial an address from now on, for half a minute; does not wait until there is a link.

        With `again`, only once: the nodes have lost each other, and the caller repeats it.

        Raises `CarrierError` for an address that is malformed, needs TLS, or is closed to this user.
        """
        if not self._closed:
            await self._dial(self._parse(address), 0.0 if again else GIVE_UP_S, None if again else address)

    def _parse(self, address: str) -> StreamAddress:
        return parse_reachable(address, tls=self._tls is not None)

    def _check_strength(self, address: StreamAddress, typed: str) -> None:
        if self._weak and not (address.path or address.tls):
            raise CarrierError(
                ("weak_cookie", typed),
                f"{typed}: expected a random cookie of at least 32 characters, since other users of this machine can "
                "try to guess it at a port, got a shorter or simpler one; try `secrets.token_urlsafe(32)`",
            )

    async def _dial(self, address: StreamAddress, seconds: float, typed: str | None) -> None:
        self._check_strength(address, str(address))
        found = await self._resolve(address) if address.tls else [address]
        if not (address.tls or address.path) and all(family == unix_family() for family in self._listeners):
            # Nodes of other users, which learn of this one from that node, may have to dial it.
            self._open(StreamAddress(host=address.host), str(address))
        spellings = () if typed is None else (typed,)
        for one in found:
            self._dialler.dial(one, seconds, typed=spellings)
        self._report_itself(spellings)

    async def _resolve(self, address: StreamAddress) -> list[StreamAddress]:
        """Return the addresses of a host; none while its name cannot be resolved."""
        try:
            found = await self._loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        except OSError as error:
            self._warnings.warn(f"{address}: {error}")
            return []
        return [replace(address, host=host) for host in dict.fromkeys(str(one[4][0]) for one in found)]

    def _on_announcement(self, found: Announcement) -> None:
        if found.node == self._me or found.node in self._links or self._closed:
            return
        try:
            address = self._parse(found.address)
        except CarrierError as error:
            self._warnings.warn(f"{found.node}: {error}")
            return
        if address not in {StreamAddress.parse(self.address, tls=True)}:
            self._on_hint(found.node, True)
            self._dialler.dial(address, 0.0)

    def put(self, node: NodeId, frame: bytes) -> None:
        """Send `frame`, or drop it if there is no link to `node`; keep it for a moment if its link has just ended."""
        link = self._links.get(node)
        if len(frame) > FRAME_LIMIT:
            return
        if link is not None:
            link.put(frame)
        elif (kept := self._kept.get(node)) is not None and len(kept) < KEPT:
            kept.append(frame)

    def room(self, node: NodeId) -> int:
        """Return how many bytes it takes for `node`; none without a link."""
        link = self._links.get(node)
        return 0 if link is None else link.room

    def arrived(self) -> Iterable[NodeId]:
        """Return the nodes of which bytes have arrived since the last call."""
        found = [node for node, link in self._links.items() if link.arrived]
        for node in found:
            self._links[node].arrived = False
        return found

    async def close(self) -> None:
        """End all links; what was put is still sent if that needs no waiting."""
        if self._closed:
            return
        self._closed = True
        for listing in self._listings:
            listing.remove()
        if self._announcing is not None:
            self._announcing.close()
        for listener in self._listeners.values():
            listener.close()
        if self._reserved is not None:
            self._reserved.remove()
        self._dialler.close()
        for timer in (*(begun.timer for begun in self._begun.values()), *self._superseded.values()):
            timer.cancel()
        for link in (*self._begun, *self._links.values()):
            link.close()
        self._begun.clear()
        self._links.clear()
        self._superseded.clear()

    # The side that dials

    def _on_connected(self, target: Target, dialled: socket.socket) -> None:
        begun = self._begin(dialled, target)
        if begun is None:
            self._dialler.failed(target)
            return
        if self._contexts is not None and target.node is not None and target.node in self._kept:
            self._on_hint(target.node, True)  # a handshake with a distant node takes several round trips
        begun.hello = self._greeting(dialled)
        begun.link.on_frame = partial(self._on_answer, begun)
        begun.link.put(begun.hello.hello())

    def _on_answer(self, begun: _Begun, frame: bytes) -> None:
        read = read_answer(frame)
        hello, target = begun.hello, begun.target
        if read is None or hello is None or target is None:
            self._drop(begun, "expected the answer of a node, got something else")
            return
        other, shown = read
        if not _is_certified(begun, other.node):
            self._drop(begun, f"expected a certificate for {other.node.name}, got one of {_names(begun)}")
            return
        if other.mark != self._mark:
            self._report_stranger(other.node)
            self._drop(begun)
            return
        begun.shakes = Handshake(self._secret, hello, other, begun.place, sealed=begun.sealed)
        if not begun.shakes.is_proof("answers", shown):
            self._drop(begun, "expected the proof of a node, got another one")
            return
        begun.node = other.node
        self._dialler.set_node(target, other.node)
        if other.node == self._me:
            self._report_itself(target.typed)
        if other.node == self._me or other.node in self._links:
            self._drop_duplicate(begun)
            return
        begun.link.on_frame = partial(self._on_accept, begun)
        begun.link.put(begun.shakes.proof("confirms"))

    def _on_accept(self, begun: _Begun, frame: bytes) -> None:
        node, shakes = begun.node, begun.shakes
        if node is None or shakes is None or not shakes.is_proof("accepts", frame):
            self._drop(begun, "expected the proof of a node, got another one")
        elif node in self._links:
            self._drop_duplicate(begun)
        else:
            self._establish(begun, node, shakes, None)

    def _drop_duplicate(self, begun: _Begun) -> None:
        """Drop a link to a node that has another one, and keep what was learned of the address."""
        if begun.target is not None:
            begun.target.linked = True  # its address is dialled again once the other link has ended
        self._drop(begun)

    # The side that listens

    def _on_accepted(self, accepted: socket.socket) -> None:
        # Other users reach only the port, so they cannot use up the places of this user's nodes.
        local = accepted.family == unix_family()
        waiting = sum(begun.target is None and begun.local == local for begun in self._begun.values())
        if waiting >= FIRST:
            accepted.close()
        elif (begun := self._begin(accepted, None)) is not None:
            begun.link.on_frame = partial(self._on_hello, begun, self._greeting(accepted))

    def _on_hello(self, begun: _Begun, mine: Greeting, frame: bytes) -> None:
        hello = read_hello(frame)
        if hello is None:
            self._drop(begun, "expected the greeting of a node, got something else")
            return
        if not _is_certified(begun, hello.node):
            self._drop(begun, f"expected a certificate for {hello.node.name}, got one of {_names(begun)}")
            return
        begun.hello = hello
        begun.shakes = Handshake(self._secret, hello, mine, begun.place, sealed=begun.sealed)
        begun.link.put(begun.shakes.proof("answers") + mine.encoded())
        begun.link.on_frame = partial(self._on_confirm, begun)
        if hello.mark != self._mark and self._loop.time() >= self._named_at + NAMED_S:
            self._named_at = self._loop.time()
            self._report_stranger(hello.node)

    def _on_confirm(self, begun: _Begun, frame: bytes) -> None:
        hello, shakes = begun.hello, begun.shakes
        if hello is None or shakes is None or not shakes.is_proof("confirms", frame):
            self._drop(begun, "expected the proof of a node, got another one")
            return
        node = hello.node
        own = next((one for one in self._begun.values() if one.target is not None and one.node == node), None)
        # If both dial, and both have proven themselves as listeners, the link that the smaller one has dialled stays.
        if node == self._me or node in self._links or len(self._links) >= LINKS or (own and self._me < node):
            self._drop(begun)
            return
        if own is not None:
            self._drop_duplicate(own)
        begun.link.put(shakes.proof("accepts"))
        try:
            address = StreamAddress.parse(hello.address, tls=self._tls is not None)
            self._check_strength(address, hello.address)
            address = address if address.is_resolved else None
        except CarrierError:
            address = None
        self._establish(begun, node, shakes, address)

    # Both

    def _greeting(self, connected: socket.socket) -> Greeting:
        """Return the greeting for a socket; its address is of the same kind, so the other side can dial it."""
        local = connected.family == unix_family()
        found = [str(one.address) for family, one in self._listeners.items() if (family == unix_family()) == local]
        return Greeting(self._mark, os.urandom(NONCE), self._me, str(self._advertised or (found or [""])[0]))

    def _begin(self, connected: socket.socket, target: Target | None) -> _Begun | None:
        local = connected.family == unix_family()
        try:
            place = place_of(connected.getsockname() if target is None else connected.getpeername())
            if self._contexts is not None:
                place = b"tls"  # certificates keep others from relaying, and the address may be another one there
                _end_if_silent(connected, self._silence)
            uid, process = (uid_of_peer(connected), process_of_peer(connected)) if local else (None, None)
        except OSError:  # the other side has ended it
            connected.close()
            return None
        if uid is not None and uid != os.geteuid():
            self._warnings.warn(f"{self._me} refused a link: expected a process of this user, got another user's")
            connected.close()
            return None
        link = DirectLink(self._loop, connected, _ignore, _ignore)
        link.limit = FIRST_LIMIT
        link.warn = self._warnings.warn
        # If the system does not report the user, only the mode of the socket's folder has kept others out so far.
        sealed = uid is None and self._contexts is None
        begun = _Begun(link, place, local, sealed, self._loop.call_later(FIRST_S, self._on_late, link), process, target)
        self._begun[link] = begun
        link.on_end = partial(self._drop, begun)
        if self._contexts is not None:
            context = self._contexts.accepts if target is None else self._contexts.dials
            try:
                link.encrypt(Tunnel(context, accepts=target is None))
            except TunnelError as error:
                self._drop(begun, str(error))
                return None
        link.resume()
        return begun

    def _on_late(self, link: DirectLink) -> None:
        begun = self._begun.get(link)
        if begun is not None:
            self._drop(begun)

    def _establish(self, begun: _Begun, node: NodeId, shakes: Handshake, address: StreamAddress | None) -> None:
        link = begun.link
        begun.timer.cancel()
        del self._begun[link]
        if begun.target is not None:
            begun.target.dials = False
        if begun.sealed:
            keys = shakes.keys()
            link.seal(*(keys if begun.target is not None else reversed(keys)))
        for other in [other for other in self._links if other.name == node.name and other.creation < node.creation]:
            if other not in self._superseded:
                self._watch_superseded(other, self._links[other])
        self._links[node] = link
        link.refused.clear()  # messages of the handshake are not for the next link
        for frame in self._kept.pop(node, ()):
            link.put(frame)
        link.limit = FRAME_LIMIT + SEAL
        link.on_frame = partial(self._on_frame, node)
        link.on_end = partial(self._on_ended, node)
        link.on_room = partial(self.on_room, node)
        self._dialler.linked(node, address, begun.process)
        self._on_hint(node, True)
        self.on_room(node)  # what could not be sent without a link

    def _drop(self, begun: _Begun, why: str = "") -> None:
        if self._begun.pop(begun.link, None) is None:
            return
        if why:
            self._warnings.warn(f"{self._me} refused a link: {why}")
        begun.timer.cancel()
        begun.link.close()
        if begun.target is not None:
            self._dialler.failed(begun.target)

    def _on_ended(self, node: NodeId) -> None:
        kept = self._kept[node] = self._links.pop(node).refused
        timer = self._superseded.pop(node, None)
        if timer is not None:
            timer.cancel()
        self._loop.call_later(KEPT_S, self._forget, node, kept)
        self._on_hint(node, False)
        self._dialler.unlinked(node)

    def _forget(self, node: NodeId, kept: list[bytes]) -> None:
        if self._kept.get(node) is kept:
            del self._kept[node]

    def _on_refused(self, node: NodeId) -> None:
        self._kept.pop(node, None)
        for listing in self._listings:
            listing.others()  # removes what that node has left behind
        if self.on_closed is not None:
            self.on_closed(node)

    def _on_left(self, node: NodeId) -> None:
        if node not in self._links:
            self._on_hint(node, False)

    def _report_itself(self, spellings: Iterable[str]) -> None:
        for typed in spellings:
            if self._dialler.nodes_at(typed) == {self._me}:
                self.on_itself(typed)

    def _report_stranger(self, node: NodeId) -> None:
        if self.on_stranger is not None:
            self.on_stranger(node)

    def _watch_superseded(self, node: NodeId, link: DirectLink) -> None:
        link.received = False
        self._superseded[node] = self._loop.call_later(SILENT_S, self._check, node, link)

    def _check(self, node: NodeId, link: DirectLink) -> None:
        if link.received:
            self._watch_superseded(node, link)
        else:
            link.close()
            link.on_end()


def _is_certified(begun: _Begun, node: NodeId) -> bool:
    """Return whether the certificate of the other side, if there is one, is that of a node."""
    names = begun.link.names
    return names is None or is_named(node.name, names)


def _names(begun: _Begun) -> str:
    return ", ".join(sorted(begun.link.names or ())) or "nobody"


def _end_if_silent(connected: socket.socket, seconds: float) -> None:
    """Let the system end a connection whose other side acknowledges nothing for so long."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None:
        connected.setsockopt(socket.IPPROTO_TCP, option, int(1000 * seconds))


def _ignore(*_: object) -> None:
    pass
