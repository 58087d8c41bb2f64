"""The command line's door: what a command has to know of an operation, as plain JSON.

The command line reads it from files (`python -m tools.commands` writes them), so that it starts without pydantic; only
for operations of installed packages it is made on the spot.
"""

from __future__ import annotations

from typing import Any

from superlearner.operations.declaration import Operation
from superlearner.operations.registry import all_operations

__all__ = ["entry_of", "manifest"]

SIMPLE = {"string": "text", "integer": "integer", "number": "number", "boolean": "flag"}


def manifest() -> dict[str, list[dict[str, Any]]]:
    """All operations by category, each as its command is built from it."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in all_operations():
        found.setdefault(one.name.partition(".")[0], []).append(entry_of(one))
    return found


def entry_of(operation: Operation) -> dict[str, Any]:
    """What the command of an operation is built from."""
    schema = operation.schema()
    known: dict[str, Any] = schema.get("$defs", {})
    shown: list[dict[str, Any]] = []
    for one in operation.parameters:
        of_one: dict[str, Any] = schema["properties"][one.name]
        facts = {"name": one.name, "place": one.place, "required": one.required, "help": one.description}
        if one.picker is not None:
            facts["picker"] = one.picker
        if (form := _form(of_one)) is not None:
            facts["format"] = form
        default = of_one.get("default")
        if default is not None and default != "":
            facts["default"] = default
        shown.append({**facts, **_kind(of_one, known)})
    return {
        "name": operation.name,
        "method": operation.method,
        "path": operation.path.replace(":path}", "}"),
        "summary": operation.summary,
        "description": operation.description,
        "changes": operation.changes,
        "bare": operation.bare,
        "on_node": operation.on_node,
        "streams": operation.streams,
        **({"short": list(operation.short)} if operation.short else {}),
        "parameters": shown,
    }


def _form(schema: dict[str, Any]) -> str | None:
    """`path` for a text that names a file, `python` for one that is a program: both are typed by the name of a file."""
    for one in (schema, *schema.get("anyOf", ())):
        if one.get("format") in ("path", "python"):
            return one["format"]
    return None


def _kind(schema: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """What may be typed: text, integer, number, flag, choice (with its choices), list of those, json, or anything."""
    if "$ref" in schema:
        schema = {**known[schema["$ref"].rpartition("/")[2]], **schema}
    if "anyOf" in schema:
        real = [one for one in schema["anyOf"] if one.get("type") != "null"]
        return _kind(real[0], known) if len(real) == 1 else {"kind": "any"}
    if "const" in schema:
        return {"kind": "choice", "choices": [schema["const"]]}
    if "enum" in schema and all(isinstance(one, str) for one in schema["enum"]):
        return {"kind": "choice", "choices": schema["enum"]}
    type_ = schema.get("type")
    if type_ in ("integer", "number"):
        bounds = {short: schema[long] for short, long in (("min", "minimum"), ("max", "maximum")) if long in schema}
        return {"kind": SIMPLE[type_], **bounds}
    if type_ in SIMPLE:
        return {"kind": SIMPLE[type_]}
    if type_ == "array":
        of = _kind(schema.get("items", {}), known)
        if of["kind"] == "choice":
            return {"kind": "list", "of": "text"}
        return {"kind": "list", "of": of["kind"]} if of["kind"] in ("text", "integer", "number") else {"kind": "json"}
    return {"kind": "json" if type_ == "object" else "any"}
