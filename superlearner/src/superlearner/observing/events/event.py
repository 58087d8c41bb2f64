"""One event as the platform tells it. Its JSON is made when somebody reads it, once for all who do."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from superlearner.control.clock import timestamp

__all__ = ["GAP", "Event", "Gap", "GapReason"]

GAP: Final = "gap"

GapReason = Literal["ring", "slow", "restarted", "unknown"]
"""Why events are missing: who comes back came too late for the ring, reads too slowly, knows another run of the
platform, or shows an id that is none of ours."""

encode: Final = msgspec.json.Encoder().encode


class Event:
    """What happened.

    Attributes:
        id: `EPOCH-NUMBER`; the epoch is another one in each run of the platform.
        type: one of `TYPES`.
        at: wall clock seconds.
        node: where; None for what is about the platform itself.
        pid: of whom it speaks, as `0.17.0`.
        name: the registered name of that process, or the id of the child.
        supervisor: who decided, or started it: name, else pid.
        seq, cause: its number among the events of the node, and that of the event that led to it.
        text: a sentence.
        data: what else there is, by its type.
        also: other pids and names by which it can be asked for.
    """

    __slots__ = (
        "_json",
        "also",
        "at",
        "cause",
        "data",
        "id",
        "name",
        "node",
        "pid",
        "seq",
        "supervisor",
        "text",
        "type",
    )

    def __init__(
        self,
        type: str,
        at: float,
        text: str,
        data: dict[str, Any],
        *,
        node: str | None = None,
        pid: str | None = None,
        name: str | None = None,
        supervisor: str | None = None,
        seq: int | None = None,
        cause: int | None = None,
        also: tuple[str, ...] = (),
    ) -> None:
        self.id = ""
        self.type = type
        self.at = at
        self.text = text
        self.data = data
        self.node = node
        self.pid = pid
        self.name = name
        self.supervisor = supervisor
        self.seq = seq
        self.cause = cause
        self.also = also
        self._json: bytes | None = None

    def fields(self) -> dict[str, Any]:
        """All of it in JSON's types."""
        return {
            "id": self.id,
            "type": self.type,
            "at": self.at,
            "timestamp": timestamp(self.at),
            "node": self.node,
            "pid": self.pid,
            "name": self.name,
            "supervisor": self.supervisor,
            "text": self.text,
            "seq": self.seq,
            "cause": self.cause,
            "data": self.data,
        }

    def sent(self) -> bytes:
        """The event as server-sent events have it: id, event, data on one line."""
        if self._json is None:
            self._json = b"id: %b\nevent: %b\ndata: %b\n\n" % (
                self.id.encode(),
                self.type.encode(),
                encode(self.fields()),
            )
        return self._json


class Gap(Event):
    """Events are missing here: `lost` of them, of all types, or None if that is not known."""

    __slots__ = ()

    def __init__(self, id: str, at: float, lost: int | None, reason: GapReason) -> None:
        many = "some events are" if lost is None else "1 event is" if lost == 1 else f"{lost} events are"
        super().__init__(GAP, at, f"{many} missing here: {WORDS[reason]}", {"lost": lost, "reason": reason})
        self.id = id


WORDS: Final[dict[GapReason, str]] = {
    "ring": "they are older than what is kept",
    "slow": "they came faster than they were read",
    "restarted": "the platform was started anew since",
    "unknown": "the id is none of this platform",
}
