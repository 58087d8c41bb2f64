"""An event of the platform; its JSON is encoded once, at the first read."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from superlearner.control.clock import timestamp

__all__ = ["GAP", "Event", "Gap", "GapReason"]

GAP: Final = "gap"

GapReason = Literal["ring", "slow", "restarted", "attached", "unknown"]
"""Reasons for missing events: late reader, slow reader, other run, other attachment, invalid id."""

encode: Final = msgspec.json.Encoder().encode


class Event:
    """A published event.

    Attributes:
        id: `EPOCH-NUMBER`; the epoch differs in each run of the platform.
        type: one of `TYPES`.
        at: wall clock seconds.
        node: node name; None for events of the platform itself.
        pid: subject of the event, as `0.17.0`.
        name: the registered name of that process, or the id of the child.
        supervisor: supervisor that decided, or started the process: name, else id, else pid.
        seq, cause: its number among the node's events, and that of its cause.
        text: description in a sentence.
        data: further fields, by type.
        also: other pids and names that filters match.
        critical: true if it is about processes that the platform runs for itself.
    """

    __slots__ = (
        "_json",
        "also",
        "at",
        "cause",
        "critical",
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
        self.critical = False
        self._json: bytes | None = None

    def fields(self) -> dict[str, Any]:
        """Return all fields in JSON's types."""
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
            "critical": self.critical,
            "data": self.data,
        }

    def sent(self) -> bytes:
        """Return the event in the format of server-sent events."""
        if self._json is None:
            self._json = b"id: %b\nevent: %b\ndata: %b\n\n" % (
                self.id.encode(),
                self.type.encode(),
                encode(self.fields()),
            )
        return self._json


class Gap(Event):
    """Placeholder for missing events; `lost` is their number, None if unknown."""

    __slots__ = ()

    def __init__(self, id: str, at: float, lost: int | None, reason: GapReason) -> None:
        many = "some events are" if lost is None else "1 event is" if lost == 1 else f"{lost} events are"
        super().__init__(GAP, at, f"{many} missing here: {WORDS[reason]}", {"lost": lost, "reason": reason})
        self.id = id


WORDS: Final[dict[GapReason, str]] = {
    "ring": "they are older than what is kept",
    "slow": "they came faster than they were read",
    "restarted": "the platform has been restarted since",
    "attached": "the node has been attached again since",
    "unknown": "the id is not from this platform",
}
