"""The results of callbacks: small records, one class per verdict.

`Reply` and `NoReply` without options are the frequent ones. With an option, the object becomes an instance of a private
subclass, so that the engine distinguishes the two by type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload

if TYPE_CHECKING:
    from typing_extensions import TypeVar as DefaultTypeVar

    from otp.kernel.terms import Limit

__all__ = ["ABSENT", "Continue", "Ignore", "NoReply", "Ok", "Reply", "Result", "Stop", "WithOptions"]

S = TypeVar("S")
if TYPE_CHECKING:
    T = DefaultTypeVar("T", default=Any)  # so that a bare `Stop` stays a complete type
else:
    T = TypeVar("T")


class _Absent:
    __slots__ = ()

    def __repr__(self) -> str:
        return "<absent>"


ABSENT: Final[Any] = _Absent()
"""Stands for an argument that was not given, where `None` is a value."""


class Continue:
    """An argument of `then=`: `handle_continue(term, state)` runs before any message."""

    __slots__ = ("term",)
    __match_args__ = ("term",)

    def __init__(self, term: Any) -> None:
        self.term: Any = term

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Continue) and self.term == other.term

    def __hash__(self) -> int:
        return hash(("continue", self.term))

    def __repr__(self) -> str:
        return f"Continue({self.term!r})"


class Result:
    """The base class of all results of callbacks."""

    __slots__: tuple[str, ...] = ()
    _fields: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Result) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key()[0])

    def _key(self) -> tuple[Any, ...]:
        values = tuple(getattr(self, name, None) for name in (*self._fields, "timeout", "hibernate", "then"))
        return (self._name(), *values)

    def _name(self) -> str:
        return type(self).__name__.removeprefix("_").removesuffix("With")

    def __repr__(self) -> str:
        parts = [repr(getattr(self, name)) for name in self._fields if getattr(self, name, ABSENT) is not ABSENT]
        for name in ("timeout", "hibernate", "then"):
            value = getattr(self, name, None)
            if value is not None and value is not False:
                parts.append(f"{name}={value!r}")
        return f"{self._name()}({', '.join(parts)})"


class WithOptions:
    """A mixin for results that carry `timeout=`, `hibernate=` or `then=`."""

    __slots__ = ()


class _Options(Result):
    """Options of a result, stored only if one is given.

    Three more stores would cost a tenth of a `Reply`; `__getattr__` would keep Python 3.11 from its fast access to
    `state`, a tenth of a call.
    """

    __slots__ = ()

    if TYPE_CHECKING:
        timeout: Limit
        hibernate: bool
        then: Continue | None
    else:

        @property
        def timeout(self):
            """Seconds without a message after which a `Timeout` arrives; None for never."""
            return getattr(self, "_timeout", None)

        @property
        def hibernate(self):
            """Return whether the server hibernates until its next message."""
            return getattr(self, "_hibernate", False)

        @property
        def then(self):
            """The `Continue` that runs before any message, if there is one."""
            return getattr(self, "_then", None)


class Ok(_Options, Generic[S]):
    """A successful start (from `init`) or code change (from `code_change`), with the state.

    `timeout` (seconds) delivers `Timeout()` to `handle_info` if no message arrives; `then=Continue(term)` runs
    `handle_continue` before any message.
    """

    __slots__ = ("_hibernate", "_then", "_timeout", "state")
    __match_args__ = ("state",)
    _fields = ("state",)

    if TYPE_CHECKING:

        def __init__(
            self, state: S, *, timeout: Limit = None, hibernate: bool = False, then: Continue | None = None
        ) -> None:
            self.state: S = state

    else:

        def __init__(self, state, timeout=None, hibernate=False, then=None):
            self.state = state
            if timeout is not None or hibernate or then is not None:
                self._timeout = timeout
                self._hibernate = hibernate
                self._then = then
                self.__class__ = _OkWith


class _OkWith(Ok[S], WithOptions):
    __slots__ = ()


class Reply(_Options, Generic[S]):
    """A reply to the call with `value`; the server continues with `state`."""

    __slots__ = ("_hibernate", "_then", "_timeout", "state", "value")
    __match_args__ = ("value", "state")
    _fields = ("value", "state")

    if TYPE_CHECKING:

        def __init__(
            self,
            value: Any,
            state: S,
            *,
            timeout: Limit = None,
            hibernate: bool = False,
            then: Continue | None = None,
        ) -> None:
            self.value: Any = value
            self.state: S = state

    else:  # without the star: defaults of keyword-only arguments cost 40 ns of every call

        def __init__(self, value, state, timeout=None, hibernate=False, then=None):
            self.value = value
            self.state = state
            if timeout is not None or hibernate or then is not None:
                self._timeout = timeout
                self._hibernate = hibernate
                self._then = then
                self.__class__ = _ReplyWith


class _ReplyWith(Reply[S], WithOptions):
    __slots__ = ()


class NoReply(_Options, Generic[S]):
    """No reply: the server continues with `state`, and may reply later with `GenServer.reply`."""

    __slots__ = ("_hibernate", "_then", "_timeout", "state")
    __match_args__ = ("state",)
    _fields = ("state",)

    if TYPE_CHECKING:

        def __init__(
            self, state: S, *, timeout: Limit = None, hibernate: bool = False, then: Continue | None = None
        ) -> None:
            self.state: S = state

    else:

        def __init__(self, state, timeout=None, hibernate=False, then=None):
            self.state = state
            if timeout is not None or hibernate or then is not None:
                self._timeout = timeout
                self._hibernate = hibernate
                self._then = then
                self.__class__ = _NoReplyWith


class _NoReplyWith(NoReply[S], WithOptions):
    __slots__ = ()


class Stop(Result, Generic[T]):
    """The end of the server with `reason`.

    `terminate` runs first, then the reply is sent, if any. From `init`: `Stop(reason)`. Without `state` the state is
    unchanged. `Stop[T]` is the type of one whose state has the type `T`.
    """

    __slots__ = ("reason", "reply", "state")
    __match_args__ = ("reason", "state")
    _fields = ("reason", "state", "reply")

    @overload
    def __init__(self: Stop[Any], reason: Any, *, reply: Any = ...) -> None: ...
    @overload
    def __init__(self, reason: Any, state: T, *, reply: Any = ...) -> None: ...
    def __init__(self, reason: Any, state: Any = ABSENT, *, reply: Any = ABSENT) -> None:
        self.reason: Any = reason
        self.state: T = state
        self.reply: Any = reply


class Ignore(Result):
    """A start that is declined without an error, from `init`; `start_link` returns it as well."""

    __slots__ = ()
