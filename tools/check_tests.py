"""Refuse sleeping and polling in tests and sources.

Refused in tests: ``time.sleep``, ``asyncio.sleep`` and ``anyio.sleep`` of any length, a browser's ``wait_for_timeout``,
every loop around ``sleep(0)``, every ``while`` that reads a clock or awaits its condition. Refused in the sources:
``time.sleep``, every loop around a sleep, and ``setInterval`` in a page's script.

``allowed_waits.txt`` lists the exceptions, a place per line with its reason; ``*`` matches anything. A line that begins
with ``virtual:`` lets tasks under test sleep in virtual time, which takes no time, but not in a loop. A line whose
place no longer sleeps is refused as well.

    python -m tools.check_tests
"""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from tools.files import ROOT, written_files

VIRTUAL = "virtual:"
ALLOWED = Path(__file__).with_name("allowed_waits.txt")
_SLEEPERS = {"time.sleep", "asyncio.sleep", "anyio.sleep", "trio.sleep", "gevent.sleep"}
_CLOCKS = {"time.time", "time.monotonic", "time.perf_counter", "otp.monotonic"}
_BROWSER_SLEEP = "wait_for_timeout"
_TRY = "try a monitor, a message, an event, wait_all_idle() or advance()"


@dataclass(frozen=True, slots=True)
class Wait:
    """A refused sleep: its place (file, line, function) and the problem."""

    file: str
    line: int
    place: str
    what: str
    virtual: bool = False
    """True if it takes no time under a virtual clock."""

    @property
    def key(self) -> str:
        """Name of the place in the allow-list."""
        return f"{self.file}::{self.place}"

    def is_allowed_by(self, line: str) -> bool:
        """Return whether this line of the allow-list covers it."""
        if line.startswith(VIRTUAL):
            return self.virtual and fnmatchcase(self.key, line.removeprefix(VIRTUAL))
        return fnmatchcase(self.key, line)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: in {self.place}: {self.what}; {_TRY}"


class _Finder(ast.NodeVisitor):
    def __init__(self, file: str, is_test: bool) -> None:
        self.file = file
        self.is_test = is_test
        self.names: dict[str, str] = {}
        self.places: list[str] = []
        self.loops = 0
        self.found: list[Wait] = []

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.names[alias.asname or alias.name] = alias.name

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            self.names[alias.asname or alias.name] = f"{node.module}.{alias.name}"

    def _in_function(self, node: ast.AST, name: str) -> None:
        outside, self.loops = self.loops, 0
        self.places.append(name)
        self.generic_visit(node)
        self.places.pop()
        self.loops = outside

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._in_function(node, node.name)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._in_function(node, node.name)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._in_function(node, node.name)

    def _in_loop(self, node: ast.AST) -> None:
        self.loops += 1
        self.generic_visit(node)
        self.loops -= 1

    def visit_While(self, node: ast.While) -> None:
        asked = list(ast.walk(node.test))
        clock = any(isinstance(part, ast.Call) and self._full_name(part.func) in _CLOCKS for part in asked)
        if self.is_test and (clock or any(isinstance(part, ast.Await) for part in asked)):
            self._refuse(node, "this loop polls")
        self._in_loop(node)

    visit_For = visit_AsyncFor = _in_loop
    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _in_loop

    def visit_Call(self, node: ast.Call) -> None:
        name = self._full_name(node.func)
        if name in _SLEEPERS:
            self._sleep(node, name)
        elif isinstance(node.func, ast.Attribute) and node.func.attr == _BROWSER_SLEEP:
            self._refuse(node, f"{_BROWSER_SLEEP} sleeps")
        self.generic_visit(node)

    def _full_name(self, func: ast.expr) -> str:
        text = ast.unparse(func)
        head, dot, rest = text.partition(".")
        return self.names.get(head, head) + dot + rest

    def _sleep(self, node: ast.Call, name: str) -> None:
        turn = bool(node.args) and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
        if self.loops:
            self._refuse(node, f"a loop around {name} polls")
        elif name == "time.sleep":
            self._refuse(node, "time.sleep stops the whole loop")
        elif self.is_test and not turn:
            what = f"{name} in a test is slow on a fast machine and too short on a slow one"
            self._refuse(node, what, virtual=name == "asyncio.sleep")

    def _refuse(self, node: ast.Call | ast.While, what: str, virtual: bool = False) -> None:
        self.found.append(Wait(self.file, node.lineno, ".".join(self.places) or "module", what, virtual))


def waits_in(source: str, file: str) -> list[Wait]:
    """Return the refused sleeps of a file; its path tells tests from sources."""
    if file.endswith((".js", ".html")):
        lines = enumerate(source.splitlines(), 1)
        return [
            Wait(file, number, "script", "setInterval polls")
            for number, line in lines
            if re.search(r"\bsetInterval\s*\(", line)
        ]
    finder = _Finder(file, is_test="tests" in Path(file).parts)
    finder.visit(ast.parse(source, file))
    return finder.found


def read_allowed(text: str) -> set[str]:
    """Return the places of the allow-list, ``file::place  reason`` per line."""
    allowed: set[str] = set()
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        key, _, reason = line.strip().partition(" ")
        if not reason.strip():
            raise SystemExit(f"{ALLOWED.name}: expected «file::place  reason», got {line!r}; say why it has to wait")
        allowed.add(key)
    return allowed


def check(files: dict[str, str], allowed: set[str]) -> list[str]:
    """Return the problems as text lines; ``files`` maps a path to its text."""
    waits = [wait for file, source in files.items() for wait in waits_in(source, file)]
    used = {line for line in allowed if any(wait.is_allowed_by(line) for wait in waits)}
    wrong = [str(wait) for wait in waits if not any(wait.is_allowed_by(line) for line in used)]
    return wrong + [f"{ALLOWED.name}: {line}: nothing sleeps there; remove the line" for line in sorted(allowed - used)]


def _subject_to_the_rule(path: Path) -> bool:
    inside = "tests" in path.parts or "src" in path.parts
    return inside and path.suffix in {".py", ".js", ".html"} and "vendor" not in path.parts


def _files() -> dict[str, str]:
    return {p.as_posix(): (ROOT / p).read_text(encoding="utf-8") for p in written_files() if _subject_to_the_rule(p)}


if __name__ == "__main__":
    problems = check(_files(), read_allowed(ALLOWED.read_text(encoding="utf-8")))
    print("\n".join(problems) or "check_tests: no sleeping, no polling")
    sys.exit(bool(problems))
