"""Live topics of a node in another process: its frames, forwarded to all viewers.

    viewer comes → attach there → its frames, requested one by one → every viewer's queue

One subscription serves all viewers of one topic of one node; the process list has one per viewer, since each sees its
own range. The next frame is requested only after the previous one was forwarded, so a slow platform, or a node that
sends as fast as it can, costs only that node. A frame must be a JSON object that names this platform and this node;
everything else in it is untrusted, and the page shows it as text. New viewers, and those that fell behind, wait for the
next snapshot.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Callable, Mapping
from contextvars import Context
from functools import partial
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from superlearner.base.throttle import Throttle
from superlearner.live.deflate import SharedDeflate
from superlearner.live.viewer import Viewer
from superlearner.nodes.remote import NodeSilent, RemoteError, RemoteNode
from superlearner.nodes.remote.protocol import DEFLATE, Attach, Attached, Close, Count, Failed, Frame, Look, Next, Sync

__all__ = ["Relay", "Relays"]

BEHIND: Final = 50
WAIT_S: Final = 10.0
MARGIN_S: Final = 10.0
ATTACH_S: Final = 10.0
PACE_S: Final = 0.03
"""Minimum seconds between frames of a busy node; pages make at most one in 0.05 s."""
AT_ONCE: Final = 4
"""Frames exempt from that pause after a quiet period, to show manual actions."""
BYTES_PER_S: Final = 8_000_000
SYNC_S: Final = 0.2
MOST_FRAME: Final = 16_000_000
"""Maximum bytes of a frame after decompression."""
ASKED: Final = {"traces": ("trace",)}
"""Query parameters that distinguish subscriptions; other shared topics have none."""
MOST_ASKED: Final = 50
MOST_WORD: Final = 2000
OWN_PART: Final = frozenset({"processes"})
"""Topics in which each viewer has its own range."""

log: Final = logging.getLogger(__name__)


class Head(msgspec.Struct):
    """The checked fields of a frame; null means another platform."""

    k: str
    seq: Count | UnsetType = UNSET
    epoch: str | UnsetType = UNSET
    node: str | UnsetType = UNSET
    version: str | UnsetType = UNSET


read_head: Final = msgspec.json.Decoder(Head).decode


class RelayedViewer(Viewer):
    """A browser tab that waits for a snapshot and then takes every frame."""

    def __init__(self, relay: Relay, limit: int) -> None:
        super().__init__(relay, limit, relay.deflate)
        self._relay = relay
        self._wake.clear()

    def offer(self, frame: bytes) -> None:
        """Add a frame; request a snapshot instead if those in the queue are as large as a snapshot may be."""
        if sum(map(len, self._frames)) > MOST_FRAME:
            self.want_snapshot()
        else:
            super().offer(frame)

    def whole(self, frame: bytes) -> None:
        """Replace queued frames by a snapshot, which includes them."""
        self._frames.clear()
        self._frames.append(self._whole(frame))
        self.resync = False
        self._wake.set()

    def want_snapshot(self) -> None:
        """Drop queued frames and request a snapshot."""
        if self.closed:
            return  # no snapshot will come
        self._frames.clear()
        self._wake.clear()
        self.resync = True
        self._relay.sync()

    def look(self, asked: Mapping[str, str]) -> None:
        """Change the visible range."""
        self._relay.look(asked)

    async def next(self) -> bytes | None:
        """Wait for the next frame; None at the end."""
        await self._wake.wait()
        if self.closed:
            return None
        frame = self._frames.popleft()
        if not self._frames:
            self._wake.clear()
        return frame


class Relay:
    """A source of live frames, as `topics.LiveSource`, from another process.

    Args:
        remote: the node.
        topic: the subscribed topic.
        asked: the other query parameters.
        identity: the platform's fields in a snapshot, if any: epoch, version.
        on_end: called when the last viewer has gone or the subscription has ended; a later viewer starts a new one.
    """

    def __init__(
        self,
        remote: RemoteNode,
        topic: str,
        asked: Mapping[str, str],
        identity: Mapping[str, str],
        on_end: Callable[[Relay], object],
    ) -> None:
        self._remote = remote
        self._topic = topic
        self._asked = {key[:MOST_ASKED]: word[:MOST_WORD] for key, word in list(asked.items())[:MOST_ASKED]}
        self._identity = {**identity, "node": remote.there}
        self._on_end = on_end
        self.deflate = SharedDeflate()
        self._viewers: set[RelayedViewer] = set()
        self._number: int | None = None
        self._seq: int | UnsetType = UNSET
        self._relaying: asyncio.Task[None] | None = None
        self._due = asyncio.Event()
        self._pace = Throttle(burst=AT_ONCE, every=PACE_S)
        self._sync: asyncio.TimerHandle | None = None
        self._synced = 0.0

    def attach(self) -> Viewer:
        """Return a new viewer; its first frame is a snapshot."""
        viewer = RelayedViewer(self, BEHIND)
        self._viewers.add(viewer)
        if self._relaying is None:
            self._relaying = asyncio.get_running_loop().create_task(self._relay(), context=Context())
        else:
            self.sync()
        return viewer

    def detach(self, viewer: Viewer) -> None:
        """Remove a viewer; end the subscription with the last one."""
        self._viewers = {other for other in self._viewers if other is not viewer}
        if not self._viewers and self._relaying is not None:
            self._relaying.cancel()
            self._end()

    def snapshot(self) -> bytes:
        """Return nothing: snapshots come from the node."""
        return b'{"k":"d"}'

    def sync(self) -> None:
        """Request a snapshot, one for all requests within a short time."""
        if self._number is None or self._sync is not None:
            return
        loop = asyncio.get_running_loop()
        self._sync = loop.call_at(max(loop.time(), self._synced + SYNC_S), self._request_snapshot)

    def look(self, asked: Mapping[str, str]) -> None:
        """Change the visible range; ignored for topics that all viewers share."""
        if self._topic in OWN_PART and self._number is not None:
            self._asked = {key[:MOST_ASKED]: word[:MOST_WORD] for key, word in list(asked.items())[:MOST_ASKED]}
            self._remote.cast(Look(self._number, self._asked))

    def _request_snapshot(self) -> None:
        self._sync = None
        self._synced = asyncio.get_running_loop().time()
        if self._number is not None:
            self._remote.cast(Sync(self._number))

    def _end(self) -> None:
        """Forget the subscription, before the next viewer comes."""
        self._relaying = None
        self._number = None
        self._seq = UNSET
        if self._sync is not None:
            self._sync.cancel()
            self._sync = None
        self._on_end(self)

    async def _relay(self) -> None:
        """Forward frames until the viewers or the node are gone or a frame is invalid."""
        number: int | None = None
        try:
            attached = await self._remote.ask(Attach(self._topic, {**self._asked, DEFLATE: ""}), Attached, ATTACH_S)
            self._number = number = None if isinstance(attached, Failed) else attached.number
            while number is not None and await self._pass_on(number):
                await self._due.wait()
        except RemoteError as error:
            log.info("the topic %s of %s ends: %s", self._topic, self._remote.name, error)
        finally:
            if number is not None:
                self._remote.cast(Close(number))
            if self._relaying is asyncio.current_task():  # else the last viewer has left, and others may have come
                self._end()
                for viewer in self._viewers:
                    viewer.close()

    async def _pass_on(self, number: int) -> bool:
        """Request and forward a frame; return whether there may be more."""
        try:
            answer = await self._remote.ask(Next(number, WAIT_S), Frame, WAIT_S + MARGIN_S)
        except NodeSilent:
            return True  # its loop is blocked; the next frame will include the changes
        if isinstance(answer, Failed) or answer.closed:
            return False
        frame = None if answer.frame is None else self._inflated(answer.frame)
        self._pause(0 if frame is None else len(frame))
        if frame is not None:
            self._offer(frame)
        return True

    def _inflated(self, frame: bytes) -> bytes:
        """Return a frame as JSON. Raises BadAnswer: it is compressed wrongly, or too large."""
        if frame[:1] != b"x":  # the first byte of zlib's header; JSON cannot begin with it
            return frame
        stream = zlib.decompressobj()
        try:
            whole = stream.decompress(frame, MOST_FRAME)
        except zlib.error as error:
            raise self._remote.bad(f"invalid frame on {self._topic}: {error}") from None
        if not stream.eof:
            raise self._remote.bad(f"a frame of {self._topic}: expected at most {MOST_FRAME} bytes, got more")
        return whole

    def _pause(self, size: int) -> None:
        self._due.clear()
        self._pace.count("")
        asyncio.get_running_loop().call_later(max(self._pace.wait(""), size / BYTES_PER_S), self._due.set)

    def _offer(self, frame: bytes) -> None:
        head = self._head(frame)
        if head.node is not UNSET and head.node != self._remote.name:
            frame = self._renamed(frame)
        known = self._topic not in OWN_PART and head.seq is not UNSET and head.seq == self._seq
        self._seq = head.seq
        for viewer in list(self._viewers):
            if head.k == "d":
                viewer.offer(frame)
            elif viewer.resync or not known:
                viewer.whole(frame)

    def _head(self, frame: bytes) -> Head:
        """Validate a frame. Raises BadAnswer if it is of another node or platform."""
        try:
            frame.decode()
            head = read_head(frame)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            raise self._remote.bad(f"invalid frame on {self._topic}: {error}") from None
        wrong = [name for name, word in self._identity.items() if getattr(head, name) not in (UNSET, word)]
        if head.k not in ("s", "d") or wrong:
            raise self._remote.bad(f"frame on {self._topic}: unexpected {', '.join(wrong) or 'kind'}")
        return head

    def _renamed(self, frame: bytes) -> bytes:
        """Return a frame with the node's name here instead of its own: the page sends it with its requests."""
        try:
            fields = msgspec.json.decode(frame)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise self._remote.bad(f"invalid frame on {self._topic}: {error}") from None
        return msgspec.json.encode({**fields, "node": self._remote.name})


class Relays:
    """The relays with viewers, by node, topic and query.

    Args:
        identity: the platform's fields in snapshots: epoch, version.
    """

    def __init__(self, identity: Mapping[str, str]) -> None:
        self._identity = dict(identity)
        self._relays: dict[Any, Relay] = {}

    def __len__(self) -> int:
        return len(self._relays)

    def of(self, remote: RemoteNode, topic: str, asked: Mapping[str, str]) -> Relay:
        """Return the relay of a node's topic, shared by all viewers with the same query."""
        if topic in OWN_PART:
            return Relay(remote, topic, asked, self._identity, lambda _relay: None)
        words = {name: asked[name] for name in ASKED.get(topic, ()) if name in asked}
        key = (remote, topic, *words.items())
        if key not in self._relays:
            self._relays[key] = Relay(remote, topic, words, self._identity, partial(self._remove, key))
        return self._relays[key]

    def _remove(self, key: Any, relay: Relay) -> None:
        """Remove a relay, unless another one has its place."""
        if self._relays.get(key) is relay:
            del self._relays[key]
