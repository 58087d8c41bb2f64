"""Exit reasons made from exceptions, without references to frames.

Source: *Erlang reference manual*, Processes, "Errors" and "Exit reasons".
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import linecache
from asyncio import CancelledError
from collections.abc import Callable
from types import CodeType, TracebackType
from typing import Any, Final

from otp.kernel.values.errors import CallExit, Error, Exit, Throw
from otp.kernel.values.reasons import (
    MOST_CAUSES,
    Crash,
    ExceptionTerm,
    Reason,
    StackEntry,
    first_of_program,
    is_ours,
    same,
)

TEXT_LIMIT: Final = 2000
MOST_DECORATED: Final = 50
"""Maximum lines of decorators above a function."""


_FRAMELESS: Final = frozenset[type]([str, int, float, bool, bytes, type(None)])


_new_tuple: Final = tuple.__new__  # like the constructors of named tuples, without a call in between


_arguments: Final[Callable[[BaseException], Any]] = BaseException.__dict__["args"].__get__


_traceback: Final[Callable[[BaseException], Any]] = BaseException.__dict__["__traceback__"].__get__


_cause: Final[Callable[[BaseException], Any]] = BaseException.__dict__["__cause__"].__get__


_context: Final[Callable[[BaseException], Any]] = BaseException.__dict__["__context__"].__get__


_hides_context: Final[Callable[[BaseException], bool]] = BaseException.__dict__["__suppress_context__"].__get__


_put_traceback: Final[Callable[[BaseException, Any], None]] = BaseException.__dict__["__traceback__"].__set__


_members: Final[Callable[[BaseException], Any]] = BaseExceptionGroup.__dict__["exceptions"].__get__


_name_of: Final[Callable[[type], str]] = type.__dict__["__name__"].__get__


def stack_of(traceback: TracebackType | None) -> tuple[StackEntry, ...]:
    """Copy a traceback into (file, line, function) entries that keep no frame alive.

    An innermost frame with a local `__tracebackhide__`, pytest's sign, is left out: a signal handler that raises in the
    code which it interrupts.
    """
    entries: list[StackEntry] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if traceback.tb_next is None and entries and "__tracebackhide__" in code.co_varnames:
            break
        entries.append((code.co_filename, traceback.tb_lineno, code.co_qualname))
        traceback = traceback.tb_next
    return tuple(entries)


def line_of_def(code: CodeType) -> int:
    """Return the line of a function's `def`; its code begins with the decorators, which may be long."""
    linecache.checkcache(code.co_filename)
    first = code.co_firstlineno
    for line in range(first, first + MOST_DECORATED):
        if linecache.getline(code.co_filename, line).lstrip().startswith(("def ", "async def ")):
            return line
    return first


def place_of_error(error: BaseException) -> StackEntry | None:
    """Return the line of the program that raised an error, or made the call that failed; None outside of it."""
    return first_of_program(stack_of(error.__traceback__)[::-1])


def without_our_frames(error: BaseException) -> None:
    """Remove the runtime's own frames from the start of a traceback, so that it begins with user code."""
    traceback = _traceback(error)
    while traceback is not None and traceback.tb_next is not None:
        if not is_ours(traceback.tb_frame.f_code.co_filename):
            break
        traceback = traceback.tb_next
    _put_traceback(error, traceback)


def drop_traceback(error: BaseException) -> None:
    """Release the frames of an error that is not reported; a frame that refers to it would keep them all alive."""
    _put_traceback(error, None)


def drop_group(error: BaseException) -> None:
    """Release the frames of a reported group: `asyncio.TaskGroup` raises it from a frame that refers to it."""
    if issubclass(type(error), BaseExceptionGroup):
        _put_traceback(error, None)


def _text_of(error: BaseException) -> str:
    try:
        return str(error)[:TEXT_LIMIT]
    except KeyboardInterrupt:  # Ctrl-C
        raise
    except BaseException as failure:  # also what ends an endless loop in it
        return f"<str() of this {_name_of(type(error))} raised {_name_of(type(failure))}>"


def exit_reason(error: BaseException) -> tuple[Any] | None:
    """Return, in a 1-tuple, the reason of an `Exit` or of a group of equal ones; None otherwise."""
    try:
        found: Any = _single_exit(error) if issubclass(type(error), BaseExceptionGroup) else error
        if issubclass(type(found), Exit) and not issubclass(type(found), CallExit):
            return (found.reason,)
    except KeyboardInterrupt:
        raise
    except BaseException:  # a class of the program whose `reason` cannot be read
        pass
    return None


def _single_exit(group: BaseException) -> Any:
    """Return the one `Exit` that all leaves of a group agree on, if they do."""
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
    """Return the exit reason of a process that ends by `error`.

    `Exit(R)` gives R, `Error(R)` gives `Crash(R, stack)`, `Throw(V)` gives `Crash(("nocatch", V), stack)`, any other
    exception `Crash(ExceptionTerm(...), stack)`. A group whose leaves are all `Exit` with one reason unwraps to it.
    """
    return _reason_of(error, 0)


def _reason_of(error: BaseException, depth: int) -> Reason:
    """Return the exit reason of an error, which is this deep in a chain of causes."""
    raised: Any = error
    kind, stack = type(error), stack_of(_traceback(error))
    try:
        if issubclass(kind, Exit):
            return raised.reason
        if issubclass(kind, Error):
            return Crash(raised.reason, stack, _find_cause(error, depth))
        if issubclass(kind, Throw):
            return Crash(("nocatch", raised.value), stack)
        if issubclass(kind, BaseExceptionGroup):
            single = _single_exit(error)
            if single is not None:
                return single.reason
    except KeyboardInterrupt:
        raise
    except BaseException:  # a class of the program whose `reason` cannot be read
        pass
    crash = _new_tuple(Crash, (_term(error, 0), stack))
    if _cause(error) is not None or _context(error) is not None or issubclass(kind, BaseExceptionGroup):
        crash.cause = _find_cause(error, depth)
    return crash


def _find_cause(error: BaseException, depth: int) -> Crash | None:
    """Return the error that another one was raised from, or while it was handled; None without one.

    That of a group is its first error. A cancellation explains nothing, and an error that was handled is of interest
    only if it came through a program.
    """
    cause = _cause(error)
    if cause is None and issubclass(type(error), BaseExceptionGroup):
        cause = _members(error)[0]
    elif cause is None and not _hides_context(error):
        cause = _context(error)
        if cause is not None and first_of_program(stack_of(_traceback(cause))[::-1]) is None:
            return None
    if cause is None or depth == MOST_CAUSES or issubclass(type(cause), CancelledError):
        return None
    reason = _reason_of(cause, depth + 1)
    return reason if type(reason) is Crash else Crash(reason, stack_of(_traceback(cause)))


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
    """Replace exceptions in an argument, such as those of a group, which hold frames; four levels deep."""
    kind = type(argument)
    if issubclass(kind, BaseException):
        return _term(argument, depth) if depth < 4 else _text_of(argument)
    if kind is list or kind is tuple:
        if any(issubclass(type(item), BaseException) for item in argument):
            return tuple([_frameless(item, depth) for item in argument])
    return argument
