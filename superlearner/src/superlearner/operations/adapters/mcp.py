"""Operations for AI clients: tools and results of the Model Context Protocol.

The functions return plain JSON; the optional package `mcp` implements the protocol.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

__all__ = ["error_of", "result_of", "tool_name", "tool_of"]

LONGEST: Final = 40_000
"""Maximum characters of an answer; longer ones are cut and marked, because the client's model pays for each token."""

LEFT_OUT: Final = frozenset({"title", "x-picker"})
DRY_RUN: Final = {
    "type": "boolean",
    "default": False,
    "description": "only report what would change and which processes it affects",
}

NODE: Final = {
    "type": "string",
    "description": "the node to act on, see node_list, or the id of a sandbox; "
    "by default the node of the user's tree, else the platform's",
}


def tool_name(operation: str) -> str:
    """Return the name of an operation's tool; clients allow no dot.

    >>> tool_name("supervisor.restart_child")
    'supervisor_restart_child'
    """
    return operation.replace(".", "_")


def tool_of(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tool of an operation from its line of `GET /api/v1/arsenal/operations`."""
    schema: dict[str, Any] = _plain(line["parameters"])
    properties: dict[str, Any] = schema.setdefault("properties", {})
    if line["on_node"]:
        properties.setdefault("node", NODE)
    if line["changes"]:
        properties.setdefault("dry_run", DRY_RUN)
    text = f"{line['summary']}.\n\n{line['description']}".strip()
    hints = {"title": line["summary"], "readOnlyHint": not line["changes"], "openWorldHint": False}
    if line["changes"]:
        hints["destructiveHint"] = line["destroys"]
    return {
        "name": tool_name(line["name"]),
        "title": line["summary"],
        "description": text if line["scope"] != "code" else f"{text}\n\nNeeds a credential with the scope code.",
        "inputSchema": schema,
        "annotations": hints,
    }


def result_of(data: Any, meta: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a tool's result: the data, and for a page its place in the list; at most `LONGEST` characters."""
    shown: dict[str, Any] = {"data": data} if meta is None else {"data": data, "meta": dict(meta)}
    text = _text(shown)
    if len(text) > LONGEST and isinstance(data, list):
        shown = _that_fit(data, meta)  # pyright: ignore[reportUnknownArgumentType]
        text = _text(shown)
    if len(text) > LONGEST:
        note = f"cut after {LONGEST} of {len(text)} characters; ask for less: fewer items, less depth, one item"
        shown = {"note": note, "beginning": text[:LONGEST]}
        text = _text(shown)
    return {"content": [{"type": "text", "text": text}], "structuredContent": shown, "isError": False}


def error_of(code: str, message: str, hints: Sequence[str] = ()) -> dict[str, Any]:
    r"""Return a tool's error with its hints.

    >>> error_of("process_not_found", "there is no process x", ["see process_list"])["content"][0]["text"]
    'process_not_found: there is no process x\nhint: see process_list'
    """
    text = "\n".join([f"{code}: {message}", *(f"hint: {hint}" for hint in hints)])
    error = {"code": code, "message": message, "hints": list(hints)}
    return {
        "content": [{"type": "text", "text": _printable(text[:LONGEST])}],
        "structuredContent": {"error": error},
        "isError": True,
    }


def _that_fit(items: list[Any], meta: Mapping[str, Any] | None) -> dict[str, Any]:
    room, kept = LONGEST - 500, 0
    while kept < len(items) and (room := room - len(_text(items[kept])) - 1) > 0:
        kept += 1
    left = len(items) - kept
    note = f"{left} of {len(items)} items left out, since the answer is long; ask for fewer, or search"
    return {"data": items[:kept], "meta": {**(meta or {}), "left_out": left}, "note": note}


def _text(value: Any) -> str:
    return _printable(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _printable(text: str) -> str:
    """Escape control characters and those that change the direction of writing."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in text)


def _plain(schema: Any) -> Any:
    """Remove the keys that only forms need from a JSON Schema, but not parameters with such names."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(schema, dict):
        return schema
    found: dict[str, Any] = schema  # pyright: ignore[reportUnknownVariableType]
    plain: dict[str, Any] = {}
    for name, value in found.items():
        if name in ("properties", "$defs"):
            plain[name] = {key: _plain(one) for key, one in value.items()}
        elif name in ("default", "examples", "enum", "const"):
            plain[name] = value
        elif name not in LEFT_OUT:
            plain[name] = _plain(value)
    return plain
