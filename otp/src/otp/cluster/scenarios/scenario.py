"""A scenario file: faults and operations as JSON steps, with what is expected after them."""

# What a file holds has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import difflib
import importlib.util
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from otp.distribution import TEACHING, Settings
from otp.kernel.values.errors import BadArgument
from otp.watchdog import LIBRARY_FOLDERS

__all__ = ["FAULTS", "Program", "Scenario", "ScenarioError", "read_scenario"]

FAULTS: Final = {
    "kill": "member", "stop": "member", "start": "member", "stall": "member", "resume": "member",
    "cut": "from to one_way?", "partition": "sides", "drop": "from to share", "delay": "from to seconds",
    "skew": "member seconds", "heal": "", "sleep": "seconds", "converge": "within?",
}  # fmt: skip
_VERBS: Final = FAULTS | {
    "register": "on as name? registry? key?", "unregister": "on as name? registry? key?",
    "join": "on group as", "leave": "on group as",
    "start_child": "on supervisor start arg? id? prefer?", "terminate_child": "on supervisor id",
    "call": "on name? registry? key? supervisor? child? request save?", "end": "as",
}  # fmt: skip
"""The keys of each verb; those with a question mark may be missing."""
_EXPECTED: Final = {
    "members": "", "lost": "", "owner": "name? registry? key?", "child": "of runs? at?", "group": "size",
    "ended": "reason?", "reply": "equals",
}  # fmt: skip
_KEYS: Final = "scenario name members? leases? program? settings? steps"
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "seconds": (int, float), "share": (int, float), "within": (int, float), "for": (int, float), "sides": (list,),
    "one_way": (bool,), "on": (str,), "member": (str,), "as": (str,), "from": (str,), "to": (str,), "raises": (str,),
    "start": (str,), "prefer": (str,), "supervisor": (str,), "registry": (str,), "save": (str,),
}  # fmt: skip
_SHOWN: Final = {list: "a list", bool: "true or false", str: "a text"}
_MOST: Final = 12


class ScenarioError(BadArgument):
    """A scenario file that cannot be run; the text names the step, counted from 1."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A checked scenario file.

    >>> Scenario("a name moves", ["n1", "n2"], [{"do": "kill", "member": "n2"}]).settle
    0.5
    """

    name: str
    members: list[str]
    steps: list[Mapping[str, Any]]
    settings: Settings = TEACHING
    settle: float = 0.5
    program: Path | None = None
    children: str = ""
    """The function of the program that returns the children of a member."""
    leases: bool = False


# Reading


def read_scenario(file: Path) -> Scenario:
    """Read and check a scenario file. Raises `ScenarioError`.

    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp(), "a.json")
    >>> _ = file.write_text('{"scenario": 1, "name": "one", "steps": [{"do": "kil", "member": "n1"}]}')
    >>> read_scenario(file)
    Traceback (most recent call last):
    otp.cluster.scenarios.scenario.ScenarioError: a.json, step 1: unknown verb 'kil'; did you mean 'kill'?
    """
    where = file.name
    try:
        given = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError(f"{file}: {error.strerror or error}") from None
    except ValueError as error:  # no JSON, or no UTF-8
        raise ScenarioError(f"{where}: expected JSON, got {error}") from None
    _check(where, given, _KEYS)
    if given["scenario"] != 1:
        raise ScenarioError(f"{where}: expected scenario 1, got {given['scenario']!r:.100}")
    if not isinstance(given["name"], str) or not isinstance(given["steps"], list):
        raise ScenarioError(f"{where}: expected a name and a list of steps")
    if not isinstance(given.get("leases", False), bool):
        raise ScenarioError(f"{where}: expected leases as true or false, got {given['leases']!r:.100}")
    for number, step in enumerate(given["steps"], 1):
        _check_step(f"{where}, step {number}", step)
    settings, settle = _settings(where, given.get("settings", {}))
    path, _, children = str(given.get("program", "")).partition(":")
    program = file.parent / path if path else None
    if program is not None and not program.is_file():
        raise ScenarioError(f"{where}: there is no program {program}")
    return Scenario(
        given["name"], _members(where, given.get("members", 3)), given["steps"], settings, settle, program, children,
        given.get("leases", False),
    )  # fmt: skip


def _members(where: str, given: Any) -> list[str]:
    if isinstance(given, int) and not isinstance(given, bool) and 0 < given <= _MOST:
        return [f"n{number}" for number in range(1, given + 1)]
    if isinstance(given, list) and 0 < len(given) <= _MOST and all(isinstance(name, str) for name in given):
        return given
    raise ScenarioError(f"{where}: expected members from 1 to {_MOST}, or a list of names, got {given!r:.100}")


def _settings(where: str, given: Any) -> tuple[Settings, float]:
    _check(f"{where}, settings", given, "heartbeat? dead? settle?")
    for key, value in given.items():
        if not isinstance(value, (int, float)) or isinstance(value, bool) or value < 0:
            raise ScenarioError(f"{where}, settings: expected {key} in seconds, got {value!r:.100}")
    times = {key: float(value) for key, value in given.items() if key != "settle"}
    try:
        settings = replace(TEACHING, **times)
    except BadArgument as error:
        raise ScenarioError(f"{where}, settings: {error}") from None
    return settings, float(given.get("settle", 0.5))


def _check_step(where: str, step: Any) -> None:
    if not isinstance(step, dict) or ("do" in step) == ("expect" in step):
        raise ScenarioError(f"{where}: expected an object with 'do' or 'expect', got {step!r:.200}")
    if "do" in step:
        verb = step["do"]
        if verb not in _VERBS:
            raise ScenarioError(f"{where}: unknown verb {verb!r:.100}; {_similar(verb, _VERBS)}")
        _check(where, step, f"do raises? {_VERBS[verb]}")
    else:
        _check(where, step, "expect on? within? for?")
        if "within" in step and "for" in step:
            raise ScenarioError(f"{where}: expected 'within' or 'for', got both")
        expected = step["expect"]
        kinds = [key for key in _EXPECTED if isinstance(expected, dict) and key in expected]
        if not kinds:
            raise ScenarioError(f"{where}: expected one of {', '.join(_EXPECTED)}, got {expected!r:.200}")
        _check(where, expected, f"{kinds[0]} {_EXPECTED[kinds[0]]}")


def _check(where: str, given: Any, keys: str) -> None:
    """Raise `ScenarioError` unless an object has the keys, and no others, with values of their types."""
    if not isinstance(given, dict):
        raise ScenarioError(f"{where}: expected an object, got {given!r:.100}")
    known = [key.removesuffix("?") for key in keys.split()]
    for key, value in given.items():
        if key not in known:
            raise ScenarioError(f"{where}: unknown key {key!r:.100}; {_similar(key, known)}")
        types = _TYPES.get(key, (object,))
        if not isinstance(value, types) or (isinstance(value, bool) and types == (int, float)):
            raise ScenarioError(f"{where}: expected {key} as {_SHOWN.get(types[0], 'a number')}, got {value!r:.100}")
    for key in keys.split():
        if not key.endswith("?") and key not in given:
            raise ScenarioError(f"{where}: {key!r} is missing")


def _similar(word: Any, known: Any) -> str:
    found = difflib.get_close_matches(str(word), list(known), 1)
    return f"did you mean {found[0]!r}?" if found else f"expected one of {', '.join(known)}"


# The program


class Program:
    """The imported program of a scenario, which each member runs. Raises `ScenarioError`.

    >>> Program(Scenario("a name moves", ["n1"], [])).children("n1")
    ()
    """

    def __init__(self, scenario: Scenario) -> None:
        self.module: ModuleType | None = None if scenario.program is None else _load(scenario.program)
        self._children: Any = getattr(self.module, scenario.children, None) if scenario.children else ()
        if self._children is None:
            raise ScenarioError(f"{scenario.program and scenario.program.name} has no function {scenario.children!r}")
        self.allow: list[Any] = [] if self.module is None else [self.module]

    def children(self, member: str) -> Any:
        """Return the children of a member."""
        try:
            return self._children(member) if callable(self._children) else self._children
        except Exception as error:
            raise ScenarioError(f"member {member} did not start: {type(error).__name__}: {error}") from error

    def class_named(self, start: str) -> Any:
        """Return the class that `"file.py:Class"` names; it has to be one of the program."""
        path, _, name = start.partition(":")
        if path != Path(str(getattr(self.module, "__file__", ""))).name or not hasattr(self.module, name):
            raise ScenarioError(f"expected a class of the program, got {start!r}")
        return getattr(self.module, name)


def _load(program: Path) -> ModuleType:
    if _is_taken(program.stem, program):  # all that imports it later would get the program
        raise ScenarioError(f"expected a program with a name of its own, got {program.name}; try my_{program.name}")
    spec = importlib.util.spec_from_file_location(program.stem, program)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[program.stem] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ScenarioError(f"{program.name} cannot be imported: {error!r:.300}") from error
    return module


def _is_taken(name: str, program: Path) -> bool:
    """Return whether a module of Python, or of a package that is loaded, has the name of a program."""
    file = getattr(sys.modules.get(name), "__file__", None) or ""
    return name in {*sys.stdlib_module_names, "__main__"} or (
        file.startswith(LIBRARY_FOLDERS) and Path(file) != program
    )
