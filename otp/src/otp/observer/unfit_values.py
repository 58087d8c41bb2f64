"""Exceptions about values that do not fit, explained for beginners: no such key, None, zero, too many arguments.

Each is found by the text of the exception and the source of its line; none of the program runs.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from otp.kernel.ends.wording import clip
from otp.kernel.values.errors import did_you_mean
from otp.kernel.values.reasons import StackEntry
from otp.observer.code_at import (
    Function,
    arguments_of,
    callback_around,
    names_bound,
    parse,
    place_of,
    scopes_at,
    walk_line,
)  # fmt: skip
from otp.observer.none_states import find_none_states, names_defined
from otp.watchdog import LIBRARY_FOLDERS

__all__ = ["explain_none_operand", "explain_old_operand", "explain_unfit_value"]

LONGEST: Final = 60
"""Characters of an expression in a sentence."""
REPEATED: Final = 20
"""Frames at the end of a stack in which a recursion repeats itself."""
NO_STATE: Final = "the state {} is None: pass it at the start, as in child_spec(0), or return a new one from a callback"
OLD_START: Final = (
    "the state {} is None: a callback returned None as the new one, or, if the code was changed while it ran, the "
    "supervisor still uses the start argument from the earlier code (restart it)"
)
EARLIER: Final = (
    "it is from the earlier code (a restart replaces it, a code_change can convert it), or a callback returned it"
)
OLD_STATE: Final = "the state {} is {}, but init makes {}: " + EARLIER
OLD_KEYS: Final = "the state {} has no key {}, but the one from init has it: " + EARLIER
NONE: Final = "it is None here: a function without a `return` gives None"
NO_METHOD: Final = re.compile(r"'(\w+)' object has no attribute '(\w+)'")
NONE_IN_USE: Final = re.compile(
    r"'NoneType' object (?:is not (?P<use>subscriptable|iterable|callable)|does not support item)"
    r"|(?P<within>argument of type 'NoneType' is not (?:iterable|a container))|object of type 'NoneType' has no len\(\)"
    r"|cannot unpack non-iterable NoneType object"
)
NO_PLACE: Final = re.compile(r"(?:\w+ )+index out of range")
EMPTY: Final = re.compile(r"'?(?:pop from an? ?empty|popitem\(\): dictionary is empty)|pop from empty list")
FEWER: Final = re.compile(r"not enough values to unpack \(expected (at least )?(\d+), got (\d+)\)")
MORE: Final = re.compile(r"too many values to unpack \(expected (\d+)")
NO_NUMBER: Final = re.compile(
    r"(?:invalid literal for (int)\(\) with base \d+|could not convert string to float): (.+)", re.DOTALL
)
NO_VALUE: Final = re.compile(r"cannot access (?:local|free) variable '(\w+)' where it is not associated with a value.*")
TAKES: Final = re.compile(r"(\S+)\(\) takes .*\bpositional arguments? but (\d+)\b.*\bgiven")
ONE_START: Final = "a process takes one start argument: pass a tuple for several values"
STARTERS: Final = ("child_spec", "start", "start_link", "start_monitor")
LACKS: Final = re.compile(r"(\S+)\(\) missing \d+ required (?:positional|keyword-only) arguments?: (.+)")
UNKNOWN: Final = re.compile(r"(\S+)\(\) got an unexpected keyword argument '(\w+)'.*")
NO_CALL: Final = re.compile(r"'(\w+)' object is not callable")
NO_ITEMS: Final = re.compile(r"'(\w+)' object is not subscriptable")
NO_LOOP: Final = re.compile(r"'(int|float)' object is not iterable")
FIXED: Final = re.compile(r"'(tuple|str)' object does not support item assignment")
NO_STORE: Final = re.compile(
    r"'(int|float|bool)' object (?:does not support|doesn't support) item (?:assignment|deletion)"
)
NO_KEY: Final = re.compile(r"unhashable type: '(list|dict|set)'")
BY_NUMBER: Final = re.compile(r"(list|tuple|string) indices must be integers(?: or slices)?, not '?(str|tuple|float)'?")
KINDS: Final = {"int": "a number", "float": "a number", "str": "a string", "list": "a list", "tuple": "a tuple",
                "dict": "a dictionary", "set": "a set", "bool": "True or False"}  # fmt: skip
NO_JSON: Final = {
    "Expecting property name": (
        'a name in double quotes, as in {"a": 1}, or a closing } is missing there; or remove the comma before it'
    ),
    "Expecting ':'": 'a colon is missing after a name, as in {"a": 1}, or the text ends too early',
    "Expecting ','": "a comma or a closing bracket is missing there, or the text ends too early",
    "Expecting value: line 1 column 1 (char 0)": 'the text is empty or not JSON; JSON looks like {"a": 1}',
    "Expecting value": "a value is missing there or not JSON: write null, true, false, and strings in double quotes",
    "Unterminated string": "a string in double quotes is not closed, or the whole text ends too early",
    "Extra data": "there is more text after the first value: json.loads reads only one value",
    "Illegal trailing comma": "remove the comma before the closing bracket",
    "Invalid control character": r"a string has a line break or a tab in it: write it as an escape, such as \n or \t",
    "Invalid": r"JSON does not have this escape: write a backslash as \\",
    "": 'the text is not JSON; JSON looks like {"a": 1}',
}
"""Advice on a text that is not JSON, by the beginning of the error: it knows no more of the text."""
SENTENCES: Final = {
    "Cannot choose from an empty sequence": "there is nothing to choose from: check for an empty list first",
    "list.remove(x): x not in list": "the list has no such element: check it with `in` first",
    "coroutine raised StopIteration": "next(…) found no more values: give it a default, as in next(values, None)",
    "generator raised StopIteration": "next(…) found no more values: give it a default, as in next(values, None)",
    "dictionary changed size during iteration": "the loop changes its own collection: loop over a copy, list(…)",
    "Set changed size during iteration": "the loop changes its own collection: loop over a copy, list(…)",
    "deque mutated during iteration": "the loop changes its own collection: loop over a copy, list(…)",
}
"""Advice, by a text that leaves nothing open."""


def explain_unfit_value(type_name: str, text: str, stack: Sequence[StackEntry]) -> str | None:
    """Return what is wrong with a value and what to try; None if the exception is not a known one.

    Args:
        type_name: the name of the class of the exception.
        text: its text.
        stack: where it was raised, innermost last.

    >>> explain_unfit_value("ValueError", "not enough values to unpack (expected 3, got 2)", ())
    'the left side has 3 names, and the right side only 2 values'
    """
    nodes = _nodes(stack)
    if any(isinstance(node, ast.Raise) for node in nodes):  # the program says itself what is wrong
        return None
    match type_name:
        case "KeyError" if not EMPTY.match(text):
            return _explain_old_key(text, nodes, stack) or _explain_key(text, nodes)
        case "ZeroDivisionError":
            return _explain_zero(nodes)
        case "RecursionError" if text.startswith("maximum recursion depth exceeded"):
            return _explain_recursion(stack)
        case "IndexError" | "KeyError" if EMPTY.match(text):
            taken = _only(_quote(owner) for owner, _ in _calls(nodes, "pop", "popleft", "popitem"))
            return f"{taken or 'it'} is empty: check that before you take from it"
        case "IndexError" if NO_PLACE.fullmatch(text):
            return _explain_index(nodes)
        case "UnboundLocalError" | "NameError" if found := NO_VALUE.fullmatch(text):
            return _explain_local(found[1], stack)
        case "AttributeError" if found := NO_METHOD.match(text):
            kind, name = found.groups()
            owners = [node.value for node in nodes if isinstance(node, ast.Attribute) and node.attr == name]
            if kind == "NoneType":
                return _explain_none(stack, owners)
            owner = _only(map(_quote, owners))
            lacks = f"{owner} is {_kind(kind)}, which has no {name}" if owner and kind in KINDS else None
            return _explain_old_state(kind, owners, stack) or lacks
        case "TypeError":
            return _explain_type(text, nodes, stack)
        case "StopIteration" if any(isinstance(node, ast.Name) and node.id == "next" for node in nodes):
            return SENTENCES["coroutine raised StopIteration"]
        case "ValueError":
            return _explain_value(text) or SENTENCES.get(text)
        case "JSONDecodeError":
            return next((why for begin, why in NO_JSON.items() if text.startswith(begin)), NO_JSON[""])
        case "IndexError" | "RuntimeError":
            return SENTENCES.get(text)
        case _:
            return None


def _nodes(stack: Sequence[StackEntry]) -> list[ast.AST]:
    """Return the parts of the line that raised; none for a line of a library, which is not the mistake."""
    file, line = place_of(stack)
    return [] if file.startswith((*LIBRARY_FOLDERS, "<frozen ")) else list(walk_line(file, line))


def _quote(node: ast.AST) -> str:
    """Return an expression as it stands in a sentence; "" for a long one."""
    text = ast.unparse(node)
    return f"`{text}`" if len(text) <= LONGEST else ""


def _only(texts: Iterable[str]) -> str:
    """Return the text if there is only one; else "": a stack does not say which part of a line raised."""
    found = set(texts)
    return found.pop() if len(found) == 1 else ""


def _calls(nodes: Iterable[ast.AST], *names: str) -> list[tuple[ast.expr, ast.Call]]:
    """Return the calls of methods with one of these names, each with the object of the method."""
    return [
        (node.func.value, node)
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names
    ]


# Keys, places, zero


def _explain_key(key: str, nodes: Sequence[ast.AST]) -> str | None:
    first_values = _find_first_values(nodes)
    found = {advice for node in nodes for advice in _keys_read(node, key, first_values)}
    if not found:
        return None
    if len(found) > 1 or len(key) > LONGEST:
        return "a dictionary in this line has no such key: check it with `in` first"
    owner, advice = found.pop()
    return f"{owner} {advice}"


def _find_first_values(nodes: Iterable[ast.AST]) -> dict[ast.AST, str]:
    """Return a value to compute with, for each operand of a line."""
    found: dict[ast.AST, str] = {}
    for node in nodes:
        match node:
            case ast.BinOp(left=left, op=op, right=right):
                for one, other in ((left, right), (right, left)):
                    if (value := _first_value(op, other, is_right=one is right)) is not None:
                        found[one] = value
            case ast.UnaryOp(op=ast.UAdd() | ast.USub(), operand=one):
                found[one] = "0"
            case ast.Compare(left=left, ops=ops, comparators=others) if any(
                isinstance(each, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for each in ops
            ):
                found |= dict.fromkeys((left, *others), "0")
            case _:
                pass
    return found


def _first_value(op: ast.operator, other: ast.expr, *, is_right: bool) -> str | None:
    """Return a value that an operator can compute with, beside the other operand; None if that is not known."""
    is_text = isinstance(other, ast.JoinedStr) or isinstance(getattr(other, "value", 0), str)
    if isinstance(op, ast.Add):
        is_list = isinstance(other, ast.List | ast.ListComp)
        return '""' if is_text else "[]" if is_list else "0" if isinstance(other, ast.Constant) else None
    return None if is_right and isinstance(op, ast.Div | ast.FloorDiv | ast.Mod) else "0"


def _keys_read(node: ast.AST, key: str, first_values: Mapping[ast.AST, str]) -> Iterator[tuple[str, str]]:
    """Yield who may lack a key, and what to try."""
    match node:
        case ast.AugAssign(target=ast.Subscript(value=owner, slice=given), value=more):
            first = "[]" if isinstance(more, ast.List | ast.ListComp) else "0"
            says, method, rest = "key {} yet:", "get", f", {first}) gives a first value"
        case ast.Subscript(value=owner, slice=given, ctx=ast.Load()):
            says, method = "key {}: check it with `in` first, or write", "get"
            rest = "), which returns None if it is missing"
            if node in first_values:
                rest = f", {first_values[node]})"
        case ast.Subscript(value=owner, slice=given, ctx=ast.Del()):
            says, method, rest = "key {}:", "pop", ", None) removes it only if it is there"
        case ast.Call(func=ast.Attribute(value=owner, attr="pop"), args=[given]):
            says, method, rest = "key {}:", "pop", ", None) removes it only if it is there"
        case ast.Call(func=ast.Attribute(value=owner, attr="remove"), args=[given]):
            says, method, rest = "element {}:", "discard", ") removes it only if it is there"
        case _:
            return
    if repr(given.value) == key if isinstance(given, ast.Constant) else not isinstance(given, ast.Slice):
        advice = f"has no {says.format(key)} {ast.unparse(owner)}.{method}({ast.unparse(given)}{rest}"
        yield _quote(owner) or "the dictionary", advice


def _explain_index(nodes: Sequence[ast.AST]) -> str | None:
    found = {
        (_quote(node.value), ast.unparse(node.slice))
        for node in nodes
        if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice)
    }
    found |= {(_quote(owner), ast.unparse(call.args[0])) for owner, call in _calls(nodes, "pop") if call.args}
    if not found:
        return None
    if len(found) > 1:
        return "a list in this line is shorter than that: check its len(…) first"
    owner, place = found.pop()
    return f"{owner or 'it'} is too short to have an item [{place}]: check its len(…) first"


def _explain_zero(nodes: Sequence[ast.AST]) -> str | None:
    divisors: list[ast.expr] = []
    for node in nodes:
        match node:
            case ast.BinOp(op=ast.Div() | ast.FloorDiv() | ast.Mod(), right=divisor):
                divisors.append(divisor)
            case ast.AugAssign(op=ast.Div() | ast.FloorDiv() | ast.Mod(), value=divisor):
                divisors.append(divisor)
            case ast.Call(func=ast.Name(id="divmod"), args=[_, divisor]):
                divisors.append(divisor)
            case _:
                pass
    unknown = [each for each in divisors if not isinstance(each, ast.Constant)]
    if divisors and not unknown:
        return "nothing can be divided by 0"
    return f"{_only(map(_quote, unknown)) or 'a divisor'} is 0: check it before you divide" if unknown else None


def _explain_recursion(stack: Sequence[StackEntry]) -> str:
    names = {function.rpartition(".")[2] for _, _, function in stack[-REPEATED:] if type(function) is str}
    if len(stack) < REPEATED or len(names) != 1:
        return "functions call each other forever: one of them must return without calling another"
    return f"`{names.pop()}` calls itself forever: return without the call when nothing is left to do"


# None


def explain_none_operand(stack: Sequence[StackEntry], *, left: bool) -> str:
    """Explain an operation with None on one side: a missing return value, or the state of a server."""
    operands = (part for node in _nodes(stack) for part in _operands(node, left) if not isinstance(part, ast.BinOp))
    return _explain_none(stack, operands)


def _explain_none(stack: Sequence[StackEntry], parts: Iterable[ast.expr]) -> str:
    """Explain that one of these parts of a line is None."""
    scopes = scopes_at(*place_of(stack))
    callback, none = callback_around(scopes), _only(map(_quote, parts))
    state = "" if callback is None else arguments_of(callback)[-1]
    if state and none == f"`{state}`":
        owner = next((each for each in reversed(scopes) if isinstance(each, ast.ClassDef)), None)
        for line, _, why in () if owner is None else find_none_states(owner, defined=names_defined(scopes[0])):
            return f"the state {state} is None, perhaps from line {line}: {why}"
        return (OLD_START if _is_started_with_argument(scopes) else NO_STATE).format(state)
    inner = scopes[-1] if scopes else None
    if isinstance(inner, Function) and none[1:-1] in arguments_of(inner):
        return f"{none} is None here: {inner.name} was called with it"
    return NONE.replace("it", none, 1) if none else NONE


def explain_old_operand(stack: Sequence[StackEntry], left: str, right: str) -> str | None:
    """Explain an operation with a state of another kind than `init` makes; None for other operations."""
    nodes = _nodes(stack)
    return _explain_old_state(
        left, (part for node in nodes for part in _operands(node, True)), stack
    ) or _explain_old_state(right, (part for node in nodes for part in _operands(node, False)), stack)


def _explain_old_state(kind: str, parts: Iterable[ast.expr], stack: Sequence[StackEntry]) -> str | None:
    """Explain that one of these parts of a line is a state of another kind than `init` makes; None if it is not."""
    state, made = _state_of(stack)
    first = _only(_kind_made(each) for each in made)
    if not state or not first or _kind(first) == _kind(kind) or _only(map(_quote, parts)) != f"`{state}`":
        return None
    return OLD_STATE.format(state, _kind(kind), _kind(first))


def _explain_old_key(key: str, nodes: Iterable[ast.AST], stack: Sequence[StackEntry]) -> str | None:
    """Explain that the state has no key that `init` gives it; None if it is not that."""
    state, made = _state_of(stack)
    keys = {repr(each.value) for one in made if isinstance(one, ast.Dict) for each in one.keys
            if isinstance(each, ast.Constant)}  # fmt: skip
    read = [node for node in nodes if isinstance(node, ast.Subscript) and repr(getattr(node.slice, "value", "")) == key]
    if not state or key not in keys or _only(_quote(node.value) for node in read) != f"`{state}`":
        return None
    return OLD_KEYS.format(state, key)


def _state_of(stack: Sequence[StackEntry]) -> tuple[str, list[ast.expr]]:
    """Return the name of the state in the callback at the end of a stack, and what `init` returns in Ok(…).

    The name is "" outside of a callback, and where the callback gives the name to something else.
    """
    scopes = scopes_at(*place_of(stack))
    callback = callback_around(scopes)
    if callback is None or not isinstance(scopes[-2], ast.ClassDef):
        return "", []
    state = arguments_of(callback)[-1]
    added = [node for node in ast.walk(callback) if isinstance(node, ast.AugAssign)]
    if list(names_bound(callback)).count(state) - sum(ast.unparse(each.target) == state for each in added) > 1:
        return "", []
    init = next((each for each in scopes[-2].body if isinstance(each, Function) and each.name == "init"), None)
    made: list[ast.expr] = []
    for node in ast.walk(init) if init is not None else ():
        match node:
            case ast.Call(func=ast.Name(id="Ok") | ast.Attribute(attr="Ok"), args=[first, *_]):
                made.append(first)
            case _:
                pass
    return state, made


def _kind_made(node: ast.expr) -> str:
    """Return the name of the class of the value of an expression, as far as its form tells; "" for others."""
    match node:
        case ast.Constant(value=value):
            return "" if value is None else type(value).__name__
        case ast.Dict() | ast.List() | ast.Tuple() | ast.Set():
            return type(node).__name__.lower()
        case ast.DictComp() | ast.ListComp() | ast.SetComp():
            return type(node).__name__.lower().removesuffix("comp")
        case ast.Call(func=ast.Name(id=name)) if name in KINDS:
            return name
        case _:
            return ""


def _is_started_with_argument(scopes: Sequence[ast.AST]) -> bool:
    """Return whether the source gives the class around a callback a start argument other than None."""
    owner = next((each.name for each in reversed(scopes) if isinstance(each, ast.ClassDef)), None)
    starts = {f"{owner}.child_spec", f"{owner}.start_link", f"{owner}.start"}
    for node in ast.walk(scopes[0]):
        match node:
            case ast.Call(func=ast.Attribute() as called, args=[first, *_]) if ast.unparse(called) in starts:
                pass
            case ast.Call(func=ast.Attribute() as called, keywords=options) if ast.unparse(called) in starts:
                first = next((each.value for each in options if each.arg == "arg"), None)
            case ast.Tuple(elts=[ast.Name() | ast.Attribute() as called, first]) if ast.unparse(called) in {
                owner,
                *starts,
            }:
                pass
            case _:
                continue
        if first is not None and not (isinstance(first, ast.Constant) and first.value is None):
            return True
    return False


def _operands(node: ast.AST, left: bool) -> list[ast.expr]:
    """Return the operands on one side of the operators of an expression."""
    match node:
        case ast.BinOp():
            return [node.left if left else node.right]
        case ast.AugAssign():
            return [node.target if left else node.value]
        case ast.Compare():
            return [node.left, *node.comparators[:-1]] if left else node.comparators
        case _:
            return []


# Types and arguments


def _explain_type(text: str, nodes: Sequence[ast.AST], stack: Sequence[StackEntry]) -> str | None:
    if found := NONE_IN_USE.match(text):
        return _explain_none(stack, _used(nodes, found["use"] or "", within=bool(found["within"])))
    if found := TAKES.fullmatch(text):
        return _explain_call(found[1], stack, given=int(found[2]))
    if found := LACKS.fullmatch(text):
        return _explain_call(found[1], stack, lacks=found[2])
    if found := UNKNOWN.fullmatch(text):
        return _explain_call(found[1], stack, unknown=found[2])
    if found := NO_CALL.match(text):
        called = _only(_quote(node.func) for node in nodes if isinstance(node, ast.Call)) or "it"
        return f"{called} is {_kind(found[1])}, not a function: write it without (…)" if found[1] in KINDS else None
    if found := NO_ITEMS.match(text):
        owners = [node.value for node in nodes if isinstance(node, ast.Subscript)]
        if old := _explain_old_state(found[1], owners, stack):
            return old
        owner = _only(map(_quote, owners)) or "it"
        return f"{owner} is {_kind(found[1])}, which has no items to read with […]" if found[1] in KINDS else None
    if found := NO_LOOP.match(text):
        old = _explain_old_state(found[1], _used(nodes, "iterable", within=False), stack)
        return old or "a number cannot be looped over: use range(number) to count"
    if found := FIXED.match(text):
        return f"{_kind(found[1])} cannot be changed: make a new one"
    if found := NO_STORE.match(text):
        owners = [node.value for node in nodes if isinstance(node, ast.Subscript)]
        owner = _only(map(_quote, owners)) or "it"
        lacks = f"{owner} is {_kind(found[1])}, which has no items: use a dictionary, for example {{}}"
        return _explain_old_state(found[1], owners, stack) or lacks
    if found := NO_KEY.match(text):
        return f"{_kind(found[1])} cannot be a key of a dictionary or an element of a set: use a tuple or a string"
    if found := BY_NUMBER.match(text):
        return f"{_kind(found[1].replace('string', 'str'))} is indexed by integers, not by {_kind(found[2])}"
    return None


def _kind(name: str) -> str:
    return KINDS.get(name, f"a {name}")


def _used(nodes: Iterable[ast.AST], use: str, *, within: bool) -> Iterator[ast.expr]:
    """Yield the parts that are used as a dictionary or list, as a function, or in a loop."""
    for node in nodes:
        match node:
            case ast.Subscript(value=value) if use in ("subscriptable", "") and not within:
                yield value
            case ast.Call(func=func) if use == "callable":
                yield func
            case ast.Call(func=ast.Name(id="len"), args=[value]) if not use and not within:
                yield value
            case ast.For(iter=value) if use == "iterable":
                yield value
            case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[value]) if within:
                yield value
            case ast.Assign(targets=[ast.Tuple()], value=value) if not use and not within:
                yield value
            case _:
                pass


def _explain_call(
    name: str, stack: Sequence[StackEntry], *, given: int = 0, lacks: str = "", unknown: str = ""
) -> str | None:
    """Explain a call whose arguments do not fit the function, which may be one of the same file."""
    file, _ = place_of(stack)
    function, inside = _definition(name, file)
    if function is None:
        several = given and name.rpartition(".")[2] in STARTERS
        return ONE_START if several else f"the call gives no value for {lacks}" if lacks else None
    short, known = function.name, arguments_of(function)
    form = f"{short}({ast.unparse(function.args)})"
    form = form if len(form) <= LONGEST else f"{short}(…)"
    place = f"line {function.lineno}"  # of the same file
    static = any(isinstance(each, ast.Name) and each.id == "staticmethod" for each in function.decorator_list)
    if given and inside and not static and known[:1] not in (["self"], ["cls"]):
        return f"a method gets `self` first: write def {short}({', '.join(['self', *known])}) in {place}"
    if given:
        own = 1 if inside and not static else 0
        takes, gives = len(known) - own, given - own
        most = "at most " if function.args.defaults else ""
        return f"the call gives {_values(gives)}, and {form} in {place} takes {most}{takes or 'none'}"
    if unknown:
        near = did_you_mean(unknown, [*known, *(each.arg for each in function.args.kwonlyargs)])
        return near or f"{form} in {place} has no parameter {unknown}"
    return f"the call gives no value for {lacks}: {form} is in {place}"


def _values(count: int) -> str:
    return "1 value" if count == 1 else f"{count} values"


def _definition(name: str, file: str) -> tuple[Function | None, bool]:
    """Return the function with a qualified name in a file, and whether it is a method."""
    scope: ast.AST | None = parse(file)
    inside = False
    for part in name.split("."):
        if part == "<locals>" or scope is None:
            continue
        inside = isinstance(scope, ast.ClassDef)
        scope = next(
            (
                each
                for each in ast.walk(scope)
                if isinstance(each, ast.ClassDef | Function) and each.name == part and each is not scope
            ),
            None,
        )
    return (scope, inside) if isinstance(scope, Function) else (None, False)


def _explain_local(name: str, stack: Sequence[StackEntry]) -> str | None:
    scopes = scopes_at(*place_of(stack))
    if len(scopes) < 2 or not isinstance(scopes[-1], Function):
        return None
    if name in names_bound(scopes[0]):
        return f"{scopes[-1].name} assigns {name}, so {name} is local there: keep the value in the state instead"
    return f"no line before this one gave {name} a value: give it one at the beginning of {scopes[-1].name}"


def _explain_value(text: str) -> str | None:
    if found := NO_NUMBER.fullmatch(text):
        reads = "int(…) reads only a whole number" if found[1] else "float(…) reads only a number"
        return f"{reads}, not {clip(found[2], LONGEST + 1)}: check the string first, or catch ValueError"
    if found := FEWER.fullmatch(text):
        return f"the left side has {found[2]} names, and the right side only {_values(int(found[3]))}"
    if found := MORE.match(text):
        return f"the right side has more values than the {found[1]} names on the left"
    if found := re.match(r"(min|max)\(\) (?:arg is an empty sequence|iterable argument is empty)", text):
        return f"{found[1]}(…) got no values: give it a default, as in {found[1]}(values, default=0)"
    return None
