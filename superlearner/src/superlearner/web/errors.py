"""Errors of the API: one envelope, codes that clients can rely on, never a traceback.

400 malformed_json, malformed_pid    not parseable        401 unauthorized      no credential, or a wrong one
403 critical_process_protection, foreign_origin, …
404 process_not_found, …             not there            405 method_not_allowed    409 conflict
413 body_too_large    415 unsupported_media_type          422 validation_error      parseable, not allowed
429 rate_limited      500 internal_error     a bug        504 timeout
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from itertools import takewhile
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path

from superlearner.base.commands import complete
from superlearner.base.data_dir import command_line
from superlearner.base.validation import describe_problems
from superlearner.control.terms import text_of
from superlearner.operations import PREFIX
from superlearner.operations.failures import OperationError
from superlearner.web.connections import is_local
from superlearner.web.envelope import timestamp
from superlearner.web.strict_json import NumberTooLarge, SafeJSONResponse

if TYPE_CHECKING:
    from superlearner.web.platform import Platform

__all__ = ["API_PREFIX", "ApiError", "in_envelope", "install_error_handlers", "pattern_of"]

API_PREFIX: Final = "/api"
SHOWS: Final = ("info", "spec")
"""The last parts of paths that show what the paths without them change."""
LONGEST_NEAR: Final = 200
"""Longest path that is compared with others; comparing takes time."""
API_PAGES: Final = "/api/docs"
"""The reference of the API: pages below a prefix that is otherwise JSON."""
ERRORS_IN_BODY: Final = "errors=body"
"""Sent by our pages as `Prefer`, since browsers log error statuses."""
CODES: Final = {400: "malformed_request", 404: "operation_not_found", 405: "method_not_allowed"}


class ApiError(Exception):
    """An error that a client gets, in the envelope.

    Args:
        status: HTTP status.
        code: stable name of the error.
        message: what is wrong, in one sentence.
        details: `{"field", "problem", "hint"}` each.
        hint: what to try; makes one detail without a field.
    """

    def __init__(
        self, status: int, code: str, message: str, *, details: Sequence[dict[str, Any]] = (), hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = list(details)
        if hint is not None:
            self.details.append({"field": None, "problem": message, "hint": hint})

    def for_terminal(self, cli: str) -> ApiError:
        """Return the error with commands that begin with `cli`, for the terminal of the client."""
        details = [{**one, "hint": one["hint"] and complete(one["hint"], cli)} for one in self.details]
        return ApiError(self.status, self.code, self.message, details=details)

    def body(self) -> dict[str, Any]:
        """Return the envelope."""
        error = {"code": self.code, "message": self.message, "details": self.details}
        return {"error": error, "success": False, "timestamp": timestamp()}

    def response(self, headers: dict[str, str] | None = None) -> SafeJSONResponse:
        """Return the error as a response."""
        again = {"retry-after": "1"} if self.code == "service_unavailable" else {}
        return SafeJSONResponse(self.body(), self.status, headers={**again, **(headers or {})})


def install_error_handlers(app: FastAPI) -> None:
    """Answer every error under `/api` in the envelope, and errors of pages by the page handler of `pages.py`."""

    async def api_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)
        if request.headers.get("prefer") == ERRORS_IN_BODY:
            body = error.body()
            return SafeJSONResponse({**body, "error": {**body["error"], "status": error.status}})
        return await _answer(app, request, error, None)

    async def operation_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, OperationError)
        details = [{"field": one.field, "problem": one.problem, "hint": one.hint} for one in error.details]
        failure = ApiError(error.status, error.code, error.message, details=details)
        if request.client is not None and is_local(request.client.host):
            failure = failure.for_terminal(command_line(app.state.platform.settings.data_dir))
        return await api_error(request, failure)

    async def invalid(request: Request, error: Exception) -> Response:
        del request
        assert isinstance(error, RequestValidationError)
        return _of_validation(error).response()

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        headers = dict(error.headers) if error.headers else None
        if error.status_code == 405 and (methods := _methods_of(app, request)):
            headers = {"Allow": ", ".join(methods)}
        return await _answer(app, request, _of_http(app, request, error, headers), headers)

    async def our_bug(request: Request, error: Exception) -> Response:
        del error  # the web server logs it with its traceback
        failure = ApiError(500, "internal_error", "this is a bug in SuperLearner; the terminal has the details")
        return await _answer(app, request, failure, None)

    app.add_exception_handler(ApiError, api_error)
    app.add_exception_handler(OperationError, operation_error)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(Exception, our_bug)


def pattern_of(path: str) -> re.Pattern[str]:
    """Return a pattern for a path, as Starlette's, but with line breaks in names."""
    return re.compile(compile_path(path)[0].pattern, re.DOTALL)


def in_envelope(path: str) -> bool:
    """Return whether answers for this path are JSON, rather than pages.

    >>> in_envelope("/api/v1/processes"), in_envelope("/api/docs/process"), in_envelope("/docs")
    (True, False, False)
    """
    if path == API_PAGES or path.startswith(f"{API_PAGES}/"):
        return False
    return path == API_PREFIX or path.startswith((f"{API_PREFIX}/", "/health/"))


async def _answer(app: FastAPI, request: Request, error: ApiError, headers: dict[str, str] | None) -> Response:
    render = getattr(app.state, "error_page", None)
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    if render is None or in_envelope(path):
        return error.response(headers)
    return await render(request, error)


def _methods_of(app: FastAPI, request: Request) -> list[str]:
    """Return the methods of the best matching path, for all its operations."""
    platform: Platform | None = getattr(app.state, "platform", None)
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    if platform is None or not path.startswith(f"{API_PREFIX}/"):
        return []
    there = [one for one in platform.arsenal if pattern_of(f"{PREFIX}{one.path}").match(path)]
    fitting = min((one.path for one in there), key=_openness, default="")
    return sorted(one.method for one in there if one.path == fitting)


def _find_similar_path(app: FastAPI, request: Request, method: str | None = None) -> str | None:
    """Return the closest path of an operation, without changing names and pids in it.

    With a method, only the paths that take it, each behind it.
    """
    platform: Platform | None = getattr(app.state, "platform", None)
    root: str = request.scope.get("root_path", "")
    path = request.scope["path"].removeprefix(root)
    if platform is None or not path.startswith(f"{API_PREFIX}/") or len(path) > LONGEST_NEAR:
        return None
    given = path.removeprefix(PREFIX).removeprefix(API_PREFIX).strip("/").split("/")
    found: list[str] = []
    for one in platform.arsenal:
        if method not in (None, one.method):
            continue
        parts = one.path.strip("/").split("/")
        if len(parts) == len(given):
            meant = list(takewhile(bool, map(_match_part, parts, given)))
            if len(meant) == len(parts):
                found.append("/".join(word for word in meant if word))
    close = get_close_matches("/".join(given), found, n=1)
    if close:
        return f"{'' if method is None else f'{method} '}{root}{PREFIX}/{close[0]}"
    return _find_verb(platform, given, root)


def _find_verb(platform: Platform, given: list[str], root: str) -> str | None:
    """Return method and path of the operation whose verb a path ends with, such as `processes/counter_1/kill`."""
    verbs = {
        one.name.partition(".")[2]: one for one in platform.arsenal if one.path.strip("/").split("/")[0] == given[0]
    }
    near = get_close_matches(given[-1].lower().replace("-", "_"), verbs, n=1) if len(given) > 1 else []
    if not near:
        return None
    parts = verbs[near[0]].path.strip("/").split("/")
    names = iter([word for word in given[1:-1] if word not in parts])
    filled = [next(names, part) if part.startswith("{") else part for part in parts]
    return f"{verbs[near[0]].method} {root}{PREFIX}/{'/'.join(filled)}"


def _find_info(app: FastAPI, request: Request) -> str | None:
    """Return the path that shows what an operation at this path changes: below it, else above it; None without one."""
    platform: Platform | None = getattr(app.state, "platform", None)
    path, root = request.scope["path"], request.scope.get("root_path", "")
    if platform is None or len(path) > LONGEST_NEAR:
        return None
    reads = [pattern_of(f"{PREFIX}{one.path}") for one in platform.arsenal if one.method == "GET"]
    near = [*(f"{path}/{last}" for last in SHOWS), path.rpartition("/")[0]]
    return next((one for one in near if any(read.match(one.removeprefix(root)) for read in reads)), None)


def _match_part(part: str, word: str) -> str | None:
    """Return a word for a parameter, else the fixed part if the word is close."""
    if part.startswith("{"):
        return word
    return part if get_close_matches(word.lower(), (part,)) else None


def _openness(path: str) -> tuple[bool, list[bool]]:
    """Return a sort key that prefers the more specific path."""
    return path.endswith(":path}"), ["{" in part for part in path.split("/")]


def _of_http(app: FastAPI, request: Request, error: HTTPException, headers: dict[str, str] | None) -> ApiError:
    code = CODES.get(error.status_code, "error")
    path = request.scope["path"]
    if error.status_code == 404:
        near = _find_similar_path(app, request)
        meant = f"; did you mean {near}?" if near else ""
        return ApiError(404, code, f"there is no {request.method} {path[:200]}{meant}", hint="see /api/v1/arsenal/docs")
    if error.status_code == 405:
        takes = f"; it takes {headers['Allow']}" if headers and "Allow" in headers else ""
        info = _find_info(app, request) if request.method == "GET" else None
        near = None if info else _find_similar_path(app, request, request.method)
        hint = f"GET {info} shows it" if info else f"did you mean {near}?" if near else "see /api/v1/arsenal/docs"
        return ApiError(405, code, f"{path[:200]} does not take {request.method}{takes}", hint=hint)
    if error.status_code == 400:
        return ApiError(400, "malformed_json", "the body cannot be read as JSON")
    return ApiError(error.status_code, code, str(error.detail))


def _of_validation(error: RequestValidationError) -> ApiError:
    problems, cause = error.errors(), error.__cause__
    if isinstance(cause, NumberTooLarge):
        return ApiError(422, "validation_error", cause.msg, hint="send it as a string")
    if isinstance(cause, JSONDecodeError):
        where = f" at character {cause.pos}" if cause.doc else ""  # else our own reason, which has no place
        return ApiError(400, "malformed_json", f"the body is not JSON: {cause.msg}{where}")
    found = describe_problems(problems, lambda value: text_of(value, 100), named=2)
    details = [
        {"field": ".".join(place[1:] or place) or "body", "problem": words, "hint": hint}
        for place, words, hint in found
    ]
    first = details[0]
    return ApiError(422, "validation_error", f"{first['field']}: {first['problem']}", details=details)
