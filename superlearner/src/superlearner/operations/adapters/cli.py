"""Operations for the command line: descriptions of commands as plain JSON.

The command line reads them from files that `python -m tools.commands` writes, so that it starts without pydantic. Only
those of installed packages are made at run time.
"""

from __future__ import annotations

from typing import Any

from superlearner.operations.declaration import Operation
from superlearner.operations.engine.registry import all_operations
from superlearner.operations.parameters import UNIX_TIME
from superlearner.operations.results import TextFile

__all__ = ["entry_of", "manifest"]

SIMPLE = {"string": "text", "integer": "integer", "number": "number", "boolean": "flag"}


def manifest() -> dict[str, list[dict[str, Any]]]:
    """Return the descriptions of all commands by category."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in all_operations():
        found.setdefault(one.name.partition(".")[0], []).append(entry_of(one))
    return found


def entry_of(operation: Operation) -> dict[str, Any]:
    """Return the description of an operation's command."""
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
        **({"positional": list(operation.positional)} if operation.positional else {}),
        **({"saves": True} if isinstance(operation.result, type) and issubclass(operation.result, TextFile) else {}),
        "parameters": shown,
    }


def _form(schema: dict[str, Any]) -> str | None:
    """Return `unix-time`, or `path`, `python` or `lines` (of names), for which a command takes a file name."""
    for one in (schema, *schema.get("anyOf", ())):
        if one.get("format") in ("path", "python", "lines", UNIX_TIME["format"]):
            return one["format"]
    return None


def _kind(schema: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """Return the kind of input: text, integer, number, flag, choice (with choices), list, json or any."""
    if schema.get("format") == UNIX_TIME["format"]:
        return {"kind": "text"}  # as people type it
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
