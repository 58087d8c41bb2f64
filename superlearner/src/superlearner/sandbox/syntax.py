"""Checks that a source is a Python program with a tree to start. Nothing of it runs.

This is a separate program: `python -I -S syntax.py < text` prints one line of JSON. Some sources make Python's compiler
use up all memory or crash the interpreter, so the platform never compiles user input; see `source`. It imports only the
standard library, to start in about twenty milliseconds.
"""

from __future__ import annotations

import ast
import json
import keyword
import re
import sys
import warnings
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final

__all__ = ["FILE", "look"]

FILE: Final = "main.py"
"""The name of the text in tracebacks."""

MAIN: Final = "Main"
APPLICATION: Final = "Application"
TREES: Final = frozenset({"Supervisor", "DynamicSupervisor", APPLICATION})
CODING: Final = re.compile(r"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.ASCII)
NO_CODE: Final = re.compile(r"[ \t\f]*(#|$)")
NO_TEXT: Final = re.compile("[\0\ud800-\udfff]")
WORD: Final = re.compile(r"[^\W\d]\w+")
UNMATCHED: Final = re.compile(r"closing parenthesis '.' does not match opening parenthesis '(.)' on line (\d+)")
CLOSING: Final = {"(": ")", "[": "]", "{": "}"}
KEYWORDS: Final = [*(word for word in keyword.kwlist if word.islower()), "match", "case"]
INVALID: Final = re.compile(r"invalid syntax(\. Did you mean '\w+'\?)?")  # Python 3.14 compares words, too
OPENED: Final = re.compile(r"(?:^|\breturn|[=(\[,:])\s*\(")
STEP: Final = re.compile(r"\s*([\w.\[\]]+)(\+\+|--)[ \t;]*(?:#.*)?$")
ELSE: Final = re.compile(r"(\s*)else\s*:")
COLON: Final = "expected ':'"
BEGUN: Final = re.compile(
    r"\s*((async def|class|def|case|elif|else|except|finally|for|if|match|try|while|with)\b.*?)\s*$"
)
"""A statement that needs a colon, and its first word."""
LONGEST_BEGUN: Final = 60
MOST_REPAIRED: Final = 20
"""Words and lines of a source in which repairs are tried; each parses the source."""
LONGEST_REPAIRED: Final = 30_000
"""Characters of the longest source in which repairs are tried."""
HINTS: Final = {
    "unindent does not match any outer indentation level": "align this line with a line of its block above it",
    "unexpected indent": "align this line with the line above it",
    "'await' outside async function": "write async def for the function around it",
    "'await' outside function": "no process runs at this place: make the call in a callback, or from the tab Process",
}
EXITS: Final = ("sys.exit", "exit", "quit")
UTF8: Final = ("utf-8", "utf8")
MEMORY: Final = 512 << 20
SECONDS: Final = 2


def look(text: str) -> dict[str, Any]:
    """Return the `problem` of a text, or the class to start, as `starts`.

    Lines and columns count from 1.

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
            warnings.simplefilter("ignore")  # warnings are not errors
            tree = ast.parse(text, FILE)
            compile(tree, FILE, "exec", dont_inherit=True)
    except SyntaxError as error:
        return {"problem": _find_repair(text, error) or _problem(text, error)}
    except (RecursionError, MemoryError):
        return {"problem": {"line": 1, "column": 1, "message": "it is nested too deeply for Python"}}
    own = _find_own_start(tree)
    return _start(tree) if own is None else {"problem": own}


def _no_utf8(text: str) -> dict[str, Any] | None:
    """Return the first thing that is not UTF-8, or a declaration of another coding.

    Source: the Python reference, *Encoding declarations*; lines are those of the compiler.
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


def _problem(text: str, error: SyntaxError) -> dict[str, Any]:
    line, column = error.lineno or 1, max(error.offset or 1, 1)
    found = {"line": line, "column": column, "message": error.msg}
    if error.msg == COLON and (begun := BEGUN.match(_lines(text)[line - 1][: column - 1])):
        found["message"] = f"{COLON} after {begun[2] if len(begun[1]) > LONGEST_BEGUN else begun[1]}"
    hint = HINTS.get(error.msg)
    if hint is not None:
        found["hint"] = hint
    if error.end_lineno and error.end_offset and error.end_offset > 0:
        found |= {"end_line": error.end_lineno, "end_column": error.end_offset}
    return found


def _find_repair(text: str, error: SyntaxError) -> dict[str, Any] | None:
    """Return the word or place that Python's message misses; a change of it was tried, and removes the error."""
    lines = _lines(text)
    if len(text) > LONGEST_REPAIRED or not error.lineno or error.lineno > len(lines):
        return None
    if INVALID.fullmatch(error.msg):
        return _find_foreign_form(lines, error, error.lineno) or _find_misspelt_keyword(lines, error, error.lineno)
    if error.msg.startswith("invalid syntax. Maybe you meant '=='"):
        return _find_missing_function(lines, error, error.lineno)
    found = UNMATCHED.match(error.msg)
    return _find_missing_bracket(lines, error, found[1], int(found[2])) if found else None


def _find_foreign_form(lines: list[str], error: SyntaxError, number: int) -> dict[str, Any] | None:
    """Return the place of a form of another language in a line: `n++`, or an `else` of a `match`."""
    line = lines[number - 1]
    if found := STEP.match(line):
        name, sign = found[1], found[2][0]
        if _is_repaired(lines, error, number, f"{line[: found.start(1)]}{name} {sign}= 1"):
            message = f"Python has no {found[2]}: write {name} {sign}= 1"
            return _span(number, found.start(2) + 1, found.end(2) + 1) | {"message": message}
    if (begun := ELSE.match(line)) and _is_repaired(lines, error, number, f"{begun[1]}case _:"):
        return _span(number, begun.end(1) + 1, begun.end() + 1) | {"message": "a match has no else: write case _:"}
    return None


def _find_misspelt_keyword(lines: list[str], error: SyntaxError, number: int) -> dict[str, Any] | None:
    """Return the place of a word in a line that is a keyword with a mistake, such as `retrun`."""
    line = lines[number - 1]
    for word in [*WORD.finditer(line)][:MOST_REPAIRED]:
        for near in [] if keyword.iskeyword(word[0]) else get_close_matches(word[0], KEYWORDS):
            if _is_repaired(lines, error, number, line[: word.start()] + near + line[word.end() :]):
                message = f"invalid syntax: did you mean {near!r}?"
                return _span(number, word.start() + 1, word.end() + 1) | {"message": message}
    return None


def _find_missing_function(lines: list[str], error: SyntaxError, last: int) -> dict[str, Any] | None:
    """Return the parenthesis that has an argument with a name, and no function before it."""
    for number in range(last, max(0, last - MOST_REPAIRED), -1):
        line = lines[number - 1]
        for opened in reversed([*OPENED.finditer(line)]):
            at = opened.end() - 1
            if _is_repaired(lines, error, number, f"{line[:at]}Children{line[at:]}"):
                message = "the name of a function or class is missing before '(', such as Children"
                return _span(number, at + 1, at + 2) | {"message": message}
    return None


def _find_missing_bracket(lines: list[str], error: SyntaxError, opened: str, first: int) -> dict[str, Any] | None:
    """Return the line at whose end a bracket is missing, if one of another kind is closed before it."""
    closing, last = CLOSING[opened], error.lineno or 1
    for number in range(last - 1, max(first - 1, last - MOST_REPAIRED), -1):
        line = lines[number - 1].rstrip()
        if any(_is_repaired(lines, error, number, f"{line}{closing}{comma}") for comma in ("", ",")):
            message = f"{closing!r} is missing here: nothing closes {opened!r} of line {first}"
            return _span(number, max(len(line), 1), len(line) + 1) | {"message": message}
    return None


def _is_repaired(lines: list[str], error: SyntaxError, number: int, line: str) -> bool:
    """Return whether another text of one line removes an error; others may follow."""
    try:
        ast.parse("\n".join([*lines[: number - 1], line, *lines[number:]]), FILE)
    except SyntaxError as other:
        return (other.lineno or 0) > (error.lineno or 0)
    except (RecursionError, MemoryError):
        return False
    return True


def _span(line: int, column: int, end: int) -> dict[str, Any]:
    return {"line": line, "column": column, "end_line": line, "end_column": end}


def _start(tree: ast.Module) -> dict[str, Any]:
    """Return the class `Main`, or the only application that no other uses, or else the only such supervisor."""
    if MAIN in _bound(tree):
        return {"starts": MAIN}
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    kinds = {name: kind for name in classes if (kind := _kind(name, classes, frozenset())) is not None}
    applications = [name for name, kind in kinds.items() if kind == APPLICATION]
    roots = _find_roots(tree, list(kinds))
    tops = [name for name in roots if name in applications]
    for group in (applications, tops, roots):
        if len(group) == 1:
            return {"starts": group[0]}
    if not kinds:
        return {
            "problem": {
                "line": 1,
                "column": 1,
                "message": "this code defines no Supervisor and no Application",
                "hint": f"add class Main(Supervisor), with an init that returns Children([{_example(classes)}])",
            }
        }
    found = tops or applications or roots or list(kinds)
    what = "applications" if applications else "supervisors"
    apart = tops if applications else roots
    which = f"{len(found)} {what} that no other uses" if apart else f"{what} that use each other"
    names = f"{', '.join(found[:-1])} and {found[-1]}"
    second = classes[found[1]]
    return {
        "problem": {
            "line": second.lineno,
            "column": second.col_offset + 1,
            "message": f"this code defines {which}, {names}",
            "hint": f"rename the one that the sandbox should start to {MAIN}",
        }
    }


def _find_own_start(tree: ast.Module) -> dict[str, Any] | None:
    """Return the first statement that runs the program, or ends it, while a sandbox loads it."""
    calls = (
        node
        for statement in tree.body
        if isinstance(statement, ast.Expr | ast.Assign)
        for node in _run_at_once(statement)
        if isinstance(node, ast.Call)
    )
    own = {*_bound(tree), *(node.name for node in tree.body if isinstance(node, ast.FunctionDef))}
    for call in calls:
        name = _dotted(call.func)
        if name == "otp.run" or (name == "asyncio.run" and _starts_tree(tree, call)):
            said = {"message": "a sandbox starts your supervisor itself", "hint": f"leave out {_short(call)}"}
        elif name in EXITS and own.isdisjoint({name, "*"}):  # otp has an exit, too
            said = {"message": f"{_short(call)} ends the sandbox before your supervisor starts", "hint": "leave it out"}
        else:
            continue
        end = {"end_line": call.end_lineno or call.lineno, "end_column": (call.end_col_offset or 0) + 1}
        return {"line": call.lineno, "column": call.col_offset + 1} | end | said
    return None


def _run_at_once(statement: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a statement, without those in lambdas."""
    pending = [statement]
    for node in pending:  # grows while it is read
        if not isinstance(node, ast.Lambda):
            yield node
            pending += ast.iter_child_nodes(node)


def _dotted(function: ast.expr) -> str:
    """Return the name of a called function, with that of its module; "" for another expression."""
    match function:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id=module), attr=name):
            return f"{module}.{name}"
        case _:
            return ""


def _short(call: ast.Call) -> str:
    return ast.unparse(call)[:60]


def _starts_tree(tree: ast.Module, call: ast.Call) -> bool:
    """Return whether a call starts a process, itself or by a function of the module that it calls."""
    called = {node.id for node in ast.walk(call) if isinstance(node, ast.Name)}
    functions = [one for one in tree.body if isinstance(one, ast.AsyncFunctionDef) and one.name in called]
    return any(
        isinstance(node, ast.Attribute) and node.attr in ("start", "start_link")
        for part in (call, *functions)
        for node in ast.walk(part)
    )


def _find_roots(tree: ast.Module, names: list[str]) -> list[str]:
    """Return the trees that no other tree uses, by name or through functions and classes."""
    uses = {
        node.name: {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} - {node.name}
        for node in tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    }
    used: set[str] = set()
    for name in names:
        seen, todo = {name}, [name]
        while todo:
            found = uses[todo.pop()] & uses.keys() - seen
            seen |= found
            todo += found
        used |= seen - {name}
    return [name for name in names if name not in used]


def _example(classes: dict[str, ast.ClassDef]) -> str:
    """Return the child spec of the first server of the source, as an example."""
    servers = (name for name, node in classes.items() if any("GenServer" in ast.unparse(base) for base in node.bases))
    server = next(servers, None)
    return "..." if server is None else f"{server}.child_spec(0)"


def _bound(tree: ast.Module) -> Iterator[str]:
    """Yield the names that the module defines at its top level."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _kind(name: str, classes: dict[str, ast.ClassDef], seen: frozenset[str]) -> str | None:
    """Return the class of `otp` that a class derives from, directly or not."""
    for base in classes[name].bases:
        word = ast.unparse(base).partition("[")[0].rpartition(".")[2]
        if word in TREES:
            return word
        if word in classes and word not in seen and (found := _kind(word, classes, seen | {name})) is not None:
            return found
    return None


def main() -> None:
    """Read the text, within limits, and print the answer."""
    try:
        import resource
    except ImportError:  # no limits on this system; the parent's timeout remains
        pass
    else:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    text = sys.stdin.buffer.read().decode("utf-8", "surrogatepass")
    sys.stdout.write(json.dumps(look(text)))


if __name__ == "__main__":
    main()
