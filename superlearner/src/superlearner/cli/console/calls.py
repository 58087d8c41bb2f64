"""Operations as functions that call the platform and wait for the answer."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import ModuleType
from typing import Any

from superlearner.base.identifiers import identifier
from superlearner.base.validation import unknown
from superlearner.cli.asking import RequestRefused
from superlearner.cli.console.failures import NoField, NoPlatform, OperationFailed, WrongCall
from superlearner.cli.console.originals import MEMBERS
from superlearner.cli.console.values import Record, value_of
from superlearner.cli.finding import PlatformNotFound, WrongUrl
from superlearner.cli.hints import translated
from superlearner.cli.remote import Line, Remote
from superlearner.operations import PREFIX
from superlearner.operations.adapters.console import docstring_of, signature_of
from superlearner.operations.engine.routes import FoundRoute, RouteTable

__all__ = ["Caller", "Changed", "Functions", "made"]


class Functions(ModuleType):
    """A module of functions, which `help` and completion can handle."""

    def __init__(self, name: str, words: str, members: Mapping[str, Any]) -> None:
        super().__init__(name, words)
        self.__dict__.update(members)
        self.__all__ = sorted(members)

    def __getattr__(self, name: str) -> Any:
        """Explain that there is no such function."""
        hint = MEMBERS.get(self.__name__, {}).get(name)
        if hint is None:
            near = get_close_matches(name, self.__all__, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(self.__all__)}"
        raise NoField(f"{self.__name__} has no function {name!r}; {hint}")

    def __dir__(self) -> list[str]:
        """List only the functions."""
        return list(self.__all__)

    def __repr__(self) -> str:
        """Return a line for each function."""
        width = max((len(name) for name in self.__all__), default=0)
        lines: list[str] = []
        for name in self.__all__:
            words = (getattr(self, name).__doc__ or "").partition("\n")[0]
            lines.append(f"  {name.ljust(width)}  {words}".rstrip())
        return "\n".join([f"{self.__name__}: {self.__doc__}", *lines])


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller of one platform's operations.

    Args:
        remote: the platform.
        lines: its operations by name.
        node: the default node for calls.
    """

    remote: Remote
    lines: Mapping[str, Line]
    node: str | None = None
    routes: dict[tuple[str, str], str] = field(init=False, default_factory=dict[tuple[str, str], str])

    def __post_init__(self) -> None:
        """Index the operations by route."""
        for name, line in self.lines.items():
            self.routes[line["method"], line["path"].removeprefix(PREFIX)] = name

    def ask(self, name: str, given: Mapping[str, Any], *, dry_run: bool = False, node: str | None = None) -> Any:
        """Return the value of an operation's answer.

        Raises:
            OperationFailed: the operation failed.
        """
        try:
            answer = self.remote.ask(self.lines[name], given, dry_run=dry_run, node=node or self.node)
        except PlatformNotFound as error:
            raise NoPlatform("no_platform", str(error)) from None
        except RequestRefused as error:
            hints = tuple(self._in_our_words(hint) for hint in error.hints)
            raise OperationFailed(error.code, str(error), hints) from None
        except (WrongUrl, OSError) as error:
            raise NoPlatform("no_platform", str(error)) from None
        return value_of(answer.data, answer.meta)

    def _in_our_words(self, hint: str) -> str:
        def call(route: FoundRoute) -> str:
            given = route.values if route.node is None else {**route.values, "node": route.node}
            return f"{route.name}({', '.join(f'{name}={value!r}' for name, value in given.items())})"

        table = RouteTable((method, path, name) for (method, path), name in self.routes.items())
        return translated(hint, table, call, lambda name: f"add {name}=True")


@dataclass(frozen=True, slots=True)
class Changed:
    """The differences between a function and its operation.

    Args:
        fixed: parameters that the function sets itself.
        renamed: parameters with another name here.
        pick: the part of the answer to return.
        first: optional parameters that may be positional.
        words: its summary, if it does less than the operation.
    """

    fixed: Mapping[str, Any] = field(default_factory=dict[str, Any])
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])
    pick: Sequence[str] = ()
    first: Sequence[str] = ()
    words: str = ""


def made(caller: Caller, operation: str, called: str, changed: Changed | None = None) -> Callable[..., Any]:
    """Return the function of an operation.

    Args:
        caller: calls the platform.
        operation: its name, such as `process.kill`.
        called: the function's name at the prompt.
        changed: differences from the operation, if any.
    """
    changed = changed or Changed()
    line = caller.lines[operation]
    theirs = {identifier(name): name for name in line["parameters"].get("properties", {})}
    theirs |= {here: there for there, here in changed.renamed.items()}
    signature = _signature(line, changed)

    def function(*arguments: Any, **named: Any) -> Any:
        try:
            bound = signature.bind(*arguments, **named)
        except TypeError as error:
            near = [unknown(name, list(signature.parameters)) for name in named if name not in signature.parameters]
            meant = f"; {near[0]}" if near and near[0].startswith("did") else ""
            raise WrongCall(f"{called}{signature}: {error}{meant}") from None
        dry_run = bound.arguments.pop("dry_run", False)
        node = bound.arguments.pop("node", None) if line["on_node"] else None
        given = {theirs.get(name, name): _json_of(called, name, value) for name, value in bound.arguments.items()}
        answer = caller.ask(operation, {**given, **changed.fixed}, dry_run=dry_run, node=node)
        for part in () if dry_run else changed.pick:
            answer = answer[part]
        return answer

    function.__name__ = called.rpartition(".")[2]
    function.__qualname__ = called
    function.__module__ = called.partition(".")[0]
    told = docstring_of(line)
    function.__doc__ = f"{changed.words}\n\n{told}" if changed.words else told
    setattr(function, "__signature__", signature)
    return function


def _signature(line: Line, changed: Changed) -> inspect.Signature:
    by_position: list[inspect.Parameter] = []
    optional: list[inspect.Parameter] = []
    by_name: list[inspect.Parameter] = []
    for one in signature_of(line).parameters.values():
        if one.name in changed.fixed:
            continue
        here = one.replace(name=changed.renamed.get(one.name, one.name))
        if one.name in changed.first:
            optional.append(here.replace(kind=one.POSITIONAL_OR_KEYWORD))
        else:
            (by_name if one.kind is one.KEYWORD_ONLY else by_position).append(here)
    return inspect.Signature([*by_position, *optional, *by_name])


def _json_of(called: str, name: str, value: Any) -> Any:
    """Return the value to send; a row is accepted in place of a name."""
    if isinstance(value, Record) and isinstance(value.get("pid"), str):
        return value["pid"]
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise WrongCall(f"{called}: {name}: expected a JSON value, got {type(value).__name__} ({error})") from None
    return value
