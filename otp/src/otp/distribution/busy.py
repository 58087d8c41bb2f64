"""`Busy`: more was sent to a node than may wait for it."""

from __future__ import annotations

from otp.kernel.values.errors import Error

__all__ = ["Busy"]


class Busy(Error):
    """A message that was not sent, since too much waits for the node: four times `Settings.buffer`.

    `.node` is its name. A process that sends from a `receive` or a callback is suspended long before.

    >>> from otp.cluster import Busy
    >>> Busy("b").reason
    ('busy', 'b')

    Difference from Erlang/OTP: a send there suspends the process; here it is suspended at its next receive, call or end
    of a callback.
    """

    def __init__(self, node: str) -> None:
        super().__init__(("busy", node))
        self.node = node

    def __str__(self) -> str:
        return f"node {self.node!r} takes no more now; try `await distribution.drained({self.node!r})` between messages"
