"""A method of a `NodeView` as a row of one table: a function of the observer, its parameters, its permission.

The methods of the views and the dispatch of the `ViewServer` are made from these rows. The type of a method is that of
its function without the node.
"""

# Arguments are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Concatenate, Generic, Literal, ParamSpec, TypeVar, get_args

from otp.bounded import text
from otp.kernel.values.errors import BadArgument
from otp.observer.events import TraceSpec
from otp.observer.failures import NotPermitted
from otp.observer.operations import ChildStart

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node
    from otp.kernel.values.pids import Pid
    from otp.observer.feed import EventFeed
    from otp.observer.stream import EventStream

__all__ = ["Method", "Permission", "Query", "Stream", "check_permissions"]

P = ParamSpec("P")
R = TypeVar("R")

Permission = Literal["read", "operate", "code"]
"""`read` inspects, without secrets; `operate` sends, stops, restarts; `code` may run arbitrary code."""


class Method:
    """A row of the table, and the descriptor of the method that it describes.

    Args:
        function: carries it out; its first `own` parameters are given by the view or the server.
        permission: the permission it needs at least; see `check`.
        travels: by parameter, the conversion of a value before it is sent to a server.
    """

    name: str
    signature: inspect.Signature
    method: Any

    def __init__(
        self, function: Callable[..., Any], permission: Permission, own: int, travels: dict[str, Callable[[Any], Any]]
    ) -> None:
        signature = inspect.signature(function)
        parameters = list(signature.parameters.values())[own:]
        self.function = function
        self.permission: Permission = permission
        self.signature = signature.replace(parameters=parameters)
        self._travels = travels
        self._required = {one.name for one in parameters if one.default is one.empty}

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.method = method = self._method()
        method.__name__, method.__qualname__, method.__module__ = name, f"{owner.__name__}.{name}", owner.__module__
        method.__doc__ = self.function.__doc__
        view = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
        parameters = [view, *self.signature.parameters.values()]
        vars(method)["__signature__"] = self.signature.replace(parameters=parameters)

    def _method(self) -> Any:
        """Return a function that the views have as their method."""
        raise NotImplementedError

    @property
    def waits(self) -> bool:
        """Return whether it may wait for other processes."""
        return self.permission != "read"

    def pack(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of a call by name, as they travel."""
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return {**bound.arguments, **{name: pack(bound.arguments[name]) for name, pack in self._travels.items()}}

    def unpack(self, given: Any) -> dict[str, Any]:
        """Return the arguments of a request; raises `BadArgument` for unknown or missing ones."""
        if type(given) is not dict:
            raise BadArgument(f"{self.name}: expected a dict of arguments, got {text(given)}")
        arguments: dict[Any, Any] = given
        known = self.signature.parameters
        unknown = [key for key in arguments if key not in known]
        missing = self._required - arguments.keys()
        if unknown or missing:
            raise BadArgument(
                f"{self.name}: expected the arguments {', '.join(sorted(known)) or '(none)'}, "
                f"got unknown {text(unknown)}, without {text(sorted(missing))}"
            )
        return arguments

    def check(self, arguments: dict[str, Any], permissions: frozenset[Permission]) -> None:
        """Raise `NotPermitted` if a request needs more than is permitted.

        Unredacted values need `code`, and so does starting a child that the supervisor does not have: some of the
        classes that a node has loaded can start any program.
        """
        spec = arguments.get("spec")
        wanted: Permission = self.permission
        if arguments.get("redact", True) is not True or (isinstance(spec, TraceSpec) and not spec.redact):
            wanted = "code"
        if isinstance(arguments.get("child"), ChildStart):
            wanted = "code"
        for permission in {self.permission, wanted}:
            if permission not in permissions:
                raise NotPermitted(
                    f"{self.name}: expected the permission {permission!r}, this server has {sorted(permissions)}; "
                    f"try ViewServer.child_spec({(*sorted(permissions), permission)!r})"
                )


class Query(Method, Generic[P, R]):
    """A method that returns a value."""

    def __init__(
        self,
        function: Callable[Concatenate[Node, P], Coroutine[Any, Any, R]],
        permission: Permission,
        **travels: Callable[[Any], Any],
    ) -> None:
        super().__init__(function, permission, 1, travels)

    def __get__(self, view: object, owner: type) -> Callable[P, Coroutine[Any, Any, R]]:
        return self.method if view is None else self.method.__get__(view, owner)

    def _method(self) -> Any:
        async def method(view: Any, *args: Any, **kwargs: Any) -> Any:
            return await view._ask(self, args, kwargs)

        return method


class Stream(Method, Generic[P]):
    """A method that returns a stream, whose function returns its feed."""

    def __init__(
        self,
        function: Callable[Concatenate[Node, Callable[[], object], Pid | None, P], EventFeed],
        permission: Permission,
        **travels: Callable[[Any], Any],
    ) -> None:
        super().__init__(function, permission, 3, travels)
        vars(self)["signature"] = self.signature.replace(return_annotation="EventStream")

    def __get__(self, view: object, owner: type) -> Callable[P, EventStream]:
        return self.method if view is None else self.method.__get__(view, owner)

    def _method(self) -> Any:
        def method(view: Any, *args: Any, **kwargs: Any) -> Any:
            return view._open(self, args, kwargs)

        return method


def check_permissions(given: Any) -> frozenset[Permission]:
    """Return the permissions of a server; `None` means reading only."""
    if given is None:
        return frozenset({"read"})
    known = get_args(Permission)
    if not isinstance(given, (tuple, list, set, frozenset)) or not all(p in known for p in given):
        raise BadArgument(f"ViewServer(permissions): expected some of {known}, got {text(given)}")
    return frozenset(given)
