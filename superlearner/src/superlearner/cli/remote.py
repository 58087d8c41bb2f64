"""All operations of the running platform, as it lists them itself.

Commands are created from files, so that they start fast; the console and the tools for AI clients ask the platform,
which also knows the operations of its installed packages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from superlearner.base.validation import unknown
from superlearner.cli.asking import PlatformAnswer, RequestRefused, ask
from superlearner.cli.finding import FoundPlatform, find
from superlearner.cli.manifest import Entry, entry_of_verb
from superlearner.operations import PREFIX

__all__ = ["Line", "Remote", "entry_of_line"]

IN_PATH: Final = re.compile(r"\{(\w+)\}")

Line: TypeAlias = dict[str, Any]
"""An operation as `GET /api/v1/arsenal/operations` lists it."""

OURS: Final = {"dry_run": "changes", "node": "on_node"}
"""Parameters beside an operation's own, and the flag that says it takes them."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A platform that is located for each request, since it may restart in between.

    Args:
        door: the interface, for the audit log.
        url: its address, if given.
        data_dir: its data directory, if given.
    """

    door: str
    url: str | None = None
    data_dir: Path | None = None

    def platform(self) -> FoundPlatform:
        """Return the platform's current address. Raises as `find`."""
        return replace(find(self.url, self.data_dir), door=self.door)

    def operations(self) -> list[Line]:
        """Return all operations of the platform. Raises as `find` and `ask`."""
        return ask(self.platform(), entry_of_verb("arsenal", "operations") or {}, {}).data

    def ask(
        self, line: Line, given: Mapping[str, Any], *, dry_run: bool = False, node: str | None = None
    ) -> PlatformAnswer:
        """Run an operation. Raises as `find` and `ask`; `RequestRefused` for wrong parameters."""
        entry = entry_of_line(line)
        known = [one["name"] for one in entry["parameters"]]
        for name in given:
            if name not in known:
                taken = [*known, *(word for word, given_so in OURS.items() if line.get(given_so))]
                refused = f"{line['name']} has no parameter {name!r}"
                raise RequestRefused("validation_error", refused, (unknown(name, taken),))
        values: dict[str, Any] = {}
        for one in entry["parameters"]:
            name = one["name"]
            if name not in given:
                if one["required"]:
                    raise RequestRefused("validation_error", f"{line['name']} needs {name!r}", (one["help"],))
            elif one["place"] == "path" and given[name] in (None, ""):
                raise RequestRefused(
                    "validation_error", f"{name}: expected {one['help'] or 'a string'}, got {given[name]!r}"
                )
            elif one["place"] != "query" or given[name] is not None:  # a query cannot express null, so it is left out
                values[name] = given[name]
        return ask(self.platform(), entry, values, dry_run=dry_run, node=node)


def entry_of_line(line: Line) -> Entry:
    """Return a manifest entry; method and path determine where parameters go.

    >>> line = {
    ...     "name": "process.kill",
    ...     "method": "DELETE",
    ...     "path": "/api/v1/processes/{pid}",
    ...     "bare": False,
    ...     "parameters": {"properties": {"pid": {}, "reason": {}}, "required": ["pid"]},
    ... }
    >>> [(one["name"], one["place"], one["required"]) for one in entry_of_line(line)["parameters"]]
    [('pid', 'path', True), ('reason', 'body', False)]
    """
    path = line["path"].removeprefix(PREFIX)
    in_path = set(IN_PATH.findall(path))
    elsewhere = "query" if line["method"] == "GET" else "body"
    schema = line["parameters"]
    required = schema.get("required", ())
    parameters = [
        {
            "name": name,
            "place": "path" if name in in_path else elsewhere,
            "required": name in required,
            "help": facts.get("description", ""),
        }
        for name, facts in schema.get("properties", {}).items()
    ]
    return {
        "name": line["name"],
        "method": line["method"],
        "path": path,
        "bare": line["bare"],
        "changes": line.get("changes", False),
        "parameters": parameters,
    }
