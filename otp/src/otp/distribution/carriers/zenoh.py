"""Frames between machines over Zenoh: nodes find each other by multicast or by addresses, without a server.

Needs eclipse-zenoh, the extra `cluster`. Nodes of one group find each other. A group is a key of discovery, not a
secret: the session demands proof. Without `tls` only addresses of this machine are allowed.

>>> import asyncio
>>> from otp.distribution import NodeId
>>> async def main():
...     a, b = (ZenohCarrier("d5c1", multicast=None) for _ in range(2))
...     said = asyncio.Queue()
...     await a.start(NodeId("a", 1), lambda *_: None, lambda *hint: said.put_nowait(hint))
...     await b.start(NodeId("b", 1), lambda *frame: said.put_nowait(frame), lambda *_: None)
...     await a.connect(b.address)
...     print(await said.get())
...     a.put(NodeId("b", 1), b"hello")
...     print(await said.get())
...     await b.close()
...     print(await said.get())
...     await a.close()
>>> asyncio.run(main())
(NodeId(name='b', creation=1), True)
(NodeId(name='a', creation=1), b'hello')
(NodeId(name='b', creation=1), False)

Zenoh drops frames instead of waiting (its waiting would hold the loop for seconds, and make other nodes look gone), and
does not report it. The session detects the loss; use `settings_for(settings)`, whose window leaves nothing to drop.
"""

from __future__ import annotations

import asyncio
import atexit
import hashlib
import json
import logging
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import Final

import zenoh

from otp.distribution.carriers.background import Inbox, begin, in_background
from otp.distribution.carriers.carrier import OnFrame, OnHint
from otp.distribution.carriers.carrier_error import CarrierError
from otp.distribution.carriers.limited_warnings import LimitedWarnings
from otp.distribution.carriers.lingering import close_without_waiting
from otp.distribution.carriers.stream import FRAME_LIMIT
from otp.distribution.carriers.zenoh_settings import (
    Tls,
    check_listen,
    config_for,
    endpoint,
    node_key,
    node_of,
    settings_for,
)
from otp.distribution.node_id import NodeId
from otp.kernel.values.errors import BadArgument

__all__ = ["Tls", "ZenohCarrier", "settings_for"]

logger: Final = logging.getLogger("otp.distribution")

STRANGERS: Final = "otp-strangers"
"""The key under which nodes of all groups say that they exist."""
SENDER_LIMIT: Final = 2_048
UNREAD_LIMIT: Final = 16 * 1024 * 1024
"""Bytes received that the loop has not handled; more are dropped."""
PUBLISHERS: Final = 256
SENDERS: Final = 256
"""Keys of senders whose nodes are remembered: reading a key takes longer than handling its frame."""
EXPRESS: Final = False
"""Each frame as a batch of its own would be a seventh faster alone, and fill Zenoh's queue: it drops under load."""
OPEN_LIMIT: Final = 10.0
CLOSE_LIMIT: Final = 2.0
LINKS: Final = 1_000
"""New links that are remembered between two looks."""
LOOK_EVERY: Final = 1.0


_Arrived = tuple[bytes, bytes] | tuple[str, bool] | str
"""A frame with its sender, a hint with its key, or what is wrong with a frame."""


class ZenohCarrier:
    """A carrier of frames between the nodes of `group`, a word of letters, digits, `-` and `_`.

    `listen` is the own address, with or without a port; `connect` those of other nodes, which are tried until they
    answer. `multicast` is the network interface on which nodes find each other, `None` for none. One known address is
    enough: nodes tell each other whom they know.

    Without `tls` all nodes are on this machine, and any process of it can read their frames and send others. A cluster
    does not use it so: its members on one machine have `DirectCarrier`.

    `start` raises `CarrierError` with one of the reasons `("tls_required", address)`, `("address_in_use", address)`,
    `("bad_address", address)`, `("unreadable", path)` and `("cannot_start", text)`.
    """

    def __init__(
        self, group: str, *, listen: str = "127.0.0.1", connect: Sequence[str] = (), multicast: str | None = "lo",
        tls: Tls | None = None,
    ) -> None:  # fmt: skip
        if not re.fullmatch(r"[A-Za-z0-9_-]+", group):
            raise BadArgument(f"ZenohCarrier: expected a group of letters and digits, got {group!r:.100}")
        self._group = group
        self._listen = listen
        self._connect = list(connect)
        self._multicast = multicast
        self._tls = tls
        self.address: str = ""
        self.on_stranger: Callable[[NodeId], object] | None = None
        """Called for a node of another group that an address has led to."""
        # Strangers see this mark, and not the group, under which they could send frames.
        self._mark = hashlib.blake2b(b"otp 1 mark " + group.encode(), digest_size=8).hexdigest()
        self._session: zenoh.Session | None = None
        self._declared: list[object] = []
        self._publishers: dict[NodeId, zenoh.Publisher] = {}
        self._senders: dict[bytes, NodeId] = {}
        self._added: list[str] = []
        self._guided: list[str] = []  # of those, the ones that the guide knows
        self._guides = 0
        self._guide: zenoh.Session | None = None
        self._guiding = asyncio.Lock()
        self._inbox: Inbox[_Arrived] | None = None
        self._closed = False
        self._looking: asyncio.TimerHandle | None = None
        self._me: NodeId
        self._on_frame: OnFrame
        self._on_hint: OnHint
        self._loop: asyncio.AbstractEventLoop
        self._warnings: LimitedWarnings

    async def start(self, me: NodeId, on_frame: OnFrame, on_hint: OnHint) -> None:
        """Listen, and look for the other nodes of the group; raises `CarrierError`."""
        listen = check_listen(self._listen, self._multicast, self._tls)
        connect = [endpoint(address, self._tls) for address in self._connect]
        self._me = me
        self._me_key = node_key(me).encode()
        self._on_frame = on_frame
        self._on_hint = on_hint
        self._loop = asyncio.get_running_loop()
        self._warnings = LimitedWarnings(self._loop)
        self._inbox = Inbox(self._loop, self._arrive, UNREAD_LIMIT)
        try:
            self._session = await self._open(listen, connect, self._multicast)
            await in_background(partial(self._declare, self._session, self._inbox), OPEN_LIMIT)
            self._look()
        except BaseException as error:
            await self.close()
            if isinstance(error, zenoh.ZError):
                raise self._explained(error) from error
            raise

    async def _open(self, listen: str | None, connect: list[str], multicast: str | None) -> zenoh.Session:
        config = zenoh.Config()
        for key, value in config_for(self._group, listen, connect, multicast, self._tls).items():
            config.insert_json5(key, json.dumps(value))  # pyright: ignore[reportUnknownMemberType]
        # It logs to stdout.
        zenoh.init_log_from_env_or("off")  # pyright: ignore[reportUnknownMemberType]
        return await in_background(partial(_opened, config), OPEN_LIMIT, undo=_close)

    def _declare(self, session: zenoh.Session, inbox: Inbox[_Arrived]) -> None:
        for reply in session.get(f"@/{session.zid()}/peer", timeout=OPEN_LIMIT):
            if reply.ok is not None:
                self.address = json.loads(reply.ok.payload.to_string())["locators"][0]
        base = f"otp/{self._group}"
        frames = session.declare_subscriber(f"{base}/m/{node_key(self._me)}", partial(_frame_arrived, inbox))
        live = session.liveliness()
        mark = live.declare_token(f"{STRANGERS}/{self._mark}/{node_key(self._me)}")
        # Whoever sees the token can send frames here. This node finds others after it: if it was killed before others
        # see its token, they would never be told that it has gone.
        token = live.declare_token(f"{base}/n/{node_key(self._me)}")
        hints = live.declare_subscriber(f"{base}/n/*/*", partial(_hint_arrived, inbox), history=True)
        strangers = live.declare_subscriber(f"{STRANGERS}/*/*/*", partial(_hint_arrived, inbox), history=True)
        self._declared = [frames, mark, token, hints, strangers]

    def _explained(self, error: zenoh.ZError) -> CarrierError:
        if "already in use" in str(error):
            text = f"{self._listen}: expected a free address, got one in use; try another port"
            return CarrierError(("address_in_use", self._listen), text)
        text = str(error).partition(" at /")[0]
        return CarrierError(("cannot_start", text), f"{self._listen}: {text}")

    async def connect(self, address: str, *, again: bool = False) -> None:
        """Look for a node at a further address, and whom it knows, from now on; does not wait until it is found.

        With `again`, also if the address is known already: the nodes may have lost each other.

        Raises `CarrierError` for an address that is malformed or needs TLS.
        """
        # Zenoh cannot connect a running session. A second session, which only links the address with the first one,
        # introduces the two to each other. Callers that come meanwhile share the next one.
        target = endpoint(address, self._tls)
        if target not in self._added:
            self._added.append(target)
        seen = self._guides
        async with self._guiding:
            if self._closed or (target in self._guided and not (again and seen == self._guides)):
                return
            targets = list(self._added)
            own = f"{self.address}#verify_name_on_connect=false" if self._tls else self.address
            guide = await self._open(None, [own, *targets], None)
            self._guides += 1
            self._guided = targets
            before, self._guide = self._guide, guide
            for session in (before, guide if self._closed else None):
                if session is not None:
                    await in_background(partial(_close, session), CLOSE_LIMIT)

    def _look(self) -> None:
        """Have new links close without waiting, from now on."""
        self._looking = self._loop.call_later(LOOK_EVERY, self._look)
        sessions = [session for session in (self._session, self._guide) if session is not None]
        close_without_waiting(link for session in sessions for link in _new_links(session))

    def put(self, node: NodeId, frame: bytes) -> None:
        """Send or drop `frame`."""
        session = self._session
        if session is None or self._closed or len(frame) > FRAME_LIMIT:
            return
        try:
            publisher = self._publishers.get(node)
            if publisher is None:
                publisher = self._publish(session, node)
            publisher.put(frame, attachment=self._me_key)  # pyright: ignore[reportUnknownMemberType]
        except zenoh.ZError as error:
            self._warn(f"{node}: expected Zenoh to take a frame, got {str(error)!r:.200}")

    def _publish(self, session: zenoh.Session, node: NodeId) -> zenoh.Publisher:
        if len(self._publishers) >= PUBLISHERS:
            del self._publishers[next(iter(self._publishers))]
        publisher = self._publishers[node] = session.declare_publisher(
            f"otp/{self._group}/m/{node_key(node)}",
            congestion_control=zenoh.CongestionControl.DROP,
            reliability=zenoh.Reliability.RELIABLE,
            priority=zenoh.Priority.REAL_TIME,
            express=EXPRESS,
        )
        return publisher

    async def close(self) -> None:
        """Leave the network."""
        self._closed = True
        if self._looking is not None:
            self._looking.cancel()
        if self._inbox is not None:
            self._inbox.close()
        session, guide = self._session, self._guide
        self._session = self._guide = None
        self._publishers.clear()
        self._declared.clear()
        for each in (session, guide):
            if each is not None:
                try:
                    await in_background(partial(_close, each), CLOSE_LIMIT)
                except TimeoutError:
                    logger.warning("%s: expected Zenoh to close within %s s, it did not", self._me, CLOSE_LIMIT)

    # What arrived, on the loop

    def _arrive(self, item: _Arrived) -> None:
        if isinstance(item, str):
            self._warn(item)
            return
        what, value = item
        if isinstance(what, bytes) and isinstance(value, bytes):
            node = self._senders.get(what) or self._sender(what)
            if node is not None:
                self._on_frame(node, value)
                return
        elif isinstance(what, str) and what.startswith(STRANGERS):
            mark, _, key = what[len(STRANGERS) + 1 :].partition("/")
            node = node_of(key)
            if node is not None and mark != self._mark and value and self.on_stranger is not None:
                self.on_stranger(node)
            return
        elif isinstance(what, str) and isinstance(value, bool):
            node = node_of(what.partition("/n/")[2])
            if node is not None:
                if not value:
                    self._publishers.pop(node, None)
                if node != self._me:
                    self._on_hint(node, value)
                return
        self._warn(f"expected a node as name/creation, got {what[:100]!r}")

    def _sender(self, key: bytes) -> NodeId | None:
        node = node_of(key.decode("ascii", "replace"))
        if node is not None:
            if len(self._senders) >= SENDERS:
                self._senders.clear()
            self._senders[key] = node
        return node

    def _warn(self, text: str) -> None:
        self._warnings.warn(f"{self._me} dropped something: {text}")


# Called by threads of Zenoh


def _frame_arrived(inbox: Inbox[_Arrived], sample: zenoh.Sample) -> None:
    payload, sender = sample.payload, sample.attachment
    size = len(payload)
    if size > FRAME_LIMIT:
        inbox.put(f"expected frames of at most {FRAME_LIMIT} bytes, got one of {size}", SENDER_LIMIT)
    elif sender is None or len(sender) > SENDER_LIMIT:
        inbox.put("expected a frame with its sender, got none", SENDER_LIMIT)
    else:
        inbox.put((sender.to_bytes(), payload.to_bytes()), size + len(sender))


def _hint_arrived(inbox: Inbox[_Arrived], sample: zenoh.Sample) -> None:
    key = str(sample.key_expr)
    inbox.put((key, sample.kind == zenoh.SampleKind.PUT), len(key))


_open: dict[zenoh.Session, zenoh.LinkEventsListener[zenoh.handlers.Handler[zenoh.LinkEvent]]] = {}
"""The open sessions, with what tells their links; a callback would be one more way from their threads into Python."""


def _opened(config: zenoh.Config) -> zenoh.Session:
    _close_at_the_end()
    session = zenoh.open(config)
    _open[session] = session.info.declare_link_events_listener(zenoh.handlers.RingChannel(LINKS), history=True)
    return session


def _new_links(session: zenoh.Session) -> Iterator[tuple[str, str]]:
    listener = _open.get(session)
    while listener is not None and (event := listener.try_recv()) is not None:
        if event.kind == zenoh.SampleKind.PUT:
            yield event.link.src, event.link.dst


_ending: Final = threading.Event()
atexit.register(_ending.set)


@cache
def _close_at_the_end() -> None:
    """Let a thread close what the program leaves open: threads of Zenoh would call Python while that ends.

    It starts with the first session, because Python 3.12 starts no thread once the program ends.
    """

    def close_all() -> None:
        _ending.wait()
        for session in list(_open):
            _close(session)

    begin(close_all)


def _close(session: zenoh.Session) -> None:
    _open.pop(session, None)
    session.close()  # pyright: ignore[reportUnknownMemberType]
