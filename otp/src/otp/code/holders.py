"""Holders of a module's old classes and functions after a reload: modules, states and mailboxes.

`from messages import Add` in another module is the old class after a reload of `messages`: its objects match no `case
Add()` of the new code, and nothing fails. This module only reads tables and runs no code of the program.
"""

# Names, states and messages are of any type.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false

from __future__ import annotations

import sys
from asyncio import sleep
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from types import FunctionType, MethodType, ModuleType
from typing import Any, Final

from otp._structure import bases_of, members_of, module_of, name_of, stored
from otp.behaviours.server.newest import find_current_version, version_names
from otp.code.before import is_supervisor
from otp.code.reports import OldObject, OldReference
from otp.kernel.ends.mailbox import mailbox_of
from otp.kernel.tables.callers import From
from otp.kernel.values.process import Process
from otp.kernel.values.reasons import same

__all__ = ["Holders"]

MOST: Final = 1000
"""Maximum number of references and objects that are listed."""
MODULES: Final = 20
"""Modules that are searched in one go."""
LOOKS: Final = 10_000
"""Maximum number of values that a search examines in states and mailboxes, which limits the time of a reload."""
MEMBERS: Final = 20
MESSAGES: Final = 100
DEPTH: Final = 3
_PLAIN: Final = frozenset[type]([type(None), bool, int, float, complex, str, bytes, ModuleType])


class Holders:
    """A search for what still holds objects of a module that are not of one version.

    Args:
        module: its name.
        version: the version that counts as the new one.
    """

    def __init__(self, module: str, version: ModuleType) -> None:
        self._module = module
        self._version = version
        self._known: dict[int, tuple[type, bool]] = {}
        self._looks = LOOKS

    async def references(self) -> tuple[OldReference, ...]:
        """Return the names in other modules that stand for something old: imported, inherited or instantiated.

        Other processes run in between: a program may have thousands of modules.
        """
        found: list[OldReference] = []
        for number, (holder, module) in enumerate(list(sys.modules.items())):
            if number % MODULES == MODULES - 1:
                await sleep(0)
            found += self._references(holder, module)
            if len(found) >= MOST:
                break
        return tuple(found[:MOST])

    def objects(self, processes: Iterable[Process]) -> tuple[OldObject, ...]:
        """Return the processes whose state or mailbox has objects of old classes, as far as a bounded search finds."""
        return tuple(islice(self._objects(processes), MOST))

    def _references(self, holder: str, module: Any) -> Iterator[OldReference]:
        if holder == self._module or not issubclass(type(module), ModuleType):
            return
        if holder.partition(".")[0] in sys.stdlib_module_names:  # imports nothing of the program
            return
        for name, value in list(version_names(find_current_version(module)).items()):
            for where, old in self._old_in(holder, name, value):
                yield OldReference(holder, where, old)

    def _old_in(self, holder: str, name: str, value: Any) -> Iterator[tuple[str, str]]:
        old = self._old_name(value)
        if old is not None:
            yield name, old
        elif issubclass(type(value), type) and same(module_of(value), holder):
            for base in bases_of(value):
                if self._is_old(base):
                    yield f"{name}({name_of(base)})", name_of(base)
            for member, inside in list(members_of(value).items()):
                inner = self._old_name(inside)
                if inner is not None:
                    yield f"{name}.{member}", inner

    def _old_name(self, value: Any) -> str | None:
        """Return the name of an old class or function, or of the old class of an object."""
        kind: Any = type(value)
        if kind in _PLAIN:
            return None
        if kind is MethodType and issubclass(type(value.__self__), type):
            value, kind = value.__self__, type(value.__self__)
        if issubclass(kind, type):
            return name_of(value) if self._is_old(value) else None
        if kind is FunctionType:
            is_old = same(value.__module__, self._module) and self._replaced(value, value.__qualname__)
            return value.__qualname__ if is_old else None
        return name_of(kind) if self._is_old(kind) else None

    def _is_old(self, cls: type) -> bool:
        known = self._known.get(id(cls))
        if known is None:
            is_old = same(module_of(cls), self._module) and self._replaced(cls, name_of(cls))
            known = self._known[id(cls)] = (cls, is_old)  # with the class, so that its id is not reused
        return known[1]

    def _replaced(self, thing: Any, qualified_name: str) -> bool:
        """Return whether the version has another object under this name, or none."""
        if "<" in qualified_name:  # defined in a function: it has no successor
            return False
        first, *rest = qualified_name.split(".")
        found: Any = version_names(self._version).get(first)
        for part in rest:
            found = members_of(found).get(part) if issubclass(type(found), type) else None
            if type(found) is staticmethod or type(found) is classmethod:
                found = found.__func__
        return found is not thing

    def _objects(self, processes: Iterable[Process]) -> Iterator[OldObject]:
        for p in processes:
            try:
                yield from self._objects_of(p)
            except RuntimeError:  # the garbage collector ran a finalizer that changed the container
                continue
            if self._looks <= 0:
                return

    def _objects_of(self, p: Process) -> Iterator[OldObject]:
        if p.callbacks is not None and not is_supervisor(p):
            held = self._held(p.state, DEPTH)
            if held is not None:
                yield OldObject(p, "state", held)
        for message in islice(mailbox_of(p), MESSAGES):
            held = self._held(message, DEPTH)
            if held is not None:
                yield OldObject(p, "mailbox", held)
                return

    def _held(self, value: Any, depth: int) -> str | None:
        self._looks -= 1
        kind: Any = type(value)
        if kind in _PLAIN or self._looks <= 0:
            return None
        if self._is_old(kind):
            return name_of(kind)
        if depth:
            for member in islice(_members(value, kind), MEMBERS):
                held = self._held(member, depth - 1)
                if held is not None:
                    return held
        return None


def _members(value: Any, kind: Any) -> Iterator[Any]:
    if kind is From:
        return iter((value.request,))
    if kind is dict:
        return iter(value.values())
    if kind is list or kind is tuple or kind is deque or kind is set or kind is frozenset:
        return iter(value)
    if issubclass(kind, type) or kind is FunctionType or kind is MethodType:
        return iter(())
    return (member for _, member in stored(value, kind))
