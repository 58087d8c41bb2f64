"""Memory of sandboxes as the operating system counts it."""

from __future__ import annotations

from collections.abc import Iterable

import otp
from otp.peer.meter import resident
from superlearner.sandbox.record import Sandbox

__all__ = ["memory_of"]


async def memory_of(sandboxes: Iterable[Sandbox]) -> dict[str, int]:
    """Return the bytes in memory of all processes of each sandbox on this machine, by id.

    Args:
        sandboxes: some of them may have ended.

    >>> import otp
    >>> from superlearner.sandbox.memory import memory_of
    >>> from superlearner.sandbox.record import Configuration, Sandbox
    >>> ended = Sandbox("a", "owner", "sandbox-a@127.0.0.1", Configuration("demo"), 0.0, status="ended")
    >>> otp.run(lambda: memory_of([ended]))
    {}
    """
    here = [one for one in sandboxes if one.configuration.member is None]
    pids = {one.id: one.os_pid for one in here if one.os_pid is not None}
    return await otp.Task.run_blocking(lambda: _measured(pids)) if pids else {}


def _measured(pids: dict[str, int]) -> dict[str, int]:
    return {id: taken for id, pid in pids.items() if (taken := resident(pid))}
