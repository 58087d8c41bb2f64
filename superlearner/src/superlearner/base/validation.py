"""Messages about invalid values, from pydantic's errors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, Final

__all__ = ["NO_FIELD", "describe_problem", "nearest", "plain", "problem_text", "suggest_choice", "unknown"]

NO_FIELD: Final = "there is no such field"
EXPECTED: Final = re.compile(r"Input should be (?P<what>.*?)(?:, (?:unable to|got a number with) .*)?", re.DOTALL)
BOUNDS: Final = {
    "greater_than_equal": ("at least", "ge"), "less_than_equal": ("at most", "le"),
    "greater_than": ("a number greater than", "gt"), "less_than": ("a number less than", "lt"),
}  # fmt: skip
"""By kind of problem: the words of the limit, and its key in the problem's `ctx`."""
NUMBERS: Final = {
    "finite_number": "a finite number",
    "int_parsing_size": "a smaller number",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
}
WORDS: Final = {
    "a valid boolean": "true or false", "a valid dictionary": "an object", "a valid integer": "a whole number",
    "a valid list": "a list", "a valid number": "a number", "a valid string": "a string",
}  # fmt: skip
INFINITE: Final = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
NUMBER: Final = re.compile(r"[+-]?[\d.]+(e[+-]?\d+)?", re.IGNORECASE)
CHOICE: Final = re.compile(r"'([^']*)'")
FORM: Final = re.compile(r"\^(?:\[([^]^]+)\])?\[([^]^]+)\]\{\d+,(\d+)\}\$")
"""The pattern of a name: first character, other characters, maximum length."""
PARTS: Final = re.compile("A-Za-z|0-9|.")
MANY: Final = {"A-Za-z": "letters", "0-9": "digits"}
ONE: Final = {"A-Za-z": "a letter", "0-9": "a digit"}
QUOTES: Final = "'"
LONGEST: Final = 100
"""Longest value that is compared with the choices; comparing takes time."""


def problem_text(problem: Any) -> str:
    """Return the message of one of `ValidationError.errors()`.

    Messages of our own checks are kept as they are.

    >>> problem_text({"type": "value_error", "msg": "Value error, expected a prime, got 4"})
    'expected a prime, got 4'
    >>> problem_text(
    ...     {"type": "string_pattern_mismatch", "msg": "", "ctx": {"pattern": "^[A-Za-z][A-Za-z0-9_-]{0,63}$"}}
    ... )
    'expected letters, digits, _ and -, at most 64, beginning with a letter'
    """
    if problem.get("type") == "extra_forbidden":
        return NO_FIELD
    if what := _number(problem):
        return f"expected {what}"
    if problem.get("type") == "string_pattern_mismatch" and (form := _form(problem["ctx"]["pattern"])):
        return form
    return plain(problem["msg"])


def _number(problem: Any) -> str | None:
    """Return the expected number in words, such as `at least 1`; None for another problem."""
    kind = problem.get("type")
    bound = BOUNDS.get(kind)
    if bound is None:
        return NUMBERS.get(kind)
    if INFINITE.fullmatch(str(problem.get("input"))):
        return NUMBERS["finite_number"]
    return f"{bound[0]} {_written(problem['ctx'][bound[1]])}"


def _written(number: float) -> str:
    return str(int(number) if number == int(number) else number)


def describe_problem(problem: Any, got: str) -> tuple[str, str | None]:
    """Return the message of a problem and its hint; the message about a number has the value.

    Args:
        problem: one of `ValidationError.errors()`.
        got: the value that was received, as text.

    >>> describe_problem({"type": "greater_than_equal", "ctx": {"ge": 1}, "input": "0"}, "'0'")
    ('expected at least 1, got 0', 'try 1')
    >>> describe_problem({"type": "less_than_equal", "ctx": {"le": 86400}, "input": "nan"}, "'nan'")
    ('expected a finite number, got nan', None)
    >>> describe_problem({"type": "int_type", "input": "10"}, "'10'")
    ("expected a whole number, got '10'", 'write 10 without quotes')
    >>> describe_problem({"type": "bool_parsing", "msg": "Input should be a valid boolean", "input": "ja"}, "'ja'")
    ('expected true or false', "got 'ja'")
    """
    words, bare = problem_text(problem), got.strip(QUOTES)
    if _number(problem) is None:
        return words, f"got {got}{suggest_choice(problem)}"
    if INFINITE.fullmatch(bare):
        return f"{words}, got {bare}", None
    if (bound := BOUNDS.get(problem["type"])) is not None:
        step = {"gt": 1, "lt": -1}.get(bound[1], 0)
        return f"{words}, got {bare}", f"try {_written(problem['ctx'][bound[1]] + step)}"
    return f"{words}, got {got}", f"write {bare} without quotes" if NUMBER.fullmatch(bare) and bare != got else None


def plain(message: str) -> str:
    """Return the message in our words, without pydantic's prefix for the kind of exception.

    >>> plain("Value error, expected a prime, got 4")
    'expected a prime, got 4'
    >>> plain("Input should be a valid boolean, unable to interpret input"), plain("Input should be 'send' or 'cast'")
    ('expected true or false', "expected 'send' or 'cast'")
    """
    said = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    found = EXPECTED.fullmatch(said)
    return said if found is None else f"expected {WORDS.get(found['what'], found['what'])}"


def suggest_choice(problem: Any) -> str:
    """Return a suggestion for a value close to one of the choices, else "".

    >>> suggest_choice({"type": "literal_error", "input": "kast", "ctx": {"expected": "'send', 'cast' or 'call'"}})
    '; did you mean cast?'
    """
    typed = problem.get("input")
    if problem["type"] not in ("literal_error", "enum") or not isinstance(typed, str):
        return ""
    return nearest(typed, problem["ctx"]["expected"])


def unknown(name: str, known: Sequence[str]) -> str:
    """Return what to try instead of an unknown name.

    >>> unknown("raeson", ["reason", "force"]), unknown("x", ["reason", "force"]), unknown("x", [])
    ('did you mean reason?', 'expected one of reason, force', 'leave it out')
    """
    near = get_close_matches(name.lower(), known, n=1) if len(name) <= LONGEST else []
    if near:
        return f"did you mean {near[0]}?"
    return f"expected one of {', '.join(known)}" if known else "leave it out"


def nearest(typed: str, choices: str) -> str:
    """Return a suggestion for a value and a sentence that quotes the choices.

    >>> nearest("kast", "'send', 'cast' or 'call'")
    '; did you mean cast?'
    """
    if len(typed) > LONGEST:
        return ""
    near = get_close_matches(typed.lower(), CHOICE.findall(choices), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _form(pattern: str) -> str | None:
    """Return the pattern of a name in words; None for other patterns."""
    found = FORM.fullmatch(pattern)
    if found is None:
        return None
    first, others, most = found.groups()
    letters, begins = _words(others, MANY), _words(first or "", ONE)
    if len(letters) < 2 or "-" in letters[:-1]:  # a range without a word for it, such as "a-z"
        return None
    words = f"expected {', '.join(letters[:-1])} and {letters[-1]}, at most {int(most) + (first is not None)}"
    return f"{words}, beginning with {' or '.join(begins)}" if begins else words


def _words(characters: str, words: dict[str, str]) -> list[str]:
    parts: list[str] = PARTS.findall(characters)
    return [words.get(part, part) for part in parts]
