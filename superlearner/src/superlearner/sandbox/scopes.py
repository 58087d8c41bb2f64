"""The meaning of the names of a source: its syntax tree, with the module that was loaded from it."""

# What a module defines has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import ast
import builtins
import inspect
import sys
from functools import cached_property
from types import ModuleType
from typing import Any, Final

from otp.observer.code_at import Function
from superlearner.control.mistakes import own_nodes

__all__ = ["UNKNOWN", "Scopes", "stored_in"]

UNKNOWN: Final[Any] = object()


class Scopes:
    """The nodes of a source and what its names mean, at module level and in its functions."""

    def __init__(self, module: ModuleType, tree: ast.Module) -> None:
        self.names = vars(builtins) | vars(module)
        self.tree = tree
        self.nodes = list(ast.walk(tree))
        self.parents = {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}
        self._defined: dict[ast.AST, set[str]] = {}
        self._imports: dict[Function, dict[str, Any]] = {}

    def function_around(self, node: ast.AST) -> Function | None:
        """Return the innermost function around a node; None in the body of a class, a lambda or the module."""
        while (above := self.parents.get(node)) is not None:
            if isinstance(above, Function):
                return above
            if isinstance(above, ast.Lambda | ast.ClassDef):
                return None
            node = above
        return None

    def value_of(self, node: ast.expr) -> Any:
        """Return what a dotted name means in the module, with `self` for its class; UNKNOWN if that is not known."""
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return self._value_of_variable(node) if self._is_local(node) else self.names.get(name, UNKNOWN)
            case ast.Attribute(value=owner, attr=name):
                found = self.value_of(owner)
                return getattr(found, name, UNKNOWN) if isinstance(found, ModuleType | type) else UNKNOWN
            case ast.Subscript(value=owner):  # a class with type arguments
                return self.value_of(owner)
            case _:
                return UNKNOWN

    def _value_of_variable(self, node: ast.Name) -> Any:
        """Return the class of a method if a name is its first parameter, or what its function imports by that name."""
        method = self.function_around(node)
        if method is None:
            return UNKNOWN
        owner = self.parents[method]
        if isinstance(owner, ast.ClassDef) and [node.id] == [each.arg for each in method.args.args[:1]]:
            return self.names.get(owner.name, UNKNOWN)
        imports = self._imports.get(method)
        if imports is None:
            imports = self._imports[method] = _imports_of(method)
        return imports.get(node.id, UNKNOWN)

    def _is_local(self, node: ast.Name) -> bool:
        """Return whether a function around a name defines it."""
        above: ast.AST | None = node
        while above is not None:
            if isinstance(above, Function | ast.Lambda) and node.id in self._names_of(above):
                return True
            above = self.parents.get(above)
        return False

    def _names_of(self, function: Function | ast.Lambda) -> set[str]:
        """Return the names that a function defines; each function is walked once."""
        names = self._defined.get(function)
        if names is None:
            names = self._defined[function] = _names_in(function)
        return names

    @cached_property
    def run_in_loop(self) -> list[Function]:
        """The coroutine functions and callbacks of the source, and the functions that they call, found once."""
        functions = {(node.name, _first_line(node)): node for node in self.nodes if isinstance(node, Function)}
        found = [one for one in functions.values() if isinstance(one, ast.AsyncFunctionDef) or self.is_callback(one)]
        for function in found:  # grows while it is read
            for node in own_nodes(function):
                value = inspect.unwrap(self.value_of(node.func)) if isinstance(node, ast.Call) else None
                if inspect.isfunction(value):
                    called = functions.get((value.__name__, value.__code__.co_firstlineno))
                    if called is not None and called not in found:
                        found.append(called)
        return found

    def is_callback(self, function: Function) -> bool:
        """Return whether a method is one that a behaviour of otp calls."""
        owner = self.parents[function]
        cls = self.names.get(owner.name) if isinstance(owner, ast.ClassDef) else None
        bases = cls.__mro__ if isinstance(cls, type) else ()
        if function.name == "__init_subclass__":  # Python calls it when a class is created
            return False
        return any(each.__module__.partition(".")[0] == "otp" and function.name in vars(each) for each in bases)


def _first_line(function: Function) -> int:
    """Return the first line of a function, with its decorators, as its code object has it."""
    return min([function.lineno, *(one.lineno for one in function.decorator_list)])


def _imports_of(function: Function) -> dict[str, Any]:
    """Return what a function imports, by name; without names that it stores as well."""
    imports: dict[str, Any] = {}
    for node in own_nodes(function):
        match node:
            case ast.Import(names=names):
                found = {one.asname or one.name: sys.modules.get(one.name, UNKNOWN) for one in names}
            case ast.ImportFrom(module=str(module), names=names, level=0):
                of = sys.modules.get(module)
                found = {one.asname or one.name: getattr(of, one.name, UNKNOWN) for one in names}
            case _:
                continue
        for name, value in found.items():
            imports.setdefault(name, value)
    stored = stored_in(function)
    return {name: value for name, value in imports.items() if name not in stored}


def _names_in(function: Function | ast.Lambda) -> set[str]:
    """Return the names that a function defines."""
    names = {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)} | stored_in(function)
    for node in ast.walk(function):
        if isinstance(node, Function | ast.ClassDef) and node is not function:
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
    return names


def stored_in(function: Function | ast.Lambda) -> set[str]:
    """Return the names that a function gives a value."""
    return {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
