"""Message counts per pair of processes over the last minute, on request.

Tracing costs the sender time, so it runs only on request. Above `RATE` messages per second the rest is only counted:
the pairs are then a sample with a known share.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import otp
from otp import Node, Pid
from otp.trace import Event
from superlearner.control.listing import processes_of
from superlearner.control.names import display_name
from superlearner.control.terms import clip, plain_pid
from superlearner.control.tree import supervisor_state, what_of
from superlearner.observing.monitoring.topology import Member

__all__ = ["LEASE_S", "RATE", "WATCHED", "WINDOW_S", "Pair", "Talk", "Talking", "member_of"]

RATE: Final = 500
"""Messages per second that are assigned to pairs, spread over tenths of a second."""
WATCHED: Final = 2_000
"""Maximum number of traced processes of the user: the longest-lived."""
WINDOW_S: Final = 60
SLICE_S: Final = 5
LEASE_S: Final = 20.0
"""Time that tracing continues after the last request."""
PAIRS: Final = 5_000
"""Maximum number of pairs in a slice; further messages are only counted."""

Pair = tuple[Pid | None, Pid]


@dataclass(slots=True)
class Slice:
    """Five seconds: a count per pair, and the number of messages without one."""

    number: int
    pairs: Counter[Pair] = field(default_factory=Counter[Pair])
    unseen: int = 0


@dataclass(frozen=True, slots=True)
class Talk:
    """Message counts of the last minute, or since tracing began.

    Attributes:
        pairs: number of messages per pair.
        seconds: length of the period.
        seen, unseen: messages assigned to a pair, and the others.
        watched: number of traced processes.
    """

    pairs: Counter[Pair]
    seconds: float
    seen: int
    unseen: int
    watched: int

    @property
    def share(self) -> float:
        """Share of messages that the pairs account for."""
        return self.seen / (self.seen + self.unseen) if self.seen else 1.0


class Talking:
    """Message tracing of a node for as long as it is requested.

    Args:
        node: returns the node.
        clock: monotonic clock, in seconds.

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
        """True while processes are traced."""
        return self._subscription is not None

    def ask(self) -> bool:
        """Trace for another `LEASE_S`; return whether tracing starts only now."""
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
        """Update the traced processes at a sample, or stop after the lease."""
        if not self.watches:
            return
        if self._clock() > self._asked + LEASE_S:
            self.close()
            return
        self._subscription.choose(self._chosen(self._node()))
        self._settle()
        self._forget()

    def close(self) -> None:
        """Stop tracing; processes run at full speed again."""
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def talk(self) -> Talk:
        """Return the counts of the last minute."""
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
        """Return the description of a process, which may have ended."""
        return self._members.get(pid) or member_of(pid)

    def _forget(self) -> None:
        """Drop descriptions of processes without messages in the last minute."""
        talking = {pid for one in self._slices for pair in one.pairs for pid in pair}
        self._members = {pid: member for pid, member in self._members.items() if pid in talking}

    def _chosen(self, node: Node) -> list[Pid]:
        return [*processes_of(node)[:WATCHED], *processes_of(node, "platform")]

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
            for pid in pair:  # can be read only while they are alive
                if pid is not None and pid not in self._members:
                    self._members[pid] = member_of(pid)
        else:
            one.unseen += 1

    def _settle(self) -> None:
        """Add messages beyond the rate to the current slice."""
        if self._subscription is not None:
            held_back, self._dropped = self._subscription.dropped - self._dropped, self._subscription.dropped
            self._slice().unseen += held_back


def member_of(pid: Pid) -> Member:
    """Return name, class and supervisor of a process; only the pid if it has ended."""
    plain = plain_pid(pid)
    if not otp.is_alive(pid):
        return Member(plain, None, "ended", "what ended", "processes that have ended")
    name, what = display_name(pid), clip(what_of(pid), 100)
    if supervisor_state(pid) is not None:
        return Member(plain, name, what, plain, name or what, supervisor=True)
    above = otp.process_info(pid, "parent")
    if above is None or supervisor_state(above) is None:
        return Member(plain, name, what, f"what {what}", what)
    return Member(plain, name, what, plain_pid(above), display_name(above) or clip(what_of(above), 100))
