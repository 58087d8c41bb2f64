"""Classes of a program whose objects travel to other nodes, because both sides declare them under one name.

>>> from dataclasses import dataclass
>>> from otp.distribution import travels
>>> @travels("shop.Order")
... @dataclass(frozen=True)
... class Order:
...     item: str
...     count: int = 1

The receiver creates the object with its own class, so `__post_init__` checks it there. It ignores fields that its class
does not have, and uses the default of a field that was not sent: two versions of a class can talk to each other.
"""

# Objects have no type here.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar, overload

from otp.behaviours.server.request import Request
from otp.bounded import text
from otp.kernel.values.errors import BadArgument

__all__ = ["Declared", "NotTaken", "declared_as", "made", "parts_of", "travels"]

C = TypeVar("C", bound=type[Any])
LONGEST_NAME: Final = 200


class Declared(NamedTuple):
    """A declared class: its name for other nodes, and its fields."""

    name: str
    cls: type[Any]
    fields: tuple[str, ...]


class NotTaken(Exception):
    """An object arrived that this node cannot create; the text says why."""


_by_name: dict[str, Declared] = {}
_by_class: dict[int, Declared] = {}  # by identity: a class may refuse to be hashed


@overload
def travels(cls: C, /) -> C: ...
@overload
def travels(name: str, /) -> Callable[[C], C]: ...
def travels(given: Any, /) -> Any:
    """Let objects of a frozen dataclass, or of a subclass of `otp.Request`, travel to other nodes.

    Use it as `@travels`, which takes the module and the name of the class, or as `@travels("shop.Order")`. Both nodes
    need the declaration. No code travels and nothing is imported: an object of a class that the receiver has not
    declared is refused there, and a call with it fails with `("cannot_travel", text)`.

    Raises `BadArgument` for other classes, and for a name that another class has.

    >>> from otp import Request
    >>> from otp.distribution import travels
    >>> @travels
    ... class Add(Request[int]):
    ...     n: int
    >>> Add(2)
    Add(n=2)

    Difference from Erlang/OTP: records there are tuples, which any node takes.
    """
    if isinstance(given, type):
        return _declare(given, f"{given.__module__}.{given.__qualname__}")
    if not isinstance(given, str) or not 0 < len(given) <= LONGEST_NAME:
        raise BadArgument(f"travels: expected a class, or a name for one, got {text(given)}")
    return partial(_declare, name=given)


def _declare(cls: type[Any], name: str) -> type[Any]:
    fields = _fields(cls)
    before = _by_name.get(name)
    if before is not None and (before.cls.__module__, before.cls.__qualname__) != (cls.__module__, cls.__qualname__):
        raise BadArgument(f"travels: {name!r} is the name of {before.cls.__qualname__} already; try another one")
    _by_name[name] = _by_class[id(cls)] = Declared(name, cls, fields)
    return cls


def _fields(cls: Any) -> tuple[str, ...]:
    if isinstance(cls, type) and dataclasses.is_dataclass(cls):
        if not cls.__dataclass_params__.frozen:  # pyright: ignore[reportAttributeAccessIssue]
            raise BadArgument(
                f"travels: expected a frozen dataclass, got {cls.__qualname__}; try dataclass(frozen=True)"
            )
        return tuple(field.name for field in dataclasses.fields(cls) if field.init)
    if isinstance(cls, type) and issubclass(cls, Request):
        return tuple(cls.__match_args__)
    raise BadArgument(f"travels: expected a frozen dataclass or a subclass of otp.Request, got {text(cls)}")


def declared_as(cls: type[Any]) -> Declared | None:
    """Return the declaration of a class, None if there is none."""
    found = _by_class.get(id(cls))
    return found if found is not None and found.cls is cls else None


def parts_of(value: Any, declared: Declared) -> dict[str, Any]:
    """Return the fields of an object."""
    return {name: getattr(value, name) for name in declared.fields}


def made(name: str, parts: dict[str, Any]) -> Any:
    """Return an object of the class that is declared as `name`. Raises `NotTaken`."""
    declared = _by_name.get(name)
    if declared is None:
        raise NotTaken(
            f"expected an object of a declared class, got one of {name!r:.100}; declare it here with @travels"
        )
    known = {field: parts[field] for field in declared.fields if field in parts}
    try:
        return declared.cls(**known)
    except Exception as error:
        raise NotTaken(f"expected the parts of {name!r:.100}, got {text(parts)}: {text(error)}") from None
