"""Identities: `Pid` names a process, `Ref` one monitor, timer or call.

A local pid *is* the process object; everything but the public names below is private.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from otp.kernel.node import Node

__all__ = ["Identity", "Pid", "Ref", "parse_pid_number"]

_PID_TEXT = re.compile(r"(?:#PID)?<?0\.(\d+)\.0>?(?:@(.+))?")


def parse_pid_number(text: str) -> tuple[int, str | None] | None:
    """Return the process number, and the node name if given, from a pid's text.

    The text is `<0.17.0>`, `0.17.0`, `#PID<0.17.0>` or `to_text()`'s form.
    """
    match = _PID_TEXT.fullmatch(text.strip())
    return None if match is None else (int(match[1]), match[2])


class Identity:
    """A stand-in for another object, shown by its own short text and not by its parts, such as a caller."""

    __slots__ = ()


class Pid:
    """The identity of a process: opaque, comparable, hashable, never pickled.

    >>> import otp
    >>> async def main():
    ...     return str(otp.self()).startswith("<0.")
    >>> otp.run(main)
    True
    """

    __slots__ = ("__weakref__", "_id", "_node")
    _id: int
    _node: Node

    @property
    def id(self) -> int:
        """The number of the process on its node, from 1."""
        _keep_findable(self)
        return self._id

    @property
    def node(self) -> str:
        """The name of the node the process lives on."""
        return self._node.name

    def send(self, message: Any) -> None:
        """Send `message` to the process; never fails, a dead process drops it."""
        raise NotImplementedError

    def to_text(self) -> str:
        """Return a string that `node.parse_pid` turns into the pid again."""
        _keep_findable(self)
        return f"<0.{self._id}.0>@{self._node.name}"

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Pid):
            return NotImplemented
        return (self._node.name, self._id) < (other._node.name, other._id)

    def __str__(self) -> str:
        _keep_findable(self)
        return f"<0.{self._id}.0>"

    def __repr__(self) -> str:
        _keep_findable(self)
        return f"<0.{self._id}.0>"

    def __copy__(self) -> Pid:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Pid:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"cannot pickle pid {self}: a pid is valid only on its node; send str(pid) or register a name")


def _keep_findable(pid: Pid) -> None:
    """Keep the pid's number resolvable to this object while it exists, even after the process ends.

    Equal pids are one object: an `__eq__` and `__hash__` of our own would cost each linked start 3 to 6 %.
    """
    shown: Any = getattr(pid._node, "_shown", None)  # a remote node has its own table
    if shown is not None and pid._id not in shown:
        shown[pid._id] = pid


class Ref:
    """A unique reference: names one monitor, timer or call.

    Two refs are equal only if they are identical; they sort by age on their node.
    """

    __slots__ = ("__weakref__", "_id", "_node")

    def __init__(self, node: Any, number: int) -> None:
        self._node = node
        self._id = number

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Ref):
            return NotImplemented
        return self._id < other._id

    def __repr__(self) -> str:
        return f"#Ref<0.0.{self._id}>"

    def __copy__(self) -> Ref:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Ref:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"cannot pickle {self!r}: a reference is valid only in its own runtime")
