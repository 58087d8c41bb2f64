"""Typed requests: classes that declare the type of their reply.

>>> import otp
>>> from otp import GenServer, Ok, Reply, Request, impl
>>> class Add(Request[int]):
...     n: int
>>> class Counter(GenServer[int]):
...     @impl
...     def init(self, start):
...         return Ok(start)
...
...     @impl
...     def handle_call(self, request, caller, state):
...         match request:
...             case Add(n):
...                 return Reply(state + n, state + n)
>>> async def main():
...     counter = await Counter.start_link(40)
...     return await GenServer.call(counter, Add(2))  # an int, for the type checker too
>>> otp.run(main)
42

Erlang and Elixir have no types of replies. A class with its own `__init__`, such as a dataclass, is used unchanged.
"""

from __future__ import annotations

from types import MemberDescriptorType
from typing import Any, ClassVar, Final, Generic, TypeVar, dataclass_transform

__all__ = ["Request"]

R = TypeVar("R")


@dataclass_transform(frozen_default=True)
class Request(Generic[R]):
    """The base of typed requests: `call(server, Add(2))` has the type R of `class Add(Request[R])`.

    Annotations are fields: given by position or name, with defaults, compared, shown, matched by `case Add(n)`, and
    read-only.

    >>> class Move(Request[bool]):
    ...     x: int
    ...     y: int = 0
    >>> Move(3), Move(3) == Move(x=3, y=0)
    (Move(x=3, y=0), True)
    """

    __slots__ = ()
    __match_args__: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = [name for name, kind in cls.__annotations__.items() if "ClassVar" not in str(kind)]
        if own and "__match_args__" not in cls.__dict__:
            cls.__match_args__ = tuple(dict.fromkeys((*cls.__match_args__, *own)))

    def __init__(self, *values: Any, **named: Any) -> None:
        names = type(self).__match_args__
        if named or len(values) != len(names):
            values = _bound(type(self), values, named)
        for name, value in zip(names, values, strict=True):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        if _has_our_init(self):
            raise AttributeError(f"{type(self).__name__} is a request and cannot be changed; create a new one")
        object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        if not _has_our_init(self) or type(other) is not type(self):
            return NotImplemented
        return _values(self) == _values(other)

    def __hash__(self) -> int:
        return hash((type(self), *_values(self))) if _has_our_init(self) else object.__hash__(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return (type(self), _values(self)) if _has_our_init(self) else object.__reduce_ex__(self, protocol)

    def __repr__(self) -> str:
        if not _has_our_init(self):
            return object.__repr__(self)
        fields = (f"{name}={getattr(self, name)!r}" for name in type(self).__match_args__)
        return f"{type(self).__qualname__}({', '.join(fields)})"


def _has_our_init(request: Any) -> bool:
    return type(request).__init__ is _INIT


def _values(request: Request[Any]) -> tuple[Any, ...]:
    return tuple(getattr(request, name) for name in type(request).__match_args__)


def _bound(cls: type[Request[Any]], values: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
    """Return the value of each field: as given, else its default, which is an attribute of the class."""
    names = cls.__match_args__
    defaults = {name: getattr(cls, name) for name in names if _has_default(cls, name)}
    given = dict(zip(names, values, strict=False))
    found = {**defaults, **given, **named}
    if len(values) > len(names) or given.keys() & named.keys() or found.keys() != set(names):
        shown = [f"{value!r:.50}" for value in values] + [f"{name}={value!r:.50}" for name, value in named.items()]
        raise TypeError(f"expected {cls.__name__}({', '.join(names)}), got {cls.__name__}({', '.join(shown)})")
    return tuple(found[name] for name in names)


def _has_default(cls: type[Request[Any]], name: str) -> bool:
    return hasattr(cls, name) and not isinstance(getattr(cls, name), MemberDescriptorType)


_INIT: Final[Any] = Request.__dict__["__init__"]
