"""Messages that the runtime itself sends: immutable, made for `match`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, final

from otp.kernel.pids import Pid, Ref

if TYPE_CHECKING:
    from otp.kernel.terms import Monitored

__all__ = ["Down", "ExitSignal", "NodeDown", "NodeUp", "Timeout", "TimerFired"]


class Down(NamedTuple):
    """The end of a monitored process, or `"noproc"` if it did not exist.

    `item` is the pid, or `(name, node)` for a monitor by name.
    """

    ref: Ref
    item: Monitored
    reason: Any


class ExitSignal(NamedTuple):
    """An exit signal, as a process that traps exits receives it (Erlang's `{'EXIT', Pid, Reason}`)."""

    pid: Pid
    reason: Any


@final
class Timeout:
    """The expiry of the `timeout=` of a callback's result, for `handle_info`. All instances are equal."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timeout)

    def __hash__(self) -> int:
        return hash(Timeout)

    def __repr__(self) -> str:
        return "Timeout()"


class TimerFired(NamedTuple):
    """The expiry of a timer of `start_timer` (Erlang's `{timeout, Ref, Msg}`)."""

    ref: Ref
    message: Any


class NodeUp(NamedTuple):
    """A node joined. `incarnation` is the creation of its `NodeId`; messages about the same name are equal.

    >>> NodeUp("b", 7) == NodeUp("b"), NodeUp("b") == NodeDown("b")
    (True, False)
    """

    node: str
    incarnation: int = 0

    def __eq__(self, other: object) -> bool:
        return type(other) is NodeUp and other.node == self.node

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((NodeUp, self.node))


class NodeDown(NamedTuple):
    """A node was lost. `incarnation` is the creation of its `NodeId`; messages about the same name are equal."""

    node: str
    incarnation: int = 0

    def __eq__(self, other: object) -> bool:
        return type(other) is NodeDown and other.node == self.node

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((NodeDown, self.node))
