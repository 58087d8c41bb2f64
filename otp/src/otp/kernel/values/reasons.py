"""Exit reasons: plain values that compare like Erlang's.

Source: *Erlang reference manual*, Processes, "Errors" and "Exit reasons".
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import os.path
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, NamedTuple, TypeVar

MEMBERS: Final = 3  # of an exception group, in a text
MOST_CAUSES: Final = 3

LIBRARY: Final = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
"""The folder of the package `otp`."""

_OURS: Final = tuple(os.path.join(LIBRARY, folder, "") for folder in ("kernel", "behaviours"))

Reason = Any
"""An exit reason: any value; `"normal"`, `"shutdown"` and `("shutdown", term)` are the clean ones."""

StackEntry = tuple[str, int, str]
"""(file, line, function) of one frame, without the frame."""

Place = TypeVar("Place", bound=tuple[Any, ...])


class ExceptionTerm(NamedTuple):
    """The term of an exception that is not ours: what remains without its frames.

    >>> ExceptionTerm("ValueError", ("no",), "no").type_name
    'ValueError'
    """

    type_name: str
    args: tuple[Any, ...]
    text: str


class Crash(tuple[Any, tuple[StackEntry, ...]]):  # noqa: SLOT001 - no slots in a tuple
    """The reason of a process that ended by an uncaught error: a tuple `(term, stack)` of length 2.

    `term` is R for `Error(R)`, else an `ExceptionTerm`. The stack is ignored by `==` and `hash`, so reasons of two
    runs compare; it is a tuple of (file, line, function), innermost last. So is `cause`: the error that this one was
    raised from, or while it was handled.

    >>> Crash("boom", (("a.py", 1, "f"),)) == Crash("boom", ())
    True
    """

    cause: Crash | None = None

    def __new__(cls, term: Any, stack: tuple[StackEntry, ...] = (), cause: Crash | None = None) -> Crash:
        made = tuple.__new__(cls, (term, stack))
        if cause is not None:
            made.cause = cause
        return made

    @property
    def term(self) -> Any:
        """The raised value: R of `Error(R)` or an `ExceptionTerm`."""
        return self[0]

    @property
    def stack(self) -> tuple[StackEntry, ...]:
        """The stack where it was raised, innermost frame last."""
        return self[1]

    @property
    def causes(self) -> list[Crash]:
        """The errors before this one, the last first; at most three, also where they lead to each other."""
        found: list[Crash] = []
        cause: Any = self.cause
        while type(cause) is Crash and len(found) < MOST_CAUSES:  # a program may have set another value
            found.append(cause)
            cause = cause.cause
        return found

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
        return (Crash, (self[0], self[1], self.cause))


def _written(term: ExceptionTerm) -> str:
    """Return an exception as its constructor call; of a group also its first members."""
    members = term.args[1] if len(term.args) == 2 else ()
    if type(members) is not tuple or not members or any(type(member) is not ExceptionTerm for member in members):
        return f"{term.type_name}({term.text!r})"
    shown = [_written(member) for member in members[:MEMBERS]]
    if len(members) > MEMBERS:
        shown.append("…")
    return f"{term.type_name}({term.text!r}, [{', '.join(shown)}])"


def is_ours(file: str) -> bool:
    """Return whether a source file belongs to the runtime."""
    return file.startswith(_OURS)


def first_of_program(places: Sequence[Place]) -> Place | None:
    """Return the first place, which begins with its file, outside of libraries, else in an installed one."""
    ours, standard, installed = _library_folders()
    for folders in ((ours, standard, "<frozen ", installed), (ours, standard, "<frozen ")):
        for place in places:
            if not place[0].startswith(folders):
                return place
    return None


@cache
def _library_folders() -> tuple[str, str, str]:
    """Return the folders of this library, of Python and of installed packages."""
    import sysconfig  # needed for reports only, not at start

    ours, standard, installed = (
        os.path.join(folder, "") for folder in (LIBRARY, sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"))
    )
    return ours, standard, installed


def same(one: Any, other: Any) -> bool:
    """Compare two terms without ever raising; a `==` without a truth value, as of arrays, is unequal."""
    try:
        return one is other or bool(one == other)
    except KeyboardInterrupt:  # Ctrl-C
        raise
    except BaseException:
        return False


def starts_with(reason: Reason, word: str) -> bool:
    """Return whether a reason is a pair whose first element is `word`, like `{shutdown, _}` in Erlang."""
    return issubclass(type(reason), tuple) and len(reason) == 2 and is_word(reason[0], word)


def is_word(reason: Reason, word: str) -> bool:
    """Return whether a reason is this text; its class may raise when it is inspected or compared."""
    kind = type(reason)
    return reason == word if kind is str else issubclass(kind, str) and str.__eq__(reason, word)


def is_clean(reason: Reason) -> bool:
    """Return whether supervisors and the log treat a reason as normal: normal, shutdown, (shutdown, term).

    >>> is_clean(("shutdown", "moved")), is_clean("killed")
    (True, False)
    """
    return is_word(reason, "normal") or is_word(reason, "shutdown") or starts_with(reason, "shutdown")
