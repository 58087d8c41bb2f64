"""What the program of a sandbox may say about itself: read with these types, and else no answer.

It runs code that may have changed everything around it, so that each text, list and number has its bounds here.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Struct

from superlearner.sandbox.source import MOST_SOURCE

__all__ = ["MOST_NEWS", "MOST_SERVERS", "STATE_LENGTH", "WORDS", "Alive", "Changed", "News", "Report", "Told", "read"]

WORDS: Final = 1000
NAME: Final = 500
STATE_LENGTH: Final = 2000
MOST_SERVERS: Final = 200
MOST_NEWS: Final = 50
MANY: Final = 10_000_000

LocalPid: TypeAlias = Annotated[str, Meta(pattern=r"\A0\.[0-9]{1,12}\.[0-9]{1,6}\Z")]
"""A pid as its own node writes it: the first number of those of other nodes is not 0."""

Name: TypeAlias = Annotated[str, Meta(max_length=NAME)]
State: TypeAlias = Annotated[str, Meta(max_length=STATE_LENGTH)] | None
Count: TypeAlias = Annotated[int, Meta(ge=0, le=MANY)]


class Told(Struct, forbid_unknown_fields=True):
    """Answer of `facts`: the pid of the top supervisor, and the text of its module as far as it is known."""

    supervisor_pid: LocalPid
    source: Annotated[str, Meta(max_length=MOST_SOURCE)] | None


class Alive(Struct, forbid_unknown_fields=True):
    """Answer of `alive`: whoever answers for the tree is there."""


class News(Struct, forbid_unknown_fields=True):
    """Answer of `next`: what happened since the last time, how much more did, and how the tree ended if it has."""

    notices: Annotated[list[Annotated[str, Meta(max_length=WORDS)]], Meta(max_length=MOST_NEWS)]
    missed: Count = 0
    ended: Annotated[str, Meta(max_length=WORDS)] | None = None


class Changed(Struct, forbid_unknown_fields=True):
    """A server that went over to another source."""

    pid: LocalPid
    name: Name
    what: Name
    old_vsn: Name
    new_vsn: Name
    before: State
    after: State


class Report(Struct, forbid_unknown_fields=True):
    """Answer of `reload`: why nothing came of it, or who went over."""

    refused: Annotated[str, Meta(max_length=WORDS)] | None = None
    servers: Annotated[list[Changed], Meta(max_length=MOST_SERVERS)] = []
    servers_count: Count = 0
    still_old: Annotated[list[LocalPid], Meta(max_length=MOST_SERVERS)] = []


T = TypeVar("T", Told, Alive, News, Report)


def read(expected: type[T], answer: bytes) -> T:
    """An answer as what it should be.

    Raises:
        ValueError: it is not; says where.

    >>> read(News, b'{"notices": ["a was ended"]}').notices
    ['a was ended']
    >>> read(News, b'{"notices": [], "missed": 1e99}')
    Traceback (most recent call last):
        ...
    ValueError: Expected `int`, got `float` - at `$.missed`
    """
    try:
        return msgspec.json.decode(answer, type=expected)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise ValueError(str(error)) from None
