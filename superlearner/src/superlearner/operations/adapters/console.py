"""The console's door: an operation as a function, with the signature and the words that `help` shows."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Choices", "docstring_of", "signature_of"]

IN_PATH: Final = re.compile(r"\{(\w+)\}")
TYPES: Final = {"string": str, "integer": int, "number": float, "boolean": bool, "array": list, "object": dict}
PARAMETER: Final = inspect.Parameter


@dataclass(frozen=True, slots=True)
class Choices:
    """The values that a parameter may have. No `Literal`: `typing` takes two with other orders for the same.

    >>> Choices(("send", "cast"))
    'send' | 'cast'
    """

    values: tuple[Any, ...]

    def __repr__(self) -> str:
        """As in a signature."""
        return " | ".join(map(repr, self.values))


def signature_of(line: Mapping[str, Any]) -> inspect.Signature:
    """The call of an operation, from how `GET /api/v1/arsenal/operations` describes it.

    What names the thing comes first and by position, then what is required, then the rest by name.

    >>> line = {
    ...     "path": "/api/v1/processes/{pid}",
    ...     "changes": True,
    ...     "on_node": False,
    ...     "parameters": {
    ...         "required": ["pid"],
    ...         "properties": {"reason": {"type": "string", "default": "kill"}, "pid": {"type": "string"}},
    ...     },
    ... }
    >>> print(signature_of(line))
    (pid: str, *, reason: str = 'kill', dry_run: bool = False)
    """
    schema: dict[str, Any] = line["parameters"]
    known, properties = schema.get("$defs", {}), schema.get("properties", {})
    required = [name for name in properties if name in schema.get("required", ())]
    in_path = IN_PATH.findall(line["path"])
    first = [*in_path, *(name for name in required if name not in in_path)]
    found = [
        PARAMETER(name, PARAMETER.POSITIONAL_OR_KEYWORD, annotation=_type(properties[name], known)) for name in first
    ]
    found += [
        PARAMETER(name, PARAMETER.KEYWORD_ONLY, annotation=_type(facts, known), default=facts.get("default"))
        for name, facts in properties.items()
        if name not in first
    ]
    if line["on_node"] and "node" not in properties:
        found.append(PARAMETER("node", PARAMETER.KEYWORD_ONLY, annotation=str | None, default=None))
    if line["changes"] and "dry_run" not in properties:
        found.append(PARAMETER("dry_run", PARAMETER.KEYWORD_ONLY, annotation=bool, default=False))
    return inspect.Signature(found)


def docstring_of(line: Mapping[str, Any]) -> str:
    """What `help` says: the words of the operation, and of each parameter."""
    parts = [f"{line['summary']}.", line["description"]]
    told = [
        f"    {name}: {facts['description']}"
        for name, facts in line["parameters"].get("properties", {}).items()
        if facts.get("description")
    ]
    if line["on_node"]:
        told.append("    node: the node that is asked; by default that of the console")
    if line["changes"]:
        told.append("    dry_run: say what would be done, and do nothing")
    if told:
        parts.append("\n".join(["Args:", *told]))
    parts.append(f"Over HTTP: {line['method']} {line['path']} (scope {line['scope']}).")
    return "\n\n".join(part for part in parts if part)


def _type(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    if "$ref" in schema:
        return _type(known.get(schema["$ref"].rpartition("/")[2], {}), known)
    if "enum" in schema:
        return Choices(tuple(schema["enum"]))
    if "const" in schema:
        return Choices((schema["const"],))
    if "anyOf" in schema:
        types = [_type(one, known) for one in schema["anyOf"] if one.get("type") != "null"]
        found = types[0] if len(types) == 1 else Any
        if len(types) == len(schema["anyOf"]) or found is Any:
            return found
        return Choices((*found.values, None)) if isinstance(found, Choices) else found | None
    return TYPES.get(schema.get("type", ""), Any)
