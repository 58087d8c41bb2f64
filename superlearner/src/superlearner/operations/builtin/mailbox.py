"""Mailboxes: list, search, count and drop messages."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from pydantic import Field

import otp
from otp import Pid, observer
from superlearner.control.listing import ProcessFilter
from superlearner.control.names import display_name
from superlearner.control.process_list import list_processes
from superlearner.control.terms import clip, plain_pid, safe_text
from superlearner.control.tree import supervisor_state
from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, operation
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import Force, OfKind, OfSentKind, OfTag, OfText, PageNumber, PerPage, PidText
from superlearner.operations.results.mailbox import (
    DropResult,
    MailboxCount,
    MailboxLine,
    MessageLine,
    MessagePattern,
    MessageType,
    SentType,
)
from superlearner.operations.targets import answering, called, process_of, protect

NOT_THERE = ("malformed_pid", "process_not_found")
DROPS = (*NOT_THERE, "critical_process_protection", "conflict")
ALL = 10_000


@operation("mailbox.peek", http=("GET", "/processes/{pid}/mailbox"), scope="read", errors=NOT_THERE)
async def peek(
    ctx: Context, pid: PidText, kind: OfKind = None, page: PageNumber = 1, per_page: PerPage = 50
) -> Paged[MessageLine]:
    """List the messages in a mailbox.

    Oldest first. The messages stay in the mailbox.
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

    By kind, first word, or part of the displayed text, in which secrets are redacted. The oldest 10,000 count.
    """
    return _page(ctx, pid, kind, tag, text, page, per_page)


@operation("mailbox.count", http=("GET", "/processes/{pid}/mailbox/count"), scope="read", errors=NOT_THERE)
async def count(ctx: Context, pid: PidText) -> MailboxCount:
    """Count the messages in a mailbox.

    By kind: calls, casts, other messages, and system messages.
    """
    found = process_of(ctx, pid)
    page = observer.mailbox(ctx.node, found, limit=ALL, length=1)
    kinds = Counter[str]({"call": 0, "cast": 0, "info": 0, "system": 0})
    kinds.update(message.kind for message in page.messages)
    return MailboxCount(pid=plain_pid(found), count=page.waiting, by_kind=dict(kinds), partial=page.partial)


@operation("mailbox.patterns", http=("GET", "/processes/{pid}/mailbox/patterns"), scope="read", errors=NOT_THERE)
async def patterns(ctx: Context, pid: PidText, page: PageNumber = 1, per_page: PerPage = 50) -> Paged[MessagePattern]:
    """Group the messages in a mailbox.

    By kind and first word, the most frequent first.
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

    Callers fail with `dropped` immediately; casts are lost silently. System messages stay. The mailbox of a supervisor
    cannot be emptied.
    """
    return _drop(ctx, pid, "drop all messages in the mailbox of {}", force=force)


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
    kind: OfSentKind = None,
    tag: OfTag = None,
    text: OfText = "",
    limit: Annotated[int | None, Field(ge=1, le=1_000_000, description="drop at most this many, the oldest")] = None,
    force: Force = False,
) -> DropResult:
    """Drop matching messages from a mailbox.

    Those that `mailbox.search` finds with the same parameters, among the oldest 10,000.
    """
    if kind is None and tag is None and not text:
        raise OperationError(
            "validation_error",
            "expected kind, tag or text, got none of them",
            hint="to drop everything, see DELETE /api/v1/processes/{pid}/mailbox",
        )
    words = " ".join(f"{name} {value!r}" for name, value in (("kind", kind), ("tag", tag), ("text", text)) if value)
    sentence = f"drop messages of {words.replace('{', '{{').replace('}', '}}')} in the mailbox of {{}}"
    return _drop(ctx, pid, sentence, kind, tag, text, limit, force=force)


@operation("mailbox.stats", http=("GET", "/mailboxes"), scope="read")
async def stats(ctx: Context, page: PageNumber = 1, per_page: PerPage = 50) -> Paged[MailboxLine]:
    """List processes by mailbox length.

    All processes of the node, the most messages first.
    """
    wanted = ProcessFilter(sort="mailbox", descending=True)
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
    kind: SentType | None = None,
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
                f"{called(pid)} is a supervisor, which needs its messages to manage its children",
                hint="choose one of its children",
            )
        ctx.about_to(clip(sentence.format(called(pid)), 500), [called(pid)])
        dropped = observer.drop_messages(ctx.node, pid, kind=kind, tag=tag, search=search, limit=limit)
    waiting = otp.process_info(pid, "message_queue_len") or 0
    return DropResult(pid=plain_pid(pid), name=display_name(pid), dropped=dropped, message_queue_len=waiting)
