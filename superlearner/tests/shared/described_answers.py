"""Comparison of an API answer with the OpenAPI document, field by field."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import httpx

from superlearner.operations.declaration import Operation
from superlearner.web.errors import pattern_of

__all__ = ["AnswerCheck", "unlike"]

_TYPES: dict[str, Any] = {
    "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "integer": int,
    "number": int | float,
}  # fmt: skip
_pattern_of = cache(pattern_of)
_IN_THE_BODY = "errors=body"  # requested by the page: every error has status 200, which is not described


class AnswerCheck:
    """Event hook of an httpx client that compares answers with the document.

    Args:
        operations: operations with a route.
        document: the OpenAPI document.
        prefix: prefix of the operations' paths.
        answered: called with the name of each operation that succeeded, except dry runs.
    """

    def __init__(
        self,
        operations: Iterable[Operation],
        document: dict[str, Any],
        prefix: str,
        answered: Callable[[str], object],
    ) -> None:
        fixed_first = sorted(operations, key=lambda one: ["{" in part for part in one.path.split("/")])
        self._routes = [(one.method, _pattern_of(prefix + one.path), one) for one in fixed_first]
        self._document = document
        self._prefix = prefix
        self._answered = answered

    async def __call__(self, answer: httpx.Response) -> None:
        """Raise AssertionError for an answer that is not as described."""
        request = answer.request
        if not request.url.path.startswith(f"{self._prefix}/") or request.headers.get("prefer") == _IN_THE_BODY:
            return
        operation = self._operation_of(request)
        media = answer.headers.get("content-type", "").partition(";")[0]
        place = f"{request.method} {request.url.path} ({answer.status_code})"
        schemas = self._document["components"]["schemas"]
        if operation is None:
            schema = {"$ref": "#/components/schemas/ErrorAnswer"}
        else:
            path = self._prefix + operation.path.replace(":path", "")
            described = self._document["paths"][path][operation.method.lower()]["responses"]
            assert str(answer.status_code) in described, f"{place}: the document does not know this status"
            content = described[str(answer.status_code)]["content"]
            assert media in content, f"{place}: {media} is not among {', '.join(content)}, which the document names"
            schema = content[media]["schema"]
        body = None
        if media == "application/json":
            await answer.aread()
            body = answer.json()
            problems = unlike(schemas, schema, body)
            assert not problems, f"{place} is not as the document describes it: {problems}"
        if operation is not None and answer.is_success and not _is_dry(body):
            self._answered(operation.name)

    def _operation_of(self, request: httpx.Request) -> Operation | None:
        path = request.url.raw_path.partition(b"?")[0].decode()  # here a slash in a name is still escaped
        for method, pattern, operation in self._routes:
            if method == request.method and pattern.match(path):
                return operation
        return None


def _is_dry(body: Any) -> bool:
    data = body.get("data") if isinstance(body, dict) else None
    return isinstance(data, dict) and data.get("dry_run") is True


def unlike(schemas: dict[str, Any], schema: dict[str, Any] | bool, value: Any, at: str = "") -> list[str]:
    """Return the places where `value` differs from `schema`."""
    if isinstance(schema, bool):
        return [] if schema else [f"{at}: nothing is allowed here"]
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return min((unlike(schemas, one, value, at) for one in schema[several]), key=len)
    if "const" in schema and value != schema["const"]:
        return [f"{at}: {value!r} is not {schema['const']!r}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{at}: {value!r} is none of {schema['enum']}"]
    kind = schema.get("type")
    if kind is not None and (not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        return [f"{at}: {value!r} is no {kind}"]
    if kind == "array":
        before = schema.get("prefixItems", [])
        rest = schema.get("items", True)
        return [
            problem
            for number, item in enumerate(value)
            for problem in unlike(schemas, before[number] if number < len(before) else rest, item, f"{at}[]")
        ]
    return _unlike_object(schemas, schema, value, at) if kind == "object" else []


def _unlike_object(schemas: dict[str, Any], schema: dict[str, Any], value: dict[str, Any], at: str) -> list[str]:
    fields = schema.get("properties", {})
    others = schema.get("additionalProperties", "properties" not in schema)
    problems = [f"{at}.{name}: missing" for name in sorted(set(schema.get("required", ())) - set(value))]
    for name, item in value.items():
        if name in fields:
            problems += unlike(schemas, fields[name], item, f"{at}.{name}")
        elif others is False:
            problems.append(f"{at}.{name}: not described")
        else:
            problems += unlike(schemas, others, item, f"{at}.{name}")
    return problems
