"""Types of common arguments, for annotations only.

Not imported while a program runs. Messages, states, replies and exit reasons have no type: they are terms, `Any` (see
docs/decisions/0008). Destinations, names and times are typed.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import Field
from enum import Enum
from types import ModuleType
from typing import Any, ClassVar, Literal, Protocol, TypeAlias
from uuid import UUID

from otp.kernel.values.pids import Pid

Code: TypeAlias = type | ModuleType | str
"""The code of a child in its spec: classes, modules, or names of them."""

Limit: TypeAlias = float | Literal["infinity"] | None
"""A time limit in seconds; `"infinity"` and None mean no limit."""


class Record(Protocol):
    """An instance of a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


class Via(Protocol):
    """An object that finds a process, such as `Registry.via(…)`."""

    def whereis(self) -> Pid | None:
        """Return the process, or None."""


Name: TypeAlias = str | bytes | tuple[Hashable, ...] | frozenset[Any] | Enum | UUID | type | Record
"""The registered name of a process: hashable, and neither None nor a number, so a missing pid is not a name."""

GivenName: TypeAlias = Name | Via | None
"""The `name=` of a start; None for no name."""

Dest: TypeAlias = Pid | Name | Via
"""The destination of a message: a pid, a name, `(name, node)`, or an object that finds a process."""

Monitored: TypeAlias = Pid | tuple[Name | Via, str]
"""The target of a monitor: a pid, or a name with the name of the node."""
