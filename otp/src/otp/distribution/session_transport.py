"""A session over a carrier on an event loop: the transport that the runtime uses."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal

from otp.distribution.actions import Action, Down, Drained, Flush, Outdated, Put, Room, Signal, Taken, Up
from otp.distribution.carriers.carrier import Carrier
from otp.distribution.faults import Fault, Heal, Resume, Stall
from otp.distribution.incarnations import IncarnationError, Incarnations
from otp.distribution.line import Line
from otp.distribution.node_id import NodeId
from otp.distribution.parts import Parts
from otp.distribution.session import Session
from otp.distribution.transport import TransportEvents

__all__ = ["SessionTransport", "Traffic"]

logger: Final = logging.getLogger("otp.distribution")

_Way = Literal["to", "from"]
WAYS: Final[tuple[_Way, _Way]] = ("to", "from")
MOST: Final = 4
"""Times `Settings.buffer` that may wait for a node."""
IN_LINE: Final = 64
"""Frames on a line with a fault before it takes no more."""


@dataclass(slots=True)
class Traffic:
    """Frames and their bytes between this node and another one, since their connection began."""

    frames_sent: int = 0
    bytes_sent: int = 0
    frames_received: int = 0
    bytes_received: int = 0


class SessionTransport:
    """A `Transport` from a carrier and a session, on the loop that runs `start`.

    Time is the loop's, so it works the same in virtual time. `seed` determines the randomness of `Drop` and `Delay`.
    Invalid input of a node, and nodes refused by the cookie, are logged as a warning of "otp.distribution";
    `on_refused` is called with the text instead, if given.

    A node that knows a higher incarnation of this node refuses it, as its predecessor may still run; this is logged as
    an error. `incarnations` then stores that number, so that the next start is above it; `on_outdated` is called
    with the other node and the number.

    >>> import asyncio
    >>> from otp.distribution import Session
    >>> from otp.distribution.carriers.simulated import SimulatedNetwork
    >>> class Events:
    ...     def __init__(self):
    ...         self.all = asyncio.Queue()
    ...
    ...     def node_up(self, node, epoch):
    ...         self.all.put_nowait(f"{node} is up")
    ...
    ...     def signal(self, node, data):
    ...         self.all.put_nowait(data)
    ...
    ...     def node_down(self, node, reason):
    ...         self.all.put_nowait(f"{node} is down: {reason}")
    >>> async def main():
    ...     network, a, b = SimulatedNetwork(), NodeId("a", 1), NodeId("b", 1)
    ...     at_a, at_b = Events(), Events()
    ...     one = SessionTransport(network.carrier(a), Session(a, b"secret"))
    ...     two = SessionTransport(network.carrier(b), Session(b, b"secret"))
    ...     await one.start(at_a)
    ...     await two.start(at_b)
    ...     print(await at_a.all.get(), one.send(b, b"hello"))
    ...     print(await at_b.all.get(), await at_b.all.get())
    ...     await one.stop()
    ...     print(await at_b.all.get())
    ...     await two.stop()
    >>> asyncio.run(main())
    b#1 is up True
    a#1 is up b'hello'
    a#1 is down: leave
    """

    def __init__(
        self,
        carrier: Carrier,
        session: Session,
        seed: int = 0,
        on_refused: Callable[[str], object] | None = None,
        incarnations: Incarnations | None = None,
        on_outdated: Callable[[NodeId, int], object] | None = None,
    ) -> None:
        self._carrier = carrier
        self._on_refused = on_refused
        self._incarnations = incarnations
        self._on_outdated = on_outdated
        self._outdated = 0
        self._session = session
        self._random = random.Random(seed)
        self._todo: deque[Action] = deque()
        self._doing = False
        self._due = False
        """True if `_work` runs in the next turn of the loop."""
        self._waiters: dict[NodeId, list[asyncio.Future[None]]] = {}
        self._asking: set[NodeId] = set()
        """The nodes whose session waits until the carrier takes more."""
        self._lines: dict[tuple[str, _Way], Line[tuple[NodeId, bytes]]] = {}
        self._traffic: dict[NodeId, Traffic] = {}
        self._asleep = False
        self._stopped = False
        self._kept_out: list[tuple[NodeId, bytes]] = []
        self._kept_in: list[Callable[[], None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._context = Context()
        """The context of callbacks: no process owns them."""
        self._loop: asyncio.AbstractEventLoop
        self._events: TransportEvents

    @property
    def me(self) -> NodeId:
        """This node."""
        return self._session.me

    async def start(self, events: TransportEvents) -> None:
        """Start finding and answering other nodes; `events` is notified from now on."""
        self._loop = asyncio.get_running_loop()
        self._events = events
        self._carrier.on_room = self._on_room
        self._tick()
        await self._carrier.start(self.me, self._frame, self._hint)

    async def stop(self) -> None:
        """End all connections, notify the other sides, and stop; `node_down` is called for each of them."""
        if self._timer is not None:
            self._timer.cancel()
        self._stopped = True
        self._do(self._session.close(self._loop.time()))
        await self._carrier.close()

    # Called by the runtime

    def send(self, node: NodeId, signal: bytes | Parts, sender: int = 0) -> bool:
        """Send a signal of a sender to `node`.

        False means no connection, and tries one if the settings allow it.

        Raises `BadArgument` for a signal larger than the limit, with or without a connection.
        """
        session = self._session
        if actions := session.send(self._loop.time(), node, signal, sender):
            self._ask(actions)
        return session.is_up(node)

    def busy(self, node: NodeId) -> bool:
        """Return whether so much waits for `node` that senders should wait."""
        return self._session.busy(node)

    def full(self, node: NodeId) -> bool:
        """Return whether so much waits for `node` that nothing may be added."""
        session = self._session
        if session.waiting(node) <= MOST * session.settings.buffer:
            return False
        self._ask([Room(node)])  # a callback that goes on sending after `Busy` leaves the carrier no other turn
        return session.waiting(node) > MOST * session.settings.buffer

    def until_drained(self, node: NodeId) -> asyncio.Future[None]:
        """Return a future that is done when `node` is no longer busy or connected."""
        waiter: asyncio.Future[None] = self._loop.create_future()
        if self._session.busy(node):
            self._waiters.setdefault(node, []).append(waiter)
        else:
            waiter.set_result(None)
        return waiter

    async def drained(self, node: NodeId) -> None:
        """Return when `node` is no longer busy or connected."""
        await self.until_drained(node)

    def connect(self, node: NodeId) -> None:
        """Try to connect; `node_up` reports success."""
        self._ask(self._session.connect(self._loop.time(), node))

    def disconnect(self, node: NodeId) -> None:
        """End the connection, notify the other side, and do not reconnect until `connect`."""
        self._ask(self._session.disconnect(self._loop.time(), node))

    def nodes(self) -> frozenset[NodeId]:
        """Return the connected nodes."""
        return self._session.nodes()

    def traffic(self, node: NodeId) -> Traffic:
        """Return what was exchanged with a connected node, a copy; zeros for others."""
        found = self._traffic.get(node)
        return Traffic() if found is None else replace(found)

    # Called from below

    def _frame(self, node: NodeId, frame: bytes) -> None:
        traffic = self._traffic.get(node)
        if traffic is not None:
            traffic.frames_received += 1
            traffic.bytes_received += len(frame)
        line = self._lines.get((node.name, "from"))
        if line is None:
            self._arrive((node, frame))
        else:
            line.put((node, frame))

    def _arrive(self, item: tuple[NodeId, bytes]) -> None:
        if self._asleep:
            self._kept_in.append(partial(self._arrive, item))
        else:
            self._do(self._session.receive(self._loop.time(), *item))

    def _hint(self, node: NodeId, present: bool) -> None:
        if self._asleep:
            self._kept_in.append(partial(self._hint, node, present))
        else:
            now, heartbeat = self._loop.time(), self._session.settings.heartbeat
            self._do(self._session.hint(now, node, present))
            if not present:
                self._loop.call_later(heartbeat, self._expire, now + 2 * heartbeat)

    def _expire(self, latest: float) -> None:
        """Let the session drop a node that is gone, unless this program stood still: then its next heartbeat does."""
        if self._loop.time() < latest:
            self._loop.call_soon(self._loop.call_soon, self._expire_now)

    def _expire_now(self) -> None:
        if not (self._asleep or self._stopped):
            self._do(self._session.expire(self._loop.time()))

    def closed(self, node: NodeId) -> None:
        """Handle the end of the process of `node`, which the carrier has found."""
        if self._asleep:
            self._kept_in.append(partial(self.closed, node))
        else:
            self._do(self._session.closed(node))

    def _tick(self) -> None:
        self._timer = self._loop.call_later(self._session.settings.heartbeat, self._tick)
        # A loop that was held has not yet read what has arrived meanwhile; it does so within a turn.
        self._loop.call_soon(self._loop.call_soon, self._judge)

    def _judge(self) -> None:
        """Let the session handle a heartbeat, after what has arrived."""
        if self._asleep or self._stopped:
            return
        now = self._loop.time()
        for node in self._carrier.arrived():
            line = self._lines.get((node.name, "from"))
            if line is None or not line.is_cut:
                self._session.receive_part(now, node)
        self._do(self._session.tick(now))

    # Actions of the session

    def _do(self, actions: list[Action]) -> None:
        # Actions may call back into this method; the actions that result come after the earlier ones, so frames keep
        # the order in which the session numbered them.
        self._todo.extend(actions)
        self._work()

    def _ask(self, actions: list[Action]) -> None:
        # The runtime is in the middle of an operation when it sends: notify it afterwards.
        todo = self._todo
        todo.extend(actions)
        while todo and not self._doing:
            action = todo[0]
            if isinstance(action, Put):
                todo.popleft()
                self._put(action)
            elif isinstance(action, Flush):
                todo.popleft()
                self._await_flush(action.node)
            elif isinstance(action, Room):
                todo.popleft()
                if (room := self._room(action.node)) > 0:
                    todo.extend(self._session.room(action.node, room))
                else:
                    self._asking.add(action.node)
            elif isinstance(action, Drained):  # a loop that never pauses would keep all behind it from being sent
                todo.popleft()
                self._wake(action.node)
            else:
                break
        if todo and not self._doing and not self._due:
            self._due = True
            self._loop.call_soon(self._work)

    def _work(self) -> None:
        self._due = False
        if self._doing:
            return
        self._doing = True
        while self._todo:
            action = self._todo.popleft()
            try:
                self._do_one(action)
            except Exception as error:
                text = f"expected the events of {self.me} to take {action!r:.200}, got {error!r}"
                self._loop.call_exception_handler({"message": text, "exception": error})
        self._doing = False

    def _do_one(self, action: Action) -> None:
        if isinstance(action, Signal):
            self._events.signal(action.node, action.data)
        elif isinstance(action, Put):
            self._put(action)
        elif isinstance(action, Up):
            self._traffic[action.node] = Traffic()
            self._events.node_up(action.node, action.epoch)
        elif isinstance(action, Down):
            self._traffic.pop(action.node, None)
            self._asking.discard(action.node)
            self._wake(action.node)
            self._events.node_down(action.node, action.reason)
        elif isinstance(action, Drained):
            self._wake(action.node)
        elif isinstance(action, Room):
            self._seek_room(action.node)
        elif isinstance(action, Flush):
            self._await_flush(action.node)
        elif isinstance(action, Outdated):
            self._is_outdated(action.node, action.known)
        elif isinstance(action, Taken):
            logger.error(
                "%s is refused by %s: its name belongs to a living node; try another name", self.me, action.node
            )
        elif self._on_refused is not None:
            self._on_refused(action.text)
        else:
            logger.warning("%s refused something of %s", self.me, action.text)

    def _is_outdated(self, node: NodeId, known: int) -> None:
        if known <= self._outdated:
            return  # each heartbeat tries again
        self._outdated = known
        logger.error(
            "%s is refused by %s, which knows incarnation %d of it; try starting it with a higher one",
            *(self.me, node, known),
        )
        if self._incarnations is not None:
            try:
                self._incarnations.raise_to(known)
            except IncarnationError as error:
                logger.error("the incarnation %d is not stored: %s", known, error)
        if self._on_outdated is not None:
            self._on_outdated(node, known)

    def _put(self, item: tuple[NodeId, bytes]) -> None:
        traffic = self._traffic.get(item[0])
        if traffic is not None:
            traffic.frames_sent += 1
            traffic.bytes_sent += len(item[1])
        if self._asleep:
            self._kept_out.append(item)
        elif (line := self._lines.get((item[0].name, "to"))) is not None:
            line.put(item)
        else:
            self._carrier.put(*item)

    def _await_flush(self, node: NodeId) -> None:
        self._loop.call_soon(self._flush, node, context=self._context)

    def _flush(self, node: NodeId) -> None:
        self._do(self._session.flush(node))

    # How much the carrier takes

    def _seek_room(self, node: NodeId) -> None:
        """Let the session go on in the next turn of the loop, or once the carrier takes more."""
        self._asking.add(node)
        if self._room(node) > 0:
            self._loop.call_soon(self._on_room, node)

    def _room(self, node: NodeId) -> int:
        line = self._lines.get((node.name, "to"))
        return 0 if line is not None and line.waiting > IN_LINE else self._carrier.room(node)

    def _on_room(self, node: NodeId) -> None:
        if node in self._asking and (room := self._room(node)) > 0:
            self._asking.discard(node)
            self._do(self._session.room(node, room))

    def _wake(self, node: NodeId) -> None:
        for waiter in self._waiters.pop(node, ()):
            if not waiter.done():
                waiter.set_result(None)

    # Faults

    def inject(self, fault: Fault) -> None:
        """Inject a fault: lose, delay or hold frames, or stop this node."""
        if isinstance(fault, Stall):
            self._asleep = True
        elif isinstance(fault, Resume):
            self._resume()
        elif isinstance(fault, Heal):
            for (name, _), line in self._lines.items():
                if fault.node in (None, name):
                    line.apply(fault)
        else:
            ways = WAYS if fault.direction == "both" else (fault.direction,)
            for way in ways:
                self._line(fault.node, way).apply(fault)

    def _line(self, name: str, way: _Way) -> Line[tuple[NodeId, bytes]]:
        line = self._lines.get((name, way))
        if line is None:
            deliver = self._arrive if way == "from" else self._deliver
            line = self._lines[name, way] = Line(self._loop, self._random, deliver)
        return line

    def _deliver(self, item: tuple[NodeId, bytes]) -> None:
        self._carrier.put(*item)
        if item[0] in self._asking:
            self._loop.call_soon(self._on_room, item[0])

    def _resume(self) -> None:
        self._asleep = False
        out, self._kept_out = self._kept_out, []
        for item in out:
            self._put(item)
        # The late timer fires before kept frames are read: the session has to allow for that, as after a SIGCONT.
        self._do(self._session.tick(self._loop.time()))
        kept, self._kept_in = self._kept_in, []
        for arrive in kept:
            arrive()
