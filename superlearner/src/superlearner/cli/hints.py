"""Hints in terms of the interface: commands, calls or tools instead of REST routes."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Final

from superlearner.base.commands import command, complete
from superlearner.cli.manifest import categories, entry_of_verb, verb_of, verbs
from superlearner.operations.engine.routes import ROUTE, FoundRoute, RouteTable

__all__ = ["in_our_words", "translated"]

FIELD: Final = re.compile(r'\bsend \{"(\w+)": true\}')


def in_our_words(hint: str, begin: str = "superlearner") -> str:
    """Return the hint with options and commands instead of fields and routes.

    Args:
        hint: the hint of an answer of the API.
        begin: the beginning of commands in this terminal.

    >>> in_our_words('to do it all the same, send {"force": true}; see GET /api/v1/processes?node=till')
    'to do it all the same, add --force; see `superlearner process list --node till`'
    """
    words = translated(hint, _routes(), _command, lambda name: f"add --{name.replace('_', '-')}")
    return complete(words, begin)


def translated(
    hint: str, routes: RouteTable, operation: Callable[[FoundRoute], str | None], flag: Callable[[str], str]
) -> str:
    """Return the hint with the routes of operations and flags replaced."""
    hint = FIELD.sub(lambda found: flag(found[1]), hint)

    def replaced(found: re.Match[str]) -> str:
        route = routes.find(found[1], found[2])
        return (None if route is None else operation(route)) or found[0]

    return ROUTE.sub(replaced, hint)


@cache
def _routes() -> RouteTable:
    return RouteTable(
        (entry["method"], entry["path"], entry["name"])
        for category in categories()
        for entry in verbs(category).values()
    )


def _command(route: FoundRoute) -> str:
    entry = entry_of_verb(route.name.partition(".")[0], verb_of(route.name)) or {"parameters": ()}
    in_path = [one["name"] for one in entry["parameters"] if one["place"] == "path"]
    places = [route.values.get(name, name.upper()) for name in in_path]
    options = {name: value for name, value in route.values.items() if name not in in_path}
    return f"`{command(route.name, *places, node=route.node, **options)}`"
