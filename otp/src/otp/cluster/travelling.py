"""Checks that terms can be sent to other members, and division of entries into messages."""

# Terms have no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from otp.bounded import text
from otp.distribution import wire
from otp.kernel.values.errors import BadArgument
from otp.observer.terms import CannotTravel

__all__ = ["CHUNK", "check_key", "check_travels", "divide"]

CHUNK: Final = 1_000
"""Maximum number of entries in one message."""
HEAVIEST: Final = 50_000
"""Maximum weight of the entries in one message: one for each term in them, and one for each 64 bytes of text."""


class _Everyone:
    """A stand-in for the names of a connection, for terms that are sent to all members."""

    confined = False

    def told(self, pid: Any) -> None:
        """Do nothing: the process belongs to this member or is already known."""

    told_ref = told

    def lend(self, caller: Any) -> int:
        """Return a number."""
        return 0

    pid = ref = borrowed = lend


def check_travels(term: Any) -> None:
    """Raise `CannotTravel` for a term that cannot be sent to another member.

    >>> check_travels({"users": [object()]})
    Traceback (most recent call last):
    otp.observer.terms.CannotTravel: at ['users'][0]: expected plain terms (...
    """
    try:
        wire.encode(wire.written(term, _Everyone(), exact=True))  # pyright: ignore[reportArgumentType]
    except CannotTravel:
        raise
    except (BadArgument, OverflowError, UnicodeEncodeError) as error:
        raise CannotTravel(str(error)) from None


def check_key(what: str, noun: str, key: Any) -> None:
    """Raise `BadArgument` for a key that cannot be looked up, here or on another member.

    >>> check_key("register", "key", (1, float("nan")))
    Traceback (most recent call last):
    otp.kernel.values.errors.BadArgument: register: expected a key that equals itself, got (1, nan); try a str
    """
    try:
        hash(key)
    except TypeError:
        raise BadArgument(f"{what}: expected a {noun} that can be hashed, got {text(key)}; try a str") from None
    if _has_nan(key):
        raise BadArgument(f"{what}: expected a {noun} that equals itself, got {text(key)}; try a str")


def _has_nan(key: Any) -> bool:
    if isinstance(key, (tuple, frozenset)):
        return any(map(_has_nan, key))
    return isinstance(key, float) and key != key


def divide(entries: Iterable[Any]) -> Iterator[list[Any]]:
    """Return the entries in parts that each fit into one message.

    >>> [len(part) for part in divide(range(2_500))]
    [1000, 1000, 500]
    """
    part: list[Any] = []
    weight = 0
    for entry in entries:
        weight += (more := _weigh(entry))
        if part and (weight > HEAVIEST or len(part) == CHUNK):
            yield part
            part, weight = [], more
        part.append(entry)
    if part:
        yield part


def _weigh(term: Any) -> int:
    if isinstance(term, (str, bytes)):
        return 1 + len(term) // 64
    if isinstance(term, dict):
        return 1 + sum(_weigh(key) + _weigh(value) for key, value in term.items())
    if isinstance(term, (tuple, list, set, frozenset)):
        return 1 + sum(map(_weigh, term))
    return 1
