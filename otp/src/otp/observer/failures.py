"""Errors as terms: an error of an operation on one side is raised on the other, with its reason."""

# Terms have no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from otp.behaviours.supervisor.spec_check import InvalidChildSpec
from otp.bounded import text
from otp.code import UpgradeRefused
from otp.kernel.values import errors
from otp.observer.terms import FindPid, from_term, to_term

__all__ = ["NotPermitted", "ViewError", "from_failure", "to_failure"]


class ViewError(Exception):
    """A failed request to a `ViewServer`; `code` says why in one word.

    `busy`: too many requests or streams at once; `no_stream`: the stream has ended; `superseded`: another request came
    in between; `failed`: anything else, see the text.

    >>> from otp.observer import ViewError
    >>> ViewError("busy", "100 requests are under way; try again").code
    'busy'
    """

    def __init__(self, code: str, said: str) -> None:
        super().__init__(said)
        self.code = code


class NotPermitted(ViewError):
    """A request that needs a permission which the `ViewServer` does not have."""

    def __init__(self, said: str) -> None:
        super().__init__("not_permitted", said)


_CALLS: Final[dict[str, type[errors.CallExit]]] = {
    kind.__name__: kind
    for kind in (errors.CallExit, errors.NoProcess, errors.CallTimeout, errors.ServerDown, errors.CallingSelf)
}

_MAKERS: Final[dict[str, Callable[[str, tuple[Any, ...]], Exception]]] = {
    "bad_argument": lambda said, _: errors.BadArgument(said),
    "not_permitted": lambda said, _: NotPermitted(said),
    "timeout": lambda said, _: TimeoutError(said),
    "not_found": lambda _, parts: errors.NotFound(*parts),
    "already_present": lambda _, parts: errors.AlreadyPresent(*parts),
    "already_started": lambda _, parts: errors.AlreadyStarted(*parts),
    "invalid_child_spec": lambda _, parts: InvalidChildSpec(*parts),
    "start_error": lambda _, parts: errors.StartError(*parts),
    "upgrade_refused": lambda _, parts: UpgradeRefused(*parts),
    "exit": lambda _, parts: errors.Exit(*parts),
    "call": lambda _, parts: _CALLS.get(parts[0], errors.CallExit)(*parts[1:]),
}


def to_failure(error: BaseException) -> tuple[str, str, str, tuple[Any, ...]]:
    """Return an exception as the term `("error", code, text, parts)`."""
    code, *parts = _described(error)
    said = text(error) if code == "failed" else _describe(error)
    return ("error", code, said, tuple(to_term(part, strict=False) for part in parts))


def _described(error: BaseException) -> tuple[Any, ...]:
    match error:
        case ViewError():
            return (error.code,)
        case errors.BadArgument():
            return ("bad_argument",)
        case errors.CallExit():
            return ("call", type(error).__name__, error.reason, error.dest, error.request)
        case errors.Exit():
            return ("exit", error.reason)
        case errors.NotFound():
            return ("not_found", error.reason)
        case errors.AlreadyPresent():
            return ("already_present", error.reason)
        case errors.AlreadyStarted():
            return ("already_started", error.pid)
        case InvalidChildSpec():
            return ("invalid_child_spec", error.reason)
        case errors.StartError():
            return ("start_error", error.reason)
        case UpgradeRefused():
            return ("upgrade_refused", error.server, error.reason)
        case TimeoutError():
            return ("timeout",)
        case _:
            return ("failed",)


def _describe(error: BaseException) -> str:
    try:
        said = str(error)
    except Exception:  # from a value in it
        said = ""
    return (said if type(said) is str else "")[:2000] or text(error)


def from_failure(term: Any, find_pid: FindPid) -> Exception:
    """Return the exception of such a term."""
    match term:
        case ("error", str(code), said, tuple(parts)):
            values = tuple(from_term(part, find_pid) for part in parts)
            make = _MAKERS.get(code)
            return ViewError(code, str(said)) if make is None else make(str(said), values)
        case _:
            return ViewError("failed", f"expected an answer of a ViewServer, got {text(term)}")
