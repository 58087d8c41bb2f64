"""Time that passes while programs stand still, as on a suspended machine."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable

__all__ = ["continue_all", "pass_time", "stop_all"]


def stop_all(pids: Iterable[int]) -> None:
    """Stop programs, in this order."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)


def continue_all(pids: Iterable[int]) -> None:
    """Continue programs, in this order."""
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


def pass_time(seconds: float) -> None:
    """Let time pass; the loop of the calling thread is held."""
    threading.Event().wait(seconds)
