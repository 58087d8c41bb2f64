"""Small changes to a module, each of which a test should notice.

`candidates` lists them: a condition negated or dropped, a comparison swapped, a constant replaced, a statement deleted,
two arguments swapped. Changes without an observable effect are left out: annotations, docstrings, log and error
messages, `__slots__`, `__hash__`, `__repr__`, `del` of a name, and `name = None` if the name is not read later (it only
drops a reference).
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

__all__ = ["Mutant", "candidates"]

_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "!=", ast.NotEq: "==", ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">",
}  # fmt: skip
_CONSTANTS = {"0": "1", "1": "0", "True": "False", "False": "True", "None": "True"}
_NEGATING = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)  # swapping one of these negates the condition
_PLAIN = (ast.Name, ast.Attribute, ast.Constant, ast.Call, ast.Subscript, ast.Compare, ast.UnaryOp)
_NOT_MOVED = (ast.Starred, ast.Yield, ast.YieldFrom, ast.NamedExpr, ast.GeneratorExp)  # need their own parentheses
_SAME_EITHER_WAY = {"min", "max"}
_FIXED_ARGUMENTS = {
    *_SAME_EITHER_WAY,
    "isinstance",
    "issubclass",
    "getattr",
    "setattr",
    "hasattr",
    "cast",
    "vars",
    "range",
}
_TEXTS = {"__hash__", "__repr__", "__str__"}
_LISTS_OF_NAMES = {"__slots__", "__all__", "__match_args__"}
_DELETED = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete, ast.Raise, ast.Break, ast.Continue)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, order=True)
class Mutant:
    """A change to a file, by the characters it replaces."""

    path: str
    start: int
    end: int
    replacement: str
    operator: str
    line: int

    def apply(self, source: str) -> str:
        """Return the source with the change."""
        return source[: self.start] + self.replacement + source[self.end :]

    def diff(self, source: str) -> list[str]:
        """Return the lines that differ, as `- old` and `+ new`."""
        lines = difflib.unified_diff(source.splitlines(), self.apply(source).splitlines(), n=0, lineterm="")
        return [f"{line[0]} {line[1:].strip()}" for line in list(lines)[2:] if not line.startswith("@@")]


def candidates(source: str, path: str) -> list[Mutant]:
    """Return every mutant of a module, in the order of its text."""
    return sorted(set(_Finder(source, path).module()))


class _Finder:
    """A walk through a module that collects mutants."""

    def __init__(self, source: str, path: str) -> None:
        self._source = source
        self._path = path
        self._lines = source.splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))

    def module(self) -> Iterator[Mutant]:
        for statement in ast.parse(self._source).body:
            yield from self._statement(statement, None)

    # positions

    def _at(self, line: int, column: int) -> int:
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        last_line, last_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self._at(node.lineno, node.col_offset), self._at(last_line, last_column)

    def _text(self, node: ast.expr) -> str:
        start, end = self._span(node)
        return self._source[start:end]

    def _operand(self, node: ast.expr) -> str:
        return self._text(node) if isinstance(node, _PLAIN) else f"({self._text(node)})"

    def _mutant(self, node: ast.expr | ast.stmt, replacement: str, operator: str) -> Mutant:
        start, end = self._span(node)
        return Mutant(self._path, start, end, replacement, operator, node.lineno)

    # statements

    def _statement(self, node: ast.stmt, function: _Function | None) -> Iterator[Mutant]:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from self._function(node)
        elif isinstance(node, ast.ClassDef):
            if not any(_last_name(base) == "Protocol" for base in node.bases):
                yield from self._block(node.body, None)
        elif not _is_left_out(node, function):
            if function is not None:
                yield from self._deleted(node)
            yield from self._inside(node, function)

    def _block(self, body: Iterable[ast.stmt], function: _Function | None) -> Iterator[Mutant]:
        for statement in body:
            yield from self._statement(statement, function)

    def _function(self, node: _Function) -> Iterator[Mutant]:
        if node.name in _TEXTS or any(_last_name(decorator) == "overload" for decorator in node.decorator_list):
            return
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                yield from self._expression(default)
        yield from self._block(node.body, node)

    def _deleted(self, node: ast.stmt) -> Iterator[Mutant]:
        if isinstance(node, ast.Return):
            if node.value is not None and not isinstance(node.value, ast.Constant):
                yield self._mutant(node, "return None", "delete the returned value")
            elif node.value is None:
                yield self._mutant(node, "pass", "delete a statement")
        elif isinstance(node, _DELETED) or (
            isinstance(node, ast.Expr) and isinstance(node.value, (ast.Call, ast.Await))
        ):
            yield self._mutant(node, "pass", "delete a statement")

    def _inside(self, node: ast.stmt, function: _Function | None) -> Iterator[Mutant]:
        if isinstance(node, (ast.Raise, ast.Assert)):
            return
        if isinstance(node, ast.Expr) and (_is_log(node.value) or _is_removal(node.value)):
            return
        if isinstance(node, (ast.If, ast.While)):
            yield from self._condition(node.test)
        if isinstance(node, ast.AugAssign) and isinstance(node.op, (ast.Add, ast.Sub)):
            swapped = "-=" if isinstance(node.op, ast.Add) else "+="
            text = f"{self._text(node.target)} {swapped} {self._text(node.value)}"
            yield self._mutant(node, text, "swap plus and minus")
        annotation = node.annotation if isinstance(node, ast.AnnAssign) else None
        for part in ast.iter_child_nodes(node):
            if part is not annotation:
                yield from self._part(part, function)

    def _part(self, part: ast.AST, function: _Function | None) -> Iterator[Mutant]:
        if isinstance(part, ast.stmt):
            yield from self._statement(part, function)
        elif isinstance(part, ast.expr):
            yield from self._expression(part)
        elif isinstance(part, ast.ExceptHandler):
            yield from self._block(part.body, function)
        elif isinstance(part, ast.withitem):
            yield from self._expression(part.context_expr)
        elif isinstance(part, ast.match_case):
            if part.guard is not None:
                yield from self._condition(part.guard)
                yield from self._expression(part.guard)
            yield from self._block(part.body, function)

    # expressions

    def _condition(self, test: ast.expr) -> Iterator[Mutant]:
        if isinstance(test, (ast.Constant, ast.NamedExpr)):
            return
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], _NEGATING):
            return
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return
        yield self._mutant(test, f"not ({self._text(test)})", "negate a condition")

    def _expression(self, node: ast.expr) -> Iterator[Mutant]:
        if isinstance(node, ast.JoinedStr):
            return
        yield from self._changes(node)
        for child in _expressions_in(node):
            yield from self._expression(child)

    def _changes(self, node: ast.expr) -> Iterator[Mutant]:
        if isinstance(node, ast.Constant):
            to = _CONSTANTS.get(repr(node.value))
            if to is not None:
                yield self._mutant(node, to, "replace a constant")
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield self._mutant(node, f"({self._text(node.operand)})", "negate a condition")
        elif isinstance(node, ast.BoolOp):
            word = " and " if isinstance(node.op, ast.And) else " or "
            for dropped in node.values:
                kept = [self._operand(value) for value in node.values if value is not dropped]
                yield self._mutant(node, word.join(kept), "drop a condition")
        elif isinstance(node, ast.Compare) and len(node.ops) == 1:
            word = _COMPARISONS[type(node.ops[0])]
            text = f"{self._operand(node.left)} {word} {self._operand(node.comparators[0])}"
            yield self._mutant(node, text, "swap a comparison")
        elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
            word = "-" if isinstance(node.op, ast.Add) else "+"
            if not any(_is_text(side) for side in (node.left, node.right)):
                text = f"{self._operand(node.left)} {word} {self._operand(node.right)}"
                yield self._mutant(node, text, "swap plus and minus")
        elif isinstance(node, ast.IfExp):
            yield from self._condition(node.test)
        elif isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            for generator in node.generators:
                for test in generator.ifs:
                    yield from self._condition(test)
        elif isinstance(node, ast.Call) and _last_name(node.func) not in _FIXED_ARGUMENTS:
            yield from self._swapped(node)

    def _swapped(self, node: ast.Call) -> Iterator[Mutant]:
        if len(node.args) < 2 or any(isinstance(part, _NOT_MOVED) for part in node.args[-2:]):
            return
        one, other = node.args[-2:]  # other pairs mostly differ in type and fail at once
        (start, middle), (after, end) = self._span(one), self._span(other)
        texts = self._text(one), self._text(other)
        if texts[0] != texts[1]:
            swapped = texts[1] + self._source[middle:after] + texts[0]
            yield Mutant(self._path, start, end, swapped, "swap two arguments", one.lineno)


def _expressions_in(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the subexpressions of a node, without those that only type checkers read."""
    if isinstance(node, ast.Call) and _last_name(node.func) == "cast":
        yield from node.args[1:]
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield child
        elif isinstance(child, (ast.comprehension, ast.keyword)):
            yield from _expressions_in(child)


def _is_left_out(node: ast.stmt, function: _Function | None) -> bool:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return True
    if isinstance(node, ast.If) and _last_name(node.test) == "TYPE_CHECKING":
        return True
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(target, ast.Name) and target.id in _LISTS_OF_NAMES for target in targets):
            return True
        return node.value is None or _drops_reference(node, targets, function)
    return isinstance(node, ast.Delete) and all(isinstance(target, ast.Name) for target in node.targets)


def _drops_reference(node: ast.stmt, targets: Sequence[ast.expr], function: _Function | None) -> bool:
    """Return whether this is `name = None` and nothing after it reads the name."""
    value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
    if function is None or not (isinstance(value, ast.Constant) and value.value is None):
        return False
    names = {target.id for target in targets if isinstance(target, ast.Name)}
    return len(names) == len(targets) and not any(
        isinstance(read, ast.Name) and read.id in names and isinstance(read.ctx, ast.Load) and read.lineno > node.lineno
        for read in ast.walk(function)
    )


def _last_name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_log(node: ast.expr) -> bool:
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute):
        return _last_name(node.func.value) in ("logger", "log", "logging")
    return _last_name(node.func) == "say"


def _is_removal(node: ast.expr) -> bool:
    """Return whether this is `table.pop(key, None)` with an unused result."""
    return isinstance(node, ast.Call) and _last_name(node.func) == "pop" and len(node.args) == 2


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
