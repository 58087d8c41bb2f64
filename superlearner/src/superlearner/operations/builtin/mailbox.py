"""Mailboxes: what waits, what floods, and taking it away."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from pydantic import Field

import otp
from otp import Pid, observer
from superlearner.control.listing import Wanted
from superlearner.control.names import registered_name
from superlearner.control.process_list import list_processes
from superlearner.control.terms import clip, plain_pid, safe_text
from superlearner.control.tree import supervisor_state
from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, operation
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import Force, OfKind, OfTag, OfText, PageNumber, PerPage, PidText
from superlearner.operations.results_mailbox import (
    DropResult,
    MailboxCount,
    MailboxLine,
    MessageLine,
    MessagePattern,
    MessageType,
)
from superlearner.operations.targets import answering, called, process_of, protect

NOT_THERE = ("malformed_pid", "process_not_found")
DROPS = (*NOT_THERE, "critical_process_protection", "conflict")
ALL = 10_000


@operation("mailbox.peek", http=("GET", "/processes/{pid}/mailbox"), scope="read", errors=NOT_THERE)
async def peek(
    ctx: Context, pid: PidText, kind: OfKind = None, page: PageNumber = 1, per_page: PerPage = 50
) -> Paged[MessageLine]:
    """Look into a mailbox.

    The messages that wait for a process, oldest first; they stay where they are.
    """
    return _page(ctx, pid, kind, None, "", page, per_page)


@operation("mailbox.search", http=("GET", "/processes/{pid}/mailbox/search"), scope="read", errors=NOT_THERE)
async def search(
    ctx: Context,
    pid: PidText,
    text: OfText = "",
    tag: OfTag = None,
    kind: OfKind = None,
    page: PageNumber = 1,
    per_page: PerPage = 50,
) -> Paged[MessageLine]:
    """Search a mailbox.

    By kind, first word, or part of the text as it is shown; what is hidden cannot be found. The oldest 10,000 count.
    """
    return _page(ctx, pid, kind, tag, text, page, per_page)


@operation("mailbox.count", http=("GET", "/processes/{pid}/mailbox/count"), scope="read", errors=NOT_THERE)
async def count(ctx: Context, pid: PidText) -> MailboxCount:
    """Count the messages that wait.

    By kind: calls, casts, other messages, and what the runtime asks.
    """
    found = process_of(ctx, pid)
    page = observer.mailbox(ctx.node, found, limit=ALL, length=1)
    kinds = Counter[str]({"call": 0, "cast": 0, "info": 0, "system": 0})
    kinds.update(message.kind for message in page.messages)
    return MailboxCount(pid=plain_pid(found), count=page.waiting, by_kind=dict(kinds), partial=page.partial)


@operation("mailbox.patterns", http=("GET", "/processes/{pid}/mailbox/patterns"), scope="read", errors=NOT_THERE)
async def patterns(ctx: Context, pid: PidText, page: PageNumber = 1, per_page: PerPage = 50) -> Paged[MessagePattern]:
    """What floods a mailbox.

    The messages that wait, put together by kind and first word, the most frequent first.
    """
    waiting = observer.mailbox(ctx.node, process_of(ctx, pid), limit=ALL).messages
    counts = Counter[tuple[MessageType, str]]((message.kind, message.tag) for message in waiting)
    first = {(message.kind, message.tag): message for message in reversed(waiting)}
    start = (page - 1) * per_page
    lines = [
        MessagePattern(
            kind=kind, tag=safe_text(tag), count=number, oldest=first[kind, tag].position,
            example=safe_text(first[kind, tag].text),
        )
        for (kind, tag), number in counts.most_common()[start : start + per_page]
    ]  # fmt: skip
    return Paged(lines, len(counts), page, per_page)


@operation(
    "mailbox.flush",
    http=("DELETE", "/processes/{pid}/mailbox"),
    scope="operate",
    changes=True,
    destroys=True,
    errors=DROPS,
)
async def flush(ctx: Context, pid: PidText, force: Force = False) -> DropResult:
    """Empty a mailbox.

    Whoever called hears `dropped` at once; casts are lost silently. What the runtime asks stays, and a supervisor's
    mailbox is left alone.
    """
    return _drop(ctx, pid, "drop all messages that wait for {}", force=force)


@operation(
    "mailbox.drop",
    http=("POST", "/processes/{pid}/mailbox/drop"),
    scope="operate",
    changes=True,
    destroys=True,
    errors=DROPS,
)
async def drop(
    ctx: Context,
    pid: PidText,
    kind: OfKind = None,
    tag: OfTag = None,
    text: OfText = "",
    limit: Annotated[int | None, Field(ge=1, le=1_000_000, description="at most so many, the oldest")] = None,
    force: Force = False,
) -> DropResult:
    """Drop some messages.

    Those that `mailbox.search` finds with the same words, among the oldest 10,000.
    """
    if kind is None and tag is None and not text:
        raise OperationError(
            "validation_error",
            "expected kind, tag or text, got none of them",
            hint="to drop everything, see DELETE /api/v1/processes/{pid}/mailbox",
        )
    words = " ".join(f"{name} {value!r}" for name, value in (("kind", kind), ("tag", tag), ("text", text)) if value)
    sentence = f"drop messages of {words.replace('{', '{{').replace('}', '}}')} that wait for {{}}"
    return _drop(ctx, pid, sentence, kind, tag, text, limit, force=force)


@operation("mailbox.stats", http=("GET", "/mailboxes"), scope="read")
async def stats(ctx: Context, page: PageNumber = 1, per_page: PerPage = 50) -> Paged[MailboxLine]:
    """The fullest mailboxes.

    All processes of the node, the one with the most messages first.
    """
    wanted = Wanted(sort="mailbox", descending=True)
    lines, total = await list_processes(ctx.node, wanted, page=page, per_page=per_page)
    return Paged([MailboxLine(**{name: line[name] for name in MailboxLine.model_fields}) for line in lines],
                 total, page, per_page)  # fmt: skip


def _page(
    ctx: Context, pid: str, kind: MessageType | None, tag: str | None, text: str, page: int, per_page: int
) -> Paged[MessageLine]:
    found = observer.mailbox(
        ctx.node, process_of(ctx, pid), kind=kind, tag=tag, search=text, offset=(page - 1) * per_page, limit=per_page
    )
    lines = [
        MessageLine(
            position=message.position,
            kind=message.kind,
            tag=safe_text(message.tag),
            sender=None if message.sender is None else plain_pid(message.sender),
            text=safe_text(message.text),
        )
        for message in found.messages
    ]
    return Paged(lines, found.total, page, per_page)


def _drop(
    ctx: Context,
    text: str,
    sentence: str,
    kind: MessageType | None = None,
    tag: str | None = None,
    search: str = "",
    limit: int | None = None,
    *,
    force: bool,
) -> DropResult:
    pid: Pid = process_of(ctx, text)
    with answering():
        protect(ctx, pid, force=force)
        if supervisor_state(pid) is not None:
            raise OperationError(
                "conflict",
                f"{called(pid)} is a supervisor, whose messages keep its tree right",
                hint="look at what its children do instead",
            )
        ctx.about_to(clip(sentence.format(called(pid)), 500), [called(pid)])
        dropped = observer.drop_messages(ctx.node, pid, kind=kind, tag=tag, search=search, limit=limit)
    waiting = otp.process_info(pid, "message_queue_len") or 0
    return DropResult(pid=plain_pid(pid), name=registered_name(pid), dropped=dropped, message_queue_len=waiting)
