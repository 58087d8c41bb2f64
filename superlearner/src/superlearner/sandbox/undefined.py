"""Inside a sandbox: names in functions of a source that nothing defines, before a message runs their lines."""

from __future__ import annotations

import ast
import dis
from collections.abc import Iterator
from types import CodeType
from typing import Final

from otp.observer.slips import explain_slip
from superlearner.sandbox.scopes import Scopes

__all__ = ["find_undefined_names"]

DEFINERS: Final = frozenset({"builtins", "exec", "globals", "modules", "setattr", "vars", "__dict__"})
"""Names whose uses may define any other name."""
STORES: Final = ("STORE_NAME", "STORE_GLOBAL")
ANNOTATE: Final = "__annotate__"
"""The function that Python makes of annotations, which it runs for those who read them."""
FIRST: Final = "give it a value first, or correct it"


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
    tries = [node for node in scopes.nodes if isinstance(node, ast.Try) and _expects_it(node)]
    expected = [range(node.body[0].lineno, node.handlers[0].lineno) for node in tries]
    found: dict[str, int] = {}
    for code in inner:
        for each in dis.get_instructions(code) if used & {*code.co_names} else ():
            line = each.positions.lineno if each.positions else None
            if each.opname == "LOAD_GLOBAL" and each.argval in used - stored and line is not None:
                if not any(line in lines for lines in expected):
                    found[each.argval] = min(line, found.get(each.argval, line))
    for name, line in found.items():
        advice = explain_slip("NameError", f"name '{name}' is not defined", [(file, line, "")]) or FIRST
        yield line, f"nothing defines the name {name}: {advice}"


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


def _expects_it(node: ast.Try) -> bool:
    """Return whether a `try` is for names that may not exist."""
    caught = (handler.type for handler in node.handlers if handler.type is not None)
    return any(isinstance(each, ast.Name) and each.id == "NameError" for one in caught for each in ast.walk(one))
