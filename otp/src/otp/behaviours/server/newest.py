"""Reloaded modules, and how an old function or class finds its successor.

A module that was reloaded exists in several versions. Functions that are still running keep their original globals, as
old code in Erlang keeps its local calls. The module object that others have imported stays the same and shows the
newest version. Every function finds its successor by name: (module, qualified name).

Source: Erlang reference manual, *Compilation and Code Loading*, current and old code.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FunctionType, MethodType, ModuleType
from typing import Any, Final

__all__ = [
    "Renewed",
    "claim",
    "find_current_version",
    "found_in",
    "found_in_version",
    "keep_previous",
    "newest",
    "previous_version",
    "release",
    "show_version",
    "version_names",
]

_NEWEST: Final = "__otp_newest__"
_CLAIMED: Final = "__otp_upgrade__"
_PREVIOUS: Final = "__otp_previous__"
_stored: Callable[[ModuleType], dict[str, Any]] = vars(ModuleType)["__dict__"].__get__


class Renewed(ModuleType):
    """The class of a reloaded module's object: the newest version answers all attribute access."""

    def __getattribute__(self, name: str) -> Any:
        return getattr(_stored(self)[_NEWEST], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(_stored(self)[_NEWEST], name, value)

    def __delattr__(self, name: str) -> None:
        delattr(_stored(self)[_NEWEST], name)

    def __dir__(self) -> list[str]:
        return dir(_stored(self)[_NEWEST])


def claim(module: ModuleType) -> bool:
    """Begin an upgrade of a module; False if one is in progress."""
    if _CLAIMED in _stored(module):
        return False
    _stored(module)[_CLAIMED] = True
    return True


def release(module: ModuleType) -> None:
    """End an upgrade of a module."""
    _stored(module).pop(_CLAIMED, None)


def find_current_version(module: ModuleType) -> ModuleType:
    """Return the version that a module object shows: itself if it was never reloaded."""
    return _stored(module)[_NEWEST] if type(module) is Renewed else module


def show_version(module: ModuleType, version: ModuleType) -> None:
    """Make a module object show that version; the object itself is the first version."""
    if version is module:
        object.__setattr__(module, "__class__", ModuleType)
        _stored(module).pop(_NEWEST, None)
    else:
        _stored(module)[_NEWEST] = version
        object.__setattr__(module, "__class__", Renewed)


def previous_version(module: ModuleType) -> ModuleType | None:
    """Return the version shown before the last reload, if that can still be undone."""
    return _stored(module).get(_PREVIOUS)


def keep_previous(module: ModuleType, version: ModuleType | None) -> None:
    """Keep one version to roll back to, or none."""
    if version is None:
        _stored(module).pop(_PREVIOUS, None)
    else:
        _stored(module)[_PREVIOUS] = version


def version_names(version: ModuleType) -> dict[str, Any]:
    """Return the names of one version; a module object that shows another version is the first one."""
    return _stored(version)


def found_in_version(version: ModuleType, qualified_name: str) -> Any:
    """Return the object with a qualified name in one version, or None."""
    if type(version) is not Renewed:
        return found_in(version, qualified_name)
    first, *rest = qualified_name.split(".")
    found: Any = _stored(version).get(first)
    for part in rest:
        found = getattr(found, part, None)
    return found


def found_in(module: ModuleType, qualified_name: str) -> Any:
    """Return the object with a qualified name such as `Shop.Ledger` in a module, or None."""
    found: Any = module
    for part in qualified_name.split("."):
        found = getattr(found, part, None)
    return found


def newest(thing: Any) -> Any:
    """Return the newest version of a function, class or method; the object itself if there is no newer one."""
    if type(thing) is MethodType:
        owner: Any = thing.__self__
        if not isinstance(owner, type):
            return thing
        successor = newest(owner)
        return thing if successor is owner else getattr(successor, thing.__name__, thing)
    if type(thing) is not FunctionType and not isinstance(thing, type):
        return thing
    module = sys.modules.get(thing.__module__)
    if type(module) is not Renewed:
        return thing
    found = found_in(module, thing.__qualname__)
    return thing if found is None else found
