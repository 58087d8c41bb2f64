"""Properties of the running code: `self`, `node`, `monotonic`, `make_ref` and the random source."""

from __future__ import annotations

import random as random_module
import time
from typing import TYPE_CHECKING

from otp.kernel.tables.names import node_here
from otp.kernel.tables.scheduler import current_process, find_scheduler
from otp.kernel.values.pids import Pid, Ref

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node


def self() -> Pid:
    """Return the pid of the running process, in a child task that of the owning process.

    Raises `NotAProcess` outside. Write `otp.self()`.
    """
    return current_process(
        "otp.self()", "begin the program with otp.run(main); a web handler has no pid, and needs none"
    )


def monotonic() -> float:
    """Return the scheduler's clock in seconds: monotonic in production, virtual in tests."""
    s = find_scheduler()
    return time.monotonic() if s is None else s.now_ns() / 1e9


def node() -> Node:
    """Return the node of the running process.

    Outside a process, returns the only node of this event loop. Raises `BadArgument` if the loop has no node, or
    several. Unlike Erlang's `node/0`, it returns the `Node`; its `.name` is what Erlang returns.

    >>> import otp
    >>> async def main():
    ...     return otp.self() in otp.node().processes()
    >>> otp.run(main)
    True
    """
    return node_here("otp.node()")


def make_ref() -> Ref:
    """Return a new reference, equal only to itself."""
    return node_here("make_ref()").make_ref()


def random_here() -> random_module.Random:
    """Return the scheduler's random source (`otp.random`): seeded in a deterministic run."""
    s = find_scheduler()
    return random_module.Random() if s is None else s.random
