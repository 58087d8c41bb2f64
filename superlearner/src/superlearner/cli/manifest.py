"""Descriptions of operations for the command line, without importing them.

There is a file per category, written by `python -m tools.commands`. Operations of installed packages are read from the
packages, which takes an import, but only if there are any.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

from superlearner.base.terminal import complain

__all__ = ["FOLDER", "Entry", "categories", "entry_of_verb", "has_category", "verb_of", "verbs"]

FOLDER: Final = Path(__file__).with_name("commands")
GROUP: Final = "superlearner.operations"

Entry: TypeAlias = dict[str, Any]
"""`name`, `method`, `path`, `summary`, `description`, `changes`, `bare` and `parameters` of an operation."""


def categories() -> list[str]:
    """Return the categories, which come between `superlearner` and the verb."""
    return sorted({file.stem for file in FOLDER.glob("*.json")} | set(_added()))


def verbs(category: str) -> dict[str, Entry]:
    """Return operations by verb: `restart-child` is `supervisor.restart_child`."""
    return {**_added().get(category, {}), **_ours(category)}


def entry_of_verb(category: str, verb: str) -> Entry | None:
    """Return one operation; search packages only for names that are not built in."""
    verb = verb.replace("_", "-")
    return _ours(category).get(verb) or _added().get(category, {}).get(verb)


def has_category(category: str) -> bool:
    """Return whether the category has operations."""
    return bool(_ours(category)) or category in _added()


def verb_of(name: str) -> str:
    """Return the verb that is typed for an operation.

    >>> verb_of("supervisor.restart_child")
    'restart-child'
    """
    return name.partition(".")[2].replace("_", "-").replace(".", "-")


@cache
def _ours(category: str) -> dict[str, Entry]:
    file = FOLDER / f"{category}.json"
    if not category.isidentifier() or not file.exists():
        return {}
    return {verb_of(entry["name"]): entry for entry in json.loads(file.read_text(encoding="utf-8"))}


@cache
def _added() -> dict[str, dict[str, Entry]]:
    """Return the operations of installed packages, by category and verb."""
    from importlib.metadata import entry_points

    if not entry_points(group=GROUP):
        return {}
    from superlearner.operations.adapters.cli import entry_of
    from superlearner.operations.declaration import DeclarationError
    from superlearner.operations.engine.registry import added_operations

    added: dict[str, dict[str, Entry]] = {}
    try:
        found = added_operations()
    except DeclarationError as error:
        complain(str(error))
        return {}
    for one in found:
        added.setdefault(one.name.partition(".")[0], {})[verb_of(one.name)] = entry_of(one)
    return added
