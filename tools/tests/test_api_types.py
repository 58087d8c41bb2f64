"""The types of answers that the pages name are those of the OpenAPI document."""

from __future__ import annotations

from typing import Any

from tools import api_types

SCHEMAS: dict[str, Any] = {
    "Tie": {
        "required": ["fate"],
        "properties": {
            "fate": {"enum": ["dies", "restarts"]},
            "pid": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
    },
    "Ties": {
        "required": ["ties", "limit", "kinds", "more"],
        "properties": {
            "ties": {"type": "array", "items": {"$ref": "#/components/schemas/Tie"}, "description": "the first 200"},
            "limit": {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "number"}]},
            "kinds": {"type": "array", "items": {"enum": ["link", "child"]}},
            "more": {"type": "object", "additionalProperties": {"type": "boolean"}},
        },
    },
    "Unnamed": {"properties": {}},
}


def test_a_type_that_a_page_names_is_declared_with_those_it_consists_of_and_what_may_be_absent() -> None:
    assert api_types.written(SCHEMAS, "/** @param {Api.Ties} ties */") == (
        api_types.HEAD + '  interface Tie {\n    fate: "dies"|"restarts";\n    pid?: string|null;\n  }\n'
        "  interface Ties {\n    /** the first 200 */ ties: Tie[];\n    limit: [number, number];\n"
        '    kinds: ("link"|"child")[];\n    more: Record<string, boolean>;\n  }\n}\n'
    )
