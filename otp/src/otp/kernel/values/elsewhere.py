"""The interface between the kernel and the node of a remote process (state `REMOTE`).

`otp.distribution` provides such nodes. The kernel uses only this protocol, and only where a process turns out to be
remote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node
    from otp.kernel.values.messages import Monitor
    from otp.kernel.values.process import Process


class Elsewhere(Protocol):
    """The node of a remote process. No method waits, and none raises because the process is missing."""

    home: Node
    """The node of this runtime that is connected to it."""

    def forward(self, dest: Process, message: Any) -> None:
        """Deliver a message, a cast, a call or a `Down` to `dest`."""

    def exit(self, p: Process, sender: Process, reason: Any, linked: bool) -> None:
        """Deliver an exit signal to `p`."""

    def link(self, me: Process, p: Process) -> None:
        """Link `me` with `p`."""

    def unlink(self, me: Process, p: Process) -> None:
        """Remove the link."""

    def monitor(self, ref: Monitor) -> None:
        """Install a monitor for a process there."""

    def demonitor(self, ref: Monitor) -> None:
        """Remove a monitor."""


def elsewhere(p: Process) -> Elsewhere:
    """Return the node of a process whose state is `REMOTE`."""
    return cast("Elsewhere", p.runtime)
