"""The event stream of a node, for readers.

The runtime numbers all events: processes, exits, links, names, restarts. The lifecycle of supervised processes is
always kept in a bounded ring, so a reader that comes later can still read it; messages cost nothing until a reader
requests their kinds. *Why was this restarted?* is answered by following `cause`. `record` writes the stream to a file,
`load` reads it, on any machine.

>>> import otp
>>> async def main():
...     seen = []
...     node = otp.trace.node_of(otp.self())
...     otp.trace.subscribe(node, lambda event: seen.append(event.kind), kinds={"spawned", "exited"})
...     pid, ref = otp.spawn_monitor(lambda: None)
...     await otp.receive(ref)
...     return tuple(seen)
>>> otp.run(main)
('spawned', 'exited')
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from otp.kernel.tables.tracing import (
    DETAIL_KINDS,
    LIFECYCLE,
    MESSAGE_KINDS,
    RING_SIZE,
    STATE_KINDS,
    Event,
    Subscription,
)
from otp.kernel.values.pids import Pid
from otp.trace._recorder import Recorder, pack, record
from otp.trace._recording import Recording, RecordingError, load
from otp.trace._rows import Row
from otp.trace._timeline import MessageAt, Moment, ProcessAt, Timeline, apply

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node

__all__ = [
    "DETAIL_KINDS",
    "LIFECYCLE",
    "MESSAGE_KINDS",
    "RING_SIZE",
    "STATE_KINDS",
    "Event",
    "MessageAt",
    "Moment",
    "ProcessAt",
    "Recorder",
    "Recording",
    "RecordingError",
    "Row",
    "Subscription",
    "Timeline",
    "apply",
    "cause_chain",
    "history",
    "load",
    "node_of",
    "pack",
    "record",
    "subscribe",
]


def node_of(pid: Pid) -> Node:
    """Return the node object of a local pid."""
    return pid.runtime


def subscribe(
    node: Node,
    callback: Callable[[Event], object],
    *,
    kinds: Iterable[str] | None = None,
    pids: Iterable[Pid] | None = None,
    limit: int | None = None,
    rate: int | None = None,
    focus: bool = False,
) -> Subscription:
    """Call `callback(event)` for each event, immediately and on the loop.

    It must be short and must not wait.

    Args:
        node: the node to read.
        callback: called with an `Event`.
        kinds: the kinds to read (default: lifecycle).
        pids: only events of these and messages to them; `subscription.choose(pids)` changes them.
        limit: end after this many events.
        rate: the maximum per second; the rest is counted in `dropped`.
        focus: with `pids`, read the messages of these only: all other processes run as fast as without a reader. `rate`
            then counts messages, spread over tenths of a second; held-back messages are counted without being read, and
            a reply is reported if its call was. The cause of an event is known as far as it lies within these
            processes. Events of the `exited` kind are also limited to these processes.

    >>> import otp
    >>> async def main():
    ...     seen = []
    ...     me = otp.self()
    ...     reader = otp.trace.subscribe(
    ...         otp.trace.node_of(me), seen.append, kinds={"sent", "received"}, pids=[me], rate=10, focus=True
    ...     )
    ...     for number in range(50):
    ...         otp.send(me, number)
    ...     return len(seen), reader.dropped
    >>> otp.run(main)
    (1, 49)
    """
    return node.subscribe(callback, kinds=kinds, pids=pids, limit=limit, rate=rate, focus=focus)


def history(node: Node, since: int = 0, *, unwatched: bool = False) -> list[Event]:
    """Return the kept lifecycle events with a number greater than `since`, oldest first.

    `unwatched`: only the failures of processes without a supervisor from times without readers.
    """
    return node.tracer.unwatched_ends(since) if unwatched else node.tracer.history(since)


def cause_chain(node: Node, seq: int) -> list[Event]:
    """Return the event `seq` and its causes, nearest first, as far as the ring reaches."""
    known = {event.seq: event for event in history(node)}
    chain: list[Event] = []
    while seq in known:
        chain.append(known[seq])
        seq = known[seq].cause
    return chain
