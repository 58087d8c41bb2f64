"""The results of callbacks: small records, one class per verdict.

`Reply` and `NoReply` without options are the frequent ones. With an option, the object becomes an instance of a private
subclass, so that the engine distinguishes the two by type.
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import opcode
import sys
from collections.abc import Callable, Coroutine, Generator
from functools import lru_cache
from inspect import CO_COROUTINE, CO_GENERATOR
from types import AsyncGeneratorType, CodeType, CoroutineType, FunctionType, GeneratorType, MethodType
from typing import TYPE_CHECKING, Any, Final, Generic, ParamSpec, TypeVar, cast, overload

from otp.kernel.values.handed import init_of

if TYPE_CHECKING:
    from typing_extensions import TypeVar as DefaultTypeVar

    from otp.kernel.values.terms import Limit


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
                # Another class with the same slots and no flag: on the hot paths `type(result) is Ok` also says that
                # there are no options, which are ignored there otherwise; see
                # test_a_continue_of_init_runs_before_any_message_and_after_the_start.
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


# The callbacks of a behaviour's class, looked up once: the engine reads slots, not class attributes.


_REPLACES_CODE: Final = {"IPython", "jurigged"}

"""Modules that reload a function by assigning its `__code__`, without a sign to anyone."""

_TWO_LOCALS: Final = {code for name, code in opcode.opmap.items() if name.count("_FAST") == 2}
_LOCALS: Final = {*opcode.haslocal, *_TWO_LOCALS}
"""Operations on local variables by their number; from Python 3.13 on, some have two, of four bits each."""
_SHOWS_LOCALS: Final = {"breakpoint", "currentframe", "dir", "eval", "exec", "_getframe", "locals", "set_trace", "vars"}


class Callbacks:
    """The bound callbacks of a handler. `terminate` is `None` if a class does not define it."""

    __slots__ = (
        "behaviour",
        "cls",
        "debug",
        "handle_call",
        "handle_cast",
        "handle_continue",
        "handle_info",
        "handler",
        "init",
        "reads_caller",
        "shared_context",
        "supervisor",
        "terminate",
    )

    def __init__(self, handler: Any, cls: type) -> None:
        self.handler: Any = handler
        self.cls: type = cls
        self.debug: Any = None  # active debug functions; such callbacks belong to one process
        self.init: Callable[[Any], Any] = init_of(handler)
        self.handle_call: Callable[[Any, Any, Any], Any] = handler.handle_call
        self.handle_cast: Callable[[Any, Any], Any] = handler.handle_cast
        self.handle_info: Callable[[Any, Any], Any] = handler.handle_info
        self.handle_continue: Callable[[Any, Any], Any] = handler.handle_continue
        terminate: Any = handler.terminate
        inherited = getattr(getattr(type(handler), "terminate", None), "__otp_default__", False)
        self.terminate: Callable[[Any, Any], Any] | None = None if inherited else terminate
        self.supervisor: bool = getattr(handler, "__otp_supervisor__", False)
        self.behaviour: str = getattr(handler, "__otp_behaviour__", "gen_server")
        self.shared_context: bool = getattr(cls, "context", None) == "shared"
        self.reads_caller: bool = _reads_caller(self.handle_call)


def _reads_caller(handle_call: Any) -> bool:
    """Return whether `handle_call` may read its `caller`; if not, an inline call need not create it.

    Creating it is a tenth of such a call. Functions that are not plain methods count as readers. So do all functions
    while a debugger, which shows arguments, is attached, and in a program that may replace the code inside a function.
    """
    fn = handle_call.__func__ if type(handle_call) is MethodType else None
    if type(fn) is not FunctionType or _is_debugged() or not sys.modules.keys().isdisjoint(_REPLACES_CODE):
        return True
    return _names_caller(fn.__code__)


@lru_cache(maxsize=256)  # a module that is run again has the same code
def _names_caller(code: CodeType) -> bool:
    if code.co_argcount != 4:
        return True
    if code.co_varnames[2] in code.co_cellvars or not _SHOWS_LOCALS.isdisjoint(code.co_names):
        return True
    steps = code.co_code  # a fiftieth of the time of `dis.get_instructions`, which matters to a program that ends soon
    return any(
        argument == 2 or (operation in _TWO_LOCALS and 2 in divmod(argument, 16))
        for operation, argument in zip(steps[::2], steps[1::2], strict=True)
        if operation in _LOCALS
    )


def _is_debugged() -> bool:
    monitoring: Any = getattr(sys, "monitoring", None)  # Python 3.12
    return sys.gettrace() is not None or (
        monitoring is not None and monitoring.get_tool(monitoring.DEBUGGER_ID) is not None
    )


def callbacks_of(handler: Any, cls: Any) -> Callbacks:
    """Return the callbacks of a class, kept on the class, or of a separate handler.

    `handler` None stands for the one instance of the class.
    """
    found: Callbacks | None = getattr(cls, "__otp_callbacks__", None)
    if found is not None and found.cls is cls and (handler is None or found.handler is handler):
        return found
    found = Callbacks(cls.__handler__() if handler is None else handler, cls)
    cls.__otp_callbacks__ = found
    return found


def forget_callbacks(cls: type) -> None:
    """Drop the cached callbacks of `cls` and its subclasses, after one was replaced."""
    if "__otp_callbacks__" in cls.__dict__:
        type.__delattr__(cls, "__otp_callbacks__")
    for subclass in type.__subclasses__(cls):
        forget_callbacks(subclass)


def changed_class(old: Callbacks, cls: Any) -> Callbacks:
    """Return the callbacks of `cls`, a newer version of the class of `old`.

    Raises `MissingCallback` for an incomplete class.
    """
    handler = old.handler
    if isinstance(handler, old.cls):
        return callbacks_of(None, cls)
    if hasattr(cls, "__handler__"):  # an Agent consists of its functions only
        cls.__handler__()
    return Callbacks(type(handler)(cls) if getattr(handler, "cls", None) is old.cls else handler, cls)


# Coroutine functions written with `yield`: suspension points without a frame in between.


P = ParamSpec("P")

R = TypeVar("R")


def native_coroutine(function: Callable[P, Generator[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Make a generator function a coroutine function, like `types.coroutine`, but of real coroutines.

    Python therefore warns if one is never awaited (test_a_receive_that_nobody_awaits_is_a_warning_with_its_name) and
    shows it as a coroutine, at no cost: an `async def` around the generator would add a frame to each resume. The flag
    of the code object decides which of the two a call creates.
    """
    written = cast("FunctionType", function)
    code = written.__code__.replace(co_flags=written.__code__.co_flags & ~CO_GENERATOR | CO_COROUTINE)
    made = FunctionType(code, written.__globals__, written.__name__, written.__defaults__, written.__closure__)
    made.__kwdefaults__ = written.__kwdefaults__
    made.__annotations__ = {**written.__annotations__, "return": Any}  # the type of the awaited value
    made.__doc__, made.__qualname__, made.__module__ = written.__doc__, written.__qualname__, written.__module__
    return cast("Callable[P, Coroutine[Any, Any, R]]", made)


# Hints for a coroutine or generator given as a pid, a child or a result.


def unawaited(value: Any) -> str:
    """Explain a coroutine or generator that was not awaited.

    The text is empty for any other value. A list or tuple with one in it counts, too.

    >>> unawaited(n for n in ())
    'got a generator; did you write `yield` in place of `return`?'
    >>> unawaited("a pid")
    ''
    """
    kind: Any = type(value)
    if kind is CoroutineType:
        return "got a coroutine; did you forget `await`?"
    if kind is GeneratorType:
        return "got a generator; did you write `yield` in place of `return`?"
    if kind is AsyncGeneratorType:
        return "got an async generator; did you write `yield` in place of `return`?"
    if kind is list or kind is tuple:
        for member in value:
            if type(member) is CoroutineType:
                return f"got a {kind.__name__} with a coroutine in it; did you forget `await`?"
    return ""
