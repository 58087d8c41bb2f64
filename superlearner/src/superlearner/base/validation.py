"""Messages about invalid values, from pydantic's errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Any, Final

__all__ = [
    "NO_FIELD",
    "describe_problem",
    "describe_problems",
    "nearest",
    "plain",
    "problem_text",
    "suggest_choice",
    "unknown",
]

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
    "a valid dictionary or object to extract fields from": "an object",
}  # fmt: skip
LENGTHS: Final = {
    "string_too_short": ("at least", "min_length", "character"), "too_short": ("at least", "min_length", "item"),
    "string_too_long": ("at most", "max_length", "character"), "too_long": ("at most", "max_length", "item"),
}  # fmt: skip
"""By kind of problem: the words of the limit, its key in the problem's `ctx`, and what it counts."""
MISSING: Final = "a value is missing"
JSON_WORDS: Final = {None: "null", True: "true", False: "false"}
TAG: Final = re.compile(
    r"[A-Z]\w*|[a-z]+(-[a-z]+)+|[a-z-]+\[.*\]|int|float|str|bool|bytes|list|dict|tuple|set|none", re.DOTALL
)
"""A part of a problem's place that is no field: the alternative of a type, such as `constrained-int`."""
INFINITE: Final = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.IGNORECASE)
LARGEST_TRIED: Final = 1e15
"""Largest number that is written in digits."""
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
    kind = problem.get("type")
    if kind == "extra_forbidden":
        return NO_FIELD
    if kind == "missing":
        return MISSING
    if (length := LENGTHS.get(kind)) is not None:
        number = problem["ctx"][length[1]]
        return f"expected {length[0]} {number:,} {length[2]}{'' if number == 1 else 's'}"
    if what := _number(problem):
        return f"expected {what}"
    if kind == "string_pattern_mismatch" and (form := _form(problem["ctx"]["pattern"])):
        return form
    if kind == "string_pattern_mismatch":
        return f"expected a text of the form {problem['ctx']['pattern']}"
    return plain(problem["msg"])


def _number(problem: Any) -> str | None:
    """Return the expected number in words, such as `at least 1`; None for another problem."""
    kind = problem.get("type")
    bound = BOUNDS.get(kind)
    if bound is None:
        is_written = kind == "finite_number" and NUMBER.fullmatch(str(problem.get("input")))
        return "a smaller number" if is_written else NUMBERS.get(kind)
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
    >>> describe_problem({"type": "int_parsing", "input": "1e3"}, "'1e3'")
    ('expected a whole number, got 1e3', 'write it in digits: 1000')
    >>> describe_problem({"type": "string_too_short", "ctx": {"min_length": 1}, "input": ""}, "''")
    ('expected at least 1 character, got none', 'write a text, or leave it out if it is optional')
    >>> describe_problem({"type": "bool_parsing", "msg": "Input should be a valid boolean", "input": "ja"}, "'ja'")
    ('expected true or false', "got 'ja'")
    """
    words, bare, kind = problem_text(problem), got.strip(QUOTES), problem["type"]
    if kind == "missing":
        return words, "this parameter is required"
    if kind == "extra_forbidden":
        return words, problem.get("ctx", {}).get("hint", "leave it out")
    if kind in ("string_too_short", "too_short") and not problem.get("input"):
        what = "a text" if kind == "string_too_short" else "a value"
        return f"{words}, got none", f"write {what}, or leave it out if it is optional"
    if kind in ("string_too_long", "too_long"):
        return f"{words}, got {len(problem['input']):,}", None
    if _number(problem) is None:
        return words, f"got {got}{suggest_choice(problem)}"
    if INFINITE.fullmatch(bare):
        return f"{words}, got {bare}", None
    if (bound := BOUNDS.get(kind)) is not None:
        step = {"gt": 1, "lt": -1}.get(bound[1], 0)
        return f"{words}, got {bare}", f"try {_written(problem['ctx'][bound[1]] + step)}"
    if NUMBER.fullmatch(bare) is None:
        return f"{words}, got {got}", None
    if kind in ("int_type", "float_type"):
        return f"{words}, got {got}", f"write {bare} without quotes" if bare != got else None
    number = float(bare)
    in_digits = kind == "int_parsing" and abs(number) <= LARGEST_TRIED and number.is_integer()
    return f"{words}, got {bare}", f"write it in digits: {int(number)}" if in_digits else None


def describe_problems(
    problems: Iterable[Any], text_of: Callable[[Any], str], named: int = 1
) -> list[tuple[tuple[str, ...], str, str | None]]:
    """Return place, message and hint of problems; those of the alternatives of one value are one.

    Args:
        problems: `ValidationError.errors()`.
        text_of: returns a value as text.
        named: the parts of a place that are names, whatever they look like.

    >>> place = ("body", "count")
    >>> describe_problems(
    ...     [
    ...         {"type": "greater_than_equal", "loc": (*place, "constrained-int"), "ctx": {"ge": 1}, "input": 0},
    ...         {
    ...             "type": "literal_error",
    ...             "loc": (*place, "literal['all']"),
    ...             "ctx": {"expected": "'all'"},
    ...             "input": 0,
    ...             "msg": "Input should be 'all'",
    ...         },
    ...     ],
    ...     repr,
    ...     named=2,
    ... )
    [(('body', 'count'), "expected at least 1 or 'all', got 0", 'try 1')]
    """
    by_place: dict[tuple[str, ...], list[Any]] = {}
    for problem in problems:
        parts = tuple(map(str, problem["loc"]))
        if problem["type"] != "extra_forbidden":  # there, the client chose the name, which may look like a tag
            parts = (*parts[:named], *(part for part in parts[named:] if not TAG.fullmatch(part)))
        by_place.setdefault(parts, []).append(problem)
    return [(place, *_describe_alternatives(group, text_of)) for place, group in by_place.items()]


def _describe_alternatives(group: Sequence[Any], text_of: Callable[[Any], str]) -> tuple[str, str | None]:
    given = group[0].get("input")
    got = JSON_WORDS[given] if given is None or isinstance(given, bool) else text_of(given)
    described = [describe_problem(one, got) for one in group]
    texts = list(dict.fromkeys(map(problem_text, group)))
    if len(texts) == 1 or not all(one.startswith("expected ") for one in texts):
        return described[0]
    hints = [suggest_choice(one).removeprefix("; ") for one in group]
    hints += [hint for _, hint in described if hint is not None and not hint.startswith("got ")]
    return f"expected {' or '.join(one.removeprefix('expected ') for one in texts)}, got {got}", next(
        filter(None, hints), None
    )


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
