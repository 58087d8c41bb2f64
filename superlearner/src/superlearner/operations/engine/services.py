"""The services of a platform by type; an operation gets those named in its signature."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from superlearner.operations.context import Context
from superlearner.operations.declaration import DeclarationError, Operation

__all__ = ["Services"]

T = TypeVar("T")


class Services:
    """The services that operations of one platform can use.

    >>> services = Services()
    >>> services.provide(int, lambda: 7)
    >>> services.get(int)
    7
    """

    def __init__(self) -> None:
        self._providers: dict[type[Any], Callable[[], Any]] = {}

    def provide(self, kind: type[T], provider: Callable[[], T | None]) -> None:
        """Add a service.

        Args:
            kind: the type by which operations name it.
            provider: returns the current service, or None while there is none; only operations that name it as
                `kind | None` receive None.
        """
        self._providers[kind] = provider

    def get(self, kind: type[T]) -> T:
        """Return a service.

        Raises:
            LookupError: there is no service of this type now.
        """
        provider = self._providers.get(kind)
        found = None if provider is None else provider()
        if found is None:
            raise LookupError(f"expected a service of the platform, got {kind.__name__}")
        return found

    def check(self, operations: Iterable[Operation]) -> None:
        """Check that the platform provides each service these operations name.

        Raises:
            DeclarationError: a service is unknown; the text names the operation and all services.
        """
        for operation in operations:
            for kind in self.lacking(operation):
                known = ", ".join(sorted(kind.__name__ for kind in (Context, *self._providers)))
                raise DeclarationError(
                    f"operation {operation.name!r} of {operation.function.__module__}: "
                    f"expected services of {known}, got {kind.__name__!r}; "
                    "put parameters of the caller after the /"
                )

    def lacking(self, operation: Operation) -> list[type[Any]]:
        """Return the types of the services that an operation names and that are never provided here."""
        known = {Context, *self._providers}
        return [service.kind for service in operation.services if service.kind not in known]

    def arguments(self, operation: Operation, context: Context) -> list[Any]:
        """Return the arguments for an operation's parameters before the `/`.

        Raises:
            LookupError: a service is not available.
        """
        return [
            context
            if service.kind is Context
            else self._providers[service.kind]()
            if service.optional
            else self.get(service.kind)
            for service in operation.services
        ]
