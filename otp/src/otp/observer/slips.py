"""Slips in plain Python, explained for beginners: names, imports, state on `self`, types, hidden files.

Each is found by the text of the exception and the source of its line; none of the program runs.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from types import ModuleType
from typing import Final

from otp.kernel.values.errors import did_you_mean
from otp.kernel.values.reasons import StackEntry
from otp.observer.code_at import (
    CALLBACKS,
    Function,
    arguments_of,
    callback_around,
    names_bound,
    parse,
    place_of,
    scopes_at,
)  # fmt: skip
from otp.observer.unfit_values import explain_none_operand, explain_old_operand, explain_unfit_value
from otp.redaction import source_line, without_secrets

__all__ = ["explain_needless_await", "explain_slip"]

AWAITED: Final = re.compile(r"object \w+ can't be used in 'await' expression|'\w+' object can't be awaited")
AWAIT: Final = re.compile(r"\bawait\s+([A-Za-z_][\w.]*)\s*\(")
UNKNOWN: Final = re.compile(r"name '(\w+)' is not defined")
LACKING: Final = re.compile(r"(?:'(\w+)' object|type object '(\w+)') has no attribute '(\w+)'")
MODULE_LACKS: Final = re.compile(r"module '([\w.]+)' has no attribute '(\w+)'")
OPERANDS: Final = (
    re.compile(r"unsupported operand type\(s\) for .+: '(\w+)' and '(\w+)'"),
    re.compile(r"'\S+' not supported between instances of '(\w+)' and '(\w+)'"),
    re.compile(r"can only concatenate (\w+) \(not \"(\w+)\"\) to \w+"),
)
NO_NAME: Final = re.compile(r"cannot import name '(\w+)' from '([\w.]+)'")
NO_MODULE: Final = re.compile(r"No module named '([\w.]+)'")
NUMBERS: Final = frozenset({"int", "float"})
MIXED: Final = "a number and a string do not mix: check what the message brought, or convert with int(…) or str(…)"
ONLY_STANDARD: Final = "a sandbox has Python's standard library and otp, and no other packages"
NO_INPUT: Final = "a process has no keyboard: send it a message, and handle that in a callback"
HIDDEN: Final = "a sandbox has only its own folder: the other files of this machine are hidden from it"
NO_ADDRESS: Final = re.compile("name resolution|[Nn]ame or service not known|unreachable|nodename nor servname")
NO_NETWORK: Final = "a sandbox has no network: its processes reach each other, and nothing else"
BEHAVIOURS: Final = "otp has GenServer, Supervisor, DynamicSupervisor, Agent, Task and Registry, among others"
OTHER_LANGUAGES: Final = {"null": "None", "nil": "None", "undefined": "None", "this": "self"}
VERY_CLOSE: Final = 0.8
"""Similarity of two words of which one is a slip of the other."""
CLOSE_TO_SELF: Final = 0.7
"""The same for `self`, which each method has: `slef` is a slip of it, `select` is not."""
HIDDEN_FILE: Final = "/etc/passwd"
"""A file that every program can read, except one behind walls."""


def explain_slip(type_name: str, text: str, stack: Sequence[StackEntry]) -> str | None:
    """Return what to write instead of a slip; None if the exception is not a known one.

    Args:
        type_name: the name of the class of the exception.
        text: its text.
        stack: where it was raised, innermost last.

    >>> explain_slip("TypeError", "unsupported operand type(s) for +: 'int' and 'str'", ())
    'a number and a string do not mix: check what the message brought, or convert with int(…) or str(…)'
    """
    found = _explain(type_name, text, stack) or explain_unfit_value(type_name, text, stack)
    return None if found is None else without_secrets(found)  # it may quote a value, or code


def _explain(type_name: str, text: str, stack: Sequence[StackEntry]) -> str | None:
    match type_name:
        case "NameError" if found := UNKNOWN.match(text):
            return _explain_name(found[1], *place_of(stack))
        case "ImportError" if found := NO_NAME.match(text):
            module = sys.modules.get(found[2])
            near = did_you_mean(found[1], getattr(module, "__all__", dir(module)))
            return near or (BEHAVIOURS if found[2] == "otp" else None)
        case "ModuleNotFoundError" if found := NO_MODULE.fullmatch(text):
            if sorted(found[1]) == sorted("otp"):
                return "did you mean 'otp'?"
            near = get_close_matches(found[1], ("otp", *sys.stdlib_module_names), 1, cutoff=VERY_CLOSE)
            return f"did you mean {near[0]!r}?" if near else ONLY_STANDARD if _hides_files() else None
        case "EOFError" if text == "EOF when reading a line":
            return NO_INPUT
        case "AttributeError" if found := LACKING.match(text):
            if found[1] == "NoneType":
                return None
            known = _attributes(found[1] or found[2], place_of(stack)[0])
            near = "" if found[3] in known else did_you_mean(found[3], sorted(known))
            return near or (_explain_attribute(found[1], found[3], stack) if found[1] else None)
        case "AttributeError" if found := MODULE_LACKS.match(text):
            module = sys.modules.get(found[1])
            if found.groups() == ("otp", "sleep"):
                return "write await asyncio.sleep(…)"
            return did_you_mean(found[2], list(vars(module))) or None if isinstance(module, ModuleType) else None
        case "TypeError" if found := next(filter(None, (each.match(text) for each in OPERANDS)), None):
            kinds = {found[1], found[2]}
            if "NoneType" in kinds:
                return explain_none_operand(stack, left=found[1] == "NoneType")
            old = explain_old_operand(stack, found[1], found[2])
            return old or (MIXED if "str" in kinds and kinds & NUMBERS else None)
        case "TypeError":
            return explain_needless_await(text, stack)
        case "URLError" | "gaierror" if NO_ADDRESS.search(text) and _hides_files():
            return NO_NETWORK
        case "FileNotFoundError" | "PermissionError" if _hides_files():
            return HIDDEN
        case _:
            return None


def explain_needless_await(text: str, stack: Sequence[StackEntry]) -> str | None:
    """Return which awaited function is not async; None for other exceptions.

    Args:
        text: the text of the exception.
        stack: where it was raised, innermost last.

    >>> explain_needless_await("object tuple can't be used in 'await' expression", ())
    'an awaited function is not async: remove the `await` before it'
    """
    if not AWAITED.fullmatch(text):
        return None
    calls = AWAIT.findall(source_line(*place_of(stack)))
    return f"{calls[0] if len(calls) == 1 else 'an awaited function'} is not async: remove the `await` before it"


def _hides_files() -> bool:
    """Return whether this program runs behind walls that hide the files of the machine."""
    if sys.platform == "win32":
        return False
    try:
        open(HIDDEN_FILE, "rb").close()
    except OSError:
        return True
    return False


def _explain_name(name: str, file: str, line: int) -> str | None:
    scopes = scopes_at(file, line)
    if name in getattr(sys.modules.get("otp"), "__all__", ()):
        return f"add `from otp import {name}` at the top"
    functions = [each for each in scopes if isinstance(each, Function)]
    owner = next((each for each in reversed(scopes) if isinstance(each, ast.ClassDef)), None)
    if owner is not None and name in _methods(owner):
        return f"did you mean self.{name}?"
    known = {each for scope in scopes if not isinstance(scope, ast.ClassDef) for each in names_bound(scope)}
    known.discard(name)  # it may have a type and no value, or get its value later
    others = (*known, *getattr(sys.modules.get("otp"), "__all__", ()), *dir(builtins))
    meant = OTHER_LANGUAGES.get(name.lower())
    if meant != "self" or "self" in known:
        if same := meant or next((each for each in others if each.lower() == name.lower() and each != name), None):
            return f"did you mean {same!r}?"
    if not get_close_matches(name, ("self",), 1, cutoff=CLOSE_TO_SELF):
        known.discard("self")
    if name.islower():  # a class is not a value that was meant
        known = {each for each in known if not each[:1].isupper() or each.lower() == name}
    if name != "otp" and (near := did_you_mean(name, sorted(known))):
        return near
    if name == "otp" or (
        name in sys.stdlib_module_names - OTHER_LANGUAGES.keys() and _reads_attribute(name, source_line(file, line))
    ):
        return f"add `import {name}` at the top"
    short = [each for function in functions[-1:] for each in arguments_of(function)[1:] if len(each) == len(name) == 1]
    if short:
        return f"did you mean {short[-1]!r}?"
    if near := get_close_matches(name, dir(builtins), 1, cutoff=VERY_CLOSE):
        return f"did you mean {near[0]!r}?"
    callback = callback_around(scopes)
    if callback is None or not source_line(file, line).lstrip().startswith("return "):
        return None
    state = arguments_of(callback)[-1]
    branches = [each for each in ast.walk(callback) if isinstance(each, ast.match_case)]
    inside = [each for each in branches if each.body[0].lineno <= line <= (each.body[-1].end_lineno or 0)]
    around = inside[-1].body if inside else callback.body
    if any(isinstance(node, ast.Name) and node.id == state for each in around for node in ast.walk(each)):
        return None  # who uses the state knows its name
    return f"the state, if you mean it, is the last argument of {callback.name}: {state}"


def _reads_attribute(name: str, code: str) -> bool:
    """Return whether a line reads an attribute of a name, as of a module; a cell has no source and may do so."""
    return not code or re.search(rf"(?<![\w.]){name}\s*\.", code) is not None


def _explain_attribute(kind: str, name: str, stack: Sequence[StackEntry]) -> str | None:
    """Explain that a server has no such attribute on `self`; None for other objects."""
    scopes = scopes_at(*place_of(stack))
    function = stack[-1][2] if stack else ""
    owner, _, called = function.rpartition(".") if type(function) is str else ("", "", "")
    code = source_line(*place_of(stack))
    if not (
        re.search(rf"\bself\.{name}\b", code) if code else owner.rpartition(".")[2] == kind
    ):  # a cell has no source
        return None
    if re.search(rf"\bself\.{name}\s*\(", code):
        return f"{kind} has no method {name}: define it in the class, or correct its name"
    if called == "init":
        return "a server keeps no state on self: init returns it, as in Ok(state)"
    if called not in CALLBACKS:
        return None
    arguments = [each for scope in scopes[-1:] if isinstance(scope, Function) for each in arguments_of(scope)]
    says = f"a server keeps no state on self: it is the last argument{f', {arguments[-1]}' if arguments else ''}"
    new = {"handle_call": "Reply(value, new)", "terminate": ""}.get(called, "NoReply(new)")
    return f"{says}; return the new one, as in {new}" if new else says


def _attributes(kind: str, file: str) -> set[str]:
    """Return the public attributes of a class: of the source, else of `otp`, else of Python."""
    tree = parse(file)
    classes = {} if tree is None else {each.name: each for each in ast.walk(tree) if isinstance(each, ast.ClassDef)}
    ours = sys.modules.get("otp")
    found, stored, seen, pending = set[str](), set[str](), set[str](), [kind]
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        if (owner := classes.get(name)) is not None:
            found.update(names_bound(owner))
            stored.update(_stored_on_self(owner))
            pending += [ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in owner.bases]
        elif name in getattr(ours, "__all__", ()):
            found.update(dir(getattr(ours, name)))
            stored.clear()  # a process holds no state on self
        else:
            found.update(dir(getattr(builtins, name, None)))
    return {each for each in found | stored if not each.startswith("_")}


def _stored_on_self(owner: ast.ClassDef) -> Iterator[str]:
    """Yield the attributes that the methods of a class set."""
    for node in ast.walk(owner):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                yield name
            case _:
                pass


def _methods(owner: ast.ClassDef) -> list[str]:
    return [each.name for each in owner.body if isinstance(each, Function)]
