"""Lists, dicts and the like that all processes of a server class share: its attributes, and a default of `init`."""

# What a module defines has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import ast
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from typing import Final

from otp import GenServer, NoReply, Ok, Reply
from otp.observer.code_at import Function
from superlearner.control.mistakes import own_nodes
from superlearner.sandbox.scopes import Scopes

__all__ = ["find_shared_state"]

MUTABLE: Final = (list, dict, set, defaultdict, deque, Counter, OrderedDict)
LITERALS: Final = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
CHANGES: Final = (
    "add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "insert", "pop", "popitem", "popleft",
    "remove", "setdefault", "update",
)  # fmt: skip
RETURN_NONE: Final = frozenset(CHANGES) - {"pop", "popitem", "popleft", "setdefault"}
"""Those of them that return None."""
KEEPS: Final = "survives a restart: create it in init and return it in the state"
SHARED_DEFAULT: Final = "this default is created once and shared by all processes: create it in the body of init"


def find_shared_state(scopes: Scopes) -> Iterator[tuple[int, str]]:
    """Yield the changes of a list, dict or set of the class of a server, and those that are a default of `init`."""
    yield from _find_changed_attributes(scopes)
    yield from _find_used_changes(scopes)
    for node in scopes.nodes:
        cls = scopes.names.get(node.name) if isinstance(node, ast.ClassDef) else None
        if isinstance(node, ast.ClassDef) and isinstance(cls, type) and issubclass(cls, GenServer):
            for method in node.body:
                if isinstance(method, Function) and method.name == "init":
                    yield from _find_shared_defaults(scopes, node, method)
                    yield from _find_shared_state_of_module(scopes, node, method)


# Attributes


def _find_changed_attributes(scopes: Scopes) -> Iterator[tuple[int, str]]:
    """Yield the changes of attributes of a class while processes run; a module may fill a table when it loads."""
    rebound = _rebound_attributes(scopes)
    for node in scopes.nodes:
        changed = _changed_attribute(scopes, node)
        if changed is None:
            continue
        attribute, cls = changed
        around = scopes.function_around(attribute)
        if isinstance(attribute.value, ast.Name) and attribute.value.id == "self":
            is_shared = attribute.attr not in rebound
        else:
            is_shared = around in scopes.run_in_loop
        if is_shared and around is not None:
            what = f"share {attribute.attr}, which belongs to the class and {KEEPS}"
            yield attribute.lineno, f"all {cls.__name__} processes {what}"


def _changed_attribute(scopes: Scopes, node: ast.AST) -> tuple[ast.Attribute, type] | None:
    """Return the attribute of a server class that a node changes in place, and the class."""
    changed, types = _changed_by(node), MUTABLE
    while isinstance(changed, ast.Subscript):  # the members of another type may be objects with such methods
        changed, types = changed.value, (defaultdict,)
    cls = _class_of(scopes, changed, types) if isinstance(changed, ast.Attribute) else None
    return (changed, cls) if isinstance(changed, ast.Attribute) and cls is not None else None


def _class_of(scopes: Scopes, attribute: ast.Attribute, types: tuple[type, ...]) -> type | None:
    """Return the server class of an attribute, if a class of this source gives it a value of one of these types."""
    cls = scopes.value_of(attribute.value)
    match attribute.value:
        case ast.Name(id=name) if name not in ("self", "cls") and scopes.names.get(name) is not cls:
            return None  # the parameter of a static method
        case _ if not isinstance(cls, type) or not issubclass(cls, GenServer):
            return None
        case _:
            pass
    base = next((one for one in cls.__mro__ if attribute.attr in vars(one)), None)
    is_here = any(isinstance(node, ast.ClassDef) and scopes.names.get(node.name) is base for node in scopes.tree.body)
    return cls if base is not None and is_here and type(vars(base)[attribute.attr]) in types else None


def _rebound_attributes(scopes: Scopes) -> set[str]:
    """Return the attributes that a process may give a value of its own, as in `self.seen = []`."""
    return {
        node.attr
        for node in scopes.nodes
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and not isinstance(scopes.parents[node], ast.AugAssign)
    }


# The module


def _find_shared_state_of_module(scopes: Scopes, owner: ast.ClassDef, init: Function) -> Iterator[tuple[int, str]]:
    """Yield the states that are a list, dict or set of the module, if a callback changes its state in place."""
    methods = [one for one in owner.body if isinstance(one, Function) and one is not init and one.args.args]
    for call in own_nodes(init):
        match call:
            case ast.Call(func=func, args=[ast.Name(id=name) as state, *_]) if (
                scopes.value_of(func) is Ok
                and type(scopes.value_of(state)) in MUTABLE
                and any({one.args.args[-1].arg, name} & _changed_words(one) for one in methods)
            ):
                yield call.lineno, f"all {owner.name} processes share {name}, which belongs to the module and {KEEPS}"
            case _:
                pass


def _find_used_changes(scopes: Scopes) -> Iterator[tuple[int, str]]:
    """Yield the uses of the result of changing a list, dict or set of the module, which is None."""
    for node in scopes.nodes:
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name) as changed, attr=did)) if (
                did in RETURN_NONE and type(scopes.value_of(changed)) in MUTABLE
            ):
                above = scopes.parents.get(node)
                is_result = isinstance(above, ast.Call) and scopes.value_of(above.func) in (Ok, NoReply, Reply)
                if is_result or isinstance(above, ast.Assign):
                    says = f"{name}.{did}(…) changes {name} and returns None: write it on a line of its own"
                    yield node.lineno, f"{says}, and use {name} after it"
            case _:
                pass


# Defaults


def _find_shared_defaults(scopes: Scopes, owner: ast.ClassDef, init: Function) -> Iterator[tuple[int, str]]:
    """Yield the defaults of `init` that it or a callback changes; the runtime always gives the first parameter."""
    positional, defaults = [*init.args.posonlyargs, *init.args.args], init.args.defaults
    pairs = zip(positional[len(positional) - len(defaults) :], defaults, strict=True)
    for parameter, default in (*pairs, *zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True)):
        is_called = isinstance(default, ast.Call) and scopes.value_of(default.func) in MUTABLE
        if default is None or parameter in positional[:2] or not (is_called or isinstance(default, LITERALS)):
            continue
        name = parameter.arg
        kept = set() if name in _new_names(init) else _state_members(scopes, init)
        later = [one for one in owner.body if isinstance(one, Function) and one is not init and name in kept]
        if name in _changed_words(init) or any(name in _changed_words(one) for one in later):
            yield default.lineno, SHARED_DEFAULT


def _state_members(scopes: Scopes, init: Function) -> set[str]:
    """Return the names whose values become members of the state or attributes of the server."""
    pending: list[ast.expr] = []
    for node in own_nodes(init):
        match node:
            case ast.Assign(targets=[ast.Attribute()], value=value):
                pending.append(value)
            case ast.Call(func=func, args=args, keywords=keywords) if scopes.value_of(func) is Ok:
                pending += [*args[:1], *(one.value for one in keywords)]
            case _:
                pass
    for value in pending:  # grows while it is read
        if isinstance(value, ast.Tuple | ast.List):
            pending += value.elts
        elif isinstance(value, ast.Dict):
            pending += value.values
    return {value.id for value in pending if isinstance(value, ast.Name)}


def _changed_words(function: Function) -> set[object]:
    """Return the names, attributes and keys of what a function changes in place, other than a new object of its own.

    `items.append(1)`, `self.items.append(1)` and `state["items"].append(1)` have the word `items`.
    """
    words: set[object] = set()
    for changed in map(_changed_by, own_nodes(function)):
        match changed:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.Subscript(slice=ast.Constant(value=word)):
                words.add(word)
            case _:
                pass
    return words - _new_names(function)


def _new_names(function: Function) -> set[str]:
    """Return the names to which a function gives a new object, as in `found = [*items]`."""
    return {
        target.id
        for node in own_nodes(function)
        if isinstance(node, ast.Assign) and not isinstance(node.value, ast.Name | ast.Attribute | ast.Subscript)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _changed_by(node: ast.AST) -> ast.expr | None:
    """Return the expression for the list, dict or set that a node changes in place."""
    match node:
        case ast.Call(func=ast.Attribute(value=changed, attr=did)) if did in CHANGES:
            return changed
        case ast.Subscript(value=changed, ctx=ast.Store() | ast.Del()):
            return changed
        case ast.AugAssign(target=ast.Name() | ast.Attribute() as changed):
            return changed
        case _:
            return None
