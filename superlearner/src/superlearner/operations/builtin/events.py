"""What happens, as it happens."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from superlearner.control.terms import text_of
from superlearner.observing.events import TYPES, EventLog, Reader, Wanted
from superlearner.operations.context import Context
from superlearner.operations.declaration import Picker, Streamed, operation
from superlearner.operations.failures import OperationError
from superlearner.operations.results_events import EventLine

MOST_READERS: Final = 1000

Who = Annotated[str | None, Field(max_length=20_000)]


@operation("events.stream", http=("GET", "/events"), scope="read", errors=("service_unavailable",))
async def stream(
    ctx: Context,
    events: EventLog,
    /,
    types: Annotated[
        list[str], Field(max_length=100, description="only these types, see docs/events.md; commas divide several")
    ] = [],  # noqa: B006
    supervisor: Annotated[
        Who,
        Field(description="only of this supervisor, by name or pid: itself and its decisions"),
        Picker("supervisor"),
    ] = None,
    pid: Annotated[Who, Field(description="only of this process, by pid, name or child id"), Picker("process")] = None,
    last: Annotated[int, Field(ge=0, le=100_000, description="begin with so many that have happened already")] = 0,
    last_id: Annotated[
        str | None, Field(max_length=200, description="go on behind this id; as the header Last-Event-ID, which wins")
    ] = None,
    limit: Annotated[
        int | None, Field(ge=1, le=100_000, description="end after so many; one answer as JSON has at most 100 else")
    ] = None,
    timeout_ms: Annotated[
        int | None,
        Field(ge=1, le=3_600_000, description="end after this time; one answer as JSON is complete after 5 s else"),
    ] = None,
) -> Streamed[EventLine]:
    """Watch what happens.

    Processes, supervisors, settings, operations, as they come: server-sent events with ids. Who comes back with the id
    of the last one goes on behind it; what is no longer there is told as an event `gap` with how many are missing.
    """
    node = ctx.node
    if len(events.readers) >= MOST_READERS:
        raise OperationError("service_unavailable", f"{MOST_READERS} read already; try again when some have left")
    wanted = Wanted(_types(types), _bare(pid), _bare(supervisor), node.name, ctx.kind.is_audited)
    events.follow(node)
    reader = Reader(events, wanted, last_id)
    if last_id is None:
        await reader.go_back(last)
    return Streamed(reader, limit, None if timeout_ms is None else timeout_ms / 1000)


def _types(given: list[str]) -> frozenset[str]:
    named = frozenset(name for one in given for part in one.split(",") if (name := part.strip()))
    if unknown := sorted(named - set(TYPES)):
        raise OperationError(
            "validation_error",
            f"types: expected some of {', '.join(TYPES)}, got {text_of(unknown[0], 100)}",
        )
    return named and named | {"gap"}


def _bare(who: str | None) -> str | None:
    """A pid in any of its forms as events have it; a name stays as it is."""
    return None if who is None else who.removeprefix("#PID").strip("<>") or None
