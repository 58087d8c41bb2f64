"""Requests to a `ViewServer`: the methods of `NodeView`, their arguments and permissions."""

# Terms have no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import inspect
from typing import Any, Final, Literal, NamedTuple, get_args

from otp.bounded import text
from otp.kernel.errors import BadArgument
from otp.observer.events import TraceSpec
from otp.observer.failures import NotPermitted
from otp.observer.local_view import LocalView
from otp.observer.operations import ChildStart

__all__ = ["METHODS", "Method", "Permission", "check_permissions", "needed", "to_arguments"]

Permission = Literal["read", "operate", "code"]
"""`read` inspects, without secrets; `operate` sends, stops, restarts; `code` may run arbitrary code."""


class Method(NamedTuple):
    """A method: its permission, whether it may wait for others, its known and its required arguments."""

    permission: Permission
    waits: bool
    known: frozenset[str]
    required: frozenset[str]


def _method(permission: Permission, name: str) -> Method:
    parameters = list(inspect.signature(getattr(LocalView, name)).parameters.values())[1:]
    required = frozenset(p.name for p in parameters if p.default is p.empty)
    return Method(permission, permission != "read", frozenset(p.name for p in parameters), required)


_NAMES: Final[dict[Permission, tuple[str, ...]]] = {
    "read": (
        *("info", "metrics", "processes", "process", "state", "supervision_tree", "graph"),
        *("which_children", "count_children", "trace", "events"),
    ),
    "operate": (
        *("send", "cast", "call", "exit", "suspend", "resume"),
        *("start_child", "terminate_child", "restart_child", "delete_child", "change_strategy"),
    ),
    "code": ("replace_state", "reload"),
}

METHODS: Final[dict[str, Method]] = {
    name: _method(permission, name) for permission, names in _NAMES.items() for name in names
}


def check_permissions(given: Any) -> frozenset[Permission]:
    """Return the permissions of a server; `None` means reading only."""
    if given is None:
        return frozenset({"read"})
    known = get_args(Permission)
    if not isinstance(given, (tuple, list, set, frozenset)) or not all(p in known for p in given):
        raise BadArgument(f"ViewServer(permissions): expected some of {known}, got {text(given)}")
    return frozenset(given)


def to_arguments(name: str, method: Method, given: Any) -> dict[str, Any]:
    """Return the arguments of a request; raises `BadArgument` for unknown or missing ones."""
    if type(given) is not dict:
        raise BadArgument(f"{name}: expected a dict of arguments, got {text(given)}")
    arguments: dict[Any, Any] = given
    unknown = [key for key in arguments if key not in method.known]
    missing = method.required - arguments.keys()
    if unknown or missing:
        raise BadArgument(
            f"{name}: expected the arguments {', '.join(sorted(method.known)) or '(none)'}, "
            f"got unknown {text(unknown)}, without {text(sorted(missing))}"
        )
    return arguments


def needed(name: str, method: Method, arguments: dict[str, Any], permissions: frozenset[Permission]) -> None:
    """Raise `NotPermitted` if a request needs more than is permitted.

    Unredacted values need `code`, and so does starting a child that the supervisor does not have: some of the classes
    that a node has loaded can start any program.
    """
    spec = arguments.get("spec")
    wanted: Permission = method.permission
    if arguments.get("redact", True) is not True or (isinstance(spec, TraceSpec) and not spec.redact):
        wanted = "code"
    if isinstance(arguments.get("child"), ChildStart):
        wanted = "code"
    for permission in {method.permission, wanted}:
        if permission not in permissions:
            raise NotPermitted(
                f"{name}: expected the permission {permission!r}, this server has {sorted(permissions)}; "
                f"try ViewServer.child_spec({(*sorted(permissions), permission)!r})"
            )
