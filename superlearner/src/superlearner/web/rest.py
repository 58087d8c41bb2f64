"""The REST interface: a route for each operation, under `/api/v1`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Coroutine
from functools import lru_cache
from itertools import chain
from json import JSONDecodeError
from typing import Annotated, Any, Final, cast
from urllib.parse import unquote

from fastapi import Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

from superlearner.base.validation import NO_FIELD, unknown
from superlearner.control.clock import timestamp
from superlearner.control.terms import clip
from superlearner.operations import PREFIX
from superlearner.operations.context import Context
from superlearner.operations.declaration import Answer, Download, Operation, Parameter
from superlearner.operations.engine.execution import execute, refuse_without_scope
from superlearner.operations.failures import Detail, OperationError
from superlearner.web.described import responses_of
from superlearner.web.errors import ApiError
from superlearner.web.server_sent import EventStreamResponse, accepts_events, collected
from superlearner.web.strict_json import SafeJSONResponse, StrictRequest
from superlearner.web.visitors import credential_kind_of, user_of

__all__ = ["described_routes_of", "routes_of"]

BELOW: Final = f"{PREFIX}/"
FOUND: Final = "superlearner.route"
CONTEXT: Final = "superlearner.context"
DOOR: Final = "x-door"
DryRun = Annotated[bool, Query(description="only report what would be done")]
NodeName = Annotated[
    str | None,
    Query(
        max_length=300,
        description="the node to use, see GET /api/v1/nodes, or a sandbox by its id; by default that of "
        "the tree that the platform was started with, else the platform's own",
    ),
]
MOST_DETAILS: Final = 20
LAST_EVENT_ID: Final = "last-event-id"
IN_NAME: Final = re.compile("%2F", re.IGNORECASE)
SLASH: Final = "\udc2f"
"""Replaces an encoded slash in a name; it cannot occur in a decoded path."""


@lru_cache(maxsize=8)
def routes_of(operations: tuple[Operation, ...]) -> OperationRoutes:
    """Return the routes of operations.

    A route finds its platform through the application of the request, so all applications share the same routes.
    """
    return OperationRoutes(operations)


def described_routes_of(operations: tuple[Operation, ...]) -> tuple[BaseRoute, ...]:
    """Return the routes for the OpenAPI document, with all their responses."""
    return tuple(ScopeFirst(operation, described=True) for operation in _in_order(operations))


def _in_order(operations: tuple[Operation, ...]) -> list[Operation]:
    return sorted(operations, key=lambda one: ["{" in part for part in one.path.split("/")])


class OperationRoutes(BaseRoute):
    """The routes of all operations, indexed by method, first segment and number of segments.

    The index only leaves out routes that cannot match, so the first match is that of Starlette's router, which would
    try them all.
    """

    path = PREFIX

    def __init__(self, operations: tuple[Operation, ...]) -> None:
        routes = list(map(OperationRoute, _in_order(operations)))
        self._routes = tuple(routes)
        self._most = max((one.path.count("/") for one in routes), default=0)
        self._index: dict[tuple[str, str, int], list[OperationRoute]] = {}
        for one in routes:
            below = one.path.removeprefix(BELOW)
            least = below.count("/")
            for slashes in range(least, self._most + 1 if ":path}" in below else least + 1):
                self._index.setdefault((one.method, below.partition("/")[0], slashes), []).append(one)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match as Starlette does, except that an encoded slash is part of a name."""
        sent: bytes = scope.get("raw_path") or b""
        encoded = b"%2" in sent
        if encoded:
            scope = {**scope, "path": SLASH.join(map(unquote, IN_NAME.split(sent.decode("ascii"))))}
        match, found = self._first(scope)
        if encoded and match is not Match.NONE:
            found["path_params"] = {name: text.replace(SLASH, "/") for name, text in found["path_params"].items()}
        return match, found

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that matches."""
        await scope[FOUND].handle(scope, receive, send)

    def _first(self, scope: Scope) -> tuple[Match, Scope]:
        _, prefix, below = scope["path"].partition(BELOW)
        if not prefix or scope["type"] != "http":
            return Match.NONE, {}
        key = (scope["method"], below.partition("/")[0], min(below.count("/"), self._most))
        best: tuple[Match, Scope] = Match.NONE, {}
        # After the index all routes: one of them may match by its path alone, or have a parameter as its first segment.
        for one in chain(self._index.get(key, ()), self._routes):
            match, found = one.matches(scope)
            if match is Match.FULL:
                return match, {**found, FOUND: one}
            if match.value > best[0].value:
                best = match, {**found, FOUND: one}
        return best


class OperationRoute(Route):
    """A route whose path is compiled, and whose parameters are read, on its first request.

    That of all operations would take a sixth of the start-up time, and most are never called.
    """

    def __init__(self, operation: Operation) -> None:  # pyright: ignore[reportMissingSuperCall]
        self.path = PREFIX + operation.path
        self.method = operation.method
        self._compiled = False
        self._operation = operation
        self._route: APIRoute | None = None

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match as Starlette does, except that a name may contain line breaks."""
        if not self._compiled:
            super().__init__(self.path, self._answer, name=self._operation.name)
            self.app, self.methods = self._answer, {self.method}
            self.path_regex = re.compile(self.path_regex.pattern, re.DOTALL)
            self._compiled = True
        return super().matches(scope)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._route is None:
            self._route = ScopeFirst(self._operation)
        await self._route.app(scope, receive, send)


class ScopeFirst(APIRoute):
    """A route of an operation that checks the scope before path, query and body."""

    def __init__(self, operation: Operation, *, described: bool = False) -> None:
        self._operation = operation
        super().__init__(
            PREFIX + operation.path,
            _endpoint(operation),
            methods=[operation.method],
            name=operation.name,
            operation_id=operation.name.replace(".", "_"),
            tags=[operation.category],
            summary=operation.summary,
            description=operation.description,
            response_class=SafeJSONResponse,
            responses=responses_of(operation) if described else None,
            response_model=None,
        )

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler, behind that check."""
        answer, operation = super().get_route_handler(), self._operation

        async def after_the_scope(request: Request) -> Response:
            platform = request.app.state.platform
            on = _node_of(operation, request)
            context = Context(
                platform.nodes, user_of(request), credential_kind_of(request), on=on, claims=_claims(request)
            )
            request.scope[CONTEXT] = context
            refuse_without_scope(platform.services, operation, context, request.path_params)
            _refuse_unknown_words(operation, request)
            strict = StrictRequest(request.scope, request.receive)
            if _has_body(request):
                try:
                    await strict.body()  # here, since FastAPI turns any error of the body into a 400
                except ClientDisconnect:
                    raise ApiError(400, "malformed_request", "the client closed the connection in its body") from None
                if operation.body is None:
                    await _refuse_body(operation, strict)
            try:
                return await answer(strict)
            except RequestValidationError as error:
                _suggest_fields(operation, error)
                raise

        return after_the_scope


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


def _suggest_fields(operation: Operation, error: RequestValidationError) -> None:
    """Add hints to the errors for unknown fields of the body."""
    for problem in error.errors():
        if problem["type"] == "extra_forbidden" and len(problem["loc"]) == 2:  # in the body itself
            problem["ctx"] = {"hint": _instead(operation, str(problem["loc"][1]))}


async def _refuse_body(operation: Operation, request: StrictRequest) -> None:
    """Refuse the fields that a client sends to an operation without a body."""
    try:
        sent: Any = await request.json() if await request.body() else None
    except JSONDecodeError:
        return  # nothing reads it
    if isinstance(sent, dict) and sent:
        names = list(cast("dict[str, Any]", sent))[:MOST_DETAILS]
        details = [Detail(clip(name, 100), NO_FIELD, _instead(operation, name)) for name in names]
        raise OperationError("validation_error", f"{details[0].field}: {NO_FIELD}", details=details)


def _instead(operation: Operation, name: str) -> str:
    """Return what to do with a field that is not one of the body."""
    places = {one.name: one.place for one in operation.parameters}
    places |= {"dry_run": "query"} if operation.changes else {}
    places |= {"node": "query"} if operation.on_node else {}
    if (meant := name.replace("-", "_")) in places:
        return f"send it in the {places[meant]}{'' if meant == name else f' as {meant}'}"
    return unknown(name, [known for known, place in places.items() if place == "body"])


def _refuse_unknown_words(operation: Operation, request: Request) -> None:
    """Refuse unknown query parameters, such as a mistyped `?dryrun=true`.

    An operation whose name may contain slashes also gets requests for unknown addresses below it. There, parameters
    that resemble none of its parameters are ignored, and the answer is that the name does not exist.
    """
    if not request.query_params:
        return
    in_query = {"query", "body"} if operation.method == "DELETE" else {"query"}
    known = [
        *(one.name for one in operation.parameters if one.place in in_query),
        *(["dry_run"] if operation.changes else []),
        "node",
    ]
    in_body = {one.name for one in operation.parameters if one.place == "body"}
    details: list[Detail] = []
    for word in dict.fromkeys(request.query_params):
        if word in ("dry_run", *known):
            continue
        if word in in_body:
            hint = "send it in the body"
        else:
            hint = unknown(word, known)
            if operation.path.endswith(":path}") and not hint.startswith("did"):
                continue
        details.append(Detail(clip(word, 100), "there is no such parameter in the query", hint))
    if details:
        raise OperationError("validation_error", f"{details[0].field}: {details[0].problem}", details=details)


def _node_of(operation: Operation, request: Request) -> str | None:
    """Return the requested node; None if `node` is a parameter of the operation."""
    own = any(one.name == "node" for one in operation.parameters)
    return None if own else request.query_params.get("node")


def _claims(request: Request) -> str:
    """Return what the client says it is; nothing depends on it but how the audit log and metrics name it."""
    return request.headers.get(DOOR) or "rest"


def _endpoint(operation: Operation) -> Callable[..., Any]:
    async def answer(request: Request, **values: Any) -> Response:
        body = values.pop("body", None)
        dry_run = values.pop("dry_run", False)
        if operation.on_node:
            del values["node"]  # the context has it
        values |= _in_body_or_query(operation, body, values)
        platform = request.app.state.platform
        context: Context = request.scope[CONTEXT]
        context.dry_run = dry_run
        if operation.streams and (resumed := request.headers.get(LAST_EVENT_ID)) is not None:
            values["last_id"] = resumed  # a reconnecting browser repeats its request and sends its position here
        result = await execute(platform.services, operation, context, values)
        if result.stream is not None:
            if accepts_events(request.headers):
                return EventStreamResponse(result.stream)
            result = Answer(await collected(result.stream))
        if isinstance(result.data, Download):
            return _download(result.data)
        if operation.bare:
            return SafeJSONResponse(result.data)
        meta = {} if result.meta is None else {"meta": result.meta}
        return SafeJSONResponse({"data": result.data, **meta, "success": True, "timestamp": timestamp()})

    parameters = [inspect.Parameter("request", inspect.Parameter.KEYWORD_ONLY, annotation=Request)]
    for one in operation.parameters:
        if one.place != "body":
            parameters.append(_parameter(one, Path() if one.place == "path" else Query()))
        elif operation.method == "DELETE":  # not every proxy and client supports a body in DELETE
            optional = Annotated[one.annotation | None, Query()]  # pyright: ignore[reportOperatorIssue]
            parameters.append(
                inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, annotation=optional, default=None)
            )
    if operation.body is not None:
        parameters.append(_body(operation))
    if operation.on_node:
        parameters.append(_extra("node", NodeName, None))
    if operation.changes:
        parameters.append(_extra("dry_run", DryRun, default=False))
    setattr(answer, "__signature__", inspect.Signature(parameters))
    return answer


def _in_body_or_query(operation: Operation, body: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a body; a DELETE may have them in its query."""
    if operation.body is None:
        return {}
    if body is None and operation.body_is_optional:
        body = operation.body()
    found: dict[str, Any] = {}
    for name in operation.body.model_fields:
        if values.get(name) is not None:
            found[name] = values[name]
        elif body is not None:
            found[name] = getattr(body, name)
        elif operation.body.model_fields[name].is_required():
            raise RequestValidationError(
                [{"type": "missing", "loc": ("query", name), "msg": "Field required", "input": None}]
            )
        else:
            found[name] = operation.body.model_fields[name].get_default()
    return found


def _download(found: Download) -> Response:
    headers = {"content-disposition": f'attachment; filename="{found.name}"', "cache-control": "no-store"}
    return StreamingResponse(found.parts, media_type=found.media, headers=headers)


def _parameter(one: Parameter, place: Any) -> inspect.Parameter:
    return inspect.Parameter(
        one.name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[one.annotation, place], default=one.default
    )


def _extra(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _body(operation: Operation) -> inspect.Parameter:
    model: Any = operation.body
    if operation.body_is_optional or operation.method == "DELETE":
        return inspect.Parameter("body", inspect.Parameter.KEYWORD_ONLY, annotation=model | None, default=None)
    return inspect.Parameter("body", inspect.Parameter.KEYWORD_ONLY, annotation=model)
