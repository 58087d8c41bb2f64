"""What the running code may ask about where it runs: `self`, `monotonic`, `make_ref`, the random source."""

from __future__ import annotations

import random as random_module
import time

from otp.kernel.names import node_here
from otp.kernel.pids import Pid, Ref
from otp.kernel.scheduler import current_process, find_scheduler

__all__ = ["make_ref", "monotonic", "random_here", "self"]


def self() -> Pid:
    """The pid of the running process; in a child task that of the owning process.

    Raises `NotAProcess` outside. Write `otp.self()`.
    """
    return current_process("otp.self()")


def monotonic() -> float:
    """The clock of the scheduler in seconds: monotonic in production, virtual under test."""
    s = find_scheduler()
    return time.monotonic() if s is None else s.now_ns() / 1e9


def make_ref() -> Ref:
    """A fresh reference, equal to nothing but itself."""
    return node_here("make_ref()").make_ref()


def random_here() -> random_module.Random:
    """The scheduler's random source (`otp.random`): seeded in a deterministic run."""
    s = find_scheduler()
    return random_module.Random() if s is None else s.random
