"""Results of callbacks whose new state is None, since a method that changes a collection returns nothing."""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator
from typing import Final

from otp.observer.code_at import Function

__all__ = ["find_none_states", "names_defined"]

STATES: Final = {"Ok": 0, "NoReply": 0, "Reply": 1}
"""The place of the state in each result."""
CHANGES: Final = ("add", "append", "clear", "discard", "extend", "insert", "remove", "reverse", "sort", "update")
"""The methods of lists, dictionaries and sets that change them and return None."""
LONGEST: Final = 60
"""Characters of an expression in a sentence."""


def names_defined(tree: ast.AST) -> set[str]:
    """Return the names of the functions and methods in a source."""
    return {node.name for node in ast.walk(tree) if isinstance(node, Function)}


def find_none_states(tree: ast.AST, *, defined: Container[str] = ()) -> Iterator[tuple[int, str, str]]:
    """Yield each result whose state is that of such a method: its line, what changes, and what to write instead.

    A method of a name in `defined` may be one of the program, which returns what it likes.

    >>> list(find_none_states(ast.parse("return NoReply(grams.append(n))")))
    [(1, 'grams', 'grams.append changes grams and returns None; write NoReply(grams + [n])')]
    """
    own = defined or names_defined(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=kind) | ast.Attribute(attr=kind), args=given) if kind in STATES:
                place = STATES[kind]
            case _:
                continue
        match given[place] if len(given) > place else None:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=method)) as call if (
                method in CHANGES and method not in own
            ):
                made = _describe_new(owner, method, call)
                before = "".join(f"{ast.unparse(each)}, " for each in given[:place])
                what = f"{kind}({before}{made or owner})"
                instead = f"write {what}" if made else f"call it in the line before, and write {what}"
                if len(what) > LONGEST:
                    instead = "call it in the line before"
                yield call.lineno, owner, f"{owner}.{method} changes {owner} and returns None; {instead}"
            case _:
                pass


def _describe_new(owner: str, method: str, call: ast.Call) -> str:
    """Return an expression for the changed collection, as a new one; "" if there is no short one."""
    given = [ast.unparse(each) for each in call.args]
    match method, given:
        case "append", [one] if not call.keywords:
            return f"{owner} + [{one}]"
        case "update", [one] if not call.keywords:
            return f"{owner} | {one}"
        case "add", [one]:
            return f"{owner} | {{{one}}}"
        case "discard", [one]:
            return f"{owner} - {{{one}}}"
        case "sort", []:
            return f"sorted({', '.join([owner, *map(ast.unparse, call.keywords)])})"
        case _:
            return ""
