"""The registry of operations: the platform's own and those of installed packages."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import entry_points
from types import ModuleType
from typing import Final

from superlearner.operations import builtin as ours
from superlearner.operations.declaration import IN_PATH, DeclarationError, Operation, declared
from superlearner.operations.engine.routes import RouteTable

__all__ = ["GROUP", "Registry", "added_operations", "all_operations", "operation_in"]

GROUP: Final = "superlearner.operations"
"""The entry-point group; each entry names a module with operations."""


class Registry:
    """The operations of one platform. Names and routes are unique."""

    def __init__(self, found: Iterable[Operation] = ()) -> None:
        self._by_name: dict[str, Operation] = {}
        self._by_route: dict[tuple[str, str], Operation] = {}
        for operation in found:
            self.add(operation)

    def add(self, operation: Operation) -> None:
        """Add an operation.

        Raises:
            DeclarationError: its name or route is taken.
        """
        route = (operation.method, IN_PATH.sub("{}", operation.path))
        for other in (self._by_name.get(operation.name), self._by_route.get(route)):
            if other is not None:
                raise DeclarationError(
                    f"operation {operation.name!r} of {operation.function.__module__}: {operation.method} "
                    f"{operation.path} clashes with {other.name!r} of {other.function.__module__} "
                    f"({other.method} {other.path}); try another name and path"
                )
        self._by_name[operation.name] = self._by_route[route] = operation

    def get(self, name: str) -> Operation | None:
        """Return the operation with this name."""
        return self._by_name.get(name)

    def known(self, name: str) -> Operation:
        """Return an operation that the platform itself needs.

        Raises:
            LookupError: there is none with this name.
        """
        found = self.get(name)
        if found is None:
            raise LookupError(f"there is no operation {name}; this is a bug in SuperLearner, please report it")
        return found

    @property
    def routes(self) -> RouteTable:
        """The operations by route, for hints; built for each use, since only errors need it."""
        return RouteTable((one.method, one.path, one.name) for one in self._by_name.values())

    def __iter__(self) -> Iterator[Operation]:
        """Iterate over the operations by name."""
        return iter(sorted(self._by_name.values(), key=lambda operation: operation.name))

    def __len__(self) -> int:
        return len(self._by_name)


def all_operations() -> Registry:
    """Load the platform's operations and those of installed packages.

    Raises:
        DeclarationError: a declaration is invalid or clashes with another; the text names it and its package.
    """
    return Registry((*_own_operations(), *added_operations()))


def operation_in(module: str, name: str) -> Operation | None:
    """Return the operation of this name, importing only its module; None if there is none.

    Args:
        module: a module of `superlearner.operations.builtin`, or of an installed package.
        name: `category.verb`.

    >>> operation_in("superlearner.operations.builtin.nodes", "node.list").method
    'GET'
    """
    found: Iterable[ModuleType] = ()
    if module.rpartition(".")[0] == ours.__name__ and module.rpartition(".")[2] in _ours():
        found = (importlib.import_module(module),)
    elif any(entry.value == module for entry in entry_points(group=GROUP)):
        found = (one for one in _plug_ins() if one.__name__ == module)
    return next((one for each in found for one in of_module(each) if one.name == name), None)


@cache
def _own_operations() -> tuple[Operation, ...]:
    modules = [importlib.import_module(f"{ours.__name__}.{name}") for name in _ours()]
    return tuple(operation for module in modules for operation in of_module(module))


def _ours() -> list[str]:
    return [info.name for info in pkgutil.iter_modules(ours.__path__)]


def added_operations() -> list[Operation]:
    """Load only the operations of installed packages, without checking for clashes with the platform's own.

    Raises:
        DeclarationError: a declaration is invalid, or its package cannot be loaded.
    """
    return [operation for module in _plug_ins() for operation in of_module(module)]


def of_module(module: ModuleType) -> Iterator[Operation]:
    """Yield the operations that a module declares itself."""
    for value in vars(module).values():
        operation = declared(value)
        if operation is not None and value.__module__ == module.__name__:
            yield operation


def _plug_ins() -> Iterator[ModuleType]:
    for entry in entry_points(group=GROUP):
        try:
            found = entry.load()
            for operation in of_module(found) if isinstance(found, ModuleType) else ():
                _ = operation.model, operation.encode  # a type that pydantic refuses is an error of the start
        except DeclarationError:
            raise
        except Exception as error:
            raise DeclarationError(
                f"the operations of {entry.value} ({entry.name}) cannot be loaded: {error!r}; fix or remove the package"
            ) from error
        if not isinstance(found, ModuleType):
            raise DeclarationError(f"the entry point {entry.name} ({entry.value}): expected a module, got {found!r}")
        yield found
