"""Conversion of a trace into a recording, for storing and replaying. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any

from otp.trace import Row, pack
from superlearner.observing.tracing.captured import Captured, Mark, Person

__all__ = ["as_recording"]


def as_recording(
    messages: Iterable[Captured], marks: Iterable[Mark], people: Mapping[str, Person], *, node: str, started: float
) -> bytes:
    """Return the recording file: texts without secrets, original times, new numbers.

    >>> import otp, tempfile
    >>> cast = Captured(7, 10.0, "cast", None, "0.3.0", "add", "('add', 1)", "('add', 1)", received_at=10.5)
    >>> packed = as_recording([cast], [], {"0.3.0": Person("0.3.0", "till", "Till", None, True)}, node="n", started=9.0)
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(packed)
    ...     file.flush()
    ...     [(row.kind, row.seq, row.cause) for row in otp.trace.load(file.name).events]
    [('sent', 1, 0), ('received', 2, 1)]
    """
    started_here = {mark.pid for mark in marks if mark.kind == "started"}
    names = {one.name: pid for pid, one in people.items() if one.name is not None}
    found: list[tuple[float, int, int, str, str | None, dict[str, Any]]] = []
    for one in messages:
        data: dict[str, Any] = {"way": one.way, "message": one.text}
        if one.answer is not None or one.answers is not None:
            data["ref"] = f"#call-{one.answers or one.seq}"
        sent = {"to": f"<{one.receiver}>", **data}
        found.append((one.at, one.seq, 0, "dropped" if one.dropped else "sent", one.sender, sent))
        if one.received_at is not None:
            found.append((max(one.at, one.received_at), one.seq, 1, "received", one.receiver, data))
    for mark in marks:
        person = people.get(mark.pid)
        what = {} if person is None else {"name": person.name, "what": person.what}
        if mark.kind == "started":
            found.append((mark.at, mark.seq, 0, "spawned", mark.pid, {**what, "parent": _above(person, names)}))
        else:
            found.append((mark.at, mark.seq, 0, "exited", mark.pid, {**what, "reason": mark.reason}))
    found.sort(key=itemgetter(0, 1, 2))
    places = {(one[1], one[2]): place for place, one in enumerate(found, 1)}
    begun = found[0][0] if found else 0.0
    rows = [
        Row(
            place,
            round((at - begun) * 1e9),
            node,
            kind,
            None if pid is None else f"<{pid}>",
            places[seq, 0] if part else 0,
            data,
        )
        for place, (at, seq, part, kind, pid, data) in enumerate(found, 1)
    ]
    there = [
        {"process": f"<{one.pid}>", "parent": _above(one, names), "name": one.name, "what": one.what}
        for one in people.values()
        if one.pid not in started_here
    ]
    # a trace has no events about supervision, so replays need this list
    supervisors = sorted({above for one in people.values() if (above := _above(one, names)) is not None})
    return pack(rows, node=node, processes=there, started=begun or started, about={"supervisors": supervisors})


def _above(person: Person | None, names: Mapping[str, str]) -> str | None:
    """Return the pid of a supervisor if it is a participant."""
    above = None if person is None else person.supervisor
    return None if above is None else f"<{names.get(above, above)}>" if above in names or above[:1].isdigit() else None
