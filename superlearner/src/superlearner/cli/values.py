"""Conversion of typed text to values of an operation's parameters."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any, Final

import typer

from superlearner.base.typed_time import read_time
from superlearner.cli.plain import plain

__all__ = ["value_of"]

LARGEST: Final = f"the largest is {sys.float_info.max:.1e}"


class _TooLarge(Exception):
    """A number in JSON is too large."""


def value_of(parameter: dict[str, Any], typed: Any) -> Any:
    """Return the value to send.

    Complex values are JSON; where any JSON is accepted, a bare word is a string.

    The path of a file is made absolute. For a program or a list of names, `@FILE` names the file with it. Times are in
    the time zone of this terminal, like those that it shows; that of the platform may differ.

    Raises:
        typer.BadParameter: it is not valid for this parameter.

    >>> value_of({"name": "message", "kind": "any"}, "increment"), value_of({"name": "message", "kind": "any"}, "[1]")
    ('increment', [1])
    """
    kind, form = parameter["kind"], parameter.get("format")
    if form == "path":
        return str(Path(typed).absolute())  # the platform has another working directory
    if form == "unix-time":
        return _time(parameter, typed)
    if form in ("python", "lines") and typed.startswith("@") and "\n" not in typed:
        return _read(parameter, Path(typed[1:]))
    if kind == "choice":
        return typed.value
    if kind == "any":
        return _anything(parameter, typed)
    if kind == "json":
        return _json(parameter, typed)
    if kind == "list" and len(typed) == 1 and isinstance(typed[0], str) and typed[0].startswith("["):
        return _json(parameter, typed[0])
    if isinstance(typed, float) and math.isinf(typed):
        raise typer.BadParameter(f"expected a smaller number, {LARGEST}", param_hint=_option_of(parameter))
    if parameter["place"] == "path" and typed == "":
        raise typer.BadParameter(f"expected a {parameter['name']}, got nothing", param_hint=parameter["name"].upper())
    return typed


def _read(parameter: dict[str, Any], file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not a text file"
        words = f"expected a file after @, got {plain(str(file))} ({why})"
        raise typer.BadParameter(words, param_hint=_option_of(parameter)) from None


def _time(parameter: dict[str, Any], typed: str) -> float:
    try:
        return read_time(typed)
    except ValueError as error:
        words = f"{error}, got {plain(typed[:100])}"
        raise typer.BadParameter(words, param_hint=_option_of(parameter)) from None


def _anything(parameter: dict[str, Any], typed: str) -> Any:
    if typed.lstrip()[:1] in ("[", "{", '"'):
        return _json(parameter, typed)
    try:
        return _loaded(parameter, typed)
    except ValueError:
        return typed


def _json(parameter: dict[str, Any], typed: str) -> Any:
    try:
        return _loaded(parameter, typed)
    except ValueError as error:
        words = f"expected JSON, got {typed[:100]!r} ({error})"
        raise typer.BadParameter(words, param_hint=_option_of(parameter)) from None


def _loaded(parameter: dict[str, Any], typed: str) -> Any:
    try:
        return json.loads(typed, parse_constant=_no_number, parse_float=_float)
    except _TooLarge as error:
        words = f"the number {error} is too large, {LARGEST}; to send a text, write it in quotes within the JSON"
        raise typer.BadParameter(words, param_hint=_option_of(parameter)) from None


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _TooLarge(digits[:20])
    return number


def _option_of(parameter: dict[str, Any]) -> str:
    return f"--{parameter['name'].replace('_', '-')}"


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not valid JSON")
