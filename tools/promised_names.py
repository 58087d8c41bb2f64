"""The names that must stay importable, whatever moves inside; `promised_names.txt` records them.

Recorded are

- the names of the packages and top-level modules of `otp`, outside `otp.kernel` and `otp.behaviours`, with the public
  members of their classes;
- each name of `otp` and `superlearner` that the documentation, a lesson or an example imports;
- the modules that plug-ins import, and the entry points;
- the names that the modules inside those packages had when the record began. They may move if a decision says so; then
  remove them here by hand.

    python -m tools.promised_names --add    # record what is new; nothing is removed
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import sys
import textwrap
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import otp
from tools.files import ROOT, written_files

__all__ = ["RECORD", "collect", "is_importable", "read_record"]

RECORD: Final = Path(__file__).with_suffix(".txt")
PLUG_INS: Final = (
    *(f"superlearner.operations.{name}" for name in ("context", "declaration", "failures", "parameters", "targets")),
    "superlearner.agents",
)
"""Modules that plug-ins and learners import."""
STARTED: Final = ("superlearner.demo.one_for_one:DemoOneForOne",)
"""Trees that are started by their name."""
OF_THE_CODE: Final = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "adding-an-operation.md",
    "adding-a-page.md",
    "architecture.md",
)
"""Pages about the code of this repository; they change with it."""
PRIVATE: Final = ("otp.kernel", "otp.behaviours")
_IMPORT: Final = re.compile(
    r"^\s*(?:from (?:otp|superlearner)\S* import (?:\([^)]*\)|.*)|import (?:otp|superlearner)\S*)", re.MULTILINE
)


def collect() -> set[str]:
    """Return the names that can be imported now and that others rely on, as `module:name` or `module:Class.member`."""
    found: set[str] = set()
    for module in _modules(otp):
        for name in _exported(module):
            found.add(f"{module.__name__}:{name}")
            if isinstance(thing := getattr(module, name), type):
                found |= {f"{module.__name__}:{name}.{member}" for member in _members(thing)}
    for plug_in in PLUG_INS:
        found |= {f"{plug_in}:{name}" for name in _exported(importlib.import_module(plug_in))}
    return found | {name for name in (*_shown(), *STARTED, *_entry_points()) if is_importable(name)}


def is_importable(name: str) -> bool:
    """Return whether `module:name` can be imported."""
    module, _, path = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in path.split(".") if path else ():
            found = getattr(found, part) if not _is_field(found, part) else found
    except (ImportError, AttributeError):
        return False
    return True


def _is_field(thing: Any, name: str) -> bool:
    """Return whether a class declares an attribute that only its objects have."""
    return isinstance(thing, type) and any(name in getattr(base, "__annotations__", {}) for base in thing.__mro__)


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    """Yield a package, the packages in it, and the modules of the top level."""
    yield package
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if found.name in PRIVATE or found.name.rpartition(".")[2].startswith("_"):
            continue
        if found.ispkg:
            yield from _modules(importlib.import_module(found.name))
        elif package is otp:
            yield importlib.import_module(found.name)


def _exported(module: ModuleType) -> list[str]:
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return [name for name in listed if not name.startswith("_")]
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]


def _members(cls: type) -> set[str]:
    ours = [base for base in cls.__mro__ if base.__module__.partition(".")[0] == "otp"]
    return {name for base in ours for name in (*vars(base), *getattr(base, "__annotations__", {})) if name[:1] != "_"}


def _shown() -> Iterator[str]:
    """Yield the names that pages, lessons and examples import."""
    for path in written_files():
        is_page = path.suffix == ".md" and "decisions" not in path.parts and path.name not in OF_THE_CODE
        if is_page or (path.suffix == ".py" and path.parts[0] == "examples"):
            for statement in _IMPORT.findall((ROOT / path).read_text(encoding="utf-8")):
                yield from _imported(statement if "(" in statement else statement.partition("#")[0])


def _imported(statement: str) -> Iterator[str]:
    try:
        tree = ast.parse(statement.strip())
    except SyntaxError:  # a sentence that begins like an import
        return
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}:{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (f"{alias.name}:" for alias in node.names)


def _entry_points() -> Iterator[str]:
    for project in ("otp", "superlearner"):
        declared = tomllib.loads((ROOT / project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        for group in (declared.get("scripts", {}), *declared.get("entry-points", {}).values()):
            yield from (value if ":" in value else f"{value}:" for value in group.values())


def read_record() -> set[str]:
    """Return the recorded names."""
    found: set[str] = set()
    owner = ""
    for line in RECORD.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if not line.startswith(" "):
            owner, _, line = line.partition(" ")
        separator = "." if ":" in owner else ":"
        found |= {f"{owner}{separator}{name}" for name in line.split() or [""]}
    return found


def _write_record(names: set[str]) -> None:
    owners: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        module, _, path = name.partition(":")
        above, _, last = path.rpartition(".")
        owners[f"{module}:{above}" if above else module].append(last)
    lines = ["# Names that stay importable; see tools/promised_names.py.", ""]
    for owner, last in sorted(owners.items()):
        text = " ".join(sorted(filter(None, last)))
        lines += textwrap.wrap(f"{owner} {text}", 118, subsequent_indent="    ", break_on_hyphens=False)
    RECORD.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] != ["--add"]:
        raise SystemExit("usage: python -m tools.promised_names --add")
    _write_record(collect() | (read_record() if RECORD.exists() else set()))
