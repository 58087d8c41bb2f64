"""Details of a process: relations, memory, backtrace, dictionary."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

import otp
from otp import observer
from otp.redaction import source_line
from superlearner.control.look import named
from superlearner.control.steer import HAS_ENDED, NotThere
from superlearner.control.terms import clip, json_of, plain_pid, safe_text
from superlearner.operations.builtin.processes import NOT_THERE, info
from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, operation
from superlearner.operations.engine.seams import LivePages
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import PageNumber, PerPage, PidText
from superlearner.operations.results import ProcessDetails, Related
from superlearner.operations.results.processes import (
    Backtrace,
    Dictionary,
    Item,
    MemoryUse,
    Place,
)
from superlearner.operations.targets import process_of

ITEMS = "|".join(name for name in ProcessDetails.model_fields if name != "pid")


@operation("process.item", http=("GET", "/processes/{pid}/info/{item}"), scope="read", errors=NOT_THERE)
async def item(
    ctx: Context,
    pages: LivePages,
    /,
    pid: PidText,
    item: Annotated[
        str, Field(pattern=f"^({ITEMS})$", description="a field of `process.info`", examples=["trap_exit"])
    ],
) -> Item:
    """Show a single field of a process.

    Any field of `process.info`: `registered_name`, `trap_exit`, `status`, `message_queue_len`, …
    """
    details = await info(ctx, pages, pid)
    return Item(pid=details.pid, item=item, value=details.model_dump(mode="json")[item])


@operation("process.links", http=("GET", "/processes/{pid}/links"), scope="read", errors=NOT_THERE)
async def links(ctx: Context, pid: PidText, page: PageNumber = 1, per_page: PerPage = 50) -> Paged[Related]:
    """List the links of a process.

    When one linked process exits, the other receives its exit signal.
    """
    return _page(_all(ctx, pid, "links"), page, per_page)


@operation("process.monitors", http=("GET", "/processes/{pid}/monitors"), scope="read", errors=NOT_THERE)
async def monitors(ctx: Context, pid: PidText, page: PageNumber = 1, per_page: PerPage = 50) -> Paged[Related]:
    """List the processes that a process monitors.

    It receives a message when one of them exits.
    """
    return _page(_all(ctx, pid, "monitors"), page, per_page)


@operation("process.monitored_by", http=("GET", "/processes/{pid}/monitored-by"), scope="read", errors=NOT_THERE)
async def monitored_by(ctx: Context, pid: PidText, page: PageNumber = 1, per_page: PerPage = 50) -> Paged[Related]:
    """List the processes that monitor a process.

    They receive a message when it exits.
    """
    return _page(_all(ctx, pid, "monitored_by"), page, per_page)


@operation("process.memory", http=("GET", "/processes/{pid}/memory"), scope="read", errors=NOT_THERE)
async def memory(ctx: Context, pid: PidText) -> MemoryUse:
    """Estimate the memory of a process.

    Its state, mailbox and dictionary. Each object counts once per process; shared objects count for each of them.
    """
    found = process_of(ctx, pid)
    use = observer.memory(ctx.node, found)
    if use is None:
        raise _ended(pid)
    total = None if use.state is None else use.state + use.mailbox + use.dictionary
    return MemoryUse(
        pid=plain_pid(found),
        state=use.state,
        mailbox=use.mailbox,
        dictionary=use.dictionary,
        total=total,
        complete=use.complete,
    )


@operation("process.backtrace", http=("GET", "/processes/{pid}/backtrace"), scope="read", errors=NOT_THERE)
async def backtrace(ctx: Context, pid: PidText) -> Backtrace:
    """Show the backtrace of a process.

    The lines at which its code waits, and the message it is handling. An idle server has no lines.
    """
    found = process_of(ctx, pid)
    details = observer.process(ctx.node, found, messages=0, exits=0, related=0)
    if details is None:
        raise _ended(pid)
    places = [
        Place(
            file=safe_text(place.file),
            line=place.line,
            function=safe_text(place.function),
            source=clip(source_line(place.file, place.line), 200) or None,
        )
        for place in details.waiting_at
    ]
    return Backtrace(
        pid=plain_pid(found),
        status=details.status,
        callback=details.callback,
        handling=None if details.handling is None else safe_text(details.handling),
        busy_for_s=None if details.busy_for is None else round(details.busy_for, 6),
        places=places,
        text="\n".join(
            f'  File "{place.file}", line {place.line}, in {place.function}'
            + ("" if place.source is None else f"\n    {place.source}")
            for place in places
        ),
    )


@operation("process.dictionary", http=("GET", "/processes/{pid}/dictionary"), scope="read", errors=NOT_THERE)
async def dictionary(ctx: Context, pid: PidText) -> Dictionary:
    """Show the dictionary of a process.

    The entries that it stored with `otp.put`, at most 100. Secrets are redacted.
    """
    found = process_of(ctx, pid)
    entries = otp.process_info(found, "dictionary") or {}
    return Dictionary(pid=plain_pid(found), entries=json_of(entries), count=len(entries))


def _all(ctx: Context, pid: str, what: Any) -> tuple[Any, ...]:
    read: Any = otp.process_info
    return read(process_of(ctx, pid), what) or ()


def _page(found: tuple[Any, ...], page: int, per_page: int) -> Paged[Related]:
    start = (page - 1) * per_page
    return Paged([Related(**named(one)) for one in found[start : start + per_page]], len(found), page, per_page)


def _ended(text: str) -> OperationError:
    return OperationError("process_not_found", str(NotThere("process", f"{text} {HAS_ENDED}")))
