"""Routes in hints, such as `GET /api/v1/processes/{pid}/info`: filled in, and found again by other interfaces.

Hints name operations by their routes; the command line, the console and the tools for AI clients replace them with a
command, a call or a tool. So a route carries all that is needed to repeat it: the names in its path, and the node.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, unquote

from superlearner.operations import PREFIX

__all__ = ["ROUTE", "FoundRoute", "RouteTable", "filled"]

ROUTE: Final = re.compile(rf"(GET|POST|PUT|PATCH|DELETE) {PREFIX}(/[\w/{{}}%.@:~+?&=-]*[\w}}=])")
"""A route in a text: method, and path below the prefix with its query."""
NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
"""The name of a parameter: hints of other nodes are untrusted, and names become options without quotes."""
IN_PATH: Final = re.compile(r"\{(\w+)(?::path)?\}")


@dataclass(frozen=True, slots=True)
class FoundRoute:
    """An operation that a route names.

    Args:
        name: the name of the operation.
        values: its parameters in path and query, without those that the route leaves open.
        node: the node on which it acts; None for the default node.
    """

    name: str
    values: Mapping[str, str]
    node: str | None


class RouteTable:
    """Operations by their routes.

    Args:
        routes: method, path below the prefix, and name of each operation.

    >>> table = RouteTable([("GET", "/processes/{pid}/info", "process.info")])
    >>> table.find("GET", "/processes/Room%20lobby/info?node=b%40127.0.0.1")
    FoundRoute(name='process.info', values={'pid': 'Room lobby'}, node='b@127.0.0.1')
    """

    def __init__(self, routes: Iterable[tuple[str, str, str]]) -> None:
        ordered = sorted(routes, key=lambda route: ["{" in part for part in route[1].split("/")])
        self._routes = [(method, _pattern(path), name) for method, path, name in ordered]

    def find(self, method: str, target: str) -> FoundRoute | None:
        """Return the operation of a route; None if there is none."""
        path, _, query = target.partition("?")
        for of, pattern, name in self._routes:
            found = pattern.fullmatch(path) if of == method else None
            if found is not None:
                given = {one: unquote(value) for one, value in found.groupdict().items() if not IN_PATH.match(value)}
                asked = {name: value for name, value in parse_qsl(query) if NAME.fullmatch(name)}
                node = asked.pop("node", None)
                return FoundRoute(name, given | asked, node)
        return None


def filled(hint: str, values: Mapping[str, object], node: str | None, acts_on_node: Callable[[str, str], bool]) -> str:
    """Return a hint whose routes have the names in their paths, and the node if they act on one.

    Args:
        hint: a text with routes.
        values: the parameters of the operation that failed.
        node: the node on which it acted; None for the default node.
        acts_on_node: returns whether the operation of a method and a path takes a node.

    >>> filled("POST /api/v1/supervisors/{name}/resume resumes it", {"name": "a b"}, "b@127.0.0.1", lambda *_: True)
    'POST /api/v1/supervisors/a%20b/resume?node=b@127.0.0.1 resumes it'
    """

    def complete(found: re.Match[str]) -> str:
        method, target = found[1], found[2]
        path = IN_PATH.sub(lambda one: quote(str(values[one[1]]), safe="") if one[1] in values else one[0], target)
        if node is not None and "?node=" not in target and acts_on_node(method, target):
            path += f"?node={quote(node, safe='@')}"
        return f"{method} {PREFIX}{path}"

    return ROUTE.sub(complete, hint)


def _pattern(path: str) -> re.Pattern[str]:
    parts = IN_PATH.split(path)
    kinds = [found[0].endswith(":path}") for found in IN_PATH.finditer(path)]
    text = re.escape(parts[0])
    for name, further, kind in zip(parts[1::2], parts[2::2], kinds, strict=True):
        text += f"(?P<{name}>{'.+' if kind else '[^/]+'}){re.escape(further)}"
    return re.compile(text)
