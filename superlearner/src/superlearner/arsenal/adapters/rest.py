"""The HTTP door: a route for each operation, under `/api/v1`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from superlearner.arsenal.context import Context
from superlearner.arsenal.declaration import Operation, Parameter
from superlearner.arsenal.execution import execute
from superlearner.control.clock import timestamp
from superlearner.web.described import responses_of
from superlearner.web.json_response import SafeJSONResponse
from superlearner.web.visitors import user_of

if TYPE_CHECKING:
    from superlearner.running import Platform

__all__ = ["PREFIX", "router_of"]

PREFIX: Final = "/api/v1"
DOOR: Final = "x-door"
DOORS: Final = frozenset({"cli", "console", "mcp", "page"})


def router_of(platform: Platform) -> APIRouter:
    """The routes of all operations; fixed paths come before those with parameters in the same place."""
    router = APIRouter(prefix=PREFIX)
    for operation in sorted(platform.arsenal, key=lambda one: ["{" in part for part in one.path.split("/")]):
        router.add_api_route(
            operation.path,
            _endpoint(platform, operation),
            methods=[operation.method],
            name=operation.name,
            operation_id=operation.name.replace(".", "_"),
            tags=[operation.category],
            summary=operation.summary,
            description=operation.description,
            responses=responses_of(operation),
            response_model=None,
        )
    return router


def _endpoint(platform: Platform, operation: Operation) -> Callable[..., Any]:
    async def answer(request: Request, **values: Any) -> Response:
        body = values.pop("body", None)
        dry_run = values.pop("dry_run", False)
        if operation.body is not None:
            given = body or operation.body()
            in_query = {name: value for name, value in values.items() if name in operation.body.model_fields}
            for name in operation.body.model_fields:
                values[name] = getattr(given, name) if in_query.get(name) is None else in_query[name]
        came = request.headers.get(DOOR, "")
        context = Context(platform, user_of(request), came if came in DOORS else "rest", dry_run)
        result = await execute(operation, context, values)
        if operation.bare:
            return SafeJSONResponse(result.data)
        meta = {} if result.meta is None else {"meta": result.meta}
        return SafeJSONResponse({"data": result.data, **meta, "success": True, "timestamp": timestamp()})

    parameters = [inspect.Parameter("request", inspect.Parameter.KEYWORD_ONLY, annotation=Request)]
    for one in operation.parameters:
        if one.place != "body":
            parameters.append(_parameter(one, Path() if one.place == "path" else Query()))
        elif operation.method == "DELETE":  # a body of DELETE is not everywhere let through
            optional = Annotated[one.annotation | None, Query()]  # pyright: ignore[reportOperatorIssue]
            parameters.append(
                inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, annotation=optional, default=None)
            )
    if operation.body is not None:
        parameters.append(_body(operation))
    if operation.changes:
        words = Query(description="say what would be done, and do nothing")
        parameters.append(
            inspect.Parameter(
                "dry_run", inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[bool, words], default=False
            )
        )
    setattr(answer, "__signature__", inspect.Signature(parameters))
    return answer


def _parameter(one: Parameter, place: Any) -> inspect.Parameter:
    return inspect.Parameter(
        one.name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[one.annotation, place], default=one.default
    )


def _body(operation: Operation) -> inspect.Parameter:
    model: Any = operation.body
    if operation.body_is_optional:
        return inspect.Parameter("body", inspect.Parameter.KEYWORD_ONLY, annotation=model | None, default=None)
    return inspect.Parameter("body", inspect.Parameter.KEYWORD_ONLY, annotation=model)
