"""Shell completion of names from the running platform; silent if there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import typer

from superlearner.cli.asking import RequestRefused, ask
from superlearner.cli.door import resolve_options
from superlearner.cli.finding import FoundPlatform, PlatformNotFound, WrongUrl, find
from superlearner.cli.manifest import entry_of_verb

__all__ = ["completion_of"]

LISTS: Final = {
    "process": ("process", "list", "name"),
    "supervisor": ("supervisor", "list", "name"),
    "application": ("application", "list", "name"),
    "module": ("code", "modules", "module"),
    "registry": ("registry", "list", "name"),
    "setting": ("settings", "list", "name"),
    "recording": ("recording", "list", "name"),
    "node": ("node", "list", "name"),
    "name": ("registry", "names", "name"),
    "trace": ("trace", "list", "trace_id"),
    "user": ("user", "list", "name"),
    "token": ("token", "list", "name"),
    "simulation": ("simulation", "list", "id"),
    "operation": ("arsenal", "operations", "name"),
    "page": ("docs", "list", "page"),
    "sandbox": ("sandbox", "list", "id"),
}
"""For each kind of name, the operation that lists them and the field of its rows."""
MOST: Final = "200"


def completion_of(parameter: dict[str, Any]) -> Callable[[typer.Context, str], list[str]] | None:
    """Return a parameter's completion, which asks the platform on the line, or None."""
    kind = parameter.get("picker")
    if kind not in LISTS:
        return None

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        typed = ctx.params.get("url"), ctx.params.get("data_dir")
        try:
            return _names(find(*resolve_options(ctx, *typed)), *LISTS[kind], incomplete)
        except (PlatformNotFound, WrongUrl, RequestRefused, OSError):
            return []

    return complete


def _names(platform: FoundPlatform, category: str, verb: str, field: str, begin: str) -> list[str]:
    entry = entry_of_verb(category, verb)
    if entry is None:
        return []
    search = {"search": begin} if category == "process" and begin else {}
    paged = {"per_page": MOST} if any(one["name"] == "per_page" for one in entry["parameters"]) else {}
    lines = ask(platform, entry, {**paged, **search}).data
    names: list[str] = [line[field] for line in lines if line[field] is not None]
    return [name for name in names if name.startswith(begin) and name.isprintable() and not set(name) & set(" '\"\\$`")]
