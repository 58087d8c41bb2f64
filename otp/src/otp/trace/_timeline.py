"""The state of a node after any number of its events: one pure function, and snapshots for seeking.

>>> rows = [
...     Row(1, 0, "shop", "spawned", "<0.3.0>", 0, {"parent": "<0.2.0>", "name": None, "what": "Till"}),
...     Row(2, 0, "shop", "sent", "<0.2.0>", 0, {"to": "<0.3.0>", "way": "cast", "message": "'open'"}),
...     Row(3, 0, "shop", "received", "<0.3.0>", 2, {"way": "cast", "message": "'open'"}),
... ]
>>> timeline = Timeline(rows)
>>> [len(timeline.at(count).messages) for count in range(4)]
[0, 0, 1, 0]
>>> timeline.at(3).processes["<0.3.0>"].message
"'open'"
"""

# The data of rows comes from a file; functions of this module read what a `Moment` keeps for them.
# pyright: reportPrivateUsage=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from otp.kernel.values.errors import BadArgument
from otp.trace._rows import Row, process_of

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node

__all__ = ["MessageAt", "Moment", "ProcessAt", "Timeline", "apply"]

EVERY: Final = 500
_Sendings = tuple[int, Any]  # the last one, and the previous ones


class ProcessAt(NamedTuple):
    """A process at a moment.

    `supervisor` is its supervisor, `waiting` the number of messages in transit to it or in its mailbox, `callback` the
    running one, `message` the text of the last received message, `state` its state as text (if states were recorded).
    """

    pid: str
    parent: str | None
    name: str | None
    what: str | None
    supervisor: str | None
    waiting: int
    callback: str | None
    message: str | None
    state: str | None


class MessageAt(NamedTuple):
    """A message that was sent and not yet received; `seq` is its send event."""

    seq: int
    sender: str | None
    to: str
    way: str | None
    message: str | None
    ref: str | None


class Moment:
    """A node after some of its events: `processes` by pid, `messages` in transit by the number of their send event.

    >>> Moment() == Moment()
    True
    """

    __slots__ = ("_to", "messages", "processes")

    def __init__(self, processes: dict[str, ProcessAt] | None = None) -> None:
        self.processes: dict[str, ProcessAt] = {} if processes is None else processes
        self.messages: dict[int, MessageAt] = {}
        self._to: dict[str, _Sendings] = {}

    @classmethod
    def of(cls, node: Node) -> Moment:
        """Return the living processes of a node now.

        Messages already in transit are unknown.

        >>> import otp
        >>> async def main():
        ...     return len(Moment.of(otp.trace.node_of(otp.self())).processes)
        >>> otp.run(main)
        1
        """
        return cls({str(p): _process(str(p), process_of(p, node)) for p in node.process_table.values()})

    def copy(self) -> Moment:
        """Return a copy with the same content, which is never changed in place."""
        other = Moment(self.processes.copy())
        other.messages = self.messages.copy()
        other._to = self._to.copy()
        return other

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Moment):
            return NotImplemented
        return (self.processes, self.messages) == (other.processes, other.messages)

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]

    def __repr__(self) -> str:
        return f"<Moment with {len(self.processes)} processes, {len(self.messages)} messages under way>"


def apply(moment: Moment, row: Row) -> None:
    """Change `moment` by one event, and read nothing else; invalid data has no effect.

    >>> moment = Moment()
    >>> apply(moment, Row(1, 0, "shop", "spawned", "<0.3.0>", 0, {"parent": None, "name": "till", "what": "Till"}))
    >>> moment.processes["<0.3.0>"].name
    'till'
    """
    change = _CHANGES.get(row.kind)
    if change is not None:
        change(moment, row)


class Timeline:
    """The moments of a sequence of rows, from before the first event to after the last.

    A snapshot is kept every 500 events, and less often where it would hold more than 1,000 processes and messages, so
    that all snapshots together are no larger than the events.

    >>> len(Timeline([]).at(0).processes)
    0
    """

    def __init__(self, rows: Sequence[Row], processes: Iterable[Mapping[str, Any]] = (), every: int = EVERY) -> None:
        self._rows = rows
        self._block: tuple[int, list[Row]] = (-1, [])  # the rows after the last used snapshot, for going back and forth
        moment = Moment({one["process"]: _process(one["process"], one) for one in processes})
        self._places = [0]
        self._snapshots = [moment.copy()]
        due = max(every, len(moment.processes) // 2)
        for place, row in enumerate(rows, 1):
            apply(moment, row)
            if place >= due:
                self._places.append(place)
                self._snapshots.append(moment.copy())
                due = place + max(every, (len(moment.processes) + len(moment.messages)) // 2)

    def __len__(self) -> int:
        return len(self._rows)

    def at(self, count: int) -> Moment:
        """Return the moment after the first `count` events, for the caller alone."""
        if not 0 <= count <= len(self._rows):
            raise BadArgument(f"at(count): expected a number from 0 to {len(self._rows)}, got {count!r}")
        nearest = bisect_right(self._places, count) - 1
        start = self._places[nearest]
        if self._block[0] != nearest:
            self._block = (nearest, list(self._rows[start : self._end_of(nearest)]))
        moment = self._snapshots[nearest].copy()
        for row in self._block[1][: count - start]:
            apply(moment, row)
        return moment

    def _end_of(self, snapshot: int) -> int:
        places = self._places
        return places[snapshot + 1] if snapshot + 1 < len(places) else len(self._rows)


# Changes


def _text(value: Any) -> str | None:
    return value if type(value) is str else None


def _process(pid: str, data: Mapping[str, Any]) -> ProcessAt:
    parent, name, what = _text(data.get("parent")), _text(data.get("name")), _text(data.get("what"))
    return ProcessAt(pid, parent, name, what, None, 0, None, None, None)


def _spawned(moment: Moment, row: Row) -> None:
    if row.pid is not None:
        moment.processes[row.pid] = _process(row.pid, row.data)


def _exited(moment: Moment, row: Row) -> None:
    """Remove an ended process, and messages in transit to it."""
    pid = row.pid or ""
    moment.processes.pop(pid, None)
    sendings: _Sendings | None = moment._to.pop(pid, None)
    while sendings is not None:
        seq, sendings = sendings
        moment.messages.pop(seq, None)


def _named(moment: Moment, row: Row) -> None:
    p = moment.processes.get(row.pid or "")
    if p is not None:
        name = _text(row.data.get("name")) if row.kind == "registered" else None
        moment.processes[p.pid] = p._replace(name=name)


def _adopted(moment: Moment, row: Row) -> None:
    p = moment.processes.get(_text(row.data.get("child")) or "")
    if p is not None:
        moment.processes[p.pid] = p._replace(supervisor=row.pid)


def _sent(moment: Moment, row: Row) -> None:
    get = row.data.get
    p = moment.processes.get(_text(get("to")) or "")
    if p is not None:
        way, message, ref = _text(get("way")), _text(get("message")), _text(get("ref"))
        moment.messages[row.seq] = MessageAt(row.seq, row.pid, p.pid, way, message, ref)
        moment._to[p.pid] = (row.seq, moment._to.get(p.pid))
        moment.processes[p.pid] = _with(p, 1, p.callback, p.message)


def _received(moment: Moment, row: Row) -> None:
    _arrived(moment, row.cause)
    p = moment.processes.get(row.pid or "")
    if p is not None:
        moment.processes[p.pid] = _with(p, 0, p.callback, _text(row.data.get("message")))


def _dropped(moment: Moment, row: Row) -> None:
    _arrived(moment, row.cause)


def _arrived(moment: Moment, seq: int) -> None:
    message = moment.messages.pop(seq, None)
    p = None if message is None else moment.processes.get(message.to)
    if p is not None:
        moment.processes[p.pid] = _with(p, -1, p.callback, p.message)
        if p.waiting == 1:  # that was the last one
            moment._to.pop(p.pid, None)


def _begun(moment: Moment, row: Row) -> None:
    p = moment.processes.get(row.pid or "")
    if p is not None:
        moment.processes[p.pid] = _with(p, 0, _text(row.data.get("callback")), p.message)


def _ended(moment: Moment, row: Row) -> None:
    p = moment.processes.get(row.pid or "")
    if p is not None:
        moment.processes[p.pid] = _with(p, 0, None, p.message)


def _state(moment: Moment, row: Row) -> None:
    p = moment.processes.get(row.pid or "")
    if p is not None:
        moment.processes[p.pid] = p._replace(state=_text(row.data.get("state")))


def _with(p: ProcessAt, more: int, callback: str | None, message: str | None) -> ProcessAt:
    # by position: `_replace` takes three times as long, and this runs for every message
    return ProcessAt(p.pid, p.parent, p.name, p.what, p.supervisor, p.waiting + more, callback, message, p.state)


_CHANGES: Final = {
    "spawned": _spawned,
    "exited": _exited,
    "registered": _named,
    "unregistered": _named,
    "child_started": _adopted,
    "child_restarted": _adopted,
    "sent": _sent,
    "received": _received,
    "dropped": _dropped,
    "callback_begun": _begun,
    "callback_ended": _ended,
    "state_changed": _state,
}
