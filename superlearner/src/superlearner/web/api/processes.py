"""Processes: list, details, end, message."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from superlearner.control.look import SORTS, Type, describe, list_processes
from superlearner.control.steer import NotThere, deliver, kill, resolve
from superlearner.control.terms import TooDeep, json_of, plain_pid, term_of_json
from superlearner.web.api.described import (
    Answer,
    BulkResult,
    KillResult,
    ListAnswer,
    MessageResult,
    ProcessDetails,
    ProcessLine,
    answers,
)
from superlearner.web.api.parts import Body, NodeOf, PageNumber, PerPage, PidText, PlatformOf, answering
from superlearner.web.envelope import Envelope, Page, PageEnvelope, timestamp
from superlearner.web.errors import ApiError

__all__ = ["router"]

router = APIRouter(prefix="/processes", tags=["processes"])

MAX_BULK = 1000
SORT_PATTERN = f"^-?({'|'.join(SORTS)})$"


class KillRequest(Body):
    """How to end a process."""

    reason: str = Field("kill", min_length=1, max_length=200, description="`kill` cannot be trapped; else any reason")
    force: bool = Field(False, description="end it although the platform needs it")


class BulkRequest(Body):
    """What to do with many processes."""

    action: Literal["kill"]
    pids: list[str] = Field(min_length=1, max_length=MAX_BULK)
    reason: str = Field("kill", min_length=1, max_length=200)
    force: bool = False


class MessageRequest(Body):
    """What to send. Lists become tuples, so that a process can match them."""

    message: Any = Field(examples=["increment", ["add", 3]])
    message_type: Literal["send", "cast", "call"] = "send"
    timeout_ms: int = Field(5000, ge=1, le=600_000, description="how long a call waits for its answer")
    force: bool = Field(False, description="send it although the platform needs the process")


@router.get("", summary="List processes", responses=answers(ListAnswer[ProcessLine], 422))
async def index(
    node: NodeOf,
    page: PageNumber = 1,
    per_page: PerPage = 50,
    type: Annotated[Type | None, Query(description="only supervisors, servers or plain functions")] = None,
    search: Annotated[str, Query(max_length=200, description="part of name, class or pid")] = "",
    sort: Annotated[str, Query(pattern=SORT_PATTERN, description="column; `-` in front turns it round")] = "pid",
) -> PageEnvelope[dict[str, Any]]:
    """The living processes of the node."""
    lines, total = list_processes(node, type=type, search=search, sort=sort, page=page, per_page=per_page)
    meta = Page(total=total, page=page, per_page=per_page, total_pages=-(-total // per_page))
    return PageEnvelope(data=lines, meta=meta)


@router.get("/{pid}/info", summary="All about a process", responses=answers(Answer[ProcessDetails], 400, 404, 422))
async def info(pid: PidText, node: NodeOf, platform: PlatformOf) -> Envelope[dict[str, Any]]:
    """Links, monitors, mailbox, state (bounded, secrets hidden), ancestors, and how the ones before it ended."""
    with answering():
        found = resolve(node, pid)
        hub = platform.hub
        key = None if hub is None else hub.model.by_pid.get(plain_pid(found))
        row = None if hub is None or key is None else hub.model.rows.get(key)
        exits = [] if hub is None or key is None else hub.exits.of(key)
        try:
            facts = describe(node, found, key=key, started_at=None if row is None else row.since, exits=exits)
        except LookupError:
            raise NotThere("process", pid) from None
    return Envelope(data=facts)


@router.delete("/{pid}", summary="End a process", responses=answers(Answer[KillResult], 400, 404, 413, 415, 422))
async def end(
    pid: PidText,
    node: NodeOf,
    platform: PlatformOf,
    body: KillRequest | None = None,
    force: Annotated[bool, Query(description="as in the body")] = False,
) -> Envelope[dict[str, Any]]:
    """Send an exit signal and answer when the process is gone; `terminated: false` if it trapped it and lives."""
    request = body or KillRequest(reason="kill", force=False)
    wait = platform.settings.kill_wait
    with answering():
        killed = await kill(resolve(node, pid), request.reason, force=force or request.force, wait=wait)
    data = {"pid": killed.pid, "name": killed.name, "reason": killed.reason, "terminated": killed.terminated}
    return Envelope(data=data | {"timestamp": timestamp()})


@router.post("/bulk", summary="End many processes", responses=answers(Answer[BulkResult], 400, 413, 415, 422))
async def bulk(body: BulkRequest, node: NodeOf, platform: PlatformOf) -> Envelope[dict[str, Any]]:
    """Each one's result stands for itself."""

    async def one(text: str) -> dict[str, Any]:
        try:
            with answering():
                killed = await kill(
                    resolve(node, text), body.reason, force=body.force, wait=platform.settings.kill_wait
                )
        except ApiError as error:
            return {"pid": text, "ok": False, "error": {"code": error.code, "message": error.message}}
        return {"pid": text, "ok": killed.terminated, "terminated": killed.terminated}

    results = await asyncio.gather(*(one(text) for text in body.pids))
    return Envelope(data={"action": body.action, "results": results})


@router.post(
    "/{pid}/message",
    summary="Send a message",
    responses=answers(Answer[MessageResult], 400, 404, 413, 415, 422, 504),
)
async def message(pid: PidText, body: MessageRequest, node: NodeOf) -> Envelope[dict[str, Any]]:
    """Send, cast or call; a call answers with the reply."""
    try:
        term = term_of_json(body.message)
    except TooDeep as error:
        raise ApiError(422, "validation_error", f"message: {error}") from None
    with answering():
        found = resolve(node, pid)
        reply = await deliver(found, term, body.message_type, body.timeout_ms / 1000, force=body.force)
    data: dict[str, Any] = {"message_sent": True, "message_type": body.message_type, "target_pid": plain_pid(found)}
    if body.message_type == "call":
        data["reply"] = json_of(reply)
    return Envelope(data=data)
