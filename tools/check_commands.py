"""Check that printed commands are made by `superlearner.base.commands.command`, and that they exist.

python -m tools.check_commands

A command that is written as text lacks the node, the data directory or the quotes, which only that function adds. A
route in a hint is checked as well: other interfaces turn it into a command.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from superlearner.operations.engine.routes import ROUTE, RouteTable
from tools.files import ROOT

__all__ = ["problems_in_page", "problems_in_python"]

SOURCES: Final = ROOT / "superlearner" / "src" / "superlearner"
OTHERS: Final = frozenset("attach cluster config course db detach doctor lab node run token top tree".split())  # noqa: SIM905
"""Commands that are no operations."""
ALONE: Final = frozenset({"run", "doctor"})
"""Commands that need nothing to find a platform, so that a page may have them as text."""
DOCUMENTS: Final = frozenset({
    "observing/events/page.py", "settings/configuration/page.py",  # pages of docs/, whose lines a test runs
    "teaching/learning/patterns.py", "teaching/learning/production.py",  # tours, whose commands the page completes
})  # fmt: skip


def manifest() -> dict[str, dict[str, Any]]:
    """Return all operations by name."""
    files = sorted((SOURCES / "cli" / "commands").glob("*.json"))
    return {entry["name"]: entry for file in files for entry in json.loads(file.read_text(encoding="utf-8"))}


def problems_in_python(text: str, operations: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[int, str]]:
    """Yield line and description of each problem in a module."""
    tree = ast.parse(text)
    written = _written(operations)
    routes = RouteTable((entry["method"], entry["path"], name) for name, entry in operations.items())
    exempt = set(_documentation(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_command(node.func):
            yield from ((node.lineno, problem) for problem in _problems_of_call(node, operations))
        if isinstance(node, ast.JoinedStr):
            yield from ((node.lineno, problem) for problem in _without_backticks(node))
        if id(node) in exempt or not isinstance(node, ast.Constant | ast.JoinedStr):
            continue
        words = _text(node)
        if found := written.search(words):
            yield node.lineno, f"{found[0]!r} is written as text; try command(…) of superlearner.base.commands"
        for route in ROUTE.finditer(words):
            if routes.find(route[1], route[2]) is None:
                yield node.lineno, f"{route[0]!r} is no route"


def problems_in_page(text: str, operations: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[int, str]]:
    """Yield line and description of each problem in a template or a JavaScript module."""
    written = _written(operations, ALONE)
    for number, line in enumerate(text.splitlines(), 1):
        if not line.lstrip().startswith(("*", "/*", "//", "{#")) and (found := written.search(line)):
            yield number, f"{found[0]!r} is written as text; try command(…) of base/commands.js, or {{{{ cli }}}}"


def _without_backticks(text: ast.JoinedStr) -> Iterator[str]:
    """Yield a problem for each command in a sentence that completing it would not find."""
    for before, one in pairwise([ast.Constant(""), *text.values]):
        match before, one:
            case ast.Constant(str(words)), ast.FormattedValue(ast.Call(ast.Name("command"))) if words[-1:] not in "`(":
                yield "expected backticks around a command in a sentence, which mark where its data directory is added"
            case _:
                pass


def _written(operations: Mapping[str, object], allowed: frozenset[str] = frozenset()) -> re.Pattern[str]:
    known = {name.partition(".")[0] for name in operations} | OTHERS
    return re.compile(rf"\bsuperlearner (?:{'|'.join(sorted(known - allowed))})\b")


def _text(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "".join(_text(one) if isinstance(one, ast.Constant) else "x" for one in node.values)


def _documentation(tree: ast.AST) -> Iterator[int]:
    """Yield the strings that are documentation: docstrings, help texts, and the parts of other strings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield id(node.value)
        elif isinstance(node, ast.JoinedStr):
            yield from map(id, node.values)
        elif isinstance(node, ast.keyword) and node.arg in ("help", "epilog"):
            yield from (id(part) for part in ast.walk(node.value))


def _is_command(function: ast.expr) -> bool:
    match function:
        case ast.Name("command") | ast.Attribute(attr="command"):
            return True
        case _:
            return False


def _problems_of_call(call: ast.Call, operations: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    first = call.args[0] if call.args else None
    if not (isinstance(first, ast.Constant) and isinstance(first.value, str)):
        return  # a command of typer, or a name that is checked where it is written
    name = first.value
    if "." not in name:
        if name.partition(" ")[0] not in OTHERS | {"console", "mcp"}:
            yield f"there is no command {name!r}"
        return
    entry = operations.get(name)
    if entry is None:
        yield f"there is no operation {name!r}"
        return
    places = [one["name"] for one in entry["parameters"] if one["place"] == "path"]
    needed = [one["name"] for one in entry["parameters"] if one["required"] and one["place"] != "path"]
    options = {one.arg for one in call.keywords}
    given = len(call.args) - 1
    bare = len(needed) == 1 and given == len(places) + 1
    if given != len(places) and not bare:
        yield f"{name}: expected {places}, got {given} arguments"
    known = {one["name"] for one in entry["parameters"]} | {"node", None}
    if options - known:
        yield f"{name}: unknown options {sorted(map(str, options - known))}"
    if not bare and None not in options and set(needed) - options:
        yield f"{name}: expected the options {needed}"
    of_context = isinstance(call.func, ast.Attribute)
    if entry["on_node"] and not of_context and "node" not in options:
        yield f"{name} acts on a node: expected node=…, or context.command(…)"


def main() -> int:
    operations = manifest()
    found: list[str] = []
    for path in sorted(SOURCES.rglob("*")):
        name = path.relative_to(SOURCES).as_posix()
        if path.suffix not in (".py", ".js", ".html") or name in DOCUMENTS or "/vendor/" in name or not path.is_file():
            continue
        look = problems_in_python if path.suffix == ".py" else problems_in_page
        found += [f"{_shown(path)}:{line}: {problem}" for line, problem in look(path.read_text("utf-8"), operations)]
    print("\n".join(found) if found else "check_commands: every printed command is made by the function for it")
    return 1 if found else 0


def _shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


if __name__ == "__main__":
    sys.exit(main())
