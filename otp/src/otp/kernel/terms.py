"""What the arguments that stand everywhere may be, for annotations; nothing imports this while a program runs.

Messages, states, replies and exit reasons have no type: they are terms, `Any` (see docs/decisions/0008). Destinations,
names and times have one.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import Field
from enum import Enum
from types import ModuleType
from typing import Any, ClassVar, Literal, Protocol, TypeAlias
from uuid import UUID

from otp.kernel.pids import Pid

__all__ = ["Code", "Dest", "GivenName", "Limit", "Monitored", "Name", "Record", "Via"]

Code: TypeAlias = type | ModuleType | str
"""What a child spec says of the code of its child: classes, modules, or names of them."""

Limit: TypeAlias = float | Literal["infinity"] | None
"""How long to wait, in seconds; `"infinity"` and None: without limit."""


class Record(Protocol):
    """An instance of a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


class Via(Protocol):
    """What finds a process by itself, such as `Registry.via(…)`."""

    def whereis(self) -> Pid | None:
        """The process, or None."""


Name: TypeAlias = str | bytes | tuple[Hashable, ...] | frozenset[Any] | Enum | UUID | type | Record
"""A name that a process can have: hashable, and neither None nor a number, so that a pid not found is no name."""

GivenName: TypeAlias = Name | Via | None
"""What `name=` of a start takes; None: no name."""

Dest: TypeAlias = Pid | Name | Via
"""Where a message can go: a pid, a name, `(name, node)`, or what finds a process by itself."""

Monitored: TypeAlias = Pid | tuple[Name | Via, str]
"""What a monitor watches: a pid, or a name with the name of the node."""
