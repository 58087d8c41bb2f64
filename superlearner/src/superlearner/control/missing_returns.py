"""Missing returns: where a callback ended without a result, and why, found in its syntax tree.

A callback returns None if no case matched its message, or if a branch has no `return`. The message that it handled
tells the two apart. The program does not run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Final, NamedTuple

from otp.observer.code_at import Function
from superlearner.control.expressions import callee_of
from superlearner.control.handled import Handled

__all__ = ["NO_RETURN", "MissingReturn", "find_missing_return", "find_passed_over", "matches_pattern"]

OPAQUE: Final = re.compile(r"""('(?:[^'\\…]|\\.)*'|"(?:[^"\\…]|\\.)*")|'[^']*'|"[^"]*"|(?:#Ref)?<[^<>]*>|…""")
"""The text of a value without a literal, such as a function, a pid or a cut text; or, as a group, a whole text."""
NO_RETURN: Final = "a `return` is missing"
NO_CONDITION: Final = "no condition was true, and there is no `else`"


class MissingReturn(NamedTuple):
    """A place at which a callback ends without a result."""

    line: int
    why: str
    """The cause as a clause; "" for a `return` whose value was None."""


def find_missing_return(method: Function, message: Handled = None) -> MissingReturn | None:
    r"""Return where a callback returned None, and why; None if several places with different causes may have.

    Args:
        method: the callback.
        message: what it handled.

    >>> text = "def handle_cast(self, message, state):\n  match message:\n    case 'set':\n      NoReply(1)"
    >>> (cast,) = ast.parse(text).body
    >>> find_missing_return(cast, "'set'")
    MissingReturn(line=4, why='a `return` is missing')
    >>> find_missing_return(cast, "'sett'")
    MissingReturn(line=2, why="no case matches 'sett'; did you mean 'set'?")
    >>> find_missing_return(cast)
    """
    found = list(dict.fromkeys(_Walk(_Arguments(method, message)).find(method.body)))
    if len({each.why for each in found}) != 1:
        return None
    return found[0] if len(found) == 1 else MissingReturn(method.lineno, found[0].why)


def find_passed_over(method: Function, message: Handled) -> frozenset[int]:
    """Return the lines of a callback in cases that do not match its message."""
    arguments = _Arguments(method, message)
    over = set[int]()
    for node in ast.walk(method):
        if isinstance(node, ast.Match) and (value := arguments.value_of(node.subject)) is not None:
            done = False
            for case in node.cases:
                matches = False if done else matches_pattern(case.pattern, value)
                done = done or (bool(matches) and case.guard is None)
                if matches is False:
                    last = case.body[-1]
                    over.update(range(case.body[0].lineno, (last.end_lineno or last.lineno) + 1))
    return frozenset(over)


class _Arguments:
    """The arguments of a callback that are known: its message, or those of an event of a state machine."""

    def __init__(self, method: Function, message: Handled) -> None:
        texts = () if message is None else (message,) if isinstance(message, str) else message
        self._texts = dict(zip((each.arg for each in method.args.args[1:]), texts, strict=False))
        self._values = {name: _value_of(text) for name, text in self._texts.items()}

    def value_of(self, subject: ast.expr) -> ast.expr | None:
        """Return an argument, or a tuple of them, as an expression; None if it is not known."""
        if isinstance(subject, ast.Name):
            return self._values.get(subject.id)
        if not isinstance(subject, ast.Tuple):
            return None
        members = [self.value_of(each) for each in subject.elts]
        return ast.Tuple([each or ast.Name("_") for each in members]) if any(members) else None

    def text_of(self, subject: ast.expr) -> str:
        """Return the same as text."""
        if isinstance(subject, ast.Tuple):
            return f"({', '.join(map(self.text_of, subject.elts))})"
        return self._texts.get(subject.id, subject.id) if isinstance(subject, ast.Name) else ast.unparse(subject)


class _Walk:
    """The search of a callback for the places at which it can end without a result.

    Args:
        arguments: what is known of its arguments.
    """

    def __init__(self, arguments: _Arguments) -> None:
        self._arguments = arguments
        self._none: list[MissingReturn] = []

    def find(self, body: Sequence[ast.stmt]) -> list[MissingReturn]:
        """Return the places of a body, those with a `return` of None first."""
        ends = self._ends(body)
        return self._none + ends

    def _ends(self, body: Sequence[ast.stmt]) -> list[MissingReturn]:
        """Return the places at which control leaves the end of statements; none if each path returns or raises."""
        ends: list[MissingReturn] = []
        for statement in body:
            ends = self._ends_of(statement)
            if not ends:
                break
        return ends

    def _ends_of(self, node: ast.stmt) -> list[MissingReturn]:
        here = MissingReturn(node.end_lineno or node.lineno, NO_RETURN)
        match node:
            case ast.Return(value=None):
                self._none.append(MissingReturn(node.lineno, ""))
                return []
            case ast.Return(value=ast.expr() as value) if _may_be_none(value):
                self._none.append(MissingReturn(node.lineno, ""))
                return []
            case ast.Return() | ast.Raise() | ast.Continue() | ast.Break():
                return []
            case ast.Match():
                return self._ends_of_match(node)
            case ast.If():
                return self._ends_of_if(node)
            case ast.With() | ast.AsyncWith():
                return self._ends(node.body)
            case ast.Try() | ast.TryStar():
                bodies = [[*node.body, *node.orelse], *(each.body for each in node.handlers)]
                ends = [end for body in bodies for end in self._ends(body)]
                last = self._ends(node.finalbody) if node.finalbody else ends
                return last and ends
            case ast.For() | ast.AsyncFor() | ast.While():
                self._ends(node.body)
                endless = isinstance(node, ast.While) and isinstance(node.test, ast.Constant) and node.test.value
                return [] if endless and not any(isinstance(each, ast.Break) for each in ast.walk(node)) else [here]
            case _:
                return [here]

    def _ends_of_if(self, branch: ast.If) -> list[MissingReturn]:
        ends: list[MissingReturn] = []
        while True:  # each `elif` is nested in the one before, which may be more than the interpreter's stack holds
            holds = self._holds(branch.test)
            if holds is not False:
                ends += self._ends(branch.body)
            match branch.orelse:
                case _ if holds:
                    return ends
                case []:
                    return [*ends, MissingReturn(branch.lineno, NO_CONDITION)]
                case [ast.If() as below]:
                    branch = below
                case otherwise:
                    return ends + self._ends(otherwise)

    def _ends_of_match(self, node: ast.Match) -> list[MissingReturn]:
        subject = self._arguments.value_of(node.subject)
        ends: list[MissingReturn] = []
        for case in node.cases:
            matches = matches_pattern(case.pattern, subject)
            if matches is False:
                continue
            ends += self._ends(case.body)
            if matches and case.guard is None:
                return ends
        what = "" if subject is None else f" {self._arguments.text_of(node.subject)}"
        near = "" if subject is None else _near_case(node, subject)
        return [*ends, MissingReturn(node.lineno, f"no case matches{what}{near}")]

    def _holds(self, test: ast.expr) -> bool | None:
        """Return whether a comparison of the message with a literal is true; None if that is not known."""
        match test:
            case ast.Compare(left=ast.Name() as left, ops=[ast.Eq()], comparators=[wanted]):
                value = self._arguments.value_of(left)
                return None if value is None else _is_equal(wanted, value)
            case _:
                return None


def _near_case(node: ast.Match, value: ast.expr) -> str:
    """Return a question for a message, or its first member, that is close to the text of a case; else ""."""
    value = value.elts[0] if isinstance(value, ast.Tuple | ast.List) and value.elts else value
    pending, known = [case.pattern for case in node.cases], list[str]()
    for pattern in pending:  # grows while it is read
        match pattern:
            case ast.MatchOr(patterns=inner):
                pending += inner
            case ast.MatchSequence(patterns=[first, *_]):
                pending.append(first)
            case ast.MatchValue(value=ast.Constant(value=str(text))):
                known.append(text)
            case _:
                pass
    given = value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""
    near = [one for one in get_close_matches(given, known, 1) if one != given]
    return f"; did you mean {near[0]!r}?" if near else ""


def _may_be_none(value: ast.expr) -> bool:
    """Return whether an expression may be None, unlike a call of a class or another literal."""
    if isinstance(value, ast.Constant):
        return value.value is None
    made = callee_of(value) or ""
    return not made[:1].isupper() and not isinstance(value, ast.Tuple | ast.List | ast.Dict | ast.Set | ast.JoinedStr)


def _value_of(message: str) -> ast.expr | None:
    """Return the text of a message as an expression, in which `_` is a value without a literal."""
    try:
        return ast.parse(OPAQUE.sub(lambda found: found[1] or "_", message), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def matches_pattern(pattern: ast.pattern, value: ast.expr | None) -> bool | None:
    """Return whether a pattern matches a value; None if that is not known."""
    match pattern:
        case ast.MatchAs(pattern=None):
            return True
        case ast.MatchAs(pattern=ast.pattern() as inner):
            return matches_pattern(inner, value)
        case ast.MatchOr():
            return _any_of(matches_pattern(each, value) for each in pattern.patterns)
        case _ if value is None:
            return None
        case ast.MatchValue():
            return _is_equal(pattern.value, value)
        case ast.MatchSingleton() if isinstance(value, ast.Constant):
            return value.value is pattern.value
        case ast.MatchSingleton():
            return _is_equal(ast.Constant(pattern.value), value)
        case ast.MatchSequence():
            return _matches_sequence(pattern.patterns, value)
        case ast.MatchMapping() if isinstance(value, ast.Constant | ast.Tuple | ast.List):
            return False
        case _:
            return None


def _matches_sequence(patterns: Sequence[ast.pattern], value: ast.expr) -> bool | None:
    if not isinstance(value, ast.Tuple | ast.List):
        return False if isinstance(value, ast.Constant | ast.Dict | ast.Set) else None
    members, star = value.elts, next((at for at, one in enumerate(patterns) if isinstance(one, ast.MatchStar)), None)
    if star is None:
        pairs = list(zip(patterns, members, strict=False))
        fits = len(patterns) == len(members)
    else:
        after = len(patterns) - star - 1
        pairs = [*zip(patterns[:star], members, strict=False)]
        pairs += zip(patterns[star + 1 :], members[len(members) - after :], strict=False)
        fits = len(members) >= len(patterns) - 1
    return fits and _all_of(matches_pattern(each, member) for each, member in pairs)


def _is_equal(wanted: ast.expr, value: ast.expr) -> bool | None:
    """Return whether two expressions are the same value; None if one of them is not a literal."""
    try:
        return bool(ast.literal_eval(wanted) == ast.literal_eval(value))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        plain = isinstance(wanted, ast.Constant) and isinstance(value, ast.Tuple | ast.List | ast.Dict | ast.Set)
        return False if plain else None


def _any_of(found: Iterator[bool | None]) -> bool | None:
    every = list(found)
    return True if True in every else None if None in every else False


def _all_of(found: Iterator[bool | None]) -> bool | None:
    every = list(found)
    return False if False in every else None if None in every else True
