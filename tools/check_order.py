"""Refuse iteration over sets whose order depends on memory addresses.

A set of processes, tasks, futures or nodes is ordered by identity hash, so the same seed would give another order in
each run. Refused in the packages of the library that run processes: `for`, comprehensions, `list`, `tuple`,
`next(iter())`, unpacking and `pop()` over a set, a `WeakSet`, or the result of `asyncio.all_tasks()`. Allowed:
`sorted`, `len`, `in`, `any`, `all`, `min`, `max`, sets made from sets, sets of numbers or strings, and a line that ends
with `# in any order`.

    python -m tools.check_order
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tools.files import ROOT

SOURCES = [ROOT / "otp/src/otp" / name for name in ("kernel", "behaviours", "testing", "trace", "code")]
MARK = "# in any order"
_SETS = {"set", "frozenset", "WeakSet", "all_tasks"}
_FIXED = {
    "set[int]",
    "frozenset[int]",
    "set[str]",
    "frozenset[str]",
}  # text: the run fixes its hash seed
_ORDERED_BY = {"list", "tuple", "iter", "enumerate", "zip", "map", "filter", "deque", "reversed"}
_INDIFFERENT = {"sorted", "any", "all", "set", "frozenset", "sum", "min", "max", "len", "Counter"}
_TRY = "try a dict, whose order is that of its entries, or sorted(…, key=…)"


@dataclass(frozen=True)
class _Known:
    """Attributes that hold a set in any module, and set variables of a scope."""

    attributes: frozenset[str]
    variables: frozenset[str] = frozenset()

    def is_set(self, node: ast.expr) -> bool:
        """Return whether an expression is a set that is ordered by addresses."""
        if isinstance(node, ast.Call):
            return _name(node.func) in _SETS
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Sub, ast.BitAnd, ast.BitOr, ast.BitXor)):
            return self.is_set(node.left) or self.is_set(node.right)
        if isinstance(node, (ast.Set, ast.SetComp)):
            return True
        return _name(node) in (self.attributes if isinstance(node, ast.Attribute) else self.variables)


def _name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_set_type(annotation: ast.expr | None) -> bool:
    written = "" if annotation is None else ast.unparse(annotation)
    return any(part.split("[")[0] in _SETS and part not in _FIXED for part in written.split(" | "))


def _scopes(tree: ast.AST) -> Iterator[list[ast.AST]]:
    """Yield the nodes of a module and of each function, without nested functions."""
    pending: list[ast.AST] = [tree]
    while pending:
        scope = pending.pop()
        nodes: list[ast.AST] = []
        todo = list(ast.iter_child_nodes(scope))
        while todo:
            node = todo.pop()
            nodes.append(node)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                pending.append(node)
            else:
                todo.extend(ast.iter_child_nodes(node))
        yield nodes


def _declared(nodes: Iterable[ast.AST], kind: type[ast.expr]) -> frozenset[str]:
    """Return names (or attributes) that are annotated as a set or assigned one."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.arguments) and kind is ast.Name:
            found.update(arg.arg for arg in node.args + node.kwonlyargs if _is_set_type(arg.annotation))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, kind) and _is_set_type(node.annotation):
            found.add(_name(node.target))
        elif isinstance(node, ast.Assign) and _Known(frozenset()).is_set(node.value):
            found.update(_name(target) for target in node.targets if isinstance(target, kind))
    return frozenset(found)


def attributes_in(source: str) -> frozenset[str]:
    """Return the attributes and class-body names that hold a set in a module."""
    tree = ast.parse(source)
    in_classes = [part for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for part in node.body]
    return _declared(ast.walk(tree), ast.Attribute) | _declared(in_classes, ast.Name)


def _iterated(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, (ast.For, ast.AsyncFor)):
        return [node.iter]
    if isinstance(node, (ast.ListComp, ast.DictComp, ast.GeneratorExp)):
        return [generator.iter for generator in node.generators]
    if isinstance(node, ast.Starred):
        return [node.value]
    if isinstance(node, ast.Call) and _name(node.func) in _ORDERED_BY:
        return node.args
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "pop":
        return [] if node.args else [node.func.value]
    return []


def orders_in(source: str, attributes: frozenset[str] | None = None) -> Iterator[tuple[int, str]]:
    """Yield the lines that depend on the order of a set, with the expression."""
    tree = ast.parse(source)
    lines = source.splitlines()
    known = attributes_in(source) if attributes is None else attributes
    free = {
        argument
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _name(node.func) in _INDIFFERENT
        for argument in node.args
    }
    for nodes in _scopes(tree):
        sets = _Known(known, _declared(nodes, ast.Name))
        for node in nodes:
            if node not in free:
                yield from (
                    (one.lineno, ast.unparse(one))
                    for one in _iterated(node)
                    if sets.is_set(one) and MARK not in lines[one.lineno - 1]
                )


def main() -> int:
    """Print each place and return the exit status."""
    failed = 0
    sources = {path: path.read_text() for folder in SOURCES for path in sorted(folder.rglob("*.py"))}
    attributes = frozenset[str]().union(*map(attributes_in, sources.values()))
    for path, source in sources.items():
        for line, what in sorted(set(orders_in(source, attributes))):
            failed = 1
            print(f"{path.relative_to(ROOT)}:{line}: the order of {what} is that of addresses; {_TRY}")
    if not failed:
        print("check_order: no order depends on addresses")
    return failed


if __name__ == "__main__":
    sys.exit(main())
