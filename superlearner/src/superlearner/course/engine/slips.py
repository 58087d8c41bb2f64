r'''Slips in an answer that Python runs without an error: they are found in its source and named with their lines.

A check looks for them only after an answer has failed, and reports them before what happened in the run.

>>> source = """
... async def counter(n=0):
...     match await otp.receive():
...         case ("increment",):
...             n + 1
...         case ("get", from_, ref):
...             return (ref, n)
... """
>>> for found in slips_in(source, sent=["increment"], spawned={"counter"}):
...     print(found)
line 4: `case ("increment",):` does not match the message 'increment'; write `case "increment":`
line 5: `n + 1` computes a value that is not kept; write `n += 1`
line 7: `return` ends the process and sends nothing; send the answer with `otp.send(from_, (ref, n))`
'''

# What learners send has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import CodeType
from typing import Any, Final

from otp.observer.code_at import Function
from superlearner.control.missing_returns import matches_pattern
from superlearner.course.engine.cases import PARTS
from superlearner.course.engine.values import render

__all__ = [
    "answers_by_return", "line_of_reply", "misplaces_parts", "names_in", "slips_in", "texts_of", "unwritten_line",
    "words_of",
]  # fmt: skip

RESULTS: Final = ("Ok", "Reply", "NoReply", "Stop", "Ignore", "Children")
"""The results of callbacks, which do nothing unless they are returned."""
UNANSWERED: Final = ("handle_cast", "handle_info")
"""The callbacks whose only result is the next state."""
DROPPED: Final = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.Tuple, ast.List, ast.Dict, ast.Set)
"""Expressions that do nothing as a statement."""
NOTHING: Final = re.compile(r"expected (\w+) to (?:answer|return) .*, got None$")
"""A function that returned nothing where its user needs a value."""
UNANSWERED_CALL: Final = " got no answer: the server is alive"
RETURN: Final = "`return` ends the process and sends nothing"
TAKES: Final = "takes the part"
CHECK: Final = "check"
"""The file name of a module of checks."""
STOP: Final = "stop"
"""The message that ends a process of the course."""
QUOTED: Final = re.compile(r'"(\w+)"')
DEEPEST: Final = 10
"""Levels of a message that are compared with patterns."""
MOST_MEMBERS: Final = 100
"""Members of a part of a message that are compared."""
LONGEST: Final = 60
"""Characters of a quoted expression."""


def slips_in(source: str, sent: Sequence[Any] = (), spawned: Collection[str] = (), said: str = "") -> list[str]:
    """Return a sentence about each slip of an answer, by line.

    Args:
        source: the answer.
        sent: the messages that were sent in the run.
        spawned: the names of the functions that a process runs.
        said: the verdict without them; it may already name one of their lines.
    """
    tree = ast.parse(source)
    found = [
        *_dropped(tree),
        *_returned(tree, spawned),
        *_mismatched(tree, source, sent),
        *_misplaced(tree),
        *_unused(tree),
        *_unreturned(tree, said),
        *(_unanswered(tree) if UNANSWERED_CALL in said else ()),
    ]
    return [
        f"line {line}: {say}" for line, say in sorted(dict(reversed(found)).items()) if f"line {line}: " not in said
    ]


def unwritten_line(source: str, said: str, ran: Collection[str] = ()) -> int | None:
    r"""Return the line of the first function without a body that a sentence names, or that a process has run.

    >>> unwritten_line("def one():\n    return 1\ndef two():\n    ...", "expected two() to return 2, got None")
    4
    """
    known = {*re.findall(r"\w+", said), *ran}
    bodies = [node.body for node in ast.walk(ast.parse(source)) if isinstance(node, Function) and node.name in known]
    empty = [body[-1].lineno for body in bodies if all(map(_is_empty, body))]
    return min(empty, default=None)


def _is_empty(node: ast.stmt) -> bool:
    """Return whether a statement is `pass`, `...` or a docstring."""
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def answers_by_return(slips: Iterable[str]) -> bool:
    """Return whether one of these sentences is about an answer that is returned and not sent."""
    return any(RETURN in each for each in slips)


def names_in(source: str) -> set[str]:
    """Return the names of the functions and classes of an answer, as the start of a process has them."""
    named = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {"<lambda>", *(node.name for node in ast.walk(ast.parse(source)) if isinstance(node, named))}


def misplaces_parts(slips: Iterable[str]) -> bool:
    """Return whether one of these sentences is about a part of a message that is taken for another one."""
    return any(TAKES in each for each in slips)


def words_of(names: Mapping[str, Any]) -> frozenset[str]:
    """Return the words that a module of checks uses as texts: its constants, and what its sentences quote."""
    own = [value for name, value in names.items() if not name.startswith("__")]
    codes = [code for each in own if (code := getattr(each, "__code__", None)) is not None]
    ours = [code for code in codes if code.co_filename == CHECK]
    return frozenset({STOP, *_words_in(ours), *_words_in([each for each in own if type(each) in (tuple, list, dict)])})


def _words_in(value: Any) -> Iterator[str]:
    """Yield the words in texts, constants of code, tuples, lists and keys of dicts."""
    if isinstance(value, CodeType):
        yield from _words_in(value.co_consts)
    elif type(value) is str:
        yield from (value,) if value.isidentifier() else QUOTED.findall(value)
    elif type(value) in (tuple, list, dict):
        for each in value:
            yield from _words_in(each)


def texts_of(messages: Iterable[Any]) -> Iterator[str]:
    """Yield the texts that messages begin with.

    >>> [*texts_of(["stop", ("get", 1), (2, "x"), ()])]
    ['stop', 'get']
    """
    for each in messages:
        tag = each[0] if type(each) is tuple and each else each
        if type(tag) is str:
            yield tag


def _dropped(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the values that are computed and not used."""
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Call(func=made)) if (name := _last_name(made)) in RESULTS:
                yield node.lineno, f"`{name}(…)` is created but not returned; write `return {name}(…)`"
            case ast.Expr(value=ast.Compare(left=ast.Name(id=name), ops=[ast.Eq()]) as value):
                yield node.lineno, f"`{_quoted(value)}` only compares; use one `=` to assign to `{name}`"
            case ast.Expr(value=ast.BinOp(left=ast.Name(id=name), op=op, right=right) as value):
                sign = _quoted(ast.AugAssign(ast.Name(name), op, right))
                yield node.lineno, f"`{_quoted(value)}` computes a value that is not kept; write `{sign}`"
            case ast.Expr(value=value) if isinstance(value, DROPPED) and not _calls(value):
                yield node.lineno, f"`{_quoted(value)}` does nothing; assign it, send it or return it"
            case _:
                pass


def _returned(tree: ast.Module, spawned: Collection[str]) -> Iterator[tuple[int, str]]:
    """Yield the returns of an answer to a request, in functions that a process runs."""
    functions = [node for node in ast.walk(tree) if isinstance(node, Function) and node.name in spawned]
    for function in functions:
        for case in (node for node in ast.walk(function) if isinstance(node, ast.match_case)):
            names, read = _names_of(case.pattern), _read_in(case)
            last = case.body[-1]
            if not isinstance(last, ast.Return) or last.value is None or isinstance(last.value, ast.Constant):
                continue
            unread = [name for name in names if name not in read and not name.startswith("_")]
            if _tag(case.pattern) is not None and unread and not _calls(last.value):
                to, *_ = unread
                answer = last.value
                if len(unread) > 1 and not isinstance(answer, ast.Tuple):
                    answer = ast.Tuple([ast.Name(unread[-1]), answer])
                send = f"otp.send({to}, {_quoted(answer)})"
                yield last.lineno, f"{RETURN}; send the answer with `{send}`"


def _mismatched(tree: ast.Module, source: str, sent: Sequence[Any]) -> Iterator[tuple[int, str]]:
    """Yield the cases that begin with the text of sent messages, but match none of them."""
    parts = _parts_of_messages(tree)
    cases = [case.pattern for match in _matches(tree) if not _is_part(match, parts) for case in match.cases]
    tags = [(pattern, tag) for pattern in cases for tag in _tags(pattern)]
    for text in dict.fromkeys(tag for _, tag in tags):
        known = [pattern for pattern, tag in tags if tag == text]
        messages = [each for each in sent if [*texts_of([each])] == [text]]
        values = [_expression(each) for each in messages]
        if not messages or any(
            matches_pattern(pattern, value) is not False for pattern, value in itertools.product(known, values)
        ):
            continue
        written = ast.get_source_segment(source, known[0]) or ""
        say = f"`case {written[:LONGEST]}:` does not match the message {_describe(messages[0])}"
        yield known[0].lineno, f'{say}; write `case "{text}":`' if messages[0] == text else say


def _matches(tree: ast.AST) -> list[ast.Match]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Match)]


def _parts_of_messages(tree: ast.Module) -> set[str]:
    """Return the names that may hold a part of a message and not the whole.

    Such names are captured by an inner pattern, unpacked, or parameters of a helper that compares them only with texts.
    """
    parts: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.MatchSequence() | ast.MatchMapping() | ast.MatchClass():
                parts.update(_names_of(node))
            case ast.Tuple(ctx=ast.Store()) | ast.List(ctx=ast.Store()):
                parts.update(each.id for each in ast.walk(node) if isinstance(each, ast.Name))
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Subscript()):
                parts.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if not name.startswith("handle_"):
                named = {each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg)}
                for each in _matches(node):
                    texts_only = not any(isinstance(inner, ast.MatchSequence) for inner in ast.walk(each))
                    if isinstance(each.subject, ast.Name) and each.subject.id in named and texts_only:
                        parts.add(each.subject.id)
            case _:
                pass
    return parts


def _is_part(match: ast.Match, parts: Collection[str]) -> bool:
    """Return whether a `match` may examine a part of a message, so that its cases are not patterns of messages."""
    subject = match.subject.value if isinstance(match.subject, ast.NamedExpr) else match.subject
    return subject.id in parts if isinstance(subject, ast.Name) else not isinstance(subject, ast.Await)


def _expression(value: Any, depth: int = DEEPEST) -> ast.expr:
    """Return a message as an expression; `_` stands for a value that has no literal, or is too deep or long."""
    if type(value) in (str, bytes, int, float, bool, type(None)):
        return ast.Constant(value)
    if (type(value) is tuple or type(value) is list) and depth and len(value) <= MOST_MEMBERS:
        members = [_expression(each, depth - 1) for each in value]
        return ast.Tuple(members) if type(value) is tuple else ast.List(members)
    return ast.Dict([], []) if type(value) is dict else ast.Name("_")


def _misplaced(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the patterns of a message of the library that take one of its parts by the name of another."""
    for node in ast.walk(tree):
        match node:
            case ast.MatchClass(cls=ast.Attribute(value=ast.Name("otp"), attr=kind), patterns=taken) if kind in PARTS:
                parts = PARTS[kind]
                for part, pattern in zip(parts, taken, strict=False):
                    name = pattern.name if isinstance(pattern, ast.MatchAs) and pattern.pattern is None else None
                    meant = "item" if name == "pid" and "pid" not in parts else name
                    if meant in parts and meant != part:
                        say = f"`{_quoted(node)}` {TAKES} `{part}`, and calls it `{name}`"
                        yield node.lineno, f"{say}; the parts are {', '.join(parts)}"
                        break
            case _:
                pass


def _unused(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the returns of an unchanged state by a case that takes a value from a cast or an info and drops it."""
    callbacks = [node for node in ast.walk(tree) if isinstance(node, Function) and node.name in UNANSWERED]
    for method in callbacks:
        state = [each.arg for each in method.args.args][-1:]
        for case in (node for node in ast.walk(method) if isinstance(node, ast.match_case)):
            read = _read_in(case)
            unread = [name for name in _names_of(case.pattern) if name not in read and not name.startswith("_")]
            if isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None:  # it takes all that is left
                continue
            match case.body[-1]:
                case ast.Return(value=ast.Call(func=made, args=[ast.Name(id=kept)]) as result) if (
                    unread and [kept] == state and _last_name(made) == "NoReply" and state[0] not in _stored_in(case)
                ):
                    say = f"`{_quoted(result)}` keeps the old state, and `{unread[-1]}` is not used"
                    yield case.body[-1].lineno, say
                case _:
                    pass


def _unreturned(tree: ast.Module, said: str) -> Iterator[tuple[int, str]]:
    """Yield the last call of a function that returned nothing, and has no `return` with a value."""
    named = NOTHING.search(said)
    for node in ast.walk(tree):
        if named is None or not isinstance(node, Function) or node.name != named[1]:
            continue
        if any(isinstance(each, ast.Return) and each.value is not None for each in ast.walk(node)):
            continue
        match node.body[-1]:
            case ast.Expr(value=ast.Await(value=ast.Call(func=called)) as value):
                yield value.lineno, f"the answer of `{_quoted(called)}` is not returned; write `return await …`"
            case ast.Assign(value=ast.Await(value=ast.Call())) | ast.AnnAssign(value=ast.Await()):
                yield node.body[-1].lineno, f"`{_quoted(node.body[-1])}` is not returned: a `return` is missing"
            case _:
                pass


def _unanswered(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the results that leave a caller without an answer, in programs without a later reply."""
    if any(isinstance(node, ast.Call) and _last_name(node.func) == "reply" for node in ast.walk(tree)):
        return
    for line, result in _results(tree):
        if _last_name(result.func) == "NoReply":
            yield line, f"`{_quoted(result)}` sends no answer, and the caller waits; return `Reply(answer, state)`"


def _results(tree: ast.Module) -> Iterator[tuple[int, ast.Call]]:
    """Yield the results that `handle_call` returns, with their lines."""
    for method in (node for node in ast.walk(tree) if isinstance(node, Function) and node.name == "handle_call"):
        for node in ast.walk(method):
            match node:
                case ast.Return(value=ast.Call() as result):
                    yield node.lineno, result
                case _:
                    pass


def line_of_reply(source: str, place: int) -> tuple[str, str]:
    r"""Return `line 15: ` and the text of the only `Reply` of `handle_call` with the old state at just one place.

    >>> text = "class A:\n  def handle_call(self, request, caller, n):\n    return Reply(n + 1, n)"
    >>> line_of_reply(text, 1), line_of_reply(text, 0)
    (('line 3: ', '`Reply(n + 1, n)`'), ('', ''))

    Args:
        source: the answer.
        place: 0 for the answer, 1 for the next state.
    """
    tree = ast.parse(source)
    states = {
        node.args.args[-1].arg
        for node in ast.walk(tree)
        if isinstance(node, Function) and node.name == "handle_call" and node.args.args
    }
    found = [
        (line, result)
        for line, result in _results(tree)
        if _last_name(result.func) == "Reply" and [_is_one(each, states) for each in result.args] == [not place, place]
    ]
    if len(found) != 1 or any(states & _names_stored(node) for node in ast.walk(tree) if isinstance(node, Function)):
        return "", ""
    ((line, result),) = found
    return f"line {line}: ", f"`{_quoted(result)}`"


def _is_one(value: ast.expr, names: Collection[str]) -> bool:
    return isinstance(value, ast.Name) and value.id in names


def _names_stored(node: ast.AST) -> set[str]:
    """Return the names that are assigned in a part of a program."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}


def _stored_in(case: ast.match_case) -> set[str]:
    """Return the names that a case assigns."""
    return {name for statement in case.body for name in _names_stored(statement)}


def _describe(message: Any) -> str:
    """Return a message with … in place of its pids and references."""
    return re.sub(r"#?\w*<[\d.]+>", "…", render(message))


def _tags(pattern: ast.pattern) -> list[str]:
    """Return the first texts of the messages that a pattern may match."""
    if isinstance(pattern, ast.MatchOr):
        return [tag for each in pattern.patterns for tag in _tags(each)]
    tag = _tag(pattern)
    return [] if tag is None else [tag]


def _tag(pattern: ast.pattern | None) -> str | None:
    match pattern:
        case ast.MatchValue(value=ast.Constant(value=str(text))):
            return text
        case ast.MatchSequence(patterns=[first, *_]) if not isinstance(first, ast.MatchSequence):
            return _tag(first)
        case ast.MatchAs(pattern=ast.pattern() as inner):
            return _tag(inner)
        case _:
            return None


def _names_of(pattern: ast.pattern) -> list[str]:
    """Return the names that a pattern captures, in its order."""
    return [node.name for node in ast.walk(pattern) if isinstance(node, ast.MatchAs) and node.name]


def _read_in(case: ast.match_case) -> set[str]:
    """Return the names that a case reads."""
    inside = [node for statement in (*case.body, case.guard) if statement is not None for node in ast.walk(statement)]
    return {node.id for node in inside if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _calls(value: ast.expr) -> bool:
    """Return whether an expression calls a function, such as the function itself with its next state."""
    return any(isinstance(node, ast.Call | ast.Await) for node in ast.walk(value))


def _last_name(function: ast.expr) -> str:
    inner = function.value if isinstance(function, ast.Subscript) else function
    return inner.attr if isinstance(inner, ast.Attribute) else inner.id if isinstance(inner, ast.Name) else ""


def _quoted(node: ast.AST) -> str:
    text = ast.unparse(node).replace("'", '"')
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
