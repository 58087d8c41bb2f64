"""Names that an answer must not change: built-in functions, the library, and the engine.

The names of all their modules and classes are kept before the answer is imported, and compared when it is, at the end
and after an error; those of the built-in functions and of the engine also at each step. The check calls no function by
a name that an answer can replace until it has compared all of them. It finds replaced names and no more: code that is
written to defeat it can, such as by another `__code__` of a function, because both share an interpreter. The
documentation says so.
"""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import sys
import threading
from collections.abc import Collection, Mapping
from itertools import chain
from operator import is_
from types import ModuleType
from typing import Any, Final

from superlearner.course.engine.verdict import Wrong

__all__ = ["Integrity"]

OURS: Final = ("builtins", "otp", "superlearner", "asyncio", "inspect", "threading", "sys", "types", "typing")
AT_EACH_STEP: Final = ("builtins", "superlearner.course.engine", "otp")
"""Modules whose names are compared at each step: with those in them, a tenth of all names."""
DESCRIPTORS: Final = (classmethod, staticmethod, property)
MAY_CHANGE: Final = {"sys": {"last_exc", "last_type", "last_value", "last_traceback", "path_importer_cache", "argv"}}


class Integrity:
    """The names of the modules and classes that an answer must leave as they are."""

    def __init__(self) -> None:
        self._threads: set[threading.Thread] = set()
        self._put_back: Final = setattr
        # What `check` calls before it has compared the built-in functions
        self._compare: Final = all, map, is_
        self._parts: Final = self._is_same, self._check, self._check_names, self._look
        self._flatten: Final = map, len, chain.from_iterable
        self._guards: Final = callable, isinstance, DESCRIPTORS
        self._modules: dict[str, Any] = {}
        self._kept: list[tuple[str, Any, Mapping[str, Any], dict[str, Any], Collection[str]]] = []
        self._shown: list[Collection[Any]] = []
        """The values of each owner now."""
        self._near: list[Collection[Any]] = []
        """The first of them: those that are compared at each step."""
        self._lengths: list[int] = []
        self._values: list[Any] = []

    def begin(self) -> None:
        """Keep the names as they are before a run; those of the run before are the same, if nothing was imported."""
        self._threads = set(threading.enumerate())
        modules = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in OURS}
        if self._modules != modules or not (self._is_same(self._shown) or self._renew()):
            self._modules = modules
            self._keep_all()

    def _renew(self) -> bool:
        """Keep what has changed; return False if there may be new classes, to be searched with all others."""
        for place, (name, owner, names, kept, ignored) in enumerate(self._kept):
            if len(names) == len(kept) and all(map(is_, names.values(), kept.values())):
                continue
            if any(isinstance(value, type) and kept.get(label) is not value for label, value in names.items()):
                return False
            self._kept[place] = name, owner, names, dict(names), ignored
        self._look()
        return True

    def _keep_all(self) -> None:
        self._kept = []
        seen: set[int] = set()
        for name, module in self._modules.items():
            if not isinstance(module, ModuleType):
                continue
            self._keep(name, module)
            for label, value in vars(module).items():
                if not issubclass(type(value), type) or id(value) in seen:
                    continue
                seen.add(id(value))
                if (home := _package_of(value)) in OURS and home != "builtins":
                    self._keep(f"{name}.{label}", value)
        self._kept.sort(key=lambda one: not _is_near(one[0]))
        self._shown = [names.values() for _, _, names, _, _ in self._kept]
        self._near = [names.values() for name, _, names, _, _ in self._kept if _is_near(name)]
        self._look()

    def _keep(self, name: str, owner: Any) -> None:
        names: Any = vars(owner)  # it shows later changes, too
        self._kept.append((name, owner, names, names.copy(), MAY_CHANGE.get(name, ())))

    def _look(self) -> None:
        """Keep all values in one list, and how many belong to each owner."""
        each, count, flatten = self._flatten
        self._lengths = [*each(count, self._shown)]
        self._values = [*flatten(self._shown)]

    def _is_same(self, shown: list[Collection[Any]]) -> bool:
        """Return whether these owners, the first ones, have the values of the last look: one comparison of all."""
        every, each, same = self._compare
        _, count, flatten = self._flatten
        lengths = [*each(count, shown)]
        return lengths == self._lengths[: lengths.__len__()] and every(each(same, flatten(shown), self._values))

    def check(self) -> None:
        """Raise `Wrong` if something was changed, or a thread was started; what was changed is put back."""
        _, check, _, _ = self._parts
        check(self._shown)

    def check_step(self) -> None:
        """Raise `Wrong` as `check` does, for the names that are compared at each step."""
        _, check, _, _ = self._parts
        check(self._near)

    def _check(self, shown: list[Collection[Any]]) -> None:
        is_same, _, check_names, look = self._parts
        if not is_same(shown):
            check_names()
            look()  # names were added
        if set(threading.enumerate()) - self._threads:
            raise Wrong("expected no thread, got one: processes run in the event loop; use otp.spawn")

    def _check_names(self) -> None:
        every, each, same = self._compare
        can_call, is_a, descriptors = self._guards
        changed = [
            (name, owner, label, value)
            for name, owner, names, kept, ignored in self._kept
            # Names are seldom added and never reordered, so most owners are compared value by value, without a look-up
            if names.__len__() < kept.__len__() or not every(each(same, names.values(), kept.values()))
            for label, value in kept.items()
            if names.get(label) is not value
            if (can_call(value) or is_a(value, descriptors)) and label not in ignored
        ]
        for _, owner, label, value in changed:
            self._put_back(owner, label, value)
        if changed:
            name, _, label, _ = changed[0]
            raise Wrong(f"expected your file to leave {name}.{label} as it is, but it was replaced")


def _is_near(name: str) -> bool:
    return name in AT_EACH_STEP or name.startswith("superlearner.course.engine.")


def _package_of(cls: type) -> str:
    """Return the package of a class, without asking its metaclass."""
    return str(type.__getattribute__(cls, "__module__")).partition(".")[0]
