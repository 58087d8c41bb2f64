"""The live feed of /traces: all traces with counts, and one trace's messages.

One source serves all viewers of the same trace of the same node. It follows the trace itself, sends at most twenty
frames a second, encodes each once, and ends with its last viewer. A snapshot has all that the trace keeps; a delta has
new messages (`m`), updated messages (`u`), marks, people, and the number of the oldest message kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import islice
from typing import Any, Final

from superlearner.control.clock import Clock
from superlearner.live.frames import encode
from superlearner.live.viewer import Viewer
from superlearner.observing.tracing import Captured, Mark, NoTrace, Person, Trace, Traces
from superlearner.operations.results.shown_traces import trace_info

__all__ = ["TraceFeed", "TraceFeeds", "wire_mark", "wire_message", "wire_person"]

FRAME_S: Final = 0.05
BEAT_S: Final = 0.5
QUEUE: Final = 50
MOST_CHANGES: Final = 400
"""Messages in one frame beyond which a snapshot is sent."""
PIDS: Final = 8


def wire_message(one: Captured) -> dict[str, Any]:
    """Return a message in wire format, without defaults, with secrets redacted."""
    fields: dict[str, Any] = {"seq": one.seq, "at": one.at, "kind": one.way, "from": one.sender, "to": one.receiver}
    fields["text"], fields["tag"] = one.text, one.tag
    seldom = {"dropped": one.dropped or None, "received": one.received_at, "answer": one.answer}
    seldom |= {"answers": one.answers, "cause": one.cause, "timeout": one.timeout}
    return fields | {name: value for name, value in seldom.items() if value is not None}


def wire_mark(one: Mark) -> dict[str, Any]:
    """Return an end or a start in wire format."""
    return {
        "seq": one.seq,
        "at": one.at,
        "kind": one.kind,
        "who": one.pid,
        "text": one.reason or "",
        "cause": one.cause,
    }


def wire_person(one: Person) -> dict[str, Any]:
    """Return a participant in wire format."""
    fields = {"pid": one.pid, "name": one.name, "what": one.what, "label": one.label}
    return fields | {"supervisor": one.supervisor, "traced": one.traced}


class TraceFeed:
    """The frames of one trace for all its viewers.

    Args:
        traces: all traces of the platform.
        node: the node whose traces are listed.
        trace_id: the trace whose messages are sent; empty for the list alone.
        head: additional fields of a snapshot: epoch and node.
        on_look, on_idle: called when the first viewer comes, and when the last one has gone.
    """

    def __init__(
        self,
        traces: Traces,
        node: str,
        trace_id: str,
        head: dict[str, Any],
        *,
        on_look: Callable[[], object] = lambda: None,
        on_idle: Callable[[], object] = lambda: None,
    ) -> None:
        self.traces = traces
        self.node = node
        self.trace_id = trace_id
        self.head = head
        self.viewers: set[Viewer] = set()
        self.seq = 0
        self._on_look = on_look
        self._on_idle = on_idle
        self._clock = Clock()
        self._trace: Trace | None = None
        self._changed: dict[int, None] = {}
        self._newest = 0
        self._newest_mark = 0
        self._people: dict[str, Person] = {}
        self._list: list[dict[str, Any]] = []
        self._due: asyncio.TimerHandle | None = None
        self._beat: asyncio.TimerHandle | None = None

    def attach(self) -> Viewer:
        """Return a new viewer; its first frame is a snapshot."""
        viewer = Viewer(self, QUEUE)
        self.viewers.add(viewer)
        if len(self.viewers) == 1:
            self._on_look()
            self._look()
            self._beat = asyncio.get_running_loop().call_later(BEAT_S, self._beats)
        return viewer

    def detach(self, viewer: Viewer) -> None:
        """Remove a viewer; end the source with the last one."""
        self.viewers.discard(viewer)
        if not self.viewers:
            for timer in (self._due, self._beat):
                if timer is not None:
                    timer.cancel()
            self._due = self._beat = None
            self._forget()
            self._on_idle()

    def snapshot(self) -> bytes:
        """Return the current state."""
        self._flush()
        trace = self._trace
        fields: dict[str, Any] = {"now": self._clock.now(), "traces": self._list, "trace": None}
        if trace is not None:
            fields["trace"] = trace.id
            fields["messages"] = [wire_message(one) for one in trace.messages]
            fields["marks"] = [wire_mark(one) for one in trace.marks]
            fields["people"] = [wire_person(one) for one in trace.people.values()]
        return encode({"k": "s", **self.head, "seq": self.seq, **fields})

    # Updates from the trace

    def _on_change(self, seq: int | None) -> None:
        """Note a change and set a timer; called by the runtime during delivery."""
        if seq is not None and seq <= self._newest:
            self._changed[seq] = None
        if self._due is None and self.viewers:
            self._due = asyncio.get_running_loop().call_later(FRAME_S, self._flush)

    def _look(self) -> None:
        """Find the trace; the snapshot has its messages so far."""
        self._forget()
        try:
            found = self.traces.find(self.trace_id, node=self.node) if self.trace_id else None
        except NoTrace:
            found = None
        self._list = self._listed()
        if found is None or found.node != self.node:
            return
        self._trace = found
        found.watchers.append(self._on_change)
        self._newest = found.messages[-1].seq if found.messages else 0
        self._newest_mark = found.marks[-1].seq if found.marks else 0
        self._people = dict(found.people)

    def _forget(self) -> None:
        if self._trace is not None and self._on_change in self._trace.watchers:
            self._trace.watchers.remove(self._on_change)
        self._trace = None
        self._changed.clear()

    def _listed(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for one in self.traces:
            if one.node == self.node:
                line = trace_info(one).model_dump()
                line["pids"], line["names"] = line["pids"][:PIDS], line["names"][:PIDS]
                found.append(line)
        return found

    # Frames

    def _beats(self) -> None:
        """Send the counts of all traces and a heartbeat, twice a second."""
        self._beat = asyncio.get_running_loop().call_later(BEAT_S, self._beats)
        self.traces.look()
        gone = self._trace is not None and self._trace.id not in {one.id for one in self.traces}
        listed = self._listed()
        changed = listed != self._list
        self._list = listed
        if gone:
            self._forget()
            self._resync()
        else:
            self._send({"traces": listed} if changed else {})

    def _flush(self) -> None:
        """Send what is new since the last frame."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        trace = self._trace
        if trace is None:
            return
        fresh: list[Captured] = []
        for one in reversed(trace.messages):
            if one.seq <= self._newest or len(fresh) > MOST_CHANGES:
                break
            fresh.append(one)
        changed = [found for seq in self._changed if (found := trace.message(seq)) is not None]
        self._changed.clear()
        marks = [one for one in islice(reversed(trace.marks), MOST_CHANGES) if one.seq > self._newest_mark]
        people = [one for one in trace.people.values() if self._people.get(one.pid) != one]
        if not (fresh or changed or marks or people):
            return
        self._newest = trace.messages[-1].seq if trace.messages else self._newest
        self._newest_mark = trace.marks[-1].seq if trace.marks else self._newest_mark
        self._people = dict(trace.people)
        if len(fresh) + len(changed) > MOST_CHANGES:
            self._resync()
            return
        frame: dict[str, Any] = {"first": trace.messages[0].seq if trace.messages else 0}
        if fresh:
            frame["m"] = [wire_message(one) for one in reversed(fresh)]
        if changed:
            frame["u"] = [wire_message(one) for one in changed]
        if marks:
            frame["marks"] = [wire_mark(one) for one in reversed(marks)]
        if people:
            frame["people"] = [wire_person(one) for one in people]
        self._send(frame)

    def _send(self, frame: dict[str, Any]) -> None:
        self.seq += 1
        encoded = encode({"k": "d", "seq": self.seq, "now": self._clock.now(), **frame})
        for viewer in self.viewers:
            viewer.offer(encoded)

    def _resync(self) -> None:
        self.seq += 1
        for viewer in self.viewers:
            viewer.want_snapshot()


class TraceFeeds:
    """The sources with viewers, by node and trace."""

    def __init__(self) -> None:
        self._feeds: dict[tuple[str, str], TraceFeed] = {}

    def __len__(self) -> int:
        return len(self._feeds)

    def find(self, traces: Traces, node: str, trace_id: str, epoch: str) -> TraceFeed:
        """Return the source of a trace or, without an id, of the list."""
        key = (node, trace_id)
        known = self._feeds.get(key)
        if known is not None:
            return known

        def look() -> None:
            self._feeds.setdefault(key, feed)

        def idle() -> None:
            if self._feeds.get(key) is feed:
                del self._feeds[key]

        feed = TraceFeed(traces, node, trace_id, {"epoch": epoch, "node": node}, on_look=look, on_idle=idle)
        return feed
