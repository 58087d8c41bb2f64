"""A transport that records in a history what it sends and receives, and the members that come and go."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from otp.cluster.simulation.history import Event, History
from otp.cluster.transport import MemberTransport
from otp.distribution import NodeId, TransportEvents
from otp.distribution.carriers.simulated import SimulatedCarrier, SimulatedNetwork
from otp.distribution.parts import Parts, join_parts

__all__ = ["RecordedCarrier", "RecordedTransport"]

_NUMBER: Final = 8
_TAG: Final = 2 * _NUMBER


class RecordedTransport(MemberTransport):
    """A transport of a simulated member.

    It numbers the signals of each sender, so that the history shows which one arrived: the number is carried at the
    end of the signal.
    """

    def __init__(self, carrier: Any, session: Any, observer: Any, incarnations: Any) -> None:
        super().__init__(carrier, session, observer, incarnations)
        self._history: History = carrier.history
        self._numbers: Counter[tuple[NodeId, int]] = Counter()
        self.recording: bool = True
        """False once the member is as good as dead."""
        observer.record = self.record

    async def start(self, events: TransportEvents) -> None:
        """Start with events that are recorded first."""
        await super().start(_RecordedEvents(events, self))

    def send(self, node: NodeId, signal: bytes | Parts, sender: int = 0) -> bool:
        """Send a signal with its number."""
        number = self._numbers[node, sender] + 1
        at = self._history.now  # another program may receive it before `send` returns
        tag = sender.to_bytes(_NUMBER, "big") + number.to_bytes(_NUMBER, "big")
        sent = super().send(node, join_parts(signal) + tag, sender)
        if sent:
            self._numbers[node, sender] = number
            if self.recording:
                data = {"of": node.name, "incarnation": node.creation, "sender": sender, "number": number}
                self._history.append(Event(at, self.me.name, "sent", data))
        return sent

    def record(self, kind: str, **data: Any) -> None:
        """Add an event at this member."""
        if self.recording:
            self._history.add(self.me.name, kind, **data)


class _RecordedEvents:
    def __init__(self, events: TransportEvents, transport: RecordedTransport) -> None:
        self._events = events
        self._record = transport.record

    def node_up(self, node: NodeId, epoch: int) -> None:
        self._record("connected", of=node.name, incarnation=node.creation)
        self._events.node_up(node, epoch)

    def signal(self, node: NodeId, data: bytes | Parts) -> None:
        data = join_parts(data)
        sender = int.from_bytes(data[-_TAG:-_NUMBER], "big")
        number = int.from_bytes(data[-_NUMBER:], "big")
        self._record("received", of=node.name, incarnation=node.creation, sender=sender, number=number)
        self._events.signal(node, data[:-_TAG])

    def node_down(self, node: NodeId, reason: str) -> None:
        self._record("disconnected", of=node.name, incarnation=node.creation, reason=reason)
        self._events.node_down(node, reason)


class RecordedCarrier(SimulatedCarrier):
    """A carrier of a simulated member; its transport records into `history`."""

    transport: type[MemberTransport] = RecordedTransport

    def __init__(self, network: SimulatedNetwork, me: NodeId, history: History) -> None:
        super().__init__(network, me)
        self.history: History = history
