"""The comparison of an answer with its description finds what is wrong, and nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from described_answers import AnswerCheck, unlike
from superlearner.operations.declaration import declared, operation

STRING, INTEGER = {"type": "string"}, {"type": "integer"}
POINT = {"type": "object", "properties": {"x": INTEGER, "name": STRING}, "required": ["x"]}
SCHEMAS = {"Point": POINT, "ErrorAnswer": {"type": "object", "properties": {"error": STRING}, "required": ["error"]}}
REF = {"$ref": "#/components/schemas/Point"}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (REF, {"x": 1}),
        (REF, {"x": 1, "name": "north"}),
        ({"anyOf": [INTEGER, {"type": "null"}]}, None),
        ({"oneOf": [INTEGER, STRING]}, "one"),
        ({"type": "array", "items": REF}, [{"x": 1}, {"x": 2}]),
        ({"type": "array", "prefixItems": [STRING], "items": INTEGER}, ["a", 1, 2]),
        ({"type": "object", "additionalProperties": INTEGER}, {"a": 1}),
        ({"type": "object", "additionalProperties": True}, {"a": [None]}),
        ({"type": "object"}, {"a": [None]}),
        ({"const": True, "type": "boolean"}, True),
        ({"enum": ["a", "b"], "type": "string"}, "b"),
        ({"type": "number"}, 3),
        ({}, {"whatever": [1]}),
    ],
)
def test_what_is_described_passes(schema: Any, value: Any) -> None:
    assert [] == unlike(SCHEMAS, schema, value)


@pytest.mark.parametrize(
    ("schema", "value", "problem"),
    [
        (REF, {}, ".x: missing"),
        (REF, {"x": "1"}, ".x: '1' is no integer"),
        (REF, {"x": True}, ".x: True is no integer"),
        (REF, {"x": 1, "colour": "red"}, ".colour: not described"),
        ({"anyOf": [INTEGER, {"type": "null"}]}, "one", ": 'one' is no integer"),
        ({"type": "array", "items": REF}, [{"x": 1}, {}], "[].x: missing"),
        ({"type": "object", "additionalProperties": INTEGER}, {"a": "b"}, ".a: 'b' is no integer"),
        ({"const": True}, False, ": False is not True"),
        ({"enum": ["a", "b"]}, "c", ": 'c' is none of ['a', 'b']"),
        ({"type": "boolean"}, 1, ": 1 is no boolean"),
        ({"type": "null"}, 0, ": 0 is no null"),
    ],
)
def test_what_is_not_described_is_named_with_its_place(schema: Any, value: Any, problem: str) -> None:
    assert [problem] == unlike(SCHEMAS, schema, value)


@operation("point.get", http=("GET", "/points/{name:path}"), scope="read")
async def get_point(ctx: Any, name: str) -> dict[str, int]:
    """A point."""
    return {"x": 1}


DESCRIBED = {"200": {"content": {"application/json": {"schema": REF}}}}
DOCUMENT = {"paths": {"/api/points/{name}": {"get": {"responses": DESCRIBED}}}, "components": {"schemas": SCHEMAS}}


def ask(path: str, *, status: int = 200, **options: Any) -> list[str]:
    """The operations that answered, when one asks for `path`."""
    answered: list[str] = []
    found = declared(get_point)
    assert found is not None
    check = AnswerCheck([found], DOCUMENT, "/api", answered.append)
    transport = httpx.MockTransport(lambda request: httpx.Response(status, **options))

    async def main() -> None:
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", event_hooks={"response": [check]}
        ) as client:
            await client.get(path)

    asyncio.run(main())
    return answered


def test_an_operation_that_answered_as_described_is_told() -> None:
    assert ["point.get"] == ask("/api/points/a/b", json={"x": 1})
    assert [] == ask("/elsewhere", text="anything")
    assert [] == ask("/api/unknown", status=404, json={"error": "not there"})


@pytest.mark.parametrize(
    ("path", "options", "problem"),
    [
        ("/api/points/a", {"json": {"x": "1"}}, "is not as the document describes it"),
        ("/api/points/a", {"json": {"x": 1}, "status": 404}, "does not know this status"),
        ("/api/points/a", {"text": "one"}, "text/plain is not among application/json"),
        ("/api/unknown", {"json": {"x": 1}, "status": 404}, "is not as the document describes it"),
    ],
)
def test_an_answer_that_is_not_described_fails_the_test_that_asked(path: str, options: Any, problem: str) -> None:
    with pytest.raises(AssertionError, match=problem):
        ask(path, **options)
