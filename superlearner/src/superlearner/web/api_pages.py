"""`/api/docs`: the OpenAPI document as readable pages, without any further text."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from superlearner.operations.engine.seams import ApiDocument
from superlearner.operations.engine.searched import anchor_of
from superlearner.teaching.manual import inline
from superlearner.web.docs_pages import Render
from superlearner.web.errors import ApiError
from superlearner.web.openapi import heading_of

if TYPE_CHECKING:
    from superlearner.web.platform import Platform

__all__ = ["Field", "OperationPage", "install_api_docs", "read_operations", "type_of"]

DEEPEST: Final = 4
BOUNDS: Final = (("minLength", "at least {} characters"), ("maxLength", "at most {} characters"),
                 ("minItems", "at least {} items"), ("maxItems", "at most {} items"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of an answer; `depth` is its level of nesting."""

    name: str
    place: str
    type: str
    required: bool
    words: str
    default: str | None
    example: Any
    depth: int = 0


@dataclass(frozen=True, slots=True)
class OperationPage:
    """An operation as shown; `words` are HTML."""

    id: str
    name: str
    category: str
    method: str
    path: str
    summary: str
    words: str
    scope: str
    changes: bool
    destroys: bool
    parameters: tuple[Field, ...]
    answer: tuple[Field, ...]
    errors: tuple[tuple[str, str, str], ...]
    samples: tuple[tuple[str, str], ...]
    plain: str


def install_api_docs(app: FastAPI, platform: Platform, render: Render) -> None:
    """Add the pages of the API reference."""
    made: list[tuple[dict[str, Any], dict[str, list[OperationPage]]]] = []

    async def by_category() -> tuple[dict[str, Any], dict[str, list[OperationPage]]]:
        """Return the operations by category; built in a thread, in half a second."""
        if not made:
            document = await platform.services.get(ApiDocument).read()
            made.append((document, await asyncio.to_thread(_by_category, document)))
        return made[0]

    def show(request: Request, template: str, **values: Any) -> HTMLResponse:
        return render(
            request,
            template,
            page="docs",
            heading_of=heading_of,
            **({"question": "", "asked": "", "category": ""} | values),
        )

    @app.api_route("/api/docs", methods=["GET", "HEAD"], include_in_schema=False)
    async def all_operations(request: Request, q: str = "") -> HTMLResponse:
        document, found = await by_category()
        question = q.strip()[:200]
        words = question.lower().split()
        chosen = {
            category: [one for one in operations if all(word in one.plain for word in words)]
            for category, operations in found.items()
        }
        return show(
            request,
            "api_contents.html",
            title="API reference",
            about=inline(document["info"]["description"]),
            tags=_tags(document),
            asked=question,
            found={category: operations for category, operations in chosen.items() if operations},
            total=sum(map(len, chosen.values())),
        )

    @app.api_route("/api/docs/{category}", methods=["GET", "HEAD"], include_in_schema=False)
    async def one_category(request: Request, category: str) -> HTMLResponse:
        document, found = await by_category()
        if category not in found:
            raise ApiError(
                404,
                "page_not_found",
                f"there is no category {category[:100]!r}",
                hint="all operations are at /api/docs",
            )
        return show(
            request,
            "api_category.html",
            title=f"{heading_of(category)} · API",
            category=category,
            tags=_tags(document),
            operations=found[category],
        )


def _tags(document: dict[str, Any]) -> dict[str, str]:
    return {tag["name"]: tag["description"] for tag in document["tags"]}


def _by_category(document: dict[str, Any]) -> dict[str, list[OperationPage]]:
    found: dict[str, list[OperationPage]] = {tag["name"]: [] for tag in document["tags"]}
    for one in read_operations(document):
        found[one.category].append(one)
    return found


def read_operations(document: dict[str, Any]) -> Iterator[OperationPage]:
    """Yield every operation of a document, as shown."""
    schemas = document["components"]["schemas"]
    for path, item in document["paths"].items():
        for method, described in item.items():
            parameters = [_parameter(one, schemas) for one in described.get("parameters", ())]
            body = described.get("requestBody", {}).get("content", {}).get("application/json", {})
            parameters += _in_body(body, schemas, {one.name for one in parameters})
            content = described["responses"]["200"]["content"]
            name, summary, text = described["x-operation"], described["summary"], described["description"]
            yield OperationPage(
                id=anchor_of(name),
                name=name,
                category=described["tags"][0],
                method=method.upper(),
                path=path,
                summary=summary,
                words=inline(text),
                scope=described["x-scope"],
                changes=described["x-changes"],
                destroys=described["x-destroys"],
                parameters=tuple(parameters),
                answer=tuple(_answer(content, schemas)),
                errors=tuple(_errors(described["responses"], document["components"]["examples"])),
                samples=tuple((one["label"], one["source"]) for one in described["x-codeSamples"]),
                plain=f"{name} {method} {path} {summary} {text}".lower(),
            )


def _parameter(one: dict[str, Any], schemas: dict[str, Any]) -> Field:
    schema = one["schema"]
    return Field(
        one["name"],
        one["in"],
        _type_without_null(schema, schemas),
        one.get("required", False),
        inline(one.get("description", "")),
        _default(schema),
        _telling(one.get("example"), schema),
    )


def _in_body(body: dict[str, Any], schemas: dict[str, Any], elsewhere: set[str]) -> Iterator[Field]:
    schema = _resolved(_without_null(body.get("schema", {})), schemas)
    required = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        if name not in elsewhere:  # a DELETE accepts the same fields in its query
            example = _telling(body.get("example", {}).get(name, (field.get("examples") or [None])[0]), field)
            words = inline(_words(field, schemas))
            yield Field(
                name, "body", _type_without_null(field, schemas), name in required, words, _default(field), example
            )


def _answer(content: dict[str, Any], schemas: dict[str, Any]) -> Iterator[Field]:
    """Yield the fields of `data`, without those of a dry run."""
    schema = _resolved(next(iter(content.values())).get("schema", {}), schemas)
    data = schema.get("properties", {}).get("data")
    if data is None:
        return
    choices = [one for one in data.get("anyOf", [data]) if not str(one.get("$ref", "")).endswith("/DryRunResult")]
    for one in choices:
        yield from _fields(one, schemas, 0, ())


def _fields(schema: dict[str, Any], schemas: dict[str, Any], depth: int, above: tuple[str, ...]) -> Iterator[Field]:
    schema = _without_null(schema)
    while schema.get("type") == "array":
        schema = _without_null(schema.get("items", {}))
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    if depth > DEEPEST or name in above:
        return
    schema = _resolved(schema, schemas)
    required = set(schema.get("required", ()))
    for field, inside in schema.get("properties", {}).items():
        words = inline(_words(inside, schemas))
        yield Field(field, "", type_of(inside, schemas), field in required, words, None, None, depth)
        yield from _fields(inside, schemas, depth + 1, (*above, name))


def _errors(responses: dict[str, Any], examples: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for status, response in responses.items():
        if status == "200":
            continue
        for code in response["content"]["application/json"].get("examples", {}):
            yield status, code, examples[code]["value"]["error"]["message"]


def type_of(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """Return a schema in a few words.

    >>> type_of({"type": "integer", "minimum": 1, "maximum": 9}, {}), type_of({"enum": ["a", "b"]}, {})
    ('integer, 1 to 9', 'a | b')
    """
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(type_of(one, schemas) for one in schema["anyOf"]))
    if "$ref" in schema:
        inside = _resolved(schema, schemas)
        return type_of(inside, schemas) if "enum" in inside else "object"
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    kind = schema.get("type", "any JSON")
    if kind == "array":
        inside = type_of(schema.get("items", {}), schemas)
        return f"list of {inside}" if inside != "object" else "list of objects"
    if kind in ("integer", "number"):
        low = schema.get("minimum", schema.get("exclusiveMinimum"))
        high = schema.get("maximum", schema.get("exclusiveMaximum"))
        if low is not None and high is not None:
            return f"{kind}, {_short(low)} to {_short(high)}"
        return kind if low is None else f"{kind}, from {_short(low)}"
    return kind


def _type_without_null(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """Return the type of a parameter; whether it is optional is shown elsewhere."""
    return type_of(schema, schemas).replace(" | null", "")


def _telling(example: Any, schema: dict[str, Any]) -> Any:
    """Return an example if it adds something to the default and the choices."""
    return None if example == schema.get("default") or "enum" in _without_null(schema) else example


def _short(number: float) -> str:
    return f"{number:,}".replace(",", " ").removesuffix(".0") if abs(number) < 1e9 else f"{number:g}"


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    choices = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return choices[0] if len(choices) == 1 else schema


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    return schemas[name] if name else schema


def _words(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """Return the description of a field, or of its type."""
    if "description" in schema:
        return schema["description"]
    inside = _without_null(schema)
    return inside.get("description", "") if inside is not schema else ""


def _default(schema: dict[str, Any]) -> str | None:
    value = schema.get("default")
    return None if value is None or value == "" else str(value).lower() if isinstance(value, bool) else str(value)
