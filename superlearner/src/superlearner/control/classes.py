"""Lookup of a behaviour's class by module and class name; imports the module."""

from __future__ import annotations

import difflib
import importlib
from typing import Any, cast

from otp import Behaviour

__all__ = ["ClassNotThere", "behaviour_named"]


class ClassNotThere(LookupError):
    """The module does not exist, cannot be imported, or has no such behaviour."""


def behaviour_named(text: str) -> type[Any]:
    """Import a module and return the class that `module:Class` names.

    Raises:
        ClassNotThere: the message says what is missing and which classes there are.

    >>> behaviour_named("superlearner.demo:Shop").__name__
    'Shop'
    """
    module_name, colon, path = text.partition(":")
    if not colon or not all(part.isidentifier() for part in (*module_name.split("."), *path.split("."))):
        raise ClassNotThere(f"expected module:Class, such as superlearner.demo.one_for_one:Counter, got {text[:200]!r}")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # includes errors of the module's own code
        raise ClassNotThere(f"{module_name} cannot be imported: {type(error).__name__}: {error}"[:1000]) from None
    found: Any = module
    for part in path.split("."):
        found = cast("Any", getattr(found, "__dict__", {})).get(part)
    if isinstance(found, type) and issubclass(found, Behaviour) and hasattr(found, "child_spec"):
        return found
    names = [name for name, value in vars(module).items() if isinstance(value, type) and issubclass(value, Behaviour)]
    close = difflib.get_close_matches(path, names, n=1, cutoff=0.4)
    hint = f"did you mean {module_name}:{close[0]}?" if close else f"it has {', '.join(names[:20]) or 'none'}"
    raise ClassNotThere(f"{module_name} has no behaviour {path}; {hint}")
