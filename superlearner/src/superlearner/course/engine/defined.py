"""Definitions of an answer: names, functions of a class, and choices."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Collection, Mapping
from types import ModuleType
from typing import Any, Final

from superlearner.course.engine.values import as_mapping, as_set, did_you_mean, render, why_no_set
from superlearner.course.engine.verdict import Incomplete, Wrong

__all__ = ["Defined"]


SERVERS: Final = ("server", "pid", "agent", "cache", "name")
"""Parameters that stand for the server."""


class Defined:
    """The definitions of an answer.

    Args:
        answer: the module of the learner.
    """

    def __init__(self, answer: ModuleType) -> None:
        self.answer = answer

    def need(self, name: str) -> Any:
        """Return what the answer defines under a name."""
        found = getattr(self.answer, name, self)
        if found is not self:
            return found
        module = self.answer.__name__
        own = [
            key
            for key, value in vars(self.answer).items()
            if not key.startswith("_")
            and not isinstance(value, ModuleType)
            and getattr(value, "__module__", module) == module
        ]
        near = difflib.get_close_matches(name, own, 1)
        hint = f"; did you mean {name!r} where you wrote {near[0]!r}?" if near else ""
        raise Wrong(f"expected a definition of {name!r} in your code, got none{hint}")

    def member(self, owner: Any, name: str) -> Callable[..., Any]:
        """Return a function that a class of the answer defines."""
        found = getattr(owner, name, None)
        if not callable(found):
            base = "" if hasattr(owner, "child_spec") else f"; is the class written as {owner.__name__}(GenServer)?"
            raise Wrong(f"expected {owner.__name__}.{name}(…), got none{base if name == 'start' else ''}")
        if inspect.isfunction(found) and _takes_self(found):
            others = [*inspect.signature(found).parameters][1:]
            given = ", ".join(others if others[:1] and others[0] in SERVERS else ("server", *others))
            line = f"line {inspect.unwrap(found).__code__.co_firstlineno}: "
            raise Wrong(f"{line}`{name}` is called as {owner.__name__}.{name}({given}): expected no parameter `self`")
        return found

    def choices(self, keys: tuple[str, ...], values: Collection[str] = ()) -> Mapping[str, Any]:
        """Return the mapping `answer` with these keys, each with a value; if `values` are given, with one of them."""
        given = self.need("answer")
        if given is None:
            raise Incomplete("choose one for each line: nothing is chosen yet")
        answer = as_mapping(given)
        if answer is None:
            raise Wrong(f"expected answer to be a dict, got {render(given)}")
        missing = [key for key in keys if answer.get(key) is None]
        if missing:
            raise Incomplete(f"choose one for each line: {missing[0]!r} has none yet")
        self.no_other_keys("answer", answer, keys)
        for key in keys:
            if values and (type(answer[key]) is not str or answer[key] not in values):
                near = did_you_mean(answer[key], values)
                raise Wrong(f"{render(answer[key])} is not a choice for {key!r}{near}")
        return answer

    def no_other_keys(self, name: str, mapping: Mapping[Any, Any], keys: Collection[Any]) -> None:
        """Raise `Wrong` if a mapping that the answer defines has another key than these."""
        strange = [key for key in mapping if key not in keys]
        if strange:
            raise Wrong(f"expected only the keys of the exercise in {name}, got {render(strange[0])} as well")

    def names_in(self, name: str, of: str = "names") -> set[Any]:
        """Return a set that the answer defines; it may be given as a list. `of` says in sentences what it holds."""
        value = self.need(name)
        if value is None:
            raise Incomplete(f"choose at least one: {name} is still None")
        found = as_set(value)
        if found is None:
            raise Wrong(why_no_set(name, value, of))
        return found


def _takes_self(function: Callable[..., Any]) -> bool:
    """Return whether the first parameter is `self`; asked at each use, so without the slower `inspect.signature`."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code is not None and code.co_varnames[: code.co_argcount][:1] == ("self",)
