"""Whether a text is a Python program with a tree to start. Nothing of it runs.

A program of its own: `python -I -S syntax.py < text` answers one line of JSON. Python's compiler can be led to eat all
memory or to end the interpreter, so the platform never compiles what somebody typed; see `source`. It imports nothing
but the standard library, for a start in some twenty milliseconds.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import warnings
from collections.abc import Iterator
from typing import Any, Final

__all__ = ["FILE", "look"]

FILE: Final = "main.py"
"""What the text is called in tracebacks."""

MAIN: Final = "Main"
APPLICATION: Final = "Application"
TREES: Final = frozenset({"Supervisor", "DynamicSupervisor", APPLICATION})
CODING: Final = re.compile(r"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.ASCII)
NO_CODE: Final = re.compile(r"[ \t\f]*(#|$)")
NO_TEXT: Final = re.compile("[\0\ud800-\udfff]")
UTF8: Final = ("utf-8", "utf8")
MEMORY: Final = 512 << 20
SECONDS: Final = 2


def look(text: str) -> dict[str, Any]:
    """What is wrong with the text (`problem`, with line and column from 1), or the class to start (`starts`).

    >>> look("class Main(otp.Supervisor): ...")
    {'starts': 'Main'}
    >>> look("def f(:")["problem"]["line"], look("def f(:")["problem"]["column"]
    (1, 7)
    """
    problem = _no_utf8(text)
    if problem is not None:
        return {"problem": problem}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is legal is not our business
            tree = ast.parse(text, FILE)
            compile(tree, FILE, "exec", dont_inherit=True)
    except SyntaxError as error:
        return {"problem": _problem(error)}
    except (RecursionError, MemoryError):
        return {"problem": {"line": 1, "column": 1, "message": "it is nested too deeply for Python"}}
    return _start(tree)


def _no_utf8(text: str) -> dict[str, Any] | None:
    """What of a text is no UTF-8, or says that it is another coding: Python would run another text than we have read.

    Source: the Python reference, *Encoding declarations*; lines are what the compiler takes for lines.
    """
    found = NO_TEXT.search(text)
    if found is not None:
        before = _lines(text[: found.start()])
        what = "a null byte" if found[0] == "\0" else "half of a surrogate pair"
        return {"line": len(before), "column": len(before[-1]) + 1, "message": f"expected text, got {what}"}
    if text.startswith("\ufeff"):
        return {"line": 1, "column": 1, "message": "it begins with a byte order mark", "hint": "save it without one"}
    for number, line in enumerate(_lines(text)[:2], 1):
        named = CODING.match(line)
        if named is not None:
            if named[1].lower().replace("_", "-") in UTF8:
                return None
            message = f"expected UTF-8, got the coding {named[1][:50]}"
            place = {"line": number, "column": named.start(1) + 1, "end_line": number, "end_column": named.end(1) + 1}
            return place | {"message": message, "hint": "try without this line: a source is always UTF-8"}
        if not NO_CODE.match(line):
            return None
    return None


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _problem(error: SyntaxError) -> dict[str, Any]:
    found = {"line": error.lineno or 1, "column": max(error.offset or 1, 1), "message": error.msg}
    if error.end_lineno and error.end_offset and error.end_offset > 0:
        found |= {"end_line": error.end_lineno, "end_column": error.end_offset}
    return found


def _start(tree: ast.Module) -> dict[str, Any]:
    """The class `Main`, or else the only application, or else the only supervisor."""
    if MAIN in _bound(tree):
        return {"starts": MAIN}
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    kinds = {name: kind for name in classes if (kind := _kind(name, classes, frozenset())) is not None}
    applications = [name for name, kind in kinds.items() if kind == APPLICATION]
    for group in (applications, list(kinds)):
        if len(group) == 1:
            return {"starts": group[0]}
    if not kinds:
        return {
            "problem": {
                "line": 1,
                "column": 1,
                "message": "it defines no Supervisor and no Application",
                "hint": "try: class Main(Supervisor), with an init that returns Children([...])",
            }
        }
    second = classes[list(kinds)[1]]
    return {
        "problem": {
            "line": second.lineno,
            "column": second.col_offset + 1,
            "message": f"it defines {len(kinds)} trees: {', '.join(kinds)}",
            "hint": "call the one to start Main",
        }
    }


def _bound(tree: ast.Module) -> Iterator[str]:
    """The names that the top of the module gives to something."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _kind(name: str, classes: dict[str, ast.ClassDef], seen: frozenset[str]) -> str | None:
    """The class of `otp` that a class of the text derives from, itself or by another class of the text."""
    for base in classes[name].bases:
        word = ast.unparse(base).partition("[")[0].rpartition(".")[2]
        if word in TREES:
            return word
        if word in classes and word not in seen and (found := _kind(word, classes, seen | {name})) is not None:
            return found
    return None


def main() -> None:
    """Read the text, within limits, and answer."""
    try:
        import resource
    except ImportError:  # a system that has no limits: the parent's clock is there
        pass
    else:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    text = sys.stdin.buffer.read().decode("utf-8", "surrogatepass")
    sys.stdout.write(json.dumps(look(text)))


if __name__ == "__main__":
    main()
