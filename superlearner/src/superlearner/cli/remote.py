"""All operations of the platform that runs, as it lists them itself: for doors that offer every one of them.

The commands are made from files, so that they start at once; the console and the tools for AI clients ask the platform,
which knows the operations of its installed packages too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from superlearner.cli.asking import Answer, Refused, ask
from superlearner.cli.finding import Platform, find
from superlearner.cli.manifest import Entry, entry_of_verb
from superlearner.operations import PREFIX

__all__ = ["Line", "Remote", "entry_of_line"]

IN_PATH: Final = re.compile(r"\{(\w+)\}")

Line: TypeAlias = dict[str, Any]
"""An operation as `GET /api/v1/arsenal/operations` lists it."""

OURS: Final = {"dry_run": "changes", "node": "on_node"}
"""What an operation takes besides its parameters, and what says that it does."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A platform that is looked for anew each time it is asked: it may end and start again meanwhile.

    Args:
        door: how the audit log says that it was asked.
        url: where it is, if it was said.
        data_dir: its data directory, if it was said.
    """

    door: str
    url: str | None = None
    data_dir: Path | None = None

    def platform(self) -> Platform:
        """Where it is now. Raises as `find`."""
        return replace(find(self.url, self.data_dir), door=self.door)

    def operations(self) -> list[Line]:
        """Everything that can be asked of it. Raises as `find` and `ask`."""
        return ask(self.platform(), entry_of_verb("arsenal", "operations") or {}, {}).data

    def ask(self, line: Line, given: Mapping[str, Any], *, dry_run: bool = False, node: str | None = None) -> Answer:
        """Run an operation. Raises as `find` and `ask`; `Refused` also for a parameter that it does not have."""
        entry = entry_of_line(line)
        known = [one["name"] for one in entry["parameters"]]
        for name in given:
            if name not in known:
                taken = [*known, *(word for word, given_so in OURS.items() if line.get(given_so))]
                hint = f"its parameters are {', '.join(taken)}" if taken else "it takes none"
                raise Refused("validation_error", f"{line['name']} has no parameter {name!r}", (hint,))
        values: dict[str, Any] = {}
        for one in entry["parameters"]:
            name = one["name"]
            if name not in given:
                if one["required"]:
                    raise Refused("validation_error", f"{line['name']} needs {name!r}", (one["help"],))
            elif one["place"] == "path" and given[name] in (None, ""):
                raise Refused("validation_error", f"{name}: expected {one['help'] or 'a text'}, got {given[name]!r}")
            elif one["place"] != "query" or given[name] is not None:  # a query has no word for null: it is left out
                values[name] = given[name]
        return ask(self.platform(), entry, values, dry_run=dry_run, node=node)


def entry_of_line(line: Line) -> Entry:
    """What a request needs to know; where HTTP carries a parameter follows from method and path.

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
