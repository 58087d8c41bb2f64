"""The envelope and the errors of every answer, for the OpenAPI document and whoever makes a client of it."""

from __future__ import annotations

from typing import Any, Final, Generic, Literal, TypeVar

from pydantic import BaseModel, Field

from superlearner.arsenal.declaration import Operation
from superlearner.arsenal.failures import CODES

__all__ = ["Answer", "ErrorAnswer", "ErrorCode", "ListAnswer", "error_schemas", "responses_of"]

T = TypeVar("T")

ErrorCode = Literal[tuple(sorted({*CODES, "error"}))]  # pyright: ignore[reportInvalidTypeForm]
"""Every code of `superlearner.arsenal.failures`."""


class ErrorDetail(BaseModel):
    """One problem: where, what, and what to try."""

    field: str | None
    problem: str
    hint: str | None


class ErrorBody(BaseModel):
    """What is wrong. `code` is stable, `message` is for people."""

    code: ErrorCode  # pyright: ignore[reportInvalidTypeForm]
    message: str
    details: list[ErrorDetail]


class ErrorAnswer(BaseModel):
    """Every error has this form."""

    error: ErrorBody
    success: Literal[False]
    timestamp: str


class Answer(BaseModel, Generic[T]):
    """Every answer has this form."""

    data: T
    success: Literal[True]
    timestamp: str = Field(description="ISO 8601 with milliseconds and Z")


class PageMeta(BaseModel):
    """Which part of a list an answer holds."""

    total: int
    page: int
    per_page: int
    total_pages: int


class ListAnswer(BaseModel, Generic[T]):
    """A page of a list; one past the end is empty, not an error."""

    data: T
    meta: PageMeta
    success: Literal[True]
    timestamp: str


class DryRunResult(BaseModel):
    """What an operation would do, when it is asked with `dry_run`."""

    dry_run: Literal[True]
    would: str
    affects: list[str]


ERROR_CONTENT: Final = {"application/json": {"schema": {"$ref": f"#/components/schemas/{ErrorAnswer.__name__}"}}}
WHAT: Final[dict[int, str]] = {
    400: "It cannot be read",
    401: "A credential is missing or wrong",
    403: "It must not be",
    404: "It is not there",
    405: "The path does not take the method",
    409: "It does not go together with what is there",
    413: "The body is too large",
    415: "The body is no JSON by its header",
    422: "It can be read and is not allowed, or the process ended of it",
    429: "Too many requests, or wrong credentials",
    500: "A bug of SuperLearner",
    503: "It is not up just now",
    504: "No answer in time",
}
ALWAYS: Final = ("foreign_origin", "host_not_allowed", "internal_error", "method_not_allowed", "missing_scope",
                 "rate_limited", "unauthorized")  # fmt: skip
WITH_BODY: Final = ("body_too_large", "malformed_json", "malformed_request", "unsupported_media_type")


def responses_of(operation: Operation) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of an operation's route: what it answers, and every code under its status."""
    codes = {*ALWAYS, *operation.errors}
    if operation.parameters:
        codes.add("validation_error")
    if operation.method != "GET":
        codes.update(WITH_BODY)
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes):
        by_status.setdefault(CODES[code], []).append(code)
    responses: dict[int | str, dict[str, Any]] = {200: {"model": _model(operation)}}
    for status, found in sorted(by_status.items()):
        responses[status] = {"description": f"{WHAT[status]}: {', '.join(found)}", "content": ERROR_CONTENT}
    return responses


def error_schemas() -> dict[str, Any]:
    """The schemas of an error, for the components of the document.

    Given as `model=` of a route, FastAPI would build them anew for each of a thousand statuses: two thirds of a start.
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
