"""The stream of live events."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, WithJsonSchema

from superlearner.base.validation import unknown as unknown_name
from superlearner.control.terms import text_of
from superlearner.observing.events import TYPES, EventFilter, EventLog, Reader, type_names
from superlearner.operations.context import Context
from superlearner.operations.declaration import Picker, Streamed, operation
from superlearner.operations.failures import Detail, OperationError
from superlearner.operations.results.events import EventLine

MOST_READERS: Final = 1000
MOST_REFUSED: Final = 20

_TYPE: Final = rf"(?:(?:{'|'.join(TYPES)})\s*)?"
Types = Annotated[str, WithJsonSchema({"type": "string", "pattern": rf"^\s*{_TYPE}(?:,\s*{_TYPE})*$"})]
"""Names of types, separated by commas. `_types` refuses others with a better answer than that of a pattern."""

Who = Annotated[str | None, Field(max_length=20_000)]


@operation("events.stream", http=("GET", "/events"), scope="read", of="events", errors=("service_unavailable",))
async def stream(
    ctx: Context,
    events: EventLog,
    /,
    types: Annotated[
        list[Types],
        Field(max_length=100, description="only these types, see docs/events.md; separate several with commas"),
    ] = [],  # noqa: B006
    supervisor: Annotated[
        Who,
        Field(description="only events of this supervisor and its decisions, by name or pid"),
        Picker("supervisor"),
    ] = None,
    pid: Annotated[
        Who, Field(description="only events of this process, by pid, name or child id"), Picker("process")
    ] = None,
    last: Annotated[int, Field(ge=0, le=100_000, description="begin with this many past events")] = 0,
    last_id: Annotated[
        str | None,
        Field(max_length=200, description="continue after this id; the header Last-Event-ID takes precedence"),
    ] = None,
    limit: Annotated[
        int | None,
        Field(ge=1, le=100_000, description="end after this many events; by default 100 for an answer as JSON"),
    ] = None,
    timeout_ms: Annotated[
        int | None,
        Field(ge=1, le=3_600_000, description="end after this time; by default 5 s for an answer as JSON"),
    ] = None,
) -> Streamed[EventLine]:
    """Watch live events.

    Server-sent events with ids, about processes, supervisors, settings and operations. A client that reconnects with
    the last id continues after it. If events are no longer in memory, an event `gap` has the number of missing ones.
    """
    node = ctx.node
    if len(events.readers) >= MOST_READERS:
        raise OperationError("service_unavailable", f"{MOST_READERS} streams are already open; try again later")
    about = ctx.user.name if ctx.user.only_own and ctx.owner is None else None
    wanted = EventFilter(_types(types), _bare(pid), _bare(supervisor), node.name, ctx.kind.is_audited, about)
    events.follow(node)
    reader = Reader(events, wanted, last_id)
    if last_id is None:
        await reader.go_back(last)
    return Streamed(reader, limit, None if timeout_ms is None else timeout_ms / 1000)


def _types(given: list[str]) -> frozenset[str]:
    named = type_names(given)
    if unknown := sorted(named - set(TYPES)):
        refused = [
            Detail("types", f"there is no type {text_of(name, 100)}", unknown_name(name, list(TYPES)))
            for name in unknown
        ]
        raise OperationError("validation_error", f"types: {refused[0].problem}", details=refused[:MOST_REFUSED])
    return named and named | {"gap"}


def _bare(who: str | None) -> str | None:
    """Return a pid in the form used in events; return a name unchanged."""
    return None if who is None else who.removeprefix("#PID").strip("<>") or None
