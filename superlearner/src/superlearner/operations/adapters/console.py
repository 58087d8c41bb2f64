"""Operations as functions of the console, with signature and docstring."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from superlearner.base.identifiers import identifier

__all__ = ["Choices", "docstring_of", "signature_of"]

IN_PATH: Final = re.compile(r"\{(\w+)\}")
TYPES: Final = {"string": str, "integer": int, "number": float, "boolean": bool, "array": list, "object": dict}
PARAMETER: Final = inspect.Parameter


@dataclass(frozen=True, slots=True)
class Choices:
    """The values a parameter may have. Not a `Literal`: `typing` caches those regardless of their order.

    >>> Choices(("send", "cast"))
    'send' | 'cast'
    """

    values: tuple[Any, ...]

    def __repr__(self) -> str:
        """Return the form for a signature."""
        return " | ".join(map(repr, self.values))


def signature_of(line: Mapping[str, Any]) -> inspect.Signature:
    """Return the signature of an operation from its line of `GET /api/v1/arsenal/operations`.

    Parameters of the path come first, then the other required ones; the rest are keyword-only.

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
        PARAMETER(identifier(name), PARAMETER.POSITIONAL_OR_KEYWORD, annotation=_type(properties[name], known))
        for name in first
    ]
    found += [
        PARAMETER(
            identifier(name), PARAMETER.KEYWORD_ONLY, annotation=_type(facts, known), default=facts.get("default")
        )
        for name, facts in properties.items()
        if name not in first
    ]
    if line["on_node"] and "node" not in properties:
        found.append(PARAMETER("node", PARAMETER.KEYWORD_ONLY, annotation=str | None, default=None))
    if line["changes"] and "dry_run" not in properties:
        found.append(PARAMETER("dry_run", PARAMETER.KEYWORD_ONLY, annotation=bool, default=False))
    return inspect.Signature(found)


def docstring_of(line: Mapping[str, Any]) -> str:
    """Return the docstring of an operation, with its parameters."""
    parts = [f"{line['summary']}.", line["description"]]
    arguments = [
        f"    {name}: {facts['description']}"
        for name, facts in line["parameters"].get("properties", {}).items()
        if facts.get("description")
    ]
    if line["on_node"]:
        arguments.append("    node: the node to act on; by default that of the console")
    if line["changes"]:
        arguments.append("    dry_run: only report what would change")
    if arguments:
        parts.append("\n".join(["Args:", *arguments]))
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
