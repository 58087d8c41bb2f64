"""Who sends to whom, counted while somebody asks: pairs of processes in the last minute, sampled above a rate.

What is told of a message costs its sender, so nobody is watched while nobody looks, and above `RATE` messages a second
the rest is only counted: the pairs are then a sample, and the share is known.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import otp
from otp import Node, Pid
from otp.trace import Event
from superlearner.control.names import registered_name
from superlearner.control.terms import clip, plain_pid
from superlearner.control.tree import supervisor_state, what_of
from superlearner.observing.monitoring.topology import Member

__all__ = ["LEASE_S", "RATE", "WATCHED", "WINDOW_S", "Pair", "Talk", "Talking", "member_of"]

RATE: Final = 500
"""Messages a second whose pair is counted; of more, so many spread over tenths of the second."""
WATCHED: Final = 2_000
"""Processes that are watched: those that have lived longest."""
WINDOW_S: Final = 60
SLICE_S: Final = 5
LEASE_S: Final = 20.0
"""How long it goes on after somebody has asked last."""
PAIRS: Final = 5_000
"""Pairs of one slice; messages of further pairs are counted as `dropped`."""

Pair = tuple[Pid | None, Pid]


@dataclass(slots=True)
class Slice:
    """Five seconds: how often each pair was seen, and how many messages were only counted."""

    number: int
    pairs: Counter[Pair] = field(default_factory=Counter[Pair])
    unseen: int = 0


@dataclass(frozen=True, slots=True)
class Talk:
    """What was seen in the last minute, or since the watch began.

    Attributes:
        pairs: how often a message of this pair was seen.
        seconds: of how long this is.
        seen, unseen: messages whose pair is counted here, and those that are only a number.
        watched: processes that are watched.
    """

    pairs: Counter[Pair]
    seconds: float
    seen: int
    unseen: int
    watched: int

    @property
    def share(self) -> float:
        """Which part of the messages the pairs are made of."""
        return self.seen / (self.seen + self.unseen) if self.seen else 1.0


class Talking:
    """Watches the messages of a node for as long as somebody asks.

    Args:
        node: answers the node.
        clock: seconds, monotonic.

    >>> import otp
    >>> async def main():
    ...     talking = Talking(lambda: otp.trace.node_of(otp.self()))
    ...     begins = talking.ask()
    ...     for number in range(3):
    ...         otp.send(otp.self(), number)
    ...     seen = talking.talk()
    ...     talking.close()
    ...     return begins, seen.seen, [count for (sender, to), count in seen.pairs.items() if sender is to]
    >>> otp.run(main)
    (True, 3, [3])
    """

    def __init__(self, node: Callable[[], Node], clock: Callable[[], float] = otp.monotonic) -> None:
        self._node = node
        self._clock = clock
        self._slices: deque[Slice] = deque(maxlen=WINDOW_S // SLICE_S + 1)
        self._subscription: Any = None
        self._begun = self._asked = 0.0
        self._dropped = 0
        self._members: dict[Pid, Member] = {}

    @property
    def watches(self) -> bool:
        """Whether anybody is watched now."""
        return self._subscription is not None

    def ask(self) -> bool:
        """Somebody looks: go on for `LEASE_S`; whether it begins only now."""
        self._asked = self._clock()
        if self.watches:
            return False
        self._begun, self._dropped = self._asked, 0
        self._slices.clear()
        self._members = {}
        node = self._node()
        self._subscription = otp.trace.subscribe(
            node, self._on_sent, kinds=("sent",), pids=self._chosen(node), rate=RATE, focus=True
        )
        return True

    def look(self) -> None:
        """As often as the node is looked at: watch those who have come, or end if nobody has asked for long."""
        if not self.watches:
            return
        if self._clock() > self._asked + LEASE_S:
            self.close()
            return
        self._subscription.choose(self._chosen(self._node()))
        self._settle()
        self._forget()

    def close(self) -> None:
        """Watch nobody; the others run as fast as ever."""
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def talk(self) -> Talk:
        """What was seen."""
        self._settle()
        now = self._clock()
        pairs: Counter[Pair] = Counter()
        unseen = 0
        for one in self._slices:
            if one.number > (now - WINDOW_S) // SLICE_S - 1:
                pairs.update(one.pairs)
                unseen += one.unseen
        seconds = min(float(WINDOW_S), now - self._begun) if self.watches else 0.0
        watched = len(self._subscription.pids) if self.watches else 0
        return Talk(pairs, round(seconds, 3), pairs.total(), unseen, watched)

    def member(self, pid: Pid) -> Member:
        """Who a process is, or was."""
        return self._members.get(pid) or member_of(pid)

    def _forget(self) -> None:
        """Of those who have not talked for a minute nothing is kept."""
        talking = {pid for one in self._slices for pair in one.pairs for pid in pair}
        self._members = {pid: member for pid, member in self._members.items() if pid in talking}

    def _chosen(self, node: Node) -> list[Pid]:
        return node.processes()[:WATCHED]

    def _slice(self) -> Slice:
        number = int(self._clock() // SLICE_S)
        if not self._slices or self._slices[-1].number != number:
            self._slices.append(Slice(number))
        return self._slices[-1]

    def _on_sent(self, event: Event) -> None:
        to = event.data.get("to")
        if not isinstance(to, Pid):
            return
        one, pair = self._slice(), (event.pid, to)
        if pair in one.pairs:
            one.pairs[pair] += 1
        elif len(one.pairs) < PAIRS:
            one.pairs[pair] = 1
            for pid in pair:  # who they are is known only while they live
                if pid is not None and pid not in self._members:
                    self._members[pid] = member_of(pid)
        else:
            one.unseen += 1

    def _settle(self) -> None:
        """What the rate held back since the last look belongs to the slice of now."""
        if self._subscription is not None:
            held_back, self._dropped = self._subscription.dropped - self._dropped, self._subscription.dropped
            self._slice().unseen += held_back


def member_of(pid: Pid) -> Member:
    """Who a process is: its name, its class, the supervisor above it. One that has ended is known by its pid alone."""
    plain = plain_pid(pid)
    if not otp.is_alive(pid):
        return Member(plain, None, "ended", "what ended", "processes that have ended")
    name, what = registered_name(pid), clip(what_of(pid), 100)
    if supervisor_state(pid) is not None:
        return Member(plain, name, what, plain, name or what, supervisor=True)
    above = otp.process_info(pid, "parent")
    if above is None or supervisor_state(above) is None:
        return Member(plain, name, what, f"what {what}", what)
    return Member(plain, name, what, plain_pid(above), registered_name(above) or clip(what_of(above), 100))
