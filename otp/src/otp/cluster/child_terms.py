"""Child specs as terms that another member can start: functions as names, arguments as terms."""

# Arguments are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import functools
import sys
from typing import Any

from otp.behaviours.server.child_spec import ChildSpec
from otp.bounded import text
from otp.cluster.travelling import check_travels
from otp.distribution.serving import function_named
from otp.kernel.values.errors import BadArgument
from otp.observer.terms import CannotTravel, put_before

__all__ = ["function_name", "spec_of_term", "target_of", "term_of_spec"]


def function_name(function: Any, path: str) -> str:
    """Return a function, class or class method as `"module:name"`. Raises `CannotTravel` with `path`."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, type):
        module, name = owner.__module__, f"{owner.__qualname__}.{function.__name__}"
    else:
        module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "<")
    found: Any = sys.modules.get(module or "")
    for part in name.split("."):
        found = getattr(found, part, None)
    if found != function:
        raise _cannot_travel(
            f"expected a function or class that other members can import, got {text(function)}; "
            "try one at the top of a module",
            path,
        )
    return f"{module}:{name}"


def term_of_spec(spec: ChildSpec) -> dict[str, Any]:
    """Return a spec as a term without its id. Raises `CannotTravel` with the path of the value that cannot be sent.

    >>> import otp
    >>> term_of_spec(otp.Task.child_spec(print))
    Traceback (most recent call last):
    otp.observer.terms.CannotTravel: at start.args[0]: expected plain terms (...
    """
    start: Any = spec.start
    function, args = (start[0], start[1:]) if isinstance(start, tuple) else (start, ())
    named: dict[str, Any] = {}
    while isinstance(function, functools.partial):
        named = {**function.keywords, **named}
        function, args = function.func, (*function.args, *args)
    target = function_name(function, "start")
    for number, value in enumerate(args):
        _check(value, f"start.args[{number}]")
    for key, value in named.items():
        _check(value, f"start.kwargs[{key!r}]")
    return {
        "start": (target, list(args), named),
        "restart": spec.restart,
        "shutdown": spec.shutdown,
        "type": spec.type,
    }


def spec_of_term(id: Any, term: Any) -> ChildSpec:
    """Return the spec that a term describes. Raises `BadArgument` if it is not such a term or cannot be imported."""
    match term:
        case {"start": (str(target), list(args), dict(named)), "restart": restart, "shutdown": shutdown, "type": kind}:
            function = function_named(target)
            start: Any = functools.partial(function, *args, **named) if named else (function, *args)
            return ChildSpec(id, start, restart, shutdown, kind)
        case _:
            raise BadArgument(f"expected the term of a child spec, got {text(term)}")


def target_of(term: Any) -> str:
    """Return the name of the function that starts a child."""
    return str(term["start"][0])


def _check(value: Any, path: str) -> None:
    try:
        check_travels(value)
    except CannotTravel as error:
        put_before(error, path)
        raise


def _cannot_travel(why: str, path: str) -> CannotTravel:
    error = CannotTravel(why)
    put_before(error, path)
    return error
