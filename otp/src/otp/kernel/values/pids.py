"""Identities: `Pid` names a process, `Ref` one monitor, timer or call.

A local pid *is* the process object. Its slots belong to the packages of `otp`: `dir` shows programs only the names
documented here.
"""

from __future__ import annotations

import re
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node


_PID_TEXT = re.compile(r"(?:#PID)?<?0\.(\d+)\.0>?(?:@(.+))?")


def parse_pid_number(text: str) -> tuple[int, str | None] | None:
    """Return the process number, and the node name if given, from a pid's text.

    The text is `<0.17.0>`, `0.17.0`, `#PID<0.17.0>` or `to_text()`'s form.
    """
    match = _PID_TEXT.fullmatch(text.strip())
    return None if match is None else (int(match[1]), match[2])


class HiddenSlots:
    """A base class that hides its slots from `dir`: they are for the packages of `otp` only."""

    __slots__ = ()

    def __dir__(self) -> list[str]:
        kind = type(self)
        return [name for name in object.__dir__(self) if type(getattr(kind, name, None)) is not MemberDescriptorType]


class Identity(HiddenSlots):
    """A stand-in for another object, shown by its own short text and not by its parts, such as a caller."""

    __slots__ = ()


class Pid(HiddenSlots):
    """The identity of a process: opaque, comparable, hashable, never pickled.

    >>> import otp
    >>> async def main():
    ...     return str(otp.self()).startswith("<0.")
    >>> otp.run(main)
    True
    """

    __slots__ = ("__weakref__", "number", "runtime")
    number: int
    runtime: Node

    @property
    def id(self) -> int:
        """The number of the process on its node, from 1."""
        _keep_findable(self)
        return self.number

    @property
    def node(self) -> str:
        """The name of the node the process lives on."""
        return self.runtime.name

    def send(self, message: Any) -> None:
        """Send `message` to the process; never fails, a dead process drops it."""
        raise NotImplementedError

    def to_text(self) -> str:
        """Return a string that `node.parse_pid` turns into the pid again."""
        _keep_findable(self)
        return f"<0.{self.number}.0>@{self.runtime.name}"

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Pid):
            return NotImplemented
        return (self.runtime.name, self.number) < (other.runtime.name, other.number)

    def __str__(self) -> str:
        _keep_findable(self)
        return f"<0.{self.number}.0>"

    def __repr__(self) -> str:
        _keep_findable(self)
        return f"<0.{self.number}.0>"

    def __copy__(self) -> Pid:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Pid:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"cannot pickle pid {self}: a pid is valid only on its node; send str(pid) or register a name")


def _keep_findable(pid: Pid) -> None:
    """Keep the pid's number resolvable to this object while it exists, even after the process ends.

    Equal pids are one object: an `__eq__` and `__hash__` of our own would cost each linked start 3 to 6 %. Without the
    entry: test_the_text_of_a_dead_pid_leads_to_an_equal_pid.
    """
    shown: Any = getattr(pid.runtime, "shown_pids", None)  # a remote node has its own table
    if shown is not None and pid.number not in shown:
        shown[pid.number] = pid


class Ref(HiddenSlots):
    """A unique reference: names one monitor, timer or call.

    Two refs are equal only if they are identical; they sort by age on their node.
    """

    __slots__ = ("__weakref__", "number", "runtime")

    def __init__(self, node: Any, number: int) -> None:
        self.runtime: Any = node
        self.number: int = number

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Ref):
            return NotImplemented
        return self.number < other.number

    def __repr__(self) -> str:
        return f"#Ref<0.0.{self.number}>"

    def __copy__(self) -> Ref:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Ref:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"cannot pickle {self!r}: a reference is valid only in its own runtime")


# The type of a name that others must grant.


class GrantedName(Protocol):
    """A name that others must grant: for `name=` of a start, with a table that is shared with other programs.

    A start calls `register`, creates the process and awaits `grant` in it; then `init` runs. The starter waits for
    both. If the grant is refused, fails or takes longer than 5 seconds, or if the process or its starter ends before,
    the start fails, `grant` is cancelled, and `unregister` is called in the step in which the process ends.

    A process that was granted its name keeps it until it ends; the object takes it back then, as `Registry.via` does.

    >>> import asyncio, otp
    >>> from otp import GenServer, Ok, impl
    >>> owners = {}
    >>> class Shared:
    ...     def __init__(self, key):
    ...         self.key = key
    ...
    ...     def whereis(self):
    ...         return owners.get(self.key)
    ...
    ...     def register(self, pid):
    ...         return True  # nothing to do here before the others have answered
    ...
    ...     def unregister(self, pid):
    ...         if owners.get(self.key) == pid:
    ...             del owners[self.key]
    ...
    ...     async def grant(self, pid):
    ...         await asyncio.sleep(0.01)  # stands for a question to the others
    ...         return owners.setdefault(self.key, pid) == pid
    >>> class Lobby(GenServer):
    ...     @impl
    ...     def init(self, arg):
    ...         return Ok(arg)
    >>> async def main():
    ...     starts = [Lobby.start(name=Shared("lobby")) for _ in range(2)]
    ...     first, second = await asyncio.gather(*starts, return_exceptions=True)
    ...     return first == owners["lobby"] == second.pid, type(second).__name__
    >>> otp.run(main)
    (True, 'AlreadyStarted')
    """

    def whereis(self) -> Pid | None:
        """Return the process, or None."""
        ...

    def register(self, pid: Pid) -> bool:
        """Claim the name for `pid` as far as this is possible at once; False if it is taken."""
        ...

    def unregister(self, pid: Pid) -> object:
        """Take back what `pid` has claimed, also what a cancelled `grant` may still get; it may have claimed nothing.

        May be called more than once.
        """

    async def grant(self, pid: Pid) -> bool:
        """Return True if `pid` has the name from now on, False if another process has it.

        Runs in the process `pid`. False fails the start with `AlreadyStarted(whereis())`, a raised `StartError` with
        that error. Any other exception is a crash of the process; its reason is that of the failed start.
        """
        ...
