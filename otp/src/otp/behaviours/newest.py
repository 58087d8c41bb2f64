"""Reloaded modules, and how an old function or class finds its successor.

A module that was reloaded exists more than once. Functions that still run keep the globals they were made with, as
old code in Erlang keeps its local calls. The module object that others have imported stays the one it was and shows
the newest version. By its name, (module, qualified name), every function finds the one that took its place.

Source: Erlang reference manual, *Compilation and Code Loading*, current and old code.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FunctionType, MethodType, ModuleType
from typing import Any, Final

__all__ = ["Renewed", "claim", "found_in", "newest", "release", "show_version", "shown_version"]

_NEWEST: Final = "__otp_newest__"
_CLAIMED: Final = "__otp_upgrade__"
_stored: Callable[[ModuleType], dict[str, Any]] = vars(ModuleType)["__dict__"].__get__


class Renewed(ModuleType):
    """The class of a module object whose module was reloaded: all that is asked of it the newest version answers."""

    def __getattribute__(self, name: str) -> Any:
        return getattr(_stored(self)[_NEWEST], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(_stored(self)[_NEWEST], name, value)

    def __delattr__(self, name: str) -> None:
        delattr(_stored(self)[_NEWEST], name)

    def __dir__(self) -> list[str]:
        return dir(_stored(self)[_NEWEST])


def claim(module: ModuleType) -> bool:
    """Begin an upgrade of a module; False if one is under way."""
    if _CLAIMED in _stored(module):
        return False
    _stored(module)[_CLAIMED] = True
    return True


def release(module: ModuleType) -> None:
    """End an upgrade of a module."""
    _stored(module).pop(_CLAIMED, None)


def shown_version(module: ModuleType) -> ModuleType:
    """The version that a module object shows: itself, if it was never reloaded."""
    return _stored(module)[_NEWEST] if type(module) is Renewed else module


def show_version(module: ModuleType, version: ModuleType) -> None:
    """Let a module object show that version; itself is the first one."""
    if version is module:
        object.__setattr__(module, "__class__", ModuleType)
        _stored(module).pop(_NEWEST, None)
    else:
        _stored(module)[_NEWEST] = version
        object.__setattr__(module, "__class__", Renewed)


def found_in(module: ModuleType, qualified_name: str) -> Any:
    """What a module has under a qualified name such as `Shop.Ledger`, or None."""
    found: Any = module
    for part in qualified_name.split("."):
        found = getattr(found, part, None)
    return found


def newest(thing: Any) -> Any:
    """The newest version of a function, a class or a method of a class; itself if it has no successor."""
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
