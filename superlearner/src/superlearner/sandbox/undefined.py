"""Inside a sandbox: names in functions of a source that nothing defines, before a message runs their lines."""

from __future__ import annotations

import ast
import dis
from collections.abc import Iterator
from operator import itemgetter
from types import CodeType
from typing import Final, TypeGuard

from otp.observer.slips import explain_slip
from superlearner.sandbox.messages import MOST_WARNINGS
from superlearner.sandbox.scopes import Scopes

__all__ = ["find_undefined_names"]

DEFINERS: Final = frozenset({"builtins", "exec", "globals", "modules", "setattr", "vars", "__dict__"})
"""Names whose uses may define any other name."""
STORES: Final = ("STORE_NAME", "STORE_GLOBAL")
ANNOTATE: Final = "__annotate__"
"""The function that Python makes of annotations, which it runs for those who read them."""
CATCHERS: Final = frozenset({"NameError", "Exception", "BaseException"})
FIRST: Final = "define it first, or correct it"


def find_undefined_names(scopes: Scopes, text: str, file: str) -> Iterator[tuple[int, str]]:
    """Yield the first use of each name that a function reads from the module, which no line of the source defines.

    Python has decided which names these are: they are read from the compiled source, none of which runs.
    """
    if any(_may_define(node) for node in scopes.nodes):
        return
    used = {node.id for node in scopes.nodes if isinstance(node, ast.Name)} - scopes.names.keys()
    whole = compile(text, file, "exec", dont_inherit=True)
    inner = list(_functions_in(whole))
    stored = {each.argval for each in dis.get_instructions(whole) if each.opname in STORES}
    stored |= {each.argval for code in inner for each in dis.get_instructions(code) if each.opname == "STORE_GLOBAL"}
    expected = [range(one.body[0].lineno, (one.body[-1].end_lineno or 0) + 1) for one in scopes.nodes if _expects(one)]
    found: dict[str, int] = {}
    for code in inner:
        for each in dis.get_instructions(code) if used & {*code.co_names} else ():
            line = each.positions.lineno if each.positions else None
            if each.opname == "LOAD_GLOBAL" and each.argval in used - stored and line is not None:
                if not any(line in lines for lines in expected):
                    found[each.argval] = min(line, found.get(each.argval, line))
    for name, line in sorted(found.items(), key=itemgetter(1))[:MOST_WARNINGS]:  # each is explained from its source
        advice = explain_slip("NameError", f"name '{name}' is not defined", [(file, line, "")]) or FIRST
        yield line, f"the name {name} is not defined: {advice}"


def _functions_in(code: CodeType) -> Iterator[CodeType]:
    """Yield the code of functions and classes in other code."""
    for each in code.co_consts:
        if isinstance(each, CodeType) and each.co_name != ANNOTATE:
            yield each
            yield from _functions_in(each)


def _may_define(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
            return name in DEFINERS
        case ast.ImportFrom(names=[ast.alias(name="*")]):
            return node.col_offset > 0  # it may not have run
        case _:
            return False


def _expects(node: ast.AST) -> TypeGuard[ast.Try | ast.TryStar | ast.With]:
    """Return whether a statement is for names that may not exist, or for any exception in its body."""
    match node:
        case ast.Try() | ast.TryStar():
            caught = [handler.type for handler in node.handlers]
        case ast.With():
            items = [one.context_expr for one in node.items]
            caught = [
                each for one in items if isinstance(one, ast.Call) and _is_suppress(one.func) for each in one.args
            ]
        case _:
            return False
    names = [each for one in caught for each in ([None] if one is None else ast.walk(one))]
    return any(each is None or (isinstance(each, ast.Name) and each.id in CATCHERS) for each in names)


def _is_suppress(function: ast.expr) -> bool:
    return ast.unparse(function).rpartition(".")[2] == "suppress"
