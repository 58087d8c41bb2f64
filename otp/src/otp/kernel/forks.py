"""Forks of the process of the operating system: the schedulers of the thread that forks stay with the parent.

The event loop goes on in the parent alone. In the fork all that uses a node raises `BadArgument`; a node of its own may
be begun there.
"""

from __future__ import annotations

import functools
import os
from typing import NoReturn

from otp.kernel.scheduler import Scheduler, here, thread

__all__ = ["watch_forks"]


@functools.cache
def watch_forks() -> None:
    """Have each fork leave the schedulers of its thread to its parent.

    The first scheduler registers this, not the import. To compare process numbers in each `spawn` and `call` would take
    a system call.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_in_fork)


def _in_fork() -> None:
    schedulers = tuple(thread.by_loop.values())
    thread.by_loop.clear()
    here.last = None
    for s in schedulers:
        thread.is_fork = True
        s.forget_work()
        s.owned = _nowhere
        s.post = _RefusingPost(s)
        for same_name in s.nodes.values():
            for node in same_name:
                node._watched = True  # each message goes by way of the post


def _nowhere() -> bool:
    return False


class _RefusingPost:
    """The post of a scheduler in a fork, where a message would wait in a mailbox that nothing reads."""

    __slots__ = ("_s",)

    def __init__(self, s: Scheduler) -> None:
        self._s: Scheduler = s

    def __getattr__(self, name: str) -> NoReturn:
        self._s.check_os_process("a message, an answer or a signal")
        raise AttributeError(name)
