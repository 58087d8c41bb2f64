"""Forks of the process of the operating system: the schedulers of the thread that forks stay with the parent.

The event loop goes on in the parent alone. In the fork all that uses a node raises `BadArgument`; a node of its own may
be begun there. Signals sent to the fork are its own: it gets the handlers that were there before `otp.run`.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
from collections.abc import Generator
from typing import Any, NoReturn

from otp.kernel.scheduler import Scheduler, here, thread

__all__ = ["Forks", "watch_forks"]


@functools.cache
def watch_forks() -> Forks:
    """Have each fork leave the schedulers of its thread, and the signals of `otp.run`, to its parent.

    The first program or scheduler registers this, not the import. To compare process numbers in each `spawn` and `call`
    would take a system call.
    """
    forks = Forks()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=forks.hold_signals, after_in_parent=forks.release_signals, after_in_child=forks.in_child
        )
    return forks


class Forks:
    """The signals whose handlers a fork does not inherit; one object, as the handlers are of the whole OS process.

    The handlers of an event loop write into a socket that parent and fork share. A signal to the fork would be handled
    by the parent, and not end the fork.
    """

    __slots__ = ("_taken",)

    def __init__(self) -> None:
        self._taken: dict[int, tuple[Any, Any]] = {}

    @contextlib.contextmanager
    def parents_signal(self, number: int, before: Any) -> Generator[None, None, None]:
        """Restore the handler `before` in each fork that is made in a block; the parent's is installed already."""
        self._taken[number] = (signal.getsignal(number), before)
        try:
            yield
        finally:
            self._taken.pop(number, None)

    def hold_signals(self) -> None:
        """Hold these signals back until the fork can handle them: Python forgets those that come earlier."""
        if self._taken:
            thread.signal_mask = signal.pthread_sigmask(signal.SIG_BLOCK, self._taken)

    def release_signals(self) -> None:
        """Let the signals of the thread that forked arrive again."""
        mask, thread.signal_mask = thread.signal_mask, None
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def in_child(self) -> None:
        """Leave schedulers and signals to the parent. The thread that forked is the main thread of the fork."""
        _leave_schedulers()
        if self._taken:
            signal.set_wakeup_fd(-1)
            handlers = [handler for handler, _ in self._taken.values()]
            for number, (_, before) in self._taken.items():
                if signal.getsignal(number) in handlers:  # else the program has chosen another one since
                    signal.signal(number, before)
            self._taken.clear()
        self.release_signals()


def _leave_schedulers() -> None:
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
