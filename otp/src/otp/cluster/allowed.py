"""The names of functions and classes that other members may start or call, as `"module:name"`."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from importlib import import_module
from types import ModuleType
from typing import Any

from otp.kernel.values.errors import BadArgument

__all__ = ["allowed_names"]


def allowed_names(allow: Iterable[Any]) -> list[str]:
    """Return the names of classes, functions and modules; for a module, those of its public functions and classes.

    Raises `BadArgument` for anything else, and for what has no name in its module.

    >>> import base64
    >>> allowed_names([base64.b64encode, "base64:b64decode"])
    ['base64:b64encode', 'base64:b64decode']
    """
    if isinstance(allow, str) or not isinstance(allow, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        given = getattr(allow, "__name__", repr(allow))
        raise BadArgument(f"allow: expected a list, got {given:.100}; try allow=[{given:.100}]")
    names: dict[str, None] = {}
    for entry in allow:
        names.update(dict.fromkeys(_names(entry)))
    return list(names)


def _names(entry: Any) -> list[str]:
    if isinstance(entry, str) and ":" in entry:
        return [entry]
    if isinstance(entry, str):
        try:
            return _public(import_module(entry))
        except (ImportError, ValueError) as error:
            raise BadArgument(f"allow: expected a module or 'module:name', got {entry!r}: {error}") from None
    if isinstance(entry, ModuleType):
        return _public(entry)
    name = getattr(entry, "__qualname__", "<")
    if not callable(entry) or "<" in name:
        raise BadArgument(
            f"allow: expected classes, functions or modules, got {entry!r:.100}; try a function at the top of a module"
        )
    return [f"{entry.__module__}:{name}"]


def _public(module: ModuleType) -> list[str]:
    listed = getattr(module, "__all__", None)
    return [
        f"{module.__name__}:{name}"
        for name, value in vars(module).items()
        if (inspect.isroutine(value) or inspect.isclass(value))
        and (name in listed if listed is not None else not name.startswith("_") and value.__module__ == module.__name__)
    ]
