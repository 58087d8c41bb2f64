"""Exit reasons: plain values that compare like Erlang's, and how an exception becomes one.

Source: *Erlang reference manual*, Processes, "Errors" and "Exit reasons".
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import os.path
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, NamedTuple

from otp.kernel.errors import CallExit, Error, Exit, Throw

__all__ = [
    "Crash",
    "ExceptionTerm",
    "Reason",
    "StackEntry",
    "drop_group",
    "drop_traceback",
    "exit_reason",
    "is_clean",
    "is_ours",
    "is_word",
    "reason_of",
    "same",
    "stack_of",
    "starts_with",
    "term_of",
    "without_our_frames",
]

TEXT_LIMIT: Final = 2000
MEMBERS: Final = 3  # of an exception group, in a text
_FRAMELESS: Final = frozenset[type]([str, int, float, bool, bytes, type(None)])
_new_tuple: Final = tuple.__new__  # what the constructors of named tuples do, without a call in between

# An exception's class may answer for any of these itself, raise, or loop; the interpreter's own ways do not ask it.
_arguments: Final[Callable[[BaseException], Any]] = BaseException.__dict__["args"].__get__
_traceback: Final[Callable[[BaseException], Any]] = BaseException.__dict__["__traceback__"].__get__
_put_traceback: Final[Callable[[BaseException, Any], None]] = BaseException.__dict__["__traceback__"].__set__
_members: Final[Callable[[BaseException], Any]] = BaseExceptionGroup.__dict__["exceptions"].__get__
_name_of: Final[Callable[[type], str]] = type.__dict__["__name__"].__get__
_OURS: Final = tuple(
    os.path.join(os.path.dirname(os.path.dirname(__file__)), folder, "") for folder in ("kernel", "behaviours")
)

Reason = Any
"""An exit reason is any value; `"normal"`, `"shutdown"` and `("shutdown", term)` are the clean ones."""

StackEntry = tuple[str, int, str]
"""(file, line, function) of one frame, without the frame."""


class ExceptionTerm(NamedTuple):
    """The term of a foreign exception: what is left of it when its frames are gone.

    >>> ExceptionTerm("ValueError", ("no",), "no").type_name
    'ValueError'
    """

    type_name: str
    args: tuple[Any, ...]
    text: str


class Crash(tuple[Any, tuple[StackEntry, ...]]):
    """The reason of a process that ended by an uncaught error: a tuple `(term, stack)` of length 2.

    `term` is R for `Error(R)`, else an `ExceptionTerm`. The stack is ignored by `==` and `hash`, so reasons of two
    runs compare; it is a tuple of (file, line, function), innermost last.

    >>> Crash("boom", (("a.py", 1, "f"),)) == Crash("boom", ())
    True
    """

    __slots__ = ()

    def __new__(cls, term: Any, stack: tuple[StackEntry, ...] = ()) -> Crash:
        return tuple.__new__(cls, (term, stack))

    @property
    def term(self) -> Any:
        """What was raised: R of `Error(R)` or an `ExceptionTerm`."""
        return self[0]

    @property
    def stack(self) -> tuple[StackEntry, ...]:
        """Where it was raised, innermost frame last."""
        return self[1]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Crash) and self[0] == other[0]

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(("crash", self[0]))

    def __repr__(self) -> str:
        term = self[0]
        return f"Crash({_written(term) if isinstance(term, ExceptionTerm) else repr(term)})"

    def __reduce__(self) -> Any:
        return (Crash, (self[0], self[1]))


def _written(term: ExceptionTerm) -> str:
    """Return an exception as its constructor was written; of a group also the first members, as Python writes them."""
    members = term.args[1] if len(term.args) == 2 else ()
    if type(members) is not tuple or not members or any(type(member) is not ExceptionTerm for member in members):
        return f"{term.type_name}({term.text!r})"
    shown = [_written(member) for member in members[:MEMBERS]]
    if len(members) > MEMBERS:
        shown.append("…")
    return f"{term.type_name}({term.text!r}, [{', '.join(shown)}])"


def stack_of(traceback: TracebackType | None) -> tuple[StackEntry, ...]:
    """Copy a traceback into (file, line, function) entries, so that no frame stays alive."""
    entries: list[StackEntry] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        entries.append((code.co_filename, traceback.tb_lineno, code.co_qualname))
        traceback = traceback.tb_next
    return tuple(entries)


def is_ours(file: str) -> bool:
    """Whether a source file is one of the runtime."""
    return file.startswith(_OURS)


def without_our_frames(error: BaseException) -> None:
    """Let a traceback begin with the user's code: its first entries are the places in the runtime that called it."""
    traceback = _traceback(error)
    while traceback is not None and traceback.tb_next is not None:
        if not traceback.tb_frame.f_code.co_filename.startswith(_OURS):
            break
        traceback = traceback.tb_next
    _put_traceback(error, traceback)


def drop_traceback(error: BaseException) -> None:
    """Release the frames of an error that is not reported: a frame that refers to it would keep them all alive."""
    _put_traceback(error, None)


def drop_group(error: BaseException) -> None:
    """Release the frames of a reported group: `asyncio.TaskGroup` raises it from a frame that refers to it."""
    if issubclass(type(error), BaseExceptionGroup):
        _put_traceback(error, None)


def _text_of(error: BaseException) -> str:
    try:
        return str(error)[:TEXT_LIMIT]
    except KeyboardInterrupt:  # of the person at the terminal
        raise
    except BaseException as failure:  # also what ends an endless loop in there
        return f"<str() of this {_name_of(type(error))} raised {_name_of(type(failure))}>"


def exit_reason(error: BaseException) -> tuple[Any] | None:
    """Return the reason of an `Exit`, or of a group of them that agree, in a tuple; None also for a failed call."""
    try:
        found: Any = _single_exit(error) if issubclass(type(error), BaseExceptionGroup) else error
        if issubclass(type(found), Exit) and not issubclass(type(found), CallExit):
            return (found.reason,)
    except KeyboardInterrupt:
        raise
    except BaseException:  # a class of the program's own whose `reason` cannot be had
        pass
    return None


def _single_exit(group: BaseException) -> Any:
    """The one `Exit` that all leaves of a group agree on, if they do."""
    found: Any = None
    pending: list[Any] = list(_members(group))
    while pending:
        leaf = pending.pop()
        if issubclass(type(leaf), BaseExceptionGroup):
            pending.extend(_members(leaf))
        elif not issubclass(type(leaf), Exit) or (found is not None and not same(found.reason, leaf.reason)):
            return None
        else:
            found = leaf
    return found


def reason_of(error: BaseException) -> Reason:
    """The exit reason of a process that ends by `error`.

    `Exit(R)` gives R, `Error(R)` gives `Crash(R, stack)`, `Throw(V)` gives `Crash(("nocatch", V), stack)`, any other
    exception `Crash(ExceptionTerm(...), stack)`. A group whose leaves are all `Exit` with one reason unwraps to it.
    """
    raised: Any = error
    kind, stack = type(error), stack_of(_traceback(error))
    try:
        if issubclass(kind, Exit):
            return raised.reason
        if issubclass(kind, Error):
            return Crash(raised.reason, stack)
        if issubclass(kind, Throw):
            return Crash(("nocatch", raised.value), stack)
        if issubclass(kind, BaseExceptionGroup):
            single = _single_exit(error)
            if single is not None:
                return single.reason
    except KeyboardInterrupt:
        raise
    except BaseException:  # a class of the program's own whose `reason` cannot be had
        pass
    return _new_tuple(Crash, (_term(error, 0), stack))


def term_of(error: BaseException) -> ExceptionTerm:
    """What is left of an exception without its frames, those of the exceptions in its arguments included."""
    return _term(error, 0)


def _term(error: BaseException, depth: int) -> ExceptionTerm:
    args = _arguments(error)
    try:
        if not _FRAMELESS.issuperset(map(type, args)):
            args = tuple([_frameless(argument, depth + 1) for argument in args])
    except KeyboardInterrupt:
        raise
    except BaseException:  # a metaclass may do anything when its class is looked up
        args = ()
    return _new_tuple(ExceptionTerm, (_name_of(type(error)), args, _text_of(error)))


def _frameless(argument: Any, depth: int) -> Any:
    """The exceptions of a group (and others in arguments) hold frames as well; four levels are looked at."""
    kind = type(argument)
    if issubclass(kind, BaseException):
        return _term(argument, depth) if depth < 4 else _text_of(argument)
    if kind is list or kind is tuple:
        if any(issubclass(type(item), BaseException) for item in argument):
            return tuple([_frameless(item, depth) for item in argument])
    return argument


def same(one: Any, other: Any) -> bool:
    """Equality of two terms that never raises: a `==` without a truth value, as that of arrays, counts as unequal."""
    try:
        return one is other or bool(one == other)
    except KeyboardInterrupt:  # of the person at the terminal
        raise
    except BaseException:
        return False


def starts_with(reason: Reason, word: str) -> bool:
    """Whether a reason is a pair whose first element is `word`, as `{shutdown, _}` matches in Erlang."""
    return issubclass(type(reason), tuple) and len(reason) == 2 and is_word(reason[0], word)


def is_word(reason: Reason, word: str) -> bool:
    """Whether a reason is this text; it may be of a class that raises where it is asked for itself, or compared."""
    kind = type(reason)
    return reason == word if kind is str else issubclass(kind, str) and str.__eq__(reason, word)


def is_clean(reason: Reason) -> bool:
    """Whether a reason is a normal end for a supervisor and the log: normal, shutdown, (shutdown, term).

    >>> is_clean(("shutdown", "moved")), is_clean("killed")
    (True, False)
    """
    return is_word(reason, "normal") or is_word(reason, "shutdown") or starts_with(reason, "shutdown")
