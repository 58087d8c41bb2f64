"""What was typed, as the values of an operation's parameters."""

from __future__ import annotations

import json
from typing import Any

import typer

__all__ = ["value_of"]


def value_of(parameter: dict[str, Any], typed: Any) -> Any:
    """The value that goes over HTTP. Complex values are JSON; where any JSON is right, a bare word is itself.

    Raises:
        typer.BadParameter: it is no value of this parameter.

    >>> value_of({"name": "message", "kind": "any"}, "increment"), value_of({"name": "message", "kind": "any"}, "[1]")
    ('increment', [1])
    """
    kind = parameter["kind"]
    if kind == "choice":
        return typed.value
    if kind == "any":
        return _anything(parameter, typed)
    if kind == "json":
        return _json(parameter, typed)
    if kind == "list" and len(typed) == 1 and isinstance(typed[0], str) and typed[0].startswith("["):
        return _json(parameter, typed[0])
    if parameter["place"] == "path" and typed == "":
        raise typer.BadParameter(f"expected a {parameter['name']}, got nothing", param_hint=parameter["name"].upper())
    return typed


def _anything(parameter: dict[str, Any], typed: str) -> Any:
    if typed.lstrip()[:1] in ("[", "{", '"'):
        return _json(parameter, typed)
    try:
        return json.loads(typed, parse_constant=_no_number)
    except ValueError:
        return typed


def _json(parameter: dict[str, Any], typed: str) -> Any:
    try:
        return json.loads(typed, parse_constant=_no_number)
    except ValueError as error:
        option = f"--{parameter['name'].replace('_', '-')}"
        raise typer.BadParameter(f"expected JSON, got {typed[:100]!r} ({error})", param_hint=option) from None


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
