"""Inside a sandbox: mistakes that Python loads without an error, with their lines, before a process meets them.

They are found in the syntax tree; its names are looked up in the loaded module, which shows what is a coroutine or a
result. No callback is tried: an `init` may register a name, start processes or send messages, and would do so twice.
"""

# What a module defines has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import ast
import asyncio
import inspect
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cached_property
from types import ModuleType
from typing import Any, Final, NamedTuple

import otp
from otp import Behaviour, Children, GenServer, Ignore, NoReply, Ok, Reply, Stop
from otp.observer.code_at import Function
from otp.observer.none_states import find_none_states
from otp.redaction import source_without_secrets
from otp.sentences import RESULTS_OF
from superlearner.control.missing_awaits import missing_await
from superlearner.control.missing_returns import NO_RETURN, find_missing_return
from superlearner.control.mistakes import own_nodes
from superlearner.control.reasons import BLOCKS
from superlearner.control.start_arguments import find_needed_argument
from superlearner.control.terms import clip
from superlearner.sandbox.messages import MOST_WARNINGS, WORDS
from superlearner.sandbox.scopes import UNKNOWN, Scopes, stored_in
from superlearner.sandbox.sharing import find_shared_state
from superlearner.sandbox.signatures import find_wrong_signatures
from superlearner.sandbox.syntax import FILE
from superlearner.sandbox.undefined import find_undefined_names

__all__ = ["review"]

RESULTS: Final = (Ok, Reply, NoReply, Stop, Ignore, Children)
ALLOWED: Final = {
    "init": (Ok, Stop, Ignore),
    "handle_call": (Reply, NoReply, Stop),
    "handle_cast": (NoReply, Stop),
    "handle_info": (NoReply, Stop),
    "handle_continue": (NoReply, Stop),
}
STATES: Final = {
    "init": "Ok({0})",
    "handle_call": "Reply({0}, {0})",
    "handle_cast": "NoReply({0})",
    "handle_info": "NoReply({0})",
    "handle_continue": "NoReply({0})",
}
"""The results that keep a state."""
KEEPERS: Final = (
    Ok,
    Reply,
    NoReply,
    Stop,
    otp.send,
    otp.send_after,
    GenServer.call,
    GenServer.cast,
    GenServer.reply,
    print,
    str,
    repr,
    len,
    int,
    float,
)
"""Functions that await none of their arguments."""
NO_RESULTS: Final = (
    ast.BinOp, ast.Compare, ast.Constant, ast.Dict, ast.JoinedStr, ast.List, ast.Set, ast.Tuple, ast.UnaryOp,
)  # fmt: skip
BLOCKING: Final = (
    time.sleep, subprocess.run, subprocess.call, subprocess.check_call, subprocess.check_output,
    urllib.request.urlopen,
)  # fmt: skip
"""Functions that hold the loop until something outside the program happens."""
TO_NAMES: Final = {
    GenServer.call: 0, GenServer.cast: 0, GenServer.stop: 0, otp.send: 0, otp.send_after: 1, otp.whereis: 0,
    otp.monitor: 0, otp.exit: 0,
}  # fmt: skip
"""Functions that take the name of a process, and the place of that argument."""
IN_A_THREAD: Final = (
    "blocks the one thread of the runtime, and with it every process; use await otp.Task.run_blocking(…)"
)
AT_MODULE: Final = (
    "no process runs at this place, so {} does nothing: make the call in a callback, or from the tab Process"
)
NO_REPLY: Final = "so the caller waits until its time-out: return Reply(value, state)"
NO_WAIT: Final = "answer first, and do slow work in a separate process"
OURS: Final = {"otp", *sys.stdlib_module_names} - {"importlib", "runpy"}
USES: Final = (ast.ClassDef, ast.Subscript, ast.Attribute)
"""Nodes around the name of a behaviour that start no process of it: a class on it, its types, its methods."""
READERS: Final = ("receive", "assert_receive", "refute_receive", "flush")
"""Functions that take messages out of the mailbox of a process."""
CALL_S: Final = 5
"""Seconds after which a call without its own timeout fails."""
MOST_NAMES: Final = 200
"""Names of processes with which others are compared."""


def review(module: ModuleType, text: str) -> list[dict[str, Any]]:
    """Return a line and a sentence for each mistake in the text that a module was loaded from, by line."""
    try:
        tree = ast.parse(text)
        review = _Review(module, tree)
        found = sorted(
            {
                *review.find_dropped_coroutines(),
                *review.find_wrong_results(),
                *review.find_uncalled_functions(),
                *review.find_blocking_calls(),
                *review.find_none_states(),
                *find_undefined_names(review, text, getattr(module, "__file__", None) or FILE),
                *review.find_long_waits(),
                *review.misspelt_names,
                *review.find_missing_arguments(),
                *review.find_misplaced_callbacks(),
                *find_shared_state(review),
                *find_wrong_signatures(review),
                *review.find_unhandled_messages(),
            }
        )
    except BaseException:  # the names belong to classes of any kind, whose lookups may raise anything
        return []
    return [{"line": line, "text": clip(words, WORDS)} for line, words in found[:MOST_WARNINGS]]


class _Review(Scopes):
    def __init__(self, module: ModuleType, tree: ast.Module) -> None:
        super().__init__(module, tree)
        self._reads: dict[Function, _Reads] = {}

    def find_dropped_coroutines(self) -> Iterator[tuple[int, str]]:
        """Yield the calls of coroutine functions that nothing awaits."""
        for node in self.nodes:
            if isinstance(node, ast.Call) and _makes_coroutines(self.value_of(node.func)) and self._is_dropped(node):
                around = self.function_around(node)
                plain = around.name if isinstance(around, ast.FunctionDef) else None
                call = clip(ast.unparse(node.func), 60)
                yield node.lineno, AT_MODULE.format(call) if self._is_at_module(node) else missing_await(call, plain)

    def _is_at_module(self, node: ast.AST) -> bool:
        """Return whether a node is outside all functions, where nothing can await."""
        while isinstance(node := self.parents[node], ast.expr | ast.keyword) and not isinstance(node, ast.Lambda):
            pass
        return isinstance(node, ast.stmt) and node in self.tree.body

    def find_wrong_results(self) -> Iterator[tuple[int, str]]:
        """Yield the places at which a callback of a server returns no result, or that of another callback."""
        for node in self.nodes:
            cls = self.names.get(node.name) if isinstance(node, ast.ClassDef) else None
            if isinstance(node, ast.ClassDef) and isinstance(cls, type) and issubclass(cls, GenServer):
                for method in node.body:
                    if isinstance(method, Function) and method.name in ALLOWED:
                        yield from self._find_wrong_results_of(method)

    def find_uncalled_functions(self) -> Iterator[tuple[int, str]]:
        """Yield the functions that were meant to be called, but have no parentheses."""
        for node in self.nodes:
            if not isinstance(node, ast.Name | ast.Attribute) or not isinstance(node.ctx, ast.Load):
                continue
            value = self.value_of(node)
            if inspect.isroutine(value) and self._lacks_parentheses(node, value):
                text = clip(ast.unparse(node), 60)
                yield (
                    node.lineno,
                    f"parentheses are missing: {text} is not called, write {text}(…)".replace(
                        "(…)", "()" if _needs_nothing(value) else "(…)"
                    ),
                )

    def find_none_states(self) -> Iterator[tuple[int, str]]:
        """Yield the results whose state is None, since a method that changes a collection returns nothing."""
        for line, owner, why in find_none_states(self.tree) if self._imports_only_ours() else ():
            if owner not in self.names:  # see `find_shared_state`
                yield line, f"the state becomes None: {why}"

    def _imports_only_ours(self) -> bool:
        """Return whether all imports are of modules whose collections change in place."""
        names = [each.name for node in self.nodes if isinstance(node, ast.Import) for each in node.names]
        names += [node.module or "" for node in self.nodes if isinstance(node, ast.ImportFrom)]
        return all(map(_is_known_module, names))

    def find_blocking_calls(self) -> Iterator[tuple[int, str]]:
        """Yield the calls that hold the loop, in callbacks, in coroutines and in the functions that these call."""
        for function in self.run_in_loop:
            for node in own_nodes(function):
                value = self.value_of(node.func) if isinstance(node, ast.Call) else UNKNOWN
                if isinstance(node, ast.Call) and any(value is each for each in BLOCKING):
                    plain = isinstance(function, ast.FunctionDef) and value is time.sleep
                    where = f"; `{function.name}` has to be an `async def` for that" if plain else ""
                    says = BLOCKS if value is time.sleep else IN_A_THREAD
                    yield node.lineno, f"{clip(ast.unparse(node.func), 60)} {says}{where}"

    def find_long_waits(self) -> Iterator[tuple[int, str]]:
        """Yield the waits in a `handle_call` that outlast its callers, unless a call has another timeout."""
        calls = [node for node in self.nodes if isinstance(node, ast.Call)]
        if any(
            self.value_of(call.func) is GenServer.call and len(call.args) + len(call.keywords) > 2 for call in calls
        ):
            return
        for call in calls:
            method = self.function_around(call)
            match call:
                case ast.Call(func=func, args=[ast.Constant(value=int() | float() as seconds), *_]) if (
                    seconds >= CALL_S
                    and method is not None
                    and method.name == "handle_call"
                    and self.is_callback(method)
                    and not self._replies(method)
                ):
                    if self.value_of(func) is asyncio.sleep:
                        yield call.lineno, f"handle_call waits for {seconds:g} s, but a call only {CALL_S} s: {NO_WAIT}"
                case _:
                    pass

    def _replies(self, method: Function) -> bool:
        """Return whether a method answers its caller by `GenServer.reply`."""
        calls = (node for node in own_nodes(method) if isinstance(node, ast.Call))
        return any(self.value_of(call.func) is GenServer.reply for call in calls)

    @cached_property
    def misspelt_names(self) -> list[tuple[int, str]]:
        """The places with the name of a process that none has, found once."""
        return list(self._find_misspelt_names())

    def _find_misspelt_names(self) -> Iterator[tuple[int, str]]:
        """Yield the names that no process has, if another name is close, or a child without a name is meant."""
        given = [self.value_of(node) for node in self._find_given_names()]
        if any(type(name) is not str and name is not None for name in given):  # it is computed
            return
        known = list(dict.fromkeys(name for name in given if type(name) is str))
        names = {*known, *self.names}
        children, nameless = self._find_nameless_children(), dict[int, str]()
        knows_all = bool(known) and self._knows_all_names()
        for node in self.nodes:
            place = self._place_of_name(node) if isinstance(node, ast.Call) else -1
            if not isinstance(node, ast.Call) or not 0 <= place < len(node.args):
                continue
            name, line = self.value_of(node.args[place]), node.args[place].lineno
            if type(name) is not str or name in known:
                continue
            if child := children.get(_plain(name)):
                form = f'{child.id}.child_spec(…, name="{name}")'
                nameless.setdefault(child.lineno, f'no child has name="{name}", which line {line} needs: write {form}')
            elif name not in names and (near := get_close_matches(name, known[:MOST_NAMES], 1)):
                yield line, f"no process has the name {name!r}: did you mean {near[0]!r}?"
            elif name not in names and knows_all and self.value_of(node.func) is GenServer.cast:
                yield line, f"no process has the name {name!r}, so this cast does nothing"
        yield from nameless.items()

    def find_missing_arguments(self) -> Iterator[tuple[int, str]]:
        """Yield the children that need no name, but lack a start argument that their callbacks compute with."""
        classes = {node.name: node for node in self.tree.body if isinstance(node, ast.ClassDef)}
        nameless = {line for line, _ in self.misspelt_names}
        for node, form in self._find_children():
            if node.id in classes and node.lineno not in nameless and not _gives_argument(form):
                start, example = find_needed_argument(classes[node.id])
                if start:
                    options = form.keywords if isinstance(form, ast.Call) else []
                    call = ", ".join((example, *(f"{one.arg}={ast.unparse(one.value)}" for one in options)))
                    said = f"{node.id} gets no start argument, so {start} is None in its init"
                    yield node.lineno, f"{said}: write {node.id}.child_spec({call})"

    def find_unhandled_messages(self) -> Iterator[tuple[int, str]]:
        """Yield the messages that a server without a `handle_info` sends to itself, unless something receives."""
        if any(_reads_mailbox(node) for node in self.nodes):
            return
        for call in (node for node in self.nodes if isinstance(node, ast.Call)):
            sends = any(self.value_of(call.func) is each for each in (otp.send, otp.send_after))
            to = call.args[self._place_of_name(call)] if sends and len(call.args) > 1 else None
            match to:
                case ast.Attribute(value=ast.Name(id="self") as name, attr="pid"):
                    cls = self.value_of(name)
                case _:
                    continue
            if (
                isinstance(cls, type)
                and getattr(cls, "handle_info", None) is GenServer.handle_info
                and not self._has_subclass(cls)
            ):
                yield call.lineno, f"{cls.__name__} has no handle_info, so it drops this message"

    def _has_subclass(self, cls: type) -> bool:
        """Return whether a class of the source has another as a base, which may have the callbacks that it lacks."""
        bases = (self.value_of(base) for node in self.nodes if isinstance(node, ast.ClassDef) for base in node.bases)
        return any(isinstance(base, type) and issubclass(base, cls) for base in bases)

    # Names

    def _knows_all_names(self) -> bool:
        """Return whether nothing but `name=` and `otp.register` in the source can give a name to a process."""
        here = [self.names.get(node.name) for node in self.tree.body if isinstance(node, ast.ClassDef)]
        owners: list[ast.expr] = []
        for node in self.nodes:
            match node:
                case ast.Import(names=names) if not all(_is_known_module(one.name) for one in names):
                    return False
                case ast.ImportFrom(module=module, level=level) if level or not _is_known_module(module or ""):
                    return False
                case ast.Attribute(attr="name", ctx=ast.Store()) | ast.Constant(value="name"):
                    return False
                case ast.Name(id="setattr" | "getattr" | "exec" | "eval" | "__import__"):
                    return False
                case ast.Attribute(value=owner, attr="child_spec" | "start" | "start_link" | "start_monitor"):
                    owners.append(owner)
                case ast.Attribute(attr="register") if self.value_of(node) is not otp.register:
                    return False
                case ast.Name() | ast.Attribute():
                    value, above = self.value_of(node), self.parents[node]
                    if value is otp.register and not (isinstance(above, ast.Call) and above.func is node):
                        return False
                    if isinstance(value, type) and issubclass(value, Behaviour) and not isinstance(above, USES):
                        owners.append(node)
                case _:
                    pass
        given = all(isinstance(node, ast.Constant | ast.Name) for node in self._find_given_names())
        return given and all(any(self.value_of(owner) is each for each in here) for owner in owners)

    def _find_given_names(self) -> Iterator[ast.expr]:
        """Yield the expressions that give a name to a process."""
        for node in self.nodes:
            match node:
                case ast.keyword(arg="name", value=value) | ast.Call(func=_, args=[value, *_]) if (
                    isinstance(node, ast.keyword) or self.value_of(node.func) is otp.register
                ):
                    yield value
                case ast.Assign(targets=[ast.Attribute(value=owner, attr="name")], value=value) if (
                    not isinstance(owner, ast.Name) or owner.id != "self"
                ):  # of a child spec
                    yield value
                case ast.keyword(arg=None, value=value):  # `**options` may have one
                    yield value
                case _:
                    pass

    def _find_nameless_children(self) -> dict[str, ast.Name]:
        """Return the classes in child specs without a name, by their own names in plain form."""
        found: dict[str, ast.Name] = {}
        for node, form in self._find_children():
            if not isinstance(form, ast.Call) or all(one.arg != "name" for one in form.keywords):
                found.setdefault(_plain(node.id), node)
        return found

    def _find_children(self) -> Iterator[tuple[ast.Name, ast.Call | ast.Tuple | None]]:
        """Yield the classes of children, each with its `child_spec` call, its pair `(Counter, 0)`, or itself."""
        for node in self.nodes:
            value = self.value_of(node) if isinstance(node, ast.Name) else None
            if not isinstance(node, ast.Name) or not isinstance(value, type) or not issubclass(value, Behaviour):
                continue
            above = self.parents[node]
            around = self.parents.get(above)
            if isinstance(above, ast.Attribute) and above.attr == "child_spec":
                if isinstance(around, ast.Call) and all(one.arg is not None for one in around.keywords):
                    yield node, around
            elif isinstance(above, ast.Tuple) and isinstance(around, ast.List):
                yield node, above
            elif (
                isinstance(above, ast.List) and isinstance(around, ast.Call) and self.value_of(around.func) is Children
            ):
                yield node, None

    def _place_of_name(self, call: ast.Call) -> int:
        """Return which argument of a call is the name of a process; -1 if none is."""
        value = self.value_of(call.func)
        return next((place for function, place in TO_NAMES.items() if function is value), -1)

    # Functions

    def _lacks_parentheses(self, node: ast.Name | ast.Attribute, value: Any) -> bool:
        """Return whether a function stands alone, or where only its result makes sense."""
        above = self.parents[node]
        if isinstance(above, ast.Expr):
            return True
        if getattr(value, "__module__", "").partition(".")[0] == "otp":
            return _needs_nothing(value) and self._is_dropped(node)
        while isinstance(above, ast.Tuple | ast.List | ast.Dict | ast.keyword):
            above = self.parents[above]
        of_self = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
        return of_self and isinstance(above, ast.Call) and self.value_of(above.func) in RESULTS

    def find_misplaced_callbacks(self) -> Iterator[tuple[int, str]]:
        """Yield the functions that a class lacks as callbacks: those that follow it, or stand in one of its methods."""
        lacking: set[str] = set()
        owner = ""
        for node in self.tree.body:
            if isinstance(node, ast.ClassDef):
                owner, lacking = node.name, self._callbacks_missing_in(node)
                for method in (each for each in node.body if isinstance(each, Function)):
                    for inner in own_nodes(method):
                        if isinstance(inner, Function) and inner.name in lacking and _has_self(inner):
                            yield inner.lineno, f"{inner.name} stands inside of {method.name}: indent it less"
            elif isinstance(node, Function) and node.name in lacking and _has_self(node):
                yield node.lineno, f"{node.name} stands outside of class {owner}: indent it"

    def _callbacks_missing_in(self, node: ast.ClassDef) -> set[str]:
        """Return the callbacks that a behaviour does not define; none for another class."""
        cls = self.names.get(node.name)
        if not isinstance(cls, type) or not issubclass(cls, Behaviour):
            return set()
        own = {name for base in cls.__mro__ if not f"{base.__module__}.".startswith("otp.") for name in vars(base)}
        return {name for name, _ in cls.behaviour_info("callbacks")} - own

    # Coroutines

    def _is_dropped(self, node: ast.expr, *, named: bool = False) -> bool:
        """Return whether nothing can await the value of an expression; `named`: it is that of a variable."""
        above, held = self.parents[node], False
        while isinstance(above, ast.Tuple | ast.List | ast.Set | ast.Dict):
            node, above, held = above, self.parents[above], True
        if isinstance(above, ast.keyword):
            above = self.parents[above]
            return isinstance(above, ast.Call) and self._keeps(above)
        match above:
            case ast.Call():
                return above.func is not node and self._keeps(above)
            case _ if held:
                return False
            case ast.Expr() | ast.BinOp() | ast.UnaryOp() | ast.Compare() | ast.FormattedValue():
                return True
            case ast.If() | ast.While() | ast.IfExp():
                return above.test is node
            case ast.Match():
                return above.subject is node
            case ast.Subscript():
                return above.value is node
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)) if not named:
                return self._drops_variable(name, self.function_around(node))
            case _:
                return False

    def _drops_variable(self, name: str, function: Function | None) -> bool:
        """Return whether a function awaits its variable nowhere, and passes it to nothing that could."""
        if function is None:
            return False
        reads = self._reads.get(function)
        if reads is None:
            reads = self._reads[function] = _reads_in(function)
        return name not in reads.outer and all(self._is_dropped(use, named=True) for use in reads.of.get(name, ()))

    def _keeps(self, call: ast.Call) -> bool:
        """Return whether a call awaits none of its arguments."""
        value = self.value_of(call.func)
        return any(value is each for each in KEEPERS)

    # Results

    def _find_wrong_results_of(self, method: Function) -> Iterator[tuple[int, str]]:
        expected = RESULTS_OF[method.name]
        lacks = False
        caller = _forgotten_caller(method)
        for node in own_nodes(method):
            match node:
                case ast.Expr(value=ast.Call() as call) if self.value_of(call.func) in RESULTS:
                    lacks = True
                    yield node.lineno, f"a `return` is missing before {ast.unparse(call.func)}(…)"
                case ast.Return(value=ast.expr() as value) if wrong := self._wrong_result(method, value):
                    yield (
                        node.lineno,
                        f"{method.name} returns {wrong}, and the runtime expects {expected}{_write(method, value)}",
                    )
                case ast.Return(value=ast.Call(func=func)) if caller and self.value_of(func) is NoReply:
                    yield node.lineno, f"handle_call returns NoReply(…) and does not keep {caller}, {NO_REPLY}"
                case ast.Yield() | ast.YieldFrom():
                    yield (
                        node.lineno,
                        f"{method.name} contains `yield`, so calling it returns a generator: use `return` instead",
                    )
                    return
                case _:
                    pass
        missing = None if lacks or _is_stub(method) else find_missing_return(method)
        if missing is not None and missing.why == NO_RETURN and not self._may_raise_at(method, missing.line):
            yield missing.line, f"a `return` is missing: {method.name} returns {expected}"

    def _may_raise_at(self, method: Function, line: int) -> bool:
        """Return whether a method ends at a line with a call that may never return, such as `otp.exit(…)`."""
        ends = (node.value for node in own_nodes(method) if isinstance(node, ast.Expr) and node.end_lineno == line)
        calls = [value.value if isinstance(value, ast.Await) else value for value in ends]
        return any(isinstance(call, ast.Call) and self.value_of(call.func) is not print for call in calls)

    def _wrong_result(self, method: Function, value: ast.expr) -> str:
        """Return the text of an expression that is never a result of a callback; "" for one that may be."""
        called = self.value_of(value.func) if isinstance(value, ast.Call) else UNKNOWN
        parameters = [each.arg for each in method.args.args[1:]]
        if called in RESULTS:
            return "" if called in ALLOWED[method.name] else f"{called.__name__}(…)"
        kept = isinstance(value, ast.Name) and value.id in parameters and value.id not in stored_in(method)
        return clip(ast.unparse(value), 60) if kept or isinstance(value, NO_RESULTS) else ""


def _write(method: Function, value: ast.expr) -> str:
    """Return what to write for a state that is returned without its result, or in that of another callback."""
    form, state = STATES.get(method.name), method.args.args[-1].arg if method.args.args else ""
    match value:
        case ast.Name(id=name) if name == state and form:
            return f": write return {form.format(state)}"
        case (
            ast.Call(func=ast.Name(id="Reply") | ast.Attribute(attr="Reply"), args=[_, new], keywords=[])
            | ast.Call(
                func=ast.Name(id="Ok" | "NoReply") | ast.Attribute(attr="Ok" | "NoReply"), args=[new], keywords=[]
            )
        ) if form and method.name != "handle_call" and not isinstance(new, ast.Starred):  # a third is a time-out
            return f": write return {form.format(clip(source_without_secrets(ast.unparse(new)), 60))}"
        case _:
            return ""


def _is_known_module(name: str) -> bool:
    """Return whether an imported module gives no process a name on its own."""
    return name.partition(".")[0] in OURS


def _reads_mailbox(node: ast.AST) -> bool:
    """Return whether a name is that of a function that takes messages out of the mailbox, as `otp.receive` does."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
            return name in READERS
        case _:
            return False


def _gives_argument(form: ast.Call | ast.Tuple | None) -> bool:
    """Return whether the form of a child has a start argument: a `child_spec` call, a pair, or only a class."""
    if isinstance(form, ast.Call):
        return bool(form.args) or any(one.arg == "arg" for one in form.keywords)
    return form is not None


def _plain(name: str) -> str:
    """Return a name without case and underscores: the process `till_2` is of the class `Till2`."""
    return name.replace("_", "").casefold()


def _makes_coroutines(value: Any) -> bool:
    """Return whether a function returns a coroutine, by its kind or by the type that it promises."""
    if inspect.iscoroutinefunction(value):
        return True
    promised = getattr(inspect.unwrap(value), "__annotations__", {}).get("return") if callable(value) else None
    return isinstance(promised, str) and promised.startswith("Coroutine[")


def _needs_nothing(value: Any) -> bool:
    """Return whether a function can be called without arguments, other than `self`."""
    try:
        parameters = list(inspect.signature(value).parameters.values())
    except (TypeError, ValueError):
        return False
    needed = [one.name for one in parameters if one.default is one.empty and one.kind < one.VAR_POSITIONAL]
    return not needed or needed == ["self"]


def _forgotten_caller(method: Function) -> str:
    """Return the parameter with the caller of a `handle_call` that uses it nowhere, so nothing can reply later."""
    if method.name != "handle_call" or len(method.args.args) != 4:
        return ""
    caller = method.args.args[2].arg
    return "" if any(isinstance(node, ast.Name) and node.id == caller for node in ast.walk(method)) else caller


class _Reads(NamedTuple):
    """The places where a function reads names, and the names that it shares with the function or module around it."""

    of: dict[str, list[ast.Name]]
    outer: set[str]


def _reads_in(function: Function) -> _Reads:
    reads = _Reads({}, set())
    for node in ast.walk(function):
        if isinstance(node, ast.Global | ast.Nonlocal):
            reads.outer.update(node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            reads.of.setdefault(node.id, []).append(node)
    return reads


def _has_self(function: Function) -> bool:
    return [each.arg for each in function.args.args[:1]] == ["self"]


def _is_stub(method: Function) -> bool:
    """Return whether the body of a method is `...`, or a text alone."""
    return all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in method.body)
