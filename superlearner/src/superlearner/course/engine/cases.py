r'''Cases of an answer that take any value, or none, where the learner meant another.

Python says nothing about a bare name that stands last, nor about a part that a message does not have.

>>> captured(
...     """
... from otp import Timeout
...
... def f(message):
...     match message:
...         case Timeout:
...             return 1
... """,
...     {"Timeout": int},
... )
'line 6: `case Timeout:` takes any value, and calls it `Timeout`; write `case Timeout():`'
'''

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any, Final

import otp
from superlearner.course.engine.values import render

__all__ = ["captured", "dead_case", "unreachable"]

UNREACHABLE: Final = re.compile(r"name capture '(\w+)' makes remaining patterns unreachable")
PARTS: Final = {each.__name__: each._fields for each in (otp.Down, otp.ExitSignal)}
"""The messages of the library that a case matches by their parts."""
LITERALS: Final = (int, str, bytes, bool, type(None))


def captured(source: str, names: Mapping[str, Any]) -> str:
    """Return a sentence about the first `case` of an answer that takes any value by a name of its module; else "".

    Args:
        source: the answer.
        names: those of its module, once it has run.
    """
    known = {name for name in names if not name.startswith("__")}
    for case in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.match_case)):
        match case.pattern:
            case ast.MatchAs(pattern=None, name=str(name), lineno=line) if name in known and case.guard is None:
                return (
                    f"line {line}: `case {name}:` takes any value, and calls it `{name}`; {_instead(name, names[name])}"
                )
            case _:
                pass
    return ""


def unreachable(text: str) -> str:
    """Return a sentence in the place of what Python says about a bare name before other cases; "" for other texts.

    >>> unreachable("name capture 'stop' makes remaining patterns unreachable")
    '`case stop:` takes any value, so no case after it is tried; write a value, such as `case "stop":`, or put it last'
    >>> unreachable("invalid syntax")
    ''
    """
    found = UNREACHABLE.fullmatch(text)
    if found is None:
        return ""
    name = found[1]
    instead = (
        f"`case {name}():` for an object of this class" if name[0].isupper() else f'a value, such as `case "{name}":`'
    )
    return f"`case {name}:` takes any value, so no case after it is tried; write {instead}, or put it last"


def dead_case(source: str) -> str:
    r"""Return why the first case that can never be taken is not, or "": Python says nothing about it.

    >>> dead_case("match message:\n  case otp.Down(pid=pid): pass")
    'line 2: otp.Down has no part `pid`, so this case is never taken; its parts are ref, item, reason'
    >>> dead_case("match message:\n  case otp.Down(item=pid): pass")
    ''
    """
    tree = list(ast.walk(ast.parse(source)))
    own = {node.name for node in tree if isinstance(node, ast.ClassDef)}
    for node in tree:
        if not isinstance(node, ast.MatchClass):
            continue
        name = ast.unparse(node.cls).rpartition(".")[2]
        parts = () if name in own else PARTS.get(name, ())
        for part in node.kwd_attrs if parts else ():
            if part not in parts:
                why = f"otp.{name} has no part `{part}`, so this case is never taken; its parts are {', '.join(parts)}"
                return f"line {node.lineno}: {why}"
    return ""


def _instead(name: str, value: Any) -> str:
    if isinstance(value, type):
        return f"write `case {name}():`"
    if isinstance(value, LITERALS):
        return f"write `case {render(value)}:`"
    return f"write `case value if value == {name}:`"
