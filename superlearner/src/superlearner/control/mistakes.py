"""The places of mistakes in programs whose exit reasons have no line.

The runtime rejects a wrong option, a wrong result and a wrong signature in its own code, so the stack of the reason
shows nothing of the program. The place is found in the syntax tree of the source, by the class, the callback and the
rejected value. None of the program runs.
"""

# Reasons and options are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import ast
import linecache
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from types import MethodType
from typing import Any, Final

import otp
from otp import Behaviour, Crash, ExceptionTerm
from otp.observer.code_at import Function, arguments_of, parse, parse_source
from superlearner.control.expressions import TEXT, callee_of, is_value, literal_text, may_be, may_compute
from superlearner.control.failures import Place, failed_child, unwrapped
from superlearner.control.handled import Handled, callback_of, class_of
from superlearner.control.missing_returns import MissingReturn, find_missing_return, find_passed_over
from superlearner.control.reasons import has_own_frame, tagged, text_of_reason
from superlearner.control.terms import is_a, safe_text, text_of

__all__ = [
    "explain_missing_return", "first_of_twice", "function_at", "locate", "own_nodes", "place_of",
    "place_of_failed_start", "place_of_stop",
]  # fmt: skip

OPTIONS: Final = {
    "invalid_strategy": "strategy",
    "invalid_intensity": "max_restarts",
    "invalid_period": "max_seconds",
    "invalid_auto_shutdown": "auto_shutdown",
    "invalid_id": "id",
    "invalid_mfa": "start",
    "invalid_restart_type": "restart",
    "invalid_shutdown": "shutdown",
    "invalid_child_type": "type",
    "invalid_significant": "significant",
    "invalid_modules": "modules",
    "invalid_module": "modules",
}
"""The argument that each error term of a supervisor is about."""

SPECS: Final = ("invalid_child_spec", "duplicate_child_name", "bad_combination", "bad_return")
WRONG: Final = ("bad_return_value", "start_spec", "supervisor_data", "shutdown", *SPECS, *OPTIONS)
"""The tags of reasons for values that the runtime rejected."""

LACKING: Final = {"missing_id": "id", "missing_start": "start"}
"""The key that a child spec lacks, by error term."""

RESULTS: Final = (
    "Ok", "Reply", "NoReply", "Stop", "Ignore",
    "MachineOk", "NextState", "KeepState", "KeepStateAndData", "RepeatState", "RepeatStateAndData", "StopAndReply",
)  # fmt: skip
NO_RESULT: Final = (("bad_return_value", (None,)), ("bad_return_from_state_function", (None,)))

NO_CALLBACK: Final = re.compile(r"\w+ (got the|returned then=).*, but has no (handle_\w+); ", re.DOTALL)
"""The error of a server without an optional callback that it needs."""

PLACE: Final = re.compile(r"\((?:[^()]*[/\\])?[^()/\\]+\.py:(\d{1,7})\)")
"""The place of a method in the error about it."""


def locate(
    text: str | ast.Module, cls: str, callback: str, reason: Any, message: Handled = None
) -> tuple[int, str] | None:
    r"""Return the line of a source that caused a reason without a line, and its function.

    Args:
        text: the source, or its tree.
        cls: the class of the process that ended, as `__qualname__`.
        callback: the callback that it was in.
        reason: its exit reason.
        message: what the callback handled, as text.

    >>> text = "class Main(Supervisor):\n  def init(self, arg):\n    return Children([],\n      strategy='all')"
    >>> locate(text, "Main", "init", ("supervisor_data", ("invalid_strategy", "all")))
    (4, 'Main.init')
    """
    tree = parse_source(text) if isinstance(text, str) else text
    owner = None if tree is None else _class(tree, cls)
    if tree is None or owner is None:
        return None
    method = _method(owner, callback)
    missing = explain_missing_return(text, cls, callback, reason, message)
    line = _line(tree, owner, method, reason) if missing is None else missing.line
    if line is None and is_a(reason, Crash) and type(reason.term) is str and reason.term == "undef":
        line = _line_of_state(owner, callback)
    return None if line is None else (line, function_at(tree, line))


def explain_missing_return(
    text: str | ast.Module, cls: str, callback: str, reason: Any, message: Handled
) -> MissingReturn | None:
    """Return where and why a callback in a source returned None; None if that is not known; arguments of `locate`."""
    if tagged(reason.term if is_a(reason, Crash) else reason) not in NO_RESULT:
        return None
    tree = parse_source(text) if isinstance(text, str) else text
    owner = None if tree is None else _class(tree, cls)
    method = None if owner is None else _method(owner, callback)
    return None if method is None else find_missing_return(method, message)


def place_of(
    cls: str, callback: str | None, reason: Any, module: str | None = None, message: Handled = None
) -> Place | None:
    """Return file, line and function of the mistake behind a reason without a line, in a class that is loaded now.

    Of several classes with this name, it is in that of `module`. `message` is what the callback handled, as text.
    """
    tag, _ = tagged(reason)
    known = tag in WRONG or is_a(reason, Crash, ExceptionTerm, str) or _dest_of_call(reason) is not None
    if callback is None or has_own_frame(reason) or not known:
        return None
    return _find_place(cls, callback, module, lambda text, owner: locate(text, owner, callback, reason, message))


def place_of_stop(cls: str, callback: str, reason: Any, message: Handled = None) -> Place | None:
    """Return file, line and function of the result `Stop` with this reason, in a class that is loaded now.

    None if the callback has no such result, or several. A computed reason, as in `Stop(reason, state)`, may be this
    one, unless the class may call `exit` with it. `message` is what the callback handled, as text.
    """
    loaded = _loaded(cls, None)
    if loaded is None or f"{loaded.__module__}.".startswith("otp."):
        return None

    def locate_stop(text: str, owner: str) -> tuple[int, str] | None:
        tree = parse_source(text)
        found = None if tree is None else _class(tree, owner)
        if tree is None or found is None or (method := _method(found, callback)) is None:
            return None
        line = _line_of_stop(found, method, reason, message)
        return None if line is None else (line, function_at(tree, line))

    return _find_place(cls, callback, None, locate_stop)


def _find_place(
    cls: str, callback: str, module: str | None, find: Callable[[str, str], tuple[int, str] | None]
) -> Place | None:
    """Return the place that `find` returns for the source and the class that has a callback."""
    found = _loaded(cls, module)
    if found is None:
        return None
    its = (one for one in type.mro(found) if not f"{one.__module__}.".startswith("otp."))  # not those of the library
    owner = next((one for one in its if callback in vars(one)), found)  # it may inherit its callbacks
    file = getattr(sys.modules.get(owner.__module__), "__file__", None)
    if type(file) is not str:
        return None
    place = find("".join(linecache.getlines(file)), owner.__qualname__)
    return None if place is None else (file, *place)


def place_of_failed_start(node: otp.Node, reason: Any, module: str | None = None) -> Place | None:
    """Return the place of the mistake for which the tree of a module did not start, if its reason has none."""
    for one in reversed(unwrapped(reason)[-2:]):  # a child that was not spawned is a failure of its supervisor
        words = text_of_reason(one)
        for event in reversed(otp.trace.history(node)):
            found = event.data.get("reason") if event.kind == "exited" else None
            if found is not None and text_of_reason(found) == words:
                return place_of(class_of(event.data), callback_of(event.data), one, module)
    return None


def first_of_twice(reason: Any, place: Place | None) -> int | None:
    """Return the line of the first of two children with one id, if the second is at `place`; None for other reasons."""
    tag, rest = tagged(unwrapped(reason)[-1])
    tag, rest = tagged(rest[0]) if tag in ("start_spec", "supervisor_data") and len(rest) == 1 else (tag, rest)
    if tag != "duplicate_child_name" or len(rest) != 1 or place is None or (tree := parse(place[0])) is None:
        return None
    cls, _, callback = place[2].rpartition(".")
    owner = _class(tree, cls)
    method = None if owner is None else _method(owner, callback)
    lines = [] if method is None else _ids(method, rest[0])
    return lines[0] if lines[1:2] == [place[1]] and lines[0] != place[1] else None


def _loaded(cls: str, module: str | None) -> Any:
    """Return the class of this name that a module has now: the only one, or that of `module`; None if neither."""
    found: list[Any] = []
    pending: list[Any] = [Behaviour]
    while pending:
        below = type.__subclasses__(pending.pop())
        pending += below
        found += [one for one in below if one.__qualname__ == cls and _is_current(one)]
    if len(found) > 1:
        found = [one for one in found if one.__module__ == module]
    return found[0] if len(found) == 1 else None


def _is_current(cls: Any) -> bool:
    module = sys.modules.get(cls.__module__)
    return module is not None and vars(module).get(cls.__qualname__) is cls


# Places


def _line(tree: ast.Module, owner: ast.ClassDef, method: Function | None, reason: Any) -> int | None:
    tag, rest = tagged(reason)
    if tag in ("start_spec", "supervisor_data") and len(rest) == 1:
        return _line(tree, owner, method, rest[0])
    if is_a(reason, Crash, ExceptionTerm):
        return _line_of_crash(tree, owner, method, reason.term if is_a(reason, Crash) else reason)
    scopes = [one for one in (method, owner, tree) if one is not None]
    if type(reason) is str and reason in LACKING:
        return _first(_specs_without(scope, LACKING[reason]) for scope in scopes[:-1]) or _start(method, owner)
    if (dest := _dest_of_call(reason)) is not None:
        return _first(
            (*(_calls(scope, dest[0]) for scope in scopes[:-1]), [] if method is None else _only_call(method))
        )
    match tag, len(rest):
        case "bad_return_value", 1:
            return None if method is None else _line_of_result(method, rest[0])
        case "bad_return", 1 if method is not None and type(rest[0]) is tuple and len(rest[0]) == 3:
            return _line_of_result(method, rest[0][2])
        case "invalid_child_spec", 1:
            return _first(_children(scope, rest[0]) for scope in scopes[:-1]) or _start(method, owner)
        case "duplicate_child_name", 1:
            return _first(_ids(scope, rest[0])[1:] for scope in scopes[:-1]) or _start(method, owner)
        case "bad_combination", 1:
            return _option(scopes, "significant", True) or _start(method, owner)
        case "shutdown", 1:
            child = failed_child(reason)
            if child is None:
                return None
            lacking = re.match(r"expected (\w+) to have all required callbacks", _text_inside(child[1]))
            cls = None if lacking is None else _class(tree, lacking[1])
            if cls is not None:
                return _line_of_missing(cls, _text_inside(child[1]))
            return _first(_mentions(scope, child[0]) for scope in scopes[:-1])
        case _ if tag in OPTIONS and len(rest) == 1:
            return _option(scopes, OPTIONS[tag], rest[0]) or _start(method, owner)
        case _:
            line = None if method is None else _line_of_stop(owner, method, reason, None)
            plain = [] if method is None else [at for at, why in _stops(method) if may_be(why, reason)]
            return line if line in plain else None


def _line_of_crash(tree: ast.Module, owner: ast.ClassDef, method: Function | None, term: Any) -> int | None:
    """Return the line for an exception raised by the runtime about the program; None if it is about something else."""
    if type(term) is str:
        return _line_of_lacking(owner, term)
    if not is_a(term, ExceptionTerm):
        inner, rest = tagged(term)
        if inner == "bad_return_from_state_function" and method is not None and len(rest) == 1:
            return _line_of_result(method, rest[0])
        return _line(tree, owner, method, term) if inner in OPTIONS or inner in SPECS else None
    text = safe_text(term.text)
    named = PLACE.search(text)
    if named is not None:  # a callback that is refused with its class
        return int(named[1])
    if method is not None and text.startswith(f"{owner.name}.{method.name}() "):  # called with other arguments
        return method.lineno
    return _line_of_missing(owner, text) if term.type_name == "MissingCallback" else None


def _line_of_state(owner: ast.ClassDef, state: str) -> int | None:
    """Return the one line of a state machine that enters a state."""
    calls = (node for node in ast.walk(owner) if isinstance(node, ast.Call) and node.args)
    enters = (node for node in calls if callee_of(node) in ("NextState", "MachineOk"))
    found = {node.lineno for node in enters if is_value(node.args[0], state)}
    return found.pop() if len(found) == 1 else None


def _line_of_stop(owner: ast.ClassDef, method: Function, reason: Any, message: Handled) -> int | None:
    """Return the line of the one `Stop` of a method that may have this reason and may have been reached."""
    exits = (node.args for node in ast.walk(owner) if isinstance(node, ast.Call) and callee_of(node) == "exit")
    if any(len(why) == 1 and (may_be(why[0], reason) or may_compute(why[0], reason)) for why in exits):
        return None
    over = find_passed_over(method, message)
    if any(node.lineno not in over and _may_be_made_elsewhere(node.value, method) for node in _returns(method)):
        return None
    reached = [(line, why) for line, why in _stops(method) if line not in over]
    found = [line for line, why in reached if may_be(why, reason) or may_compute(why, reason)]
    return found[0] if len(found) == 1 else None


def _returns(method: Function) -> list[ast.Return]:
    return [node for node in own_nodes(method) if isinstance(node, ast.Return)]


def _may_be_made_elsewhere(node: ast.expr | None, method: Function) -> bool:
    """Return whether a returned expression may be a result that a function has made, as of `return self.close()`."""
    match node:
        case ast.IfExp(body=body, orelse=orelse):
            return any(_may_be_made_elsewhere(one, method) for one in (body, orelse))
        case ast.Name(id=name):
            return name not in (*arguments_of(method), *RESULTS)
        case ast.Call():
            return callee_of(node) not in RESULTS
        case _:
            return isinstance(node, ast.Await | ast.Attribute | ast.Subscript | ast.BoolOp | ast.NamedExpr)


def _stops(method: Function) -> Iterator[tuple[int, ast.expr]]:
    """Yield each `Stop` of a method: its line, and its reason."""
    for node in own_nodes(method):
        if isinstance(node, ast.Call) and callee_of(node) in ("Stop", "StopAndReply"):
            named = [one.value for one in node.keywords if one.arg == "reason"]
            if why := [*node.args, *named][:1]:
                yield node.lineno, why[0]


def _line_of_lacking(owner: ast.ClassDef, text: str) -> int | None:
    """Return the line for a server that was asked for an optional callback: where that stands, else who asked for it.

    None if the text is about something else.
    """
    lacking = NO_CALLBACK.match(text)
    if lacking is None:
        return None
    named = PLACE.search(text, lacking.end())  # before that is the message, which is any text
    if named is not None:
        return int(named[1])
    nested = (one for method in owner.body if isinstance(method, Function) for one in ast.walk(method))
    inside = [one.lineno for one in nested if isinstance(one, Function) and one.name == lacking[2]]
    made = [one.lineno for one in ast.walk(owner) if isinstance(one, ast.Call) and callee_of(one) == "Continue"]
    found = inside or (made if lacking[1] == "returned then=" else [])
    return found[0] if len(found) == 1 else owner.lineno


def _line_of_missing(owner: ast.ClassDef, text: str) -> int:
    """Return the line of a class that lacks a callback, or of the method that is misspelt or misplaced."""
    named = PLACE.search(text)
    if named is not None:
        return int(named[1])
    misspelt = re.search(r"is '(\w+)' to be '", text)
    slip = None if misspelt is None else _method(owner, misspelt[1])
    return owner.lineno if slip is None else slip.lineno


def _text_inside(reason: Any) -> str:
    """Return the text of the exception inside a reason; "" for others."""
    tag, rest = tagged(reason)
    if tag == "EXIT" and len(rest) == 1:
        return _text_inside(rest[0])
    term = reason.term if is_a(reason, Crash) else reason
    return safe_text(term.text) if is_a(term, ExceptionTerm) else ""


def function_at(tree: ast.Module, line: int) -> str:
    """Return the class or method that a line is in, as `Main.init`."""
    names: list[str] = []
    body: list[ast.stmt] = tree.body
    while found := next((one for one in body if isinstance(one, ast.ClassDef | Function) and _has(one, line)), None):
        names.append(found.name)
        body = found.body
    return ".".join(names) or "<module>"


def _has(node: ast.stmt, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or 0)


@lru_cache(maxsize=16)  # the reasons of hundreds of restarts have the same class: 0.9 ms each for 300 lines
def _class(tree: ast.Module, name: str) -> ast.ClassDef | None:
    last = name.rpartition(".")[2]
    return next((node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == last), None)


def _method(owner: ast.ClassDef, name: str) -> Function | None:
    methods = (node for node in owner.body if isinstance(node, Function))
    return next((node for node in methods if node.name == name), None)


def _start(method: Function | None, owner: ast.ClassDef) -> int:
    """Return the line of the only result of a method, else the line of its definition."""
    if method is None:
        return owner.lineno
    found = [node.lineno for node in _returns(method)]
    return found[0] if len(found) == 1 else method.lineno


def _first(found: Iterable[list[int]]) -> int | None:
    return next((lines[0] for lines in found if lines), None)


def _option(scopes: list[Any], name: str, value: object) -> int | None:
    """Return the line of an argument or key: first of one with this value, then of any in the method."""
    everywhere = [list(_options(scope, name)) for scope in scopes]
    for found in everywhere:
        for node in found:
            if is_value(node, value):
                return node.lineno
    return everywhere[0][0].lineno if everywhere and everywhere[0] else None


def _options(scope: ast.AST, name: str) -> Iterator[ast.expr]:
    for node in ast.walk(scope):
        if isinstance(node, ast.Call):
            yield from (keyword.value for keyword in node.keywords if keyword.arg == name)
        elif isinstance(node, ast.Dict):
            for key, member in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == name:
                    yield member


def _mentions(scope: ast.AST, id: Any) -> list[int]:
    """Return the lines that name a child: its id, or the class that is its id."""
    if is_a(id, type):
        name = id.__name__
        return sorted(node.lineno for node in ast.walk(scope) if isinstance(node, ast.Name) and node.id == name)
    return sorted(node.lineno for node in ast.walk(scope) if isinstance(node, ast.expr) and is_value(node, id))


def _ids(scope: ast.AST, id: Any) -> list[int]:
    """Return the lines that give children an id; those that name it in any way if none or one says `id`."""
    found = sorted(node.lineno for node in _options(scope, "id") if is_value(node, id))
    return found if len(found) > 1 else _mentions(scope, id)


def _children(scope: ast.AST, child: Any) -> list[int]:
    """Return the lines of a value that is no child."""
    if is_a(child, dict):
        known = [key for key in child if type(key) is str]
        return sorted(
            node.lineno
            for node in ast.walk(scope)
            if isinstance(node, ast.Dict) and known == [_constant(key) for key in node.keys]
        )
    if is_a(child, type) or type(child) in (str, int, float, bool, type(None)):
        return _mentions(scope, child)
    if is_a(child, MethodType) and is_a(child.__self__, type):
        method = f"{child.__self__.__name__}.{child.__name__}"
        calls = {id(node.func) for node in ast.walk(scope) if isinstance(node, ast.Call)}
        return sorted(
            node.lineno
            for node in ast.walk(scope)
            if isinstance(node, ast.Attribute) and id(node) not in calls and ast.unparse(node) == method
        )
    made = type(child).__name__
    return sorted(
        node.lineno
        for node in ast.walk(scope)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == made
    )


def _specs_without(scope: ast.AST, key: str) -> list[int]:
    """Return the lines of child specs without a key."""
    found: list[int] = []
    for node in ast.walk(scope):
        if isinstance(node, ast.Dict):
            keys = [_constant(one) for one in node.keys]
            if key not in keys and any(one in OPTIONS.values() for one in keys):
                found.append(node.lineno)
    return sorted(found)


def _dest_of_call(reason: Any) -> tuple[Any] | None:
    """Return the destination of a failed call to a GenServer, from `(why, ("gen_server", "call", [dest, …]))`."""
    behaviour, call = tagged(reason[1] if type(reason) is tuple and len(reason) == 2 else None)
    name, rest = tagged(call)
    if behaviour not in ("gen_server", "gen_statem") or name != "call" or len(rest) != 1 or type(rest[0]) is not list:
        return None
    return (rest[0][0],) if rest[0] else None


def _calls(scope: ast.AST, dest: Any) -> list[int]:
    """Return the lines that call a process by this name."""
    return sorted(line for line, whom in _whom(scope) if is_value(whom, dest))


def _only_call(method: Function) -> list[int]:
    """Return the line of a method that calls a process without its name, if there is one such line."""
    found = [line for line, whom in _whom(method) if not isinstance(whom, ast.Constant)]
    return found if len(found) == 1 else []


def _whom(scope: ast.AST) -> Iterator[tuple[int, ast.expr]]:
    """Yield the line and the first argument of each call of a process."""
    for node in ast.walk(scope):
        if isinstance(node, ast.Call) and callee_of(node) == "call" and node.args:
            yield node.lineno, node.args[0]


def _constant(node: ast.expr | None) -> object:
    return node.value if isinstance(node, ast.Constant) else None


def own_nodes(method: Function) -> Iterator[ast.AST]:
    """Yield the nodes of a method in the order of its lines, without functions and classes inside it."""
    pending: list[ast.AST] = list(reversed(method.body))
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, Function | ast.Lambda | ast.ClassDef):
            pending += reversed(list(ast.iter_child_nodes(node)))


def _line_of_result(method: Function, value: Any) -> int:
    """Return the line that returned a wrong result; the line of the definition if several may have."""
    returns = _returns(method)
    text = text_of(value, 50)  # in an event, a result is shortened to its text
    if value is None:
        found = [node for node in returns if node.value is None or is_value(node.value, None)]
    elif kind := next(
        (name for name in RESULTS if is_a(value, getattr(otp, name)) or text.startswith(f"{name}(")), None
    ):
        found = [
            node for node in returns if callee_of(node.value) == kind or _may_be_made_elsewhere(node.value, method)
        ]
        if len(found) > 1:
            found = [node for node in found if _has_parts(node.value, text_of(value, TEXT))] or found
    else:
        found = [node for node in returns if node.value is not None and callee_of(node.value) not in RESULTS]
        found = [
            node
            for node in found
            if is_value(node.value or node, value)
            or text == (node.value.id if isinstance(node.value, ast.Name) else literal_text(node.value))
        ] or found
    return found[0].lineno if len(found) == 1 else method.lineno


def _has_parts(node: ast.expr | None, made: str) -> bool:
    """Return whether a call has as many arguments as the text of the result that it made, and the same literals."""
    tree = parse_source(made)
    last = tree.body[-1] if tree is not None and tree.body else None
    shown = last.value if isinstance(last, ast.Expr) else None
    if not isinstance(node, ast.Call) or not isinstance(shown, ast.Call):
        return False
    parts = [[*one.args, *(keyword.value for keyword in one.keywords)] for one in (node, shown)]
    pairs = list(zip(*parts, strict=False))
    same = all(ast.unparse(mine) == ast.unparse(its) for mine, its in pairs if isinstance(mine, ast.Constant))
    return same and len(parts[0]) == len(parts[1])
