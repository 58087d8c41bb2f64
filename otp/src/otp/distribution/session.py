"""Connections over an unreliable carrier: a state machine without clock, loop or I/O.

Each method gets an event and its time, in seconds of one clock, and returns the list of `Action`s to carry out in
order. It has no other effect, so a session can be replayed from its inputs.

```python
>>> from otp.distribution import NodeId
>>> from otp.distribution.actions import Put
>>> a, b = NodeId("a", 1), NodeId("b", 1)
>>> sessions = {a: Session(a, b"secret"), b: Session(b, b"secret")}
>>> todo = [(a, action) for action in sessions[a].connect(0.0, b)]
>>> for at, action in todo:
...     if isinstance(action, Put):
...         todo += [(action.node, next_) for next_ in sessions[action.node].receive(0.0, at, action.frame)]
...     else:
...         print(at, action)
a#1 Up(node=NodeId(name='b', creation=1), epoch=1)
b#1 Up(node=NodeId(name='a', creation=1), epoch=1)

```

The beginning of a connection is described in `otp.distribution.handshake`, its parts in `otp.distribution.connection`.
Three rules keep two sides from restarting the handshake forever, which happened when each answered every message with
a new nonce:

- only a side without a connection greets, once per heartbeat; a greeting is answered and changes nothing;
- a connection is replaced only by a proven one, so no old, replayed or forged frame can end it;
- a side keeps its nonce until a connection uses it, and creates none because the other side has created one.

Source: the guarantees are those of Erlang's distribution channel; epochs, acknowledgements and heartbeats are needed
because a carrier, unlike its TCP, may lose frames silently.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from otp.distribution.actions import Action, Down, Drained, Flush, Outdated, Put, Refused, Room, Signal, Taken, Up
from otp.distribution.connection import Broken, Connection
from otp.distribution.frames import (
    BATCHES,
    FEATURES,
    HOLDS,
    LARGE_LANE,
    LONGEST_BATCH,
    OVERHEAD,
    TAKEN,
    Batch,
    Beat,
    Bye,
    Data,
    Hello,
    MalformedFrame,
    Reset,
    UnknownFrame,
    decode,
    encode,
)
from otp.distribution.handshake import NONCE, connection_number, is_proof, proof
from otp.distribution.node_id import NodeId
from otp.distribution.parts import Parts, size_of
from otp.distribution.settings import Settings
from otp.kernel.values.errors import BadArgument
from otp.standstill import Pulse

__all__ = ["Session"]

VERSION: Final = 1
KNOWN: Final = 10_000
"""Names of nodes whose highest incarnation is remembered; the oldest is forgotten first."""
STRANGERS: Final = 64
"""Nodes that may be in their first handshake at a time; more of them get no reply until others are done."""
TIMER: Final = 1e-6
"""Seconds by which a timer may be early."""
FOUND: Final = 2
"""Steps of a new link that each give a distant node one more heartbeat: it is reached, and it is authenticated."""
ASK_AGAIN: Final = 256 * 1024
"""Further bytes that wait for a node before the carrier is asked again how much it takes."""
NOTICES: Final = 64
"""Maximum resets and refusals per heartbeat; each is sent once per heartbeat, regardless of what a node sends."""


@dataclass(slots=True)
class _Attempt:
    """A handshake in progress: this side's nonce, its start, and whether a wrong proof was reported."""

    mine: bytes
    since: float
    refused: bool = False


@dataclass(slots=True)
class _Peer:
    """Another node: the connection, the handshake, and whether to reconnect when it is silent."""

    node: NodeId
    wanted: bool
    live: Connection | None = None
    attempt: _Attempt | None = None
    answered: bytes = b""
    """The nonce of the greeting answered in this heartbeat: a fault may have held many copies of it."""
    repeated: bool = False
    """True if the last step was repeated in this heartbeat."""
    contested: float | None = None
    """The time since when it waits for a probe of an older incarnation, which is connected."""


class Session:
    """The connections of `me` with all other nodes.

    `cookie` is the secret that all of them share; `nonce` returns that many random bytes. `features` are those that
    it offers others, by default all of this version.

    With `probes`, a node is asked before its connection ends because of a hint, or because another incarnation of it
    arrives. While it answers, the other one is refused, unless that one was accepted elsewhere. `holds` is True once
    this node was accepted under its name; then it refuses others of that name.

    Raises `BadArgument` for an empty cookie.
    """

    def __init__(
        self,
        me: NodeId,
        cookie: bytes,
        settings: Settings | None = None,
        nonce: Callable[[int], bytes] = os.urandom,
        features: int = FEATURES,
        probes: bool = False,
    ) -> None:
        if not isinstance(cookie, bytes) or not cookie:
            raise BadArgument("Session(cookie): expected some bytes, got none; try secrets.token_bytes(32)")
        self.me = me
        self.settings: Settings = settings or Settings()
        self._cookie = cookie
        self._nonce = nonce
        self._features = features
        self._probes = probes
        self.seeks: Callable[[NodeId], bool] = lambda _: True
        """Returns whether `send` may connect to a node."""
        self.holds: bool = False
        self._peers: dict[NodeId, _Peer] = {}
        self._connected: dict[str, NodeId] = {}
        """The last connected incarnation of each name; its connection may have ended in this heartbeat."""
        self._highest: dict[str, int] = {}
        """The highest incarnation of each node that has proven itself."""
        self._epoch = 0
        self._noticed: set[tuple[NodeId, object]] = set()
        self._ignored: set[tuple[NodeId, int]] = set()
        """The kinds of frames of later versions that have arrived, at most `NOTICES`."""
        self._pulse = Pulse(self.settings.heartbeat)
        self._closed = False

    # Queries

    def nodes(self) -> frozenset[NodeId]:
        """Return the connected nodes."""
        return frozenset(node for node, peer in self._peers.items() if peer.live is not None)

    def busy(self, node: NodeId) -> bool:
        """Return whether so much waits for `node` that senders should wait."""
        peer = self._peers.get(node)
        return peer is not None and peer.live is not None and peer.live.busy

    def waiting(self, node: NodeId) -> int:
        """Return the bytes that wait for `node`."""
        live = self._live(node)
        return 0 if live is None else live.waiting

    def is_up(self, node: NodeId) -> bool:
        """Return whether `node` is connected."""
        peer = self._peers.get(node)
        return peer is not None and peer.live is not None

    # Local events

    def connect(self, now: float, node: NodeId) -> list[Action]:
        """Keep trying to connect, also after each loss; raises `BadArgument` for this node."""
        if node.name == self.me.name:
            raise BadArgument(f"connect: cannot connect {self.me} to itself; try another name")
        return self._seek(now, node)

    def _seek(self, now: float, node: NodeId, *, hinted: bool = False) -> list[Action]:
        if self._closed or node == self.me or (node.name == self.me.name and not self._probes):
            return []
        if self._first(node) is not None or (
            (there := self._named(node.name)) and there.node.creation >= node.creation
        ):
            return []  # connected, with this incarnation or with a later one, which makes this one obsolete
        peer = self._peers.setdefault(node, _Peer(node, wanted=False))
        if peer.wanted and not hinted:
            return []  # it is greeted at each heartbeat
        peer.wanted = True
        return [self._greet(now, peer)]

    def disconnect(self, _now: float, node: NodeId) -> list[Action]:
        """End the connection and do not reconnect."""
        peer = self._peers.pop(node, None)
        if peer is None or peer.live is None:
            return []
        last = [Put(node, frame) for frame in (*peer.live.ready(), encode(Bye(peer.live.outgoing)))]
        return [*last, Down(node, "disconnect")]

    def renew(self, now: float, node: NodeId) -> list[Action]:
        """Replace the connection by a new one; neither side has disconnected on purpose."""
        peer = self._peers.get(node)
        return [] if peer is None or peer.live is None else self._broken(now, peer, peer.live, Broken("reset"))

    def hint(self, now: float, node: NodeId, present: bool) -> list[Action]:
        """Handle a carrier's hint that `node` is reachable or gone."""
        live = self._live(node)
        if present:
            if live is not None and live.doubted is not None and len(live.found) < FOUND:
                live.found.append(now)
            return self._seek(now, node, hinted=True) if self.settings.auto_connect else []
        if self._probes and live is not None:
            if live.doubted is None:
                live.doubted = now
                live.found.clear()
            live.room = 0  # until the carrier has found it again
            return [Put(node, frame) for frame in live.probe(now, again=True)] + self._ready(live)
        peer = self._peers.get(node)
        if self._probes and peer is not None:
            peer.wanted = False  # its last frames may still arrive
            return []
        return self.closed(node)

    def closed(self, node: NodeId) -> list[Action]:
        """Handle the certain end of the process of `node`: it is down without a probe."""
        peer = self._peers.pop(node, None)
        return [Down(node, "hint")] if peer is not None and peer.live else []

    def send(self, now: float, node: NodeId, signal: bytes | Parts, sender: int = 0) -> list[Action]:
        """Queue a signal of a sender for a connected node, or try to connect; raises `BadArgument` if too large."""
        size = size_of(signal)
        if size > self.settings.signal:
            raise BadArgument(
                f"send to {node}: expected a signal of at most {self.settings.signal} bytes, got {size}; "
                "try sending it in parts"
            )
        peer = self._peers.get(node)
        if peer is None or peer.live is None:
            return self._seek(now, node) if self.settings.auto_connect and self.seeks(node) else []
        live = peer.live
        live.offer(signal, size, sender)
        if not live.is_burst(now):
            return self._ready(live)
        if live.held:
            return []
        live.held = True
        return [Flush(node)]

    def flush(self, node: NodeId) -> list[Action]:
        """Handle the end of the loop's turn in which a burst was sent to `node`."""
        live = self._live(node)
        if live is None or not live.held:
            return []
        live.held = False
        return self._ready(live)

    def room(self, node: NodeId, size: int) -> list[Action]:
        """Handle that the carrier takes so many bytes for `node`."""
        live = self._live(node)
        if live is None:
            return []
        live.room, live.asks = size, False
        return self._ready(live)

    def receive_part(self, now: float, node: NodeId) -> None:
        """Handle a sign of life that is no frame: a part of one."""
        live = self._live(node)
        if live is not None:
            live.heard = now

    def confirm(self, node: NodeId) -> None:
        """Refuse older incarnations of `node` from now on: it was accepted under its name."""
        self._highest.pop(node.name, None)
        self._highest[node.name] = node.creation
        if len(self._highest) > KNOWN:
            del self._highest[next(iter(self._highest))]

    def close(self, now: float) -> list[Action]:
        """End all connections and stop answering."""
        self._closed = True
        return [action for node in list(self._peers) for action in self.disconnect(now, node)]

    def tick(self, now: float) -> list[Action]:
        """Handle a heartbeat: send beats, drop silent nodes, greet wanted ones."""
        # After a long pause no node has been heard: frames that arrived meanwhile are still unread.
        asleep = self._pulse.stood_still(now)
        self._noticed.clear()
        self._connected = {node.name: node for node, peer in self._peers.items() if peer.live is not None}
        actions: list[Action] = []
        for peer in list(self._peers.values()):
            live, attempt = peer.live, peer.attempt
            peer.answered, peer.repeated = b"", False
            if attempt is not None:
                attempt.since += asleep
            if attempt is not None and now - attempt.since > self.settings.dead and (live or not peer.wanted):
                peer.attempt = None
            if live is not None:
                live.heard += asleep
                if live.doubted is not None:
                    live.doubted += asleep
                    live.found = [time + asleep for time in live.found]
                if self._is_gone(now, live):
                    actions += self._broken(now, peer, live, Broken("hint"))
                elif now - live.heard > self.settings.dead:
                    actions += self._broken(now, peer, live, Broken("timeout"))
                else:
                    # A probe that was on its way when the hint came proves nothing about the time after it.
                    probes = live.probe(now) if live.doubted is not None else []
                    actions += [Put(peer.node, frame) for frame in (*probes, live.beat())]
            elif peer.wanted:
                actions.append(self._greet(now, peer))
            elif peer.attempt is None:
                del self._peers[peer.node]
        return actions

    def expire(self, now: float) -> list[Action]:
        """Drop nodes that the carrier reported as gone a heartbeat ago and that have not answered since."""
        gone = [(peer, live) for peer in self._peers.values() if (live := peer.live) and self._is_gone(now, live)]
        return [action for peer, live in gone for action in self._broken(now, peer, live, Broken("hint"))]

    def _is_gone(self, now: float, live: Connection) -> bool:
        if live.doubted is not None and live.proved >= live.doubted:
            live.doubted = None
        if live.doubted is None:
            return False
        return now - (live.found or [live.doubted])[-1] > self.settings.heartbeat - TIMER

    # Remote events

    def receive(self, now: float, node: NodeId, frame: bytes) -> list[Action]:
        """Handle a frame of `node`."""
        if self._closed:
            return []
        peer = self._peers.get(node)
        live = peer.live if peer is not None else None
        try:
            said = decode(node, frame, max(self.settings.signal, LONGEST_BATCH) + OVERHEAD)
        except UnknownFrame as error:
            if (node, error.kind) in self._ignored or len(self._ignored) >= NOTICES:
                return []
            self._ignored.add((node, error.kind))
            return [Refused(node, str(error))]
        except MalformedFrame as error:
            return self._notice(node, "malformed", Refused(node, str(error)))
        if isinstance(said, Hello):
            return self._hello(now, node, said)
        if isinstance(said, Reset):
            if peer is None or live is None or said.connection != live.outgoing:
                return []
            return self._lost(now, peer, live, "reset")
        if peer is None or live is None or said.connection != live.incoming:
            return self._notice(node, said.connection, Put(node, encode(Reset(said.connection))))
        live.heard = now
        try:
            if isinstance(said, Data):
                return self._data(live, said)
            if isinstance(said, Batch):
                return [Signal(node, signal) for signal in live.take_all(said)]
            if isinstance(said, Beat):
                live.check(said)
                return []
        except Broken as broken:
            return self._broken(now, peer, live, broken)
        del self._peers[node]
        return [Down(node, "leave")]

    def _data(self, live: Connection, data: Data) -> list[Action]:
        signal = live.take(data)
        if signal is not None:
            return [Signal(live.node, signal)]
        is_probe = not data.piece and data.more
        return [Put(live.node, live.beat())] if is_probe else []

    # The handshake

    def _hello(self, now: float, node: NodeId, hello: Hello) -> list[Action]:
        if hello.version != VERSION:
            return self._another_version(node, hello)
        if problem := self._unwelcome(node, hello):
            return self._notice(node, problem, Refused(node, problem))
        peer = self._peers.get(node)
        if peer is None:
            if hello.yours:
                return []
            peer = self._peers[node] = _Peer(node, wanted=False)
        live = peer.live
        if not hello.yours:
            if hello.mine == peer.answered:
                return []
            peer.answered = hello.mine
        if live is not None and hello.mine == live.his:
            lost_the_last_step = not hello.verified and hello.yours in (b"", live.mine)
            if not lost_the_last_step or peer.repeated:
                return []
            peer.repeated = True
            return [self._answer(peer, live.mine, live.his, verified=True)]
        if not hello.yours:
            if node.name == self.me.name and not self.holds:
                return []
            attempt = peer.attempt or self._attempt(now, peer)
            if (first := self._first(node)) is not None:
                return self._contest(now, peer, first, hello)
            return [self._answer(peer, attempt.mine, hello.mine, verified=False)]
        attempt = peer.attempt
        if attempt is None or hello.yours != attempt.mine:
            return []  # a reply to an old greeting
        shown = hello.features, hello.known
        if not is_proof(hello.proof, self._cookie, node, hello.mine, self.me, attempt.mine, *shown):
            told, attempt.refused = attempt.refused, True
            text = f"{node}: expected a proof of this node's cookie, got another; try the same cookie on both sides"
            if told:
                return []
            refused = Refused(node, text, ("wrong_cookie", node.name))
            # This answer may be the only frame that shows the other side that the cookies differ.
            return [refused, self._answer(peer, attempt.mine, hello.mine, False)] if self._probes else [refused]
        if hello.known > self.me.creation:
            return self._notice(node, "outdated", Outdated(node, hello.known))
        if self._known(node):  # it proves nothing new, and learns why from the answer
            return [] if hello.verified else [self._answer(peer, attempt.mine, hello.mine, verified=False)]
        if node.name == self.me.name:
            return self._namesake(peer, attempt, hello)
        if hello.features & TAKEN:
            if not self.holds:
                return self._notice(node, "taken", Taken(node))
            return [] if hello.verified else [self._answer(peer, attempt.mine, hello.mine, verified=False)]
        first = self._first(node)
        if first is not None and not hello.features & HOLDS:
            return [] if hello.verified else self._contest(now, peer, first, hello)
        actions = self._establish(now, peer, attempt.mine, hello)
        if not hello.verified:
            actions.append(self._answer(peer, attempt.mine, hello.mine, verified=True))
        return actions

    def _unwelcome(self, node: NodeId, hello: Hello) -> str | None:
        if len(hello.mine) != NONCE:
            return f"{node}: expected a nonce of {NONCE} bytes, got {len(hello.mine)}"
        if node == self.me or (node.name == self.me.name and not self._probes):
            return f"{node}: expected another name than this node's, got it twice; try to start one with another name"
        if node not in self._peers and sum(not peer.wanted for peer in self._peers.values()) >= STRANGERS:
            return f"{node}: expected at most {STRANGERS} first handshakes at a time, got one more"
        return None

    def _another_version(self, node: NodeId, hello: Hello) -> list[Action]:
        text = f"{node}: expected version {VERSION} of the session, got {hello.version}; try the same otp on both"
        refused = Refused(node, text, ("incompatible", "session", VERSION, hello.version))
        actions = self._notice(node, text, refused)
        if actions and not hello.yours:  # so that the other side is told as well
            actions.append(Put(node, encode(Hello(VERSION, self._nonce(NONCE), hello.mine[:NONCE]))))
        return actions

    # Two nodes of one name

    def _first(self, node: NodeId) -> Connection | None:
        """Return the connection of an older incarnation of `node` that has to be asked before `node` is accepted."""
        if not self._probes:
            return None
        there = self._named(node.name)
        return there if there is not None and there.node.creation < node.creation else None

    def _named(self, name: str) -> Connection | None:
        """Return the connection of any incarnation of a name; a new one ends that of the one before."""
        node = self._connected.get(name)
        return None if node is None else self._live(node)

    def _contest(self, now: float, peer: _Peer, first: Connection, hello: Hello) -> list[Action]:
        """Probe the connected incarnation, and refuse the new one if it has answered since that one arrived."""
        attempt = peer.attempt or self._attempt(now, peer)
        if peer.contested is None:
            peer.contested = now
        if first.proved < peer.contested:
            return [Put(first.node, frame) for frame in first.probe(now)]
        answer = self._answer(peer, attempt.mine, hello.mine, verified=False, flags=TAKEN)
        return [answer, *self._refuse_name(peer, attempt, first.node)]

    def _namesake(self, peer: _Peer, attempt: _Attempt, hello: Hello) -> list[Action]:
        """Handle a proven node of this node's own name: of two that were accepted, the later one keeps it."""
        node = peer.node
        yields = bool(hello.features & HOLDS) and (not self.holds or node.creation > self.me.creation)
        if not yields and not self.holds:
            return []
        # Its own proof shows the other side who was refused.
        actions = self._notice(node, "namesake", self._answer(peer, attempt.mine, hello.mine, verified=False))
        return [
            *actions,
            *(self._notice(node, "taken", Taken(node)) if yields else self._refuse_name(peer, attempt, self.me)),
        ]

    def _refuse_name(self, peer: _Peer, attempt: _Attempt, holder: NodeId) -> list[Action]:
        if attempt.refused:
            return []
        attempt.refused = True
        text = f"{peer.node}: expected a name that no living node has, got that of {holder}; try another name"
        return [Refused(peer.node, text, ("name_taken", peer.node.name))]

    def _establish(self, now: float, peer: _Peer, mine: bytes, hello: Hello) -> list[Action]:
        node, his, actions = peer.node, hello.mine, list[Action]()
        for other in [other for other in self._peers if other.name == node.name and other != node]:
            if self._peers.pop(other).live is not None:
                actions.append(Down(other, "restart"))
        if peer.live is not None:
            actions.append(Down(node, "reset"))
        if hello.features & HOLDS or not self._probes:
            self.confirm(node)
        self._epoch += 1
        numbers = (
            connection_number(self._cookie, self.me, mine, node, his),
            connection_number(self._cookie, node, his, self.me, mine),
        )
        peer.live = Connection(node, self._epoch, now, (mine, his), numbers, self.settings)
        both = self._features & hello.features
        peer.live.has_lane = bool(both & LARGE_LANE)
        peer.live.batches = bool(both & BATCHES)
        self._connected[node.name] = node
        peer.attempt = peer.contested = None
        peer.wanted = True
        actions.append(Up(node, self._epoch))
        return actions

    def _attempt(self, now: float, peer: _Peer) -> _Attempt:
        peer.attempt = _Attempt(self._nonce(NONCE), now)
        return peer.attempt

    def _greet(self, now: float, peer: _Peer) -> Put:
        attempt = peer.attempt or self._attempt(now, peer)
        return Put(peer.node, encode(Hello(VERSION, attempt.mine)))

    def _answer(self, peer: _Peer, mine: bytes, his: bytes, verified: bool, flags: int = 0) -> Put:
        features, known = self._features | flags | (HOLDS if self.holds else 0), self._known(peer.node)
        shown = proof(self._cookie, self.me, mine, peer.node, his, features, known)
        return Put(peer.node, encode(Hello(VERSION, mine, his, shown, verified, features, known)))

    def _known(self, node: NodeId) -> int:
        """Return the highest incarnation known of a node if it is higher than this one, else 0."""
        known = self._highest.get(node.name, 0)
        return known if known > node.creation else 0

    # The end of a connection

    def _broken(self, now: float, peer: _Peer, live: Connection, broken: Broken) -> list[Action]:
        """End a connection that cannot continue, notify the other side, and reconnect."""
        actions = self._lost(now, peer, live, broken.reason)
        actions.insert(1, Put(peer.node, encode(Reset(live.incoming))))
        if broken.text:
            actions += self._notice(peer.node, broken.reason, Refused(peer.node, broken.text))
        return actions

    def _lost(self, now: float, peer: _Peer, live: Connection, reason: str) -> list[Action]:
        peer.live = None
        down = Down(peer.node, reason)
        # A connection that broke at once, as on a line that loses much, waits for the next heartbeat.
        stood = now - live.since >= self.settings.heartbeat
        return [down, self._greet(now, peer)] if stood else [down]

    # Between the two

    def _live(self, node: NodeId) -> Connection | None:
        peer = self._peers.get(node)
        return peer.live if peer is not None else None

    def _ready(self, live: Connection) -> list[Action]:
        actions: list[Action] = [Put(live.node, frame) for frame in live.ready()]
        # A callback that sends without a pause leaves the carrier no turn in which to report room. After `dead` seconds
        # this node would look silent, so the carrier is asked again after so many bytes.
        if live.room <= 0 and (not live.asks or live.waiting >= live.asks_at):
            live.asks, live.asks_at = True, live.waiting + ASK_AGAIN
            actions.append(Room(live.node))
        if live.is_drained():
            actions.append(Drained(live.node))
        return actions

    def _notice(self, node: NodeId, what: object, action: Action) -> list[Action]:
        """Return the action, unless it was returned for `what` before in this heartbeat."""
        if (node, what) in self._noticed or len(self._noticed) >= NOTICES:
            return []
        self._noticed.add((node, what))
        return [action]
