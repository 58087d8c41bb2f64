"""Injected faults in a running node: what happens to messages on their way to a process.

A process with a fault is in focus of a reader that receives almost nothing, so its messages take the slow path and all
other processes pay nothing. (The deterministic scheduler of `otp.testing` has its own faults, which are part of the
schedule.)
"""

# Messages are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final, Literal

from otp.kernel.ends.death import exit_signal
from otp.kernel.ends.mailbox import deliver, fail, forget
from otp.kernel.tables.callers import call_of, unwrap_message
from otp.kernel.tables.debugging import with_debug
from otp.kernel.values.messages import Down, ExitSignal, Monitor, unwatch, watch
from otp.kernel.values.process import DEAD, EXITING, INJECTED, REMOTE, Process
from otp.kernel.values.results import Callbacks

if TYPE_CHECKING:
    from otp.kernel.tables.tracing import Subscription


LOST: Final = "lost"

LATE: Final = "late"

Fate = Literal["lost", "late"]

"""The effect of a fault on a message: it never arrives, or arrives later."""

QUIET: Final = 1  # events per second for the reader that only keeps a process in focus


class Fault:
    """A fault that is active on one process; `hits` counts the affected messages."""

    __slots__ = ("_act", "_left", "_matches", "_monitor", "_subscription", "ended", "hits", "target")

    def __init__(
        self,
        target: Process,
        matches: Callable[[Any], bool],
        act: Callable[[Process, Any], Fate],
        times: int | None,
        ended: Callable[[], object] | None,
    ) -> None:
        self.target: Process = target
        self.hits: int = 0
        self.ended: Callable[[], object] | None = ended
        self._matches = matches
        self._act = act
        self._left = times
        node = target.runtime
        self._subscription: Subscription = node.tracer.add(
            lambda _event: None, frozenset({"sent"}), (target,), None, QUIET, focus=True
        )
        if node.faults is None:
            node.faults = Faults()
        node.faults.of.setdefault(target, []).append(self)
        self._monitor: Monitor = watch(target, lambda _reason: self.heal())

    def meet(self, dest: Process, message: Any) -> Fate | None:
        """Return the fate of a message; None if the fault does not apply to it."""
        if not self._matches(message):
            return None
        self.hits += 1
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                self.heal()
        hold_call(dest, message)
        return self._act(dest, message)

    def heal(self) -> None:
        """End the fault; delayed messages still arrive. Calling it twice has no effect."""
        node = self.target.runtime
        faults = node.faults
        mine = None if faults is None else faults.of.get(self.target)
        if faults is None or mine is None or self not in mine:
            return
        mine.remove(self)
        if not mine:
            del faults.of[self.target]
        if not faults.of:
            node.faults = None
        self._subscription.close()
        unwatch(self._monitor)
        if self.ended is not None:
            self.ended()


class Faults:
    """The active faults of a node."""

    __slots__ = ("_handing_over", "of")

    def __init__(self) -> None:
        self.of: dict[Process, list[Fault]] = {}
        self._handing_over = False

    def fate(self, dest: Process, message: Any) -> Fate | None:
        """Return the fate of a message to `dest`; None without a fault. Signals and system messages are exempt."""
        kind = type(message)
        if self._handing_over or kind is Down or kind is ExitSignal or unwrap_message(message)[0] == "system":
            return None
        for fault in tuple(self.of.get(dest, ())):
            fate = fault.meet(dest, message)
            if fate is not None:
                return fate
        return None

    def hand_over(self, dest: Process, message: Any) -> None:
        """Deliver a delayed message."""
        self._handing_over = True
        try:
            arrive(dest, message)
        finally:
            self._handing_over = False


def hold_call(dest: Process, message: Any) -> None:
    """Note a call whose request is lost or late as unanswered: the end of the server still fails its caller."""
    frm = call_of(message)
    if frm is not None and dest.status not in (DEAD, EXITING, INJECTED, REMOTE):
        x = dest.ensure_ext()
        if x.unanswered is None:
            x.unanswered = {}
        x.unanswered[frm] = INJECTED


def arrive(dest: Process, message: Any) -> None:
    """Deliver a late message; a call is then pending in the mailbox, not lost."""
    frm = call_of(message)
    if frm is not None and dest.callbacks is not None and frm is message:
        forget(frm)
    deliver(dest, message)


def late(ns: int) -> Callable[[Process, Any], Fate]:
    """Return a fault that delays messages by `ns` nanoseconds."""

    def act(dest: Process, message: Any) -> Fate:
        s = dest.runtime.scheduler
        s.call_at(s.now_ns() + ns, lambda _timer: _hand_over(dest, message))
        return LATE

    return act


def crashing(reason: Any) -> Callable[[Process, Any], Fate]:
    """Return a fault that ends the process before the message is delivered."""

    def act(dest: Process, message: Any) -> Fate:
        if dest.status != DEAD:
            end_receiver(dest, message, reason)
        return LOST

    return act


def end_receiver(dest: Process, message: Any, reason: Any) -> None:
    """End the receiver of a message, which is lost; the caller of a lost call gets the reason."""
    exit_signal(dest, dest.runtime.outside, reason, False)
    frm = call_of(message)
    if frm is not None and dest.status == DEAD:  # the caller does not wait yet
        s = dest.runtime.scheduler
        s.loop.call_soon(fail, frm, "killed" if reason == "kill" else reason, context=s.base_context)


def _hand_over(dest: Process, message: Any) -> None:
    """Deliver a delayed message, whatever faults are active by then."""
    faults: Faults | None = dest.runtime.faults
    if faults is None:
        arrive(dest, message)
    else:
        faults.hand_over(dest, message)


# A fault that makes the callbacks of a server slow.


SLOWED: Final = ("handle_call", "handle_cast", "handle_info")


class Slowness:
    """A delay in front of each callback of `target`, like that of a slow disk.

    `hits` counts the callbacks. Meanwhile the server is busy and its mailbox grows; other processes continue. A code
    change also ends the delay.
    """

    __slots__ = ("_base", "_monitor", "_own", "_seconds", "ended", "hits", "target")

    def __init__(self, target: Process, seconds: float, ended: Callable[[], object] | None) -> None:
        self.target: Process = target
        self.hits: int = 0
        self.ended: Callable[[], object] | None = ended
        self._seconds = seconds
        self._base: Callbacks = target.callbacks
        self._own = own = Callbacks.__new__(Callbacks)
        for name in Callbacks.__slots__:
            setattr(own, name, getattr(self._base, name))
        for name in SLOWED:
            setattr(own, name, self._slowed(getattr(self._base, name)))
        target.callbacks = own
        self._monitor: Monitor = watch(target, lambda _reason: self.heal())

    def _slowed(self, callback: Callable[..., Any]) -> Callable[..., Any]:
        async def slowly(*args: Any) -> Any:
            self.hits += 1
            await asyncio.sleep(self._seconds)
            result = callback(*args)
            return await result if type(result) is CoroutineType else result

        return slowly

    def heal(self) -> None:
        """Go on at full speed, after the callback that waits now. Calling it twice has no effect."""
        ended, self.ended = self.ended, None
        unwatch(self._monitor)
        callbacks: Callbacks | None = self.target.callbacks
        if callbacks is self._own:
            self.target.callbacks = self._base
        elif callbacks is not None and callbacks.debug is not None and callbacks.debug.base is self._own:
            self.target.callbacks = with_debug(callbacks.debug, self._base)
        if ended is not None:
            ended()
