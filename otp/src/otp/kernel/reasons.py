"""Exit reasons: plain values that compare like Erlang's, and how an exception becomes one.

Source: *Erlang reference manual*, Processes, "Errors" and "Exit reasons".
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import os.path
from types import TracebackType
from typing import Any, Final, NamedTuple

from otp.kernel.errors import Error, Exit, Throw

__all__ = [
    "Crash",
    "ExceptionTerm",
    "Reason",
    "StackEntry",
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
_FRAMELESS: Final = frozenset[type]([str, int, float, bool, bytes, type(None)])
_new_tuple: Final = tuple.__new__  # what the constructors of named tuples do, without a call in between
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
        if isinstance(term, ExceptionTerm):
            return f"Crash({term.type_name}({term.text!r}))"
        return f"Crash({term!r})"

    def __reduce__(self) -> Any:
        return (Crash, (self[0], self[1]))


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
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        if not traceback.tb_frame.f_code.co_filename.startswith(_OURS):
            break
        traceback = traceback.tb_next
    error.__traceback__ = traceback


def _text_of(error: BaseException) -> str:
    try:
        return str(error)[:TEXT_LIMIT]
    except Exception as failure:
        return f"<str() of this {type(error).__name__} raised {type(failure).__name__}>"


def _single_exit(group: BaseExceptionGroup[BaseException]) -> Exit | None:
    """The one `Exit` that all leaves of a group agree on, if they do."""
    found: Exit | None = None
    pending: list[BaseException] = list(group.exceptions)
    while pending:
        leaf = pending.pop()
        if isinstance(leaf, BaseExceptionGroup):
            pending.extend(leaf.exceptions)
        elif not isinstance(leaf, Exit) or (found is not None and not same(found.reason, leaf.reason)):
            return None
        else:
            found = leaf
    return found


def reason_of(error: BaseException) -> Reason:
    """The exit reason of a process that ends by `error`.

    `Exit(R)` gives R, `Error(R)` gives `Crash(R, stack)`, `Throw(V)` gives `Crash(("nocatch", V), stack)`, any other
    exception `Crash(ExceptionTerm(...), stack)`. A group whose leaves are all `Exit` with one reason unwraps to it.
    """
    if isinstance(error, Exit):
        return error.reason
    stack = stack_of(error.__traceback__)
    if isinstance(error, Error):
        return Crash(error.reason, stack)
    if isinstance(error, Throw):
        return Crash(("nocatch", error.value), stack)
    if isinstance(error, BaseExceptionGroup):
        single = _single_exit(error)
        if single is not None:
            return single.reason
    return _new_tuple(Crash, (_term(error, 0), stack))


def term_of(error: BaseException) -> ExceptionTerm:
    """What is left of an exception without its frames, those of the exceptions in its arguments included."""
    return _term(error, 0)


def _term(error: BaseException, depth: int) -> ExceptionTerm:
    try:
        args = error.args
        if type(args) is not tuple or not _FRAMELESS.issuperset(map(type, args)):
            args = tuple([_frameless(argument, depth + 1) for argument in args])
    except Exception:  # an exception class may do anything
        args = ()
    return _new_tuple(ExceptionTerm, (type(error).__name__, args, _text_of(error)))


def _frameless(argument: Any, depth: int) -> Any:
    """The exceptions of a group (and others in arguments) hold frames as well; four levels are looked at."""
    if isinstance(argument, BaseException):
        return _term(argument, depth) if depth < 4 else _text_of(argument)
    if type(argument) is list or type(argument) is tuple:
        if any(isinstance(item, BaseException) for item in argument):  # pyright: ignore[reportUnknownVariableType]
            return tuple(_frameless(item, depth) for item in argument)  # pyright: ignore[reportUnknownVariableType]
    return argument


def same(one: Any, other: Any) -> bool:
    """Equality of two terms that never raises: a `==` without a truth value, as that of arrays, counts as unequal."""
    try:
        return one is other or bool(one == other)
    except Exception:
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
