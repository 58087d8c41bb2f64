"""What the kernel asks of the node of a process that is elsewhere (its state is `REMOTE`).

`otp.distribution` brings such nodes. The kernel knows of them what stands here, and asks for it only where a process
turns out not to be one of this runtime.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from otp.kernel.monitors import Monitor
    from otp.kernel.node import Node
    from otp.kernel.process import Process

__all__ = ["Elsewhere", "elsewhere"]


class Elsewhere(Protocol):
    """The node of a process that is elsewhere. Nothing here waits, and nothing raises because nobody is there."""

    home: Node
    """The node of this runtime to which it is known."""

    def forward(self, dest: Process, message: Any) -> None:
        """Bring a message, a cast, a call or a `Down` to `dest`."""

    def exit(self, p: Process, sender: Process, reason: Any, linked: bool) -> None:
        """Bring an exit signal to `p`."""

    def link(self, me: Process, p: Process) -> None:
        """Link `me` with `p`."""

    def unlink(self, me: Process, p: Process) -> None:
        """Take that back."""

    def monitor(self, ref: Monitor) -> None:
        """A new monitor watches a process there."""

    def demonitor(self, ref: Monitor) -> None:
        """It is taken back."""


def elsewhere(p: Process) -> Elsewhere:
    """The node of a process whose state is `REMOTE`."""
    return cast("Elsewhere", p._node)  # pyright: ignore[reportPrivateUsage]
