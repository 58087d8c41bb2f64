"""The envelope and the errors of every answer, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final, Generic, Literal, TypeVar

from pydantic import BaseModel, Field

from superlearner.operations.declaration import Operation
from superlearner.operations.failures import CODES

__all__ = [
    "Answer",
    "ErrorAnswer",
    "ErrorCode",
    "ListAnswer",
    "codes_of",
    "error_schemas",
    "example_of_error",
    "responses_of",
]

T = TypeVar("T")

ErrorCode = Literal[tuple(sorted({*CODES, "error"}))]  # pyright: ignore[reportInvalidTypeForm]
"""All codes of `superlearner.operations.failures`."""


class ErrorDetail(BaseModel):
    """A problem: where it is, what is wrong, and what to try."""

    field: str | None
    problem: str
    hint: str | None


class ErrorBody(BaseModel):
    """The error. `code` is stable, `message` is for people."""

    code: ErrorCode  # pyright: ignore[reportInvalidTypeForm]
    message: str
    details: list[ErrorDetail]


class ErrorAnswer(BaseModel):
    """The form of every error."""

    error: ErrorBody
    success: Literal[False]
    timestamp: str


class NodeMeta(BaseModel):
    """The node of an answer and notes about it."""

    node: str | None = Field(default=None, description="the node of the answer")
    elsewhere: list[str] | None = Field(
        default=None, description="why this node answered, and sentences about other nodes"
    )
    note: str | None = Field(
        default=None, description="why the answer is empty, or what may be missing; null if not known"
    )


class Answer(BaseModel, Generic[T]):
    """The form of every answer."""

    data: T
    meta: NodeMeta | None = None
    success: Literal[True]
    timestamp: str = Field(description="ISO 8601 with milliseconds and Z")


class PageMeta(NodeMeta):
    """The position of a page in its list."""

    total: int
    page: int
    per_page: int
    total_pages: int
    since: int | None = Field(default=None, description="from when on it would have items, in seconds since 1970")


class ListAnswer(BaseModel, Generic[T]):
    """A page of a list; one past the end is empty, not an error."""

    data: T
    meta: PageMeta
    success: Literal[True]
    timestamp: str


class DryRunResult(BaseModel):
    """The effect that an operation would have, returned for `dry_run`."""

    dry_run: Literal[True]
    would: str
    affects: list[str]


ERROR_CONTENT: Final = {"application/json": {"schema": {"$ref": f"#/components/schemas/{ErrorAnswer.__name__}"}}}
EVENTS: Final = {
    "text/event-stream": {"schema": {"description": "server-sent events; the data of each is an item as JSON"}}
}
WHAT: Final[dict[int, str]] = {
    400: "The request is malformed",
    401: "A credential is missing or wrong",
    403: "The request is not allowed",
    404: "Not found",
    405: "The path does not support the method",
    408: "The request took too long",
    409: "It conflicts with the current state",
    410: "It is no longer kept",
    413: "The body is too large",
    415: "The Content-Type of the body is not JSON",
    422: "A value is invalid, or the process crashed on it",
    431: "The request head is too large",
    429: "Too many requests, or wrong credentials",
    500: "A bug in SuperLearner",
    502: "A node in another process sent an invalid answer",
    503: "It is not available now",
    504: "No answer in time",
}
ALWAYS: Final = ("foreign_origin", "head_too_large", "host_not_allowed", "internal_error", "method_not_allowed",
                 "missing_scope", "rate_limited", "service_unavailable", "store_unavailable", "timeout", "unauthorized",
                 "validation_error")  # fmt: skip
WITH_BODY: Final = (
    "body_too_large",
    "malformed_json",
    "malformed_request",
    "request_timeout",
    "unsupported_media_type",
)


MESSAGES: Final[dict[str, str]] = {
    "already_started": "it is already running, as <0.31.0>",
    "application_not_found": "superlearner@127.0.0.1 has no application 'shop'",
    "backup_not_found": "there is no backup 'b-1' of 0.17.0",
    "bad_answer": "shop@127.0.0.1 sent an invalid answer: pid: expected a string",
    "body_too_large": "expected a body of at most 1000000 bytes, got more",
    "eval_failed": "line 2: ZeroDivisionError: division by zero",
    "eval_not_allowed": "superlearner@127.0.0.1 evaluates no expressions",
    "call_failed": "the process ended before it answered: ValueError('negative amount')",
    "child_not_found": "the supervisor has no such child",
    "critical_process_protection": "playground (0.11.0) keeps the platform alive",
    "foreign_origin": "the origin 'https://elsewhere.example' is not allowed; open SuperLearner's own page",
    "host_not_allowed": "the host 'elsewhere.example' is not allowed",
    "internal_error": "this is a bug in SuperLearner; the terminal has the details",
    "malformed_json": "the body is not JSON: Expecting value at character 1",
    "malformed_pid": "expected a pid such as 0.17.0 or <0.17.0>, got '0.17'",
    "malformed_request": "expected one header authorization, got 2",
    "method_not_allowed": "/api/v1/processes does not take PUT; it takes GET, POST",
    "missing_scope": "audit.list needs the scope code, and anonymous has operate, read",
    "module_not_found": "the module 'shop' is not imported",
    "name_not_found": "no process has the name 'counter_9'",
    "name_taken": "the name counter_1 belongs to 0.17.0",
    "node_not_found": "the platform observes no node 'shop@127.0.0.1'",
    "course_item_not_found": "there is no exercise s12.minimla; did you mean s12.minimal?",
    "not_yet": "the next hint opens after another answer, or in 42 s",
    "node_unavailable": "the node shop@127.0.0.1 has ended",
    "page_not_found": "there is no page 'supervisor' in the documentation",
    "process_not_found": "there is no process 0.99.0",
    "quota_exceeded": "ada has 3 of 3 sandboxes: home-ada-7, a, b",
    "rate_limited": "too many requests",
    "registry_not_found": "there is no registry 'rooms'",
    "start_failed": "the child failed to start: ValueError('no port')",
    "store_unavailable": "the database cannot be reached",
    "supervisor_not_found": "there is no supervisor shop_sup",
    "timeout": "it did not answer in time",
    "unauthorized": "this takes a credential",
    "unsupported_media_type": "expected a body of application/json, got 'text/plain'",
    "validation_error": "per_page: expected at most 1000, got 5000",
}
"""Example messages by code; other codes use the description of their status."""


def codes_of(operation: Operation) -> list[str]:
    """Return every code that an operation may answer with."""
    codes = {*ALWAYS, *operation.errors}
    if operation.on_node:
        codes.update(("bad_answer", "node_not_found", "node_unavailable", "quota_exceeded"))  # the last for a home
    if operation.method != "GET":
        codes.update(WITH_BODY)
    return sorted(codes)


def example_of_error(code: str) -> dict[str, Any]:
    """Return an example of an error with this code."""
    message = MESSAGES.get(code, WHAT.get(CODES[code], code))
    error = {"code": code, "message": message, "details": [{"field": None, "problem": message, "hint": None}]}
    return {"error": error, "success": False, "timestamp": "2026-01-01T12:00:00.000Z"}


def responses_of(operation: Operation) -> dict[int | str, dict[str, Any]]:
    """Return the `responses=` of an operation's route: its result, and all codes."""
    by_status: dict[int, list[str]] = {}
    for code in codes_of(operation):
        by_status.setdefault(CODES[code], []).append(code)
    responses: dict[int | str, dict[str, Any]] = {200: {"model": _model(operation)}}
    if operation.streams:
        words = "Events as they happen; or, if only JSON is accepted, those of a limited time"
        responses[200] |= {"description": words, "content": EVENTS}
    if operation.media:
        responses[200]["content"] = {media: {"schema": {"type": "string"}} for media in operation.media}
    for status, found in sorted(by_status.items()):
        responses[status] = {"description": f"{WHAT[status]}: {', '.join(found)}", "content": ERROR_CONTENT}
    return responses


def error_schemas() -> dict[str, Any]:
    """Return the schemas of an error, for the components of the document.

    With `model=`, FastAPI would rebuild them for each of a thousand statuses: two thirds of the start-up time.
    """
    schema = ErrorAnswer.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs"), ErrorAnswer.__name__: schema}


def _model(operation: Operation) -> Any:
    result: Any = operation.result
    if operation.bare:
        return result
    if operation.paged:
        return ListAnswer[result]
    return Answer[result | DryRunResult] if operation.changes else Answer[result]
