"""Plain values of an answer: compared by type and value, read as a set or a mapping, and shown.

An object that claims to equal everything equals nothing here.
"""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from types import MappingProxyType
from typing import Any, Final

import otp

__all__ = [
    "apart",
    "as_mapping",
    "as_set",
    "cut",
    "did_you_mean",
    "nearest",
    "render",
    "same",
    "why_no_set",
    "without_addresses",
]

PLAIN: Final = (int, float, complex, str, bytes, type(None))
ADDRESSES: Final = (otp.Pid, otp.Ref)
DEEPEST: Final = 20
LONGEST: Final = 120
ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]*")
SEPARATORS: Final = re.compile(r"[\W_]+")


def same(one: Any, other: Any, depth: int = DEEPEST) -> bool:
    """Return whether two plain values are of the same types and equal; False counts as different from 0.

    Pids and references count as plain.

    >>> same([1, ("a", {"b": 2.0})], [1, ("a", {"b": 2.0})])
    True
    >>> same(1, True), same([1], (1,))
    (False, False)
    """
    kind = type(one)
    if kind is not type(other) or depth == 0:
        return False
    if kind is bool or kind in PLAIN or issubclass(kind, ADDRESSES):
        return bool(one == other)
    if kind is list or kind is tuple:
        return len(one) == len(other) and all(map(lambda a, b: same(a, b, depth - 1), one, other))
    if kind is dict:
        return len(one) == len(other) and all(key in other and same(one[key], other[key], depth - 1) for key in one)
    if kind is set or kind is frozenset:
        return all(type(each) in PLAIN for each in (*one, *other)) and bool(one == other)
    return False


def as_set(value: Any) -> set[Any] | None:
    """Return the members of a set, list or tuple of texts and numbers; None for anything else.

    >>> as_set(["a", "b", "a"]) == {"a", "b"}
    True
    """
    if type(value) not in (set, frozenset, list, tuple):
        return None
    if any(type(each) not in PLAIN for each in value):
        return None
    return set(value)


def why_no_set(name: str, value: Any, of: str) -> str:
    """Return why `as_set` refused the value that an answer defines under a name.

    >>> why_no_set("required", {("init", 1)}, "names")
    "expected only names in required, without the number of arguments: 'init', not ('init', 1)"
    """
    if type(value) not in (set, frozenset, list, tuple):
        return f"expected {name} to be a set of {of}, got {render(value)}"
    strange = min((each for each in value if type(each) not in PLAIN), key=render)
    if type(strange) is tuple and tuple(map(type, strange)) == (str, int):
        return f"expected only {of} in {name}, without the number of arguments: {strange[0]!r}, not {render(strange)}"
    return f"expected only {of} in {name}, got {render(strange)}"


def as_mapping(value: Any) -> dict[Any, Any] | None:
    """Return the items of any kind of dict; None for anything else. Values that a default would make are not in it.

    >>> as_mapping(MappingProxyType({"a": 1})), as_mapping([("a", 1)])
    ({'a': 1}, None)
    """
    if type(value) is MappingProxyType:
        return dict(value)
    return dict(dict.items(value)) if issubclass(type(value), dict) else None


def nearest(text: Any, names: Iterable[str]) -> str | None:
    """Return the name that a text resembles, whatever its capitals and separators; None if none does.

    >>> nearest("backpressure", ["back-pressure", "faster"]), nearest("call", ["GenServer.call", "GenServer.cast"])
    ('back-pressure', 'GenServer.call')
    """
    if type(text) is not str:
        return None
    plain = {SEPARATORS.sub("", name).lower(): name for name in names}
    given = SEPARATORS.sub("", text[:LONGEST]).lower()
    found = difflib.get_close_matches(given, plain, 1, 0.75) or [name for name in plain if given and given in name]
    return plain[found[0]] if len(found) == 1 else None


def did_you_mean(text: Any, names: Iterable[str]) -> str:
    """Return a question to put behind a sentence about an unknown name; "" if it resembles none.

    >>> did_you_mean("Churn", ["churn", "cascade"]), did_you_mean("banana", ["churn"])
    ("; did you mean 'churn'?", '')
    """
    near = nearest(text, names)
    return "" if near is None else f"; did you mean {near!r}?"


def render(value: Any, longest: int = LONGEST) -> str:
    """Return a value as a short text that is the same in each run; one that cannot be shown has its type.

    Sets are sorted, and addresses are left out.

    >>> render({"b", "a"}), render(print), render("x" * 500, 5)
    ("{'a', 'b'}", '<built-in function print>', "'xxxxx…'")
    """
    if type(value) is str and len(value) > longest:
        return repr(f"{value[:longest]}…")
    try:
        text = without_addresses(_text(value))
    except Exception:
        text = f"an object of {type(value).__name__} that cannot be shown"
    return text if len(text) <= longest else f"{text[:longest]}…"


def apart(one: Any, other: Any) -> tuple[str, str]:
    """Return two values as short texts; of two that are too long to be shown, only the parts that differ.

    >>> long = "x" * LONGEST
    >>> apart({"a": long, "b": 1}, {"a": long, "b": 2})
    ("{…, 'b': 1}", "{…, 'b': 2}")
    >>> apart((long, ["a", "b"], 1), (long, ["a", "c"], 1))
    ("(…, ['a', 'b'], …)", "(…, ['a', 'c'], …)")
    >>> apart("a", type("Name", (str,), {})("a"))
    ("'a'", "'a' of the type Name")
    """
    shown = render(one), render(other)
    kind = type(one)
    if shown[0] == shown[1] and kind is not type(other):
        return shown[0], f"{shown[1]} of the type {type(other).__name__}"
    if kind is not type(other) or not any(text.endswith(("…", "…'", '…"')) for text in shown):
        return shown
    if kind is str:
        since = max(next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), LONGEST) - 20, 0)
        return render(f"…{one[since:]}"), render(f"…{other[since:]}")
    if kind is dict:
        keys = [key for key in one if key not in other or not same(one[key], other[key])]
        keys += [key for key in other if key not in one]
        if len(keys) == len({*one, *other}):
            return shown
        pairs = {key: apart(one.get(key), other.get(key)) for key in keys}
        left, right = (
            ", ".join(["…", *(f"{render(key)}: {pair[side]}" for key, pair in pairs.items() if key in value)])
            for side, value in enumerate((one, other))
        )
        return f"{{{left}}}", f"{{{right}}}"
    if kind in (list, tuple) and len(one) == len(other) and not same(one, other):
        at = next(n for n, (a, b) in enumerate(zip(one, other, strict=True)) if not same(a, b))
        opens, closes = "[]" if kind is list else "()"
        before, after = "…, " * (at > 0), ", …" * (at < len(one) - 1)
        left, right = (f"{opens}{before}{text}{after}{closes}" for text in apart(one[at], other[at]))
        return left, right
    return shown


def cut(text: str, most: int) -> str:
    """Return a text of at most `most` characters, ending with a whole word and … if it was longer.

    >>> cut("try Part.child_spec(arg)", 12), cut("try it", 12), cut("a" * 9, 4)
    ('try…', 'try it', 'aaa…')
    """
    if len(text) <= most:
        return text
    left = text[: most - 1]
    return f"{left.rpartition(' ')[0] or left}…"


def without_addresses(text: str) -> str:
    """Return a text without the addresses of objects, which differ from run to run.

    >>> without_addresses("<function add at 0x7ff3a0936ac0>")
    '<function add>'
    """
    return ADDRESS.sub("", text)


def _text(value: Any, around: tuple[int, ...] = ()) -> str:
    """Return the representation of a value, with the members of sets in order; `around` are the ids it is inside."""
    kind = type(value)
    if id(value) in around or len(around) == DEEPEST:
        return "…"
    inside = (*around, id(value))
    if kind is dict:
        return f"{{{', '.join(f'{_text(key, inside)}: {_text(each, inside)}' for key, each in value.items())}}}"
    if kind not in (list, tuple, set, frozenset) or not value:
        return repr(value)
    members = sorted(value) if kind in (set, frozenset) and all(type(each) in (int, float) for each in value) else value
    texts = [without_addresses(_text(each, inside)) for each in members]
    if kind in (set, frozenset):
        text = f"{{{', '.join(texts if members is not value else sorted(texts))}}}"
        return text if kind is set else f"frozenset({text})"
    return f"[{', '.join(texts)}]" if kind is list else f"({', '.join(texts)}{',' * (len(texts) == 1)})"
