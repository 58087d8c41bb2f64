"""Contracts between a runtime and the code of its users.

A *behaviour* is a class whose methods are marked `@callback`. To implement the contract, subclass it and mark each
method `@impl`:

>>> class Parser(Behaviour):
...     @callback
...     def parse(self, text: str) -> object: ...
...
...     @optional_callback
...     def extensions(self) -> tuple[str, ...]:
...         return ()
>>> class Numbers(Parser):
...     @impl
...     def parse(self, text: str) -> object:
...         return [int(word) for word in text.split()]
>>> Numbers().parse("1 2 3")
[1, 2, 3]
>>> Numbers.behaviour_info("callbacks")
[('parse', 1), ('extensions', 0)]

A misspelt name is found when the class is created, not when the message arrives that needs it:

>>> class Words(Parser):  # doctest: +ELLIPSIS
...     @impl
...     def prase(self, text: str) -> object:
...         return text.split()
Traceback (most recent call last):
    ...
TypeError: expected the name of a callback after @impl in Words, got 'prase' (...); did you mean 'parse'? ...

Differences from OTP: Erlang and Elixir warn at compile time; here it is an error, because warnings of an import go
unread. Sources: Erlang's *Design Principles, Behaviours*; Elixir's `Module` documentation, `@callback`,
`@optional_callbacks` and `@impl`.
"""

from __future__ import annotations

import difflib
import inspect
import os
import sys
from dataclasses import dataclass
from types import CodeType, FrameType, FunctionType, MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, NoReturn, Self, TypeVar, cast

from otp.behaviours.server._metaclass import BehaviourType
from otp.behaviours.server._misspelt import is_mentioned, is_slip
from otp.kernel.values.exception_reasons import line_of_def

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otp.kernel.values.pids import Pid

__all__ = [
    "Behaviour",
    "CallbackSpec",
    "MissingCallback",
    "callback",
    "check_arity",
    "check_callbacks",
    "check_signatures",
    "impl",
    "implements",
    "optional_callback",
]

F = TypeVar("F", bound="Callable[..., Any]")

_IMPL: Final = "__otp_impl__"
_CALLBACK: Final = "__otp_callback__"


class MissingCallback(TypeError):
    """The error of starting a class that lacks a required callback of its behaviour."""


@dataclass(frozen=True, slots=True)
class CallbackSpec:
    """A callback of a contract: its name, its arguments after `self`, and the behaviour that declares it."""

    name: str
    arity: int
    required: bool
    behaviour: str
    parameters: str

    def __str__(self) -> str:
        return f"{self.name}/{self.arity}"


def impl(function: F) -> F:
    """Mark a method, `def` or `async def`, as the implementation of a callback.

    The function is returned unchanged, with its type. Whether the name and the number of arguments belong to a callback
    is checked when the class is created.

    Source: Elixir's `@impl true`.
    """
    return _mark(function, _IMPL, True)


def callback(function: F) -> F:
    """Mark a method of a behaviour as a required callback; its body never runs.

    Source: Elixir's `@callback`, Erlang's `-callback`.
    """
    return _mark(function, _CALLBACK, "required")


def optional_callback(function: F) -> F:
    """Mark a method of a behaviour as an optional callback; its body is the default.

    Source: Elixir's `@optional_callbacks`, Erlang's `-optional_callbacks`.
    """
    return _mark(function, _CALLBACK, "optional")


def _mark(function: F, attribute: str, value: object) -> F:
    if not callable(function) and not isinstance(function, staticmethod | classmethod):
        raise TypeError(f"expected a method to mark, got {function!r}; try @impl above a def")
    setattr(function, attribute, value)
    return function


class Behaviour(metaclass=BehaviourType):
    """The base of all contracts and of all classes that implement one.

    Each class has exactly one instance, created on first use; `Counter()` returns it. It is immutable and the same in
    all processes: state is an argument of a callback and part of its result, never an attribute of `self`.

    A callback that is replaced on a class, as `unittest.mock.patch.object` does, applies to servers that start
    afterwards; running servers keep theirs.
    """

    __slots__ = ()

    __callbacks__: ClassVar[Mapping[str, CallbackSpec]] = MappingProxyType({})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        known: dict[str, CallbackSpec] = {}
        for base in reversed(cls.__mro__[1:]):
            known.update(base.__dict__.get("__callbacks__", {}))
        for name, member in cls.__dict__.items():
            kind = getattr(member, _CALLBACK, None)
            if kind is not None:
                known[name] = CallbackSpec(
                    name, len(_positional(member)), kind == "required", cls.__name__, str(_signature(member))
                )
        cls.__callbacks__ = MappingProxyType(known)
        if "__init__" in cls.__dict__:
            instead = "write @impl above def init(self, arg)" if "init" in known else "leave it out"
            raise TypeError(f"expected {cls.__name__} without __init__, since self holds no state; {instead}")
        for name, member in cls.__dict__.items():
            if getattr(member, _IMPL, False):
                _check_impl(cls, name, member)
            elif type(member) is FunctionType and name not in known and not name.startswith("_"):
                refuse_misspelt(cls, name, member)

    @classmethod
    def __accepts_impl__(cls, name: str) -> bool:
        """Return whether `@impl` may mark a name that is not a callback (a state of a machine)."""
        return False

    @classmethod
    def __handler__(cls) -> Self:
        """Return the one immutable instance of this class; raises `MissingCallback` if it is incomplete."""
        found = cls.__dict__.get("__instance__")
        if found is None:
            check_callbacks(cls)
            found = object.__new__(cls)
            type.__setattr__(cls, "__instance__", found)
        return cast("Self", found)

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        """Return the one instance of the class; arguments raise an error that shows how to start a process."""
        if args or kwargs:
            raise TypeError(
                f"expected {cls.__name__}.child_spec(arg) in a list of children, or "
                f"await {cls.__name__}.start_link(arg) to start a process, got {cls.__name__}(…)"
            )
        return cls.__handler__()

    @classmethod
    def behaviour_info(cls, item: Literal["callbacks", "optional_callbacks"]) -> list[tuple[str, int]]:
        """Return the contract of this class as (name, arity), in order of declaration.

        `"callbacks"` includes the optional ones, as in Erlang. `self` is not counted: `handle_call(self, request,
        caller, state)` is `("handle_call", 3)`. Callbacks that OTP does not have are left out.

        Raises `ValueError` for another item. Source: Erlang's `Module:behaviour_info/1`.
        """
        if item not in ("callbacks", "optional_callbacks"):
            raise ValueError(f"expected 'callbacks' or 'optional_callbacks', got {item!r}")
        specs = [spec for spec in cls.__callbacks__.values() if spec.name not in cls._beyond_otp]
        return [(s.name, s.arity) for s in specs if item == "callbacks" or not s.required]

    @property
    def pid(self) -> Pid:
        """The pid of the process that runs this callback; the same as `otp.self()`."""
        from otp.kernel.tables.scheduler import current_process

        return current_process("self.pid")

    _beyond_otp: ClassVar[frozenset[str]] = frozenset()
    """The callbacks of this class that OTP does not have."""

    _new_state: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "init": "Ok(state)",
            "handle_cast": "NoReply(new_state)",
            "handle_info": "NoReply(new_state)",
            "handle_continue": "NoReply(new_state)",
        }
    )
    """The results that replace `self.n = 1`, where that is not `Reply(value, new_state)`."""

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise self._no_state()

    def __delattr__(self, name: str) -> NoReturn:
        raise self._no_state()

    def _no_state(self) -> AttributeError:
        """Return the error for an assignment to `self`, with the result to return in that callback."""
        frame: FrameType | None = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
        running = ""
        for _depth in range(4):  # it may have been a method called by the callback
            if frame is None or running in self._new_state:
                break
            running, frame = frame.f_code.co_name, frame.f_back
        wanted = self._new_state.get(running, "Reply(value, new_state)")
        return AttributeError(f"self holds no state; return {wanted}")

    def __call__(self, *args: object, **kwargs: object) -> NoReturn:
        """Refuse `self()` inside a callback, which was meant to be `otp.self()`."""
        raise TypeError("write otp.self() or self.pid")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[type[Self], tuple[()]]:
        return (type(self), ())

    def __repr__(self) -> str:
        return f"<callbacks of {type(self).__qualname__}>"


def implements(cls: type[Behaviour], name: str) -> bool:
    """Return whether `cls` defines the callback itself, instead of inheriting the contract's."""
    for base in cls.__mro__:
        if name in base.__dict__:
            return getattr(base.__dict__[name], _CALLBACK, None) is None
    return False


def check_callbacks(cls: type[Behaviour]) -> None:
    """Raise `MissingCallback` if `cls` lacks a required callback of its behaviours.

    A start does this; a test may do it for classes that are rarely started. A class that is only a base for others may
    stay incomplete.

    Difference from OTP: there the compiler warns and the start fails with `undef`.
    """
    missing = [spec for spec in cls.__callbacks__.values() if spec.required and not implements(cls, spec.name)]
    if missing:
        wanted = ", ".join(f"{spec} ({spec.behaviour})" for spec in missing)
        first = missing[0]
        misspelt = misspelt_as(cls, first.name)
        hint = f"is {misspelt!r} to be {first.name!r}? " if misspelt else ""
        raise MissingCallback(
            f"expected {cls.__name__} to have all required callbacks, got none for {wanted}; "
            f"{hint}{advise_callback(cls, first.name)}"
        )


def advise_callback(cls: type[Behaviour], name: str) -> str:
    """Return what to do about a callback that a class lacks: to indent it, or to write it."""
    if (found := find_misplaced(cls, name)) is not None:
        return found
    spec = cls.__callbacks__[name]
    return f"try @impl above def {name}{spec.parameters}"


def find_misplaced(cls: type[Behaviour], name: str) -> str | None:
    """Return where a function of the module stands that must be the method which a class lacks; None if none is."""
    member = vars(sys.modules.get(cls.__module__, object)).get(name)
    if type(member) is not FunctionType or member.__module__ != cls.__module__:
        return None
    return f"{name}{_place(member, short=True)} stands outside of the class: indent it"


def check_signatures(cls: type[Behaviour]) -> None:
    """Raise `TypeError` if a callback, with or without `@impl`, does not accept the arguments that it gets."""
    for spec in cls.__callbacks__.values():
        member = inspect.getattr_static(cls, spec.name, None)
        if inspect.isfunction(member) and implements(cls, spec.name):
            _check_impl(cls, spec.name, member)


def _check_impl(cls: type[Behaviour], name: str, member: object) -> None:
    spec = cls.__callbacks__.get(name)
    if spec is None:
        if not cls.__accepts_impl__(name):
            raise _refusal(_unknown_callback(cls, name, member), member)
        return
    check_arity(cls, name, member, spec.arity, f"{spec.parameters} in {cls.__name__}, as in {spec.behaviour}")


def check_arity(cls: type[Behaviour], name: str, member: object, arity: int, expected: str) -> None:
    """Raise `TypeError` if a method cannot be called with `arity` arguments after `self`."""
    if not _accepts(member, arity):
        raise _refusal(f"expected {name}{expected}, got {name}{_signature(member)}{_place(member)}", member)


def _refusal(text: str, member: object) -> TypeError:
    """Return the error about a method.

    It names the method's line, as the traceback shows only the class's. `otp_place` is a pair of file and line, for
    tools that show where user code is wrong.
    """
    error = TypeError(text)
    found = _line_of(member)
    if found is not None:
        setattr(error, "otp_place", found)
    return error


def _place(member: object, *, short: bool = False) -> str:
    """Return file and line of a method as ` (shop.py:58)`, with the folder unless `short`."""
    found = _line_of(member)
    return "" if found is None else f" ({os.path.basename(found[0]) if short else found[0]}:{found[1]})"


def _line_of(member: object) -> tuple[str, int] | None:
    """Return file and line of a method's `def`."""
    code = getattr(inspect.unwrap(cast("Any", member)), "__code__", None)
    return (code.co_filename, line_of_def(code)) if isinstance(code, CodeType) else None


# Misspelt callbacks without @impl


def misspelt_as(cls: type[Behaviour], callback: str) -> str | None:
    """Return a method of `cls` whose name is a misspelling of the callback."""
    for name, member in cls.__dict__.items():
        if type(member) is FunctionType and name not in cls.__callbacks__ and is_slip(name, callback):
            return name
    return None


def refuse_misspelt(cls: type[Behaviour], name: str, member: FunctionType) -> None:
    """Raise `TypeError` for a method that must be a misspelt callback.

    Its name is close to a callback that the class lacks, it takes the same arguments, nothing in the class or its bases
    mentions it, and there is no `getattr` that could find it: it would never run.
    """
    for spec in cls.__callbacks__.values():
        if spec.required or not is_slip(name, spec.name) or implements(cls, spec.name):
            continue  # a required one is reported at the start, with a hint at the misspelling
        if member.__qualname__ != f"{cls.__qualname__}.{name}" or not _accepts(member, spec.arity):
            continue
        if not cls.__accepts_impl__(name) and not is_mentioned(cls, name):
            raise _refusal(
                f"{name!r}{_place(member)} is not a callback of {cls.__name__}, and nothing calls it; "
                f"did you mean {spec.name!r}? "
                "(mark callbacks with @impl; a name that begins with _ is never a callback)",
                member,
            )


def _unknown_callback(cls: type[Behaviour], name: str, member: object) -> str:
    callbacks = cls.__callbacks__
    close = difflib.get_close_matches(name, callbacks, n=1, cutoff=0.5)
    says = f"expected the name of a callback after @impl in {cls.__name__}, got {name!r}{_place(member)}"
    if owner := _owner_of_callback(name):
        base = next(each for each in cls.__bases__ if issubclass(each, Behaviour)).__name__
        return f"{name}{_place(member)} is no callback of {base}; for {name} write class {cls.__name__}({owner})"
    if close:
        return f"{says}; did you mean {close[0]!r}?"
    owners = ", ".join(dict.fromkeys(spec.behaviour for spec in callbacks.values()))
    listed = ", ".join(map(str, callbacks.values())) or "none"
    return f"{says}; remove @impl or rename the method; callbacks of {owners or cls.__name__}: {listed}"


def _owner_of_callback(name: str) -> str:
    """Return the behaviour of `otp` that has a callback; "" if none has."""
    pending: list[type[Behaviour]] = [Behaviour]
    for cls in pending:  # grows while it is read
        if cls.__module__.startswith("otp.behaviours.") and name in cls.__callbacks__:
            return cls.__name__
        pending += cls.__subclasses__()
    return ""


def _positional(member: object) -> list[inspect.Parameter]:
    found = [p for p in _signature(member).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    return found if isinstance(member, staticmethod) else found[1:]


def _accepts(member: object, arity: int) -> bool:
    """Return whether the method can be called with `arity` positional arguments after `self`."""
    positional = _positional(member)
    parameters = _signature(member).parameters.values()
    if any(p.kind is p.KEYWORD_ONLY and p.default is p.empty for p in parameters):
        return False
    variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    needed = sum(1 for p in positional if p.default is p.empty)
    return needed <= arity and (variadic or arity <= len(positional))


def _signature(member: object) -> inspect.Signature:
    """Return the parameters as shown to users: without annotations and positional-only marks."""
    if isinstance(member, staticmethod | classmethod):
        member = cast("object", member.__func__)  # pyright: ignore[reportUnknownMemberType]
    signature = inspect.signature(cast("Callable[..., Any]", member))
    plain: list[inspect.Parameter] = []
    for p in signature.parameters.values():
        kind = p.POSITIONAL_OR_KEYWORD if p.kind is p.POSITIONAL_ONLY else p.kind
        plain.append(p.replace(annotation=p.empty, kind=kind))
    return signature.replace(parameters=plain, return_annotation=signature.empty)
