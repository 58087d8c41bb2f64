"""Forks of the OS process: schedulers of the forking thread stay with the parent.

The event loop continues in the parent only. In the fork, everything that uses a node raises `BadArgument`; a new node
may be started there. Signals sent to the fork use the handlers from before `otp.run`. A fork that comes back into the
process that forked, or into the loop of `otp.run`, is ended; see `leaving`.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
import threading
from asyncio import AbstractEventLoop
from collections.abc import Generator
from typing import Any, NoReturn

from otp.kernel.ends.death import Fatal
from otp.kernel.tables.scheduler import Scheduler, here, thread
from otp.kernel.values.leaving import FORKED, leave_fork


@functools.cache
def watch_forks() -> Forks:
    """Make each fork leave its thread's schedulers and the signals of `otp.run` to the parent.

    The first program or scheduler registers this, not the import. Comparing process ids in each `spawn` and `call`
    would take a system call.
    """
    forks = Forks()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=forks.hold_signals, after_in_parent=forks.release_signals, after_in_child=forks.in_child
        )
    return forks


class Forks:
    """The signals whose handlers a fork does not inherit, and the loops in which it must not go on.

    There is one object for the whole OS process. The handlers of an event loop write into a socket shared by parent and
    fork. A signal to the fork would be handled by the parent and would not end the fork.
    """

    __slots__ = ("_loops", "_taken")

    def __init__(self) -> None:
        self._loops: dict[int, AbstractEventLoop] = {}  # by thread
        self._taken: dict[int, tuple[Any, Any]] = {}

    @contextlib.contextmanager
    def parents_signal(self, number: int, before: Any) -> Generator[None, None, None]:
        """Restore the handler `before` in each fork that is created in the block; the parent's is installed."""
        self._taken[number] = (signal.getsignal(number), before)
        try:
            yield
        finally:
            self._taken.pop(number, None)

    @contextlib.contextmanager
    def parents_loop(self, loop: AbstractEventLoop) -> Generator[None, None, None]:
        """End each fork of this thread that comes back into `loop` or leaves the block."""
        number, parent = threading.get_ident(), os.getpid()
        self._loops[number] = loop
        try:
            yield
        finally:
            if os.getpid() != parent:
                leave_fork(sys.exception())
            self._loops.pop(number, None)

    def hold_signals(self) -> None:
        """Block these signals until the fork can handle them: Python loses those that come earlier."""
        if self._taken:
            thread.signal_mask = signal.pthread_sigmask(signal.SIG_BLOCK, self._taken)

    def release_signals(self) -> None:
        """Unblock the signals of the forking thread."""
        mask, thread.signal_mask = thread.signal_mask, None
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def in_child(self) -> None:
        """Leave schedulers and signals to the parent. The forking thread is the fork's main thread."""
        _leave_schedulers()
        loop = self._loops.pop(threading.get_ident(), None)
        if loop is not None:
            getattr(loop, "_ready", []).clear()  # the parent runs them; uvloop does not show them
            loop.call_soon(leave_fork)
        self._loops.clear()
        if self._taken:
            signal.set_wakeup_fd(-1)
            handlers = [handler for handler, _ in self._taken.values()]
            for number, (_, before) in self._taken.items():
                if signal.getsignal(number) in handlers:  # else the program has since installed another one
                    signal.signal(number, before)
            self._taken.clear()
        self.release_signals()


def _leave_schedulers() -> None:
    schedulers = tuple(thread.by_loop.values())
    thread.by_loop.clear()
    here.last = None
    for s in schedulers:
        thread.is_fork = True
        if s.current is not None:
            s.current.signal = Fatal(FORKED, None, 0, True)  # ends the fork when its code ends or waits
        s.forget_work()
        s.lock = _HeldNowhere()
        s.post = _RefusingPost(s)
        for same_name in s.nodes.values():
            for node in same_name:
                node.watched = True  # routes each message through `scheduler.post`


class _HeldNowhere:
    """The lock of a scheduler in a fork, where no thread runs its loop."""

    __slots__ = ()

    def _is_owned(self) -> bool:
        return False


class _RefusingPost:
    """The post of a scheduler in a fork, where nothing would read a message."""

    __slots__ = ("_s",)

    def __init__(self, s: Scheduler) -> None:
        self._s: Scheduler = s

    def __getattr__(self, name: str) -> NoReturn:
        self._s.check_os_process("a message, an answer or a signal")
        raise AttributeError(name)
