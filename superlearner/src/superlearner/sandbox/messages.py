"""The types of a sandbox's answers; anything else is rejected.

The program runs code that may have changed everything around it, so each text, list and number is bounded here.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Struct

from superlearner.sandbox.source import MOST_SOURCE

__all__ = [
    "MOST_NEWS", "MOST_SERVERS", "MOST_WARNINGS", "STATE_LENGTH", "WORDS", "WRONG_MODULE", "Alive", "Changed", "News",
    "Report", "SandboxFacts", "SourceWarning", "read",
]  # fmt: skip

WORDS: Final = 1000
NAME: Final = 500
STATE_LENGTH: Final = 2000
MOST_SERVERS: Final = 200
MOST_NEWS: Final = 50
MOST_WARNINGS: Final = 20
MANY: Final = 10_000_000

WRONG_MODULE: Final = "supervisor_module: "
"""The beginning of the reason why no tree starts, if the requested class does not exist or is no tree."""

LocalPid: TypeAlias = Annotated[str, Meta(pattern=r"\A0\.[0-9]{1,12}\.[0-9]{1,6}\Z")]
"""A pid as its own node writes it; pids of other nodes do not begin with 0."""

Name: TypeAlias = Annotated[str, Meta(max_length=NAME)]
State: TypeAlias = Annotated[str, Meta(max_length=STATE_LENGTH)] | None
Count: TypeAlias = Annotated[int, Meta(ge=0, le=MANY)]


class SourceWarning(Struct, forbid_unknown_fields=True, frozen=True):
    """A mistake in a source that runs."""

    line: Annotated[int, Meta(ge=1, le=MANY)]
    text: Annotated[str, Meta(max_length=WORDS)]


Warnings: TypeAlias = Annotated[list[SourceWarning], Meta(max_length=MOST_WARNINGS)]


class SandboxFacts(Struct, forbid_unknown_fields=True):
    """Answer to `facts`: the top supervisor, and the module's text if known, with its mistakes."""

    supervisor_pid: LocalPid
    source: Annotated[str, Meta(max_length=MOST_SOURCE)] | None
    warnings: Warnings = []


class Alive(Struct, forbid_unknown_fields=True):
    """Answer to `alive`: the service of the sandbox is running."""


class News(Struct, forbid_unknown_fields=True):
    """Answer to `next`: new notices, how many are missing, and the tree's end."""

    notices: Annotated[list[Annotated[str, Meta(max_length=WORDS)]], Meta(max_length=MOST_NEWS)]
    missed: Count = 0
    ended: Annotated[str, Meta(max_length=WORDS)] | None = None


class Changed(Struct, forbid_unknown_fields=True):
    """A server that switched to another source."""

    pid: LocalPid
    name: Name
    what: Name
    old_vsn: Name
    new_vsn: Name
    before: State
    after: State


class Report(Struct, forbid_unknown_fields=True):
    """Answer to `reload`: the reason it was refused, or the servers that switched and the mistakes of the source."""

    refused: Annotated[str, Meta(max_length=WORDS)] | None = None
    ended: bool = False
    """It was refused because the tree has ended, and the sandbox ends with it: only a restart runs the source."""

    servers: Annotated[list[Changed], Meta(max_length=MOST_SERVERS)] = []
    servers_count: Count = 0
    still_old: Annotated[list[LocalPid], Meta(max_length=MOST_SERVERS)] = []
    warnings: Warnings = []


T = TypeVar("T", SandboxFacts, Alive, News, Report)


def read(expected: type[T], answer: bytes) -> T:
    """Decode an answer as the expected type.

    Raises:
        ValueError: it does not match; the error says where.

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
