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
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import otp
from superlearner.course.engine.values import render

__all__ = ["captured", "dead_case", "unreachable"]

UNREACHABLE: Final = re.compile(r"name capture '(\w+)' makes remaining patterns unreachable")
PARTS: Final = {each.__name__: each._fields for each in (otp.Down, otp.ExitSignal)}
"""The messages of the library that a case matches by their parts."""
ANYTHING: Final = frozenset({"message", "request", "unknown", "other", "others", "rest", "anything", "default"})
"""Names for any message: such a case is intended, even if a message begins with this text."""
LITERALS: Final = (int, str, bytes, bool, type(None))


def captured(source: str, names: Mapping[str, Any], texts: Collection[str] = ()) -> str:
    r"""Return a sentence about the first `case` of an answer that takes any value by a name of its module; else "".

    The name may also be a text of the task which the case never reads, such as `case stop:`.

    Args:
        source: the answer.
        names: those of its module, once it has run.
        texts: those with which messages of the task and of the answer begin.

    >>> captured("match message:\n  case stop: pass", {}, {"stop"})
    'line 2: `case stop:` takes any value, and calls it `stop`; write `case "stop":`'
    >>> captured("match message:\n  case (get, to, ref): print(to, ref)", {}, {"get"})
    'line 2: `get` takes any value in `case (get, to, ref):`; write `"get"`'
    >>> captured("match message:\n  case other: pass", {}, {"stop"})
    ''
    """
    known = {name for name in names if not name.startswith("__")}
    tree = ast.parse(source)
    texts = {*texts, *_texts_in(tree)} - ANYTHING
    for case in (node for node in ast.walk(tree) if isinstance(node, ast.match_case)):
        match case.pattern:
            case ast.MatchAs(pattern=None, name=str(name), lineno=line) if _is_text(name, case, texts - known):
                return f'line {line}: `case {name}:` takes any value, and calls it `{name}`; write `case "{name}":`'
            case ast.MatchSequence(patterns=[ast.MatchAs(pattern=None, name=str(name), lineno=line), _, *_]) if (
                _is_text(name, case, texts)
            ):
                written = f"`case ({ast.unparse(case.pattern).strip('[]()')}):`"
                return f'line {line}: `{name}` takes any value in {written}; write `"{name}"`'
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


def _is_text(name: str, case: ast.match_case, texts: Collection[str]) -> bool:
    """Return whether a captured name is one of these texts, and the case never reads it."""
    inside = (node for part in (*case.body, case.guard) if part is not None for node in ast.walk(part))
    return name in texts and not any(isinstance(node, ast.Name) and node.id == name for node in inside)


def _texts_in(tree: ast.Module) -> Iterator[str]:
    """Yield the texts of a program that could be names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            yield node.value


def _instead(name: str, value: Any) -> str:
    if isinstance(value, type):
        return f"write `case {name}():`"
    if isinstance(value, LITERALS):
        return f"write `case {render(value)}:`"
    return f"write `case value if value == {name}:`"
