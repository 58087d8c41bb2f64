"""Stopping children, one or many at once: shared by all supervisors, in their own process and callbacks.

Source: OTP's `supervisor.erl`, `shutdown`, `unlink_flush`, `terminate_dynamic_children`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Final, cast

from otp.behaviours.server.child_spec import ChildSpec, Shutdown
from otp.behaviours.supervisor.child_start import here
from otp.kernel.ends.mailbox import merge_batch, receive
from otp.kernel.ends.timers import cancel_timer, start_timer
from otp.kernel.steps.signals import exit as exit_process
from otp.kernel.steps.signals import monitor, unlink
from otp.kernel.tables.child_tasks import UNLIMITED, end_found_tasks, wait_for_tasks
from otp.kernel.values.errors import ReceiveTimeout
from otp.kernel.values.messages import Down, ExitSignal, TimerFired
from otp.kernel.values.process import Process
from otp.kernel.values.reasons import Reason, is_clean, same

__all__ = ["is_expected_end", "stop", "stop_all", "wait_for_tasks_of_children"]

WAVE: Final = 256
"""Dynamic children that are signalled between two checks of which have ended."""


async def stop(
    pid: Any, shutdown: Shutdown | None, signal: Any = "shutdown", *, overdue: set[Any] | None = None
) -> Reason:
    """Shut a child down and return the reason it ended with.

    It gets the exit signal `signal`, and is killed if it lives after `shutdown` seconds; `"brutal_kill"` kills at once.
    Its child tasks have ended as well, and no message of it is left in the mailbox. A child that was killed after
    `shutdown` seconds is added to `overdue`.
    """
    ref = monitor(pid)
    s = ref.runtime.scheduler
    began = s.now_ns()
    _signal(pid, shutdown, signal)
    try:
        down = await receive(ref, timeout="infinity" if shutdown == "brutal_kill" else shutdown)
    except ReceiveTimeout:
        exit_process(pid, "kill")
        if overdue is not None:
            overdue.add(pid)
        down = await receive(ref)
    unlink(pid)
    await wait_for_tasks(s, [(pid, shutdown)], began)

    def is_exit(message: Any) -> bool:
        return type(message) is ExitSignal and message.pid is pid

    try:
        # The reason of the link has precedence: for a child that was already dead, the Down has "noproc".
        return (await receive(is_exit, timeout=0)).reason
    except ReceiveTimeout:
        return down.reason


def _signal(pid: Any, shutdown: Shutdown | None, signal: Any = "shutdown") -> None:
    if shutdown == "brutal_kill":
        exit_process(pid, "kill")
    else:
        if type(pid) is Process and pid.step is not None and shutdown is not None:
            pid.ensure_ext().shutdown = UNLIMITED if shutdown == "infinity" else shutdown
        exit_process(pid, signal)


def is_expected_end(spec: ChildSpec, reason: Reason) -> bool:
    """Return whether a stopped child ended as expected; other ends are reported.

    `"killed"` is expected for `"brutal_kill"` only; a permanent child should end with `"shutdown"`.
    """
    if same(reason, "killed" if spec.shutdown == "brutal_kill" else "shutdown"):
        return True
    return spec.restart != "permanent" and is_clean(reason)


async def stop_all(children: Iterable[tuple[Any, Shutdown | None]], overdue: set[Any]) -> dict[Any, Reason]:
    """Stop many children at once: signal all first, then wait for all together.

    Those with the same `shutdown` time share one timer; children that live when it fires are killed, and added to
    `overdue`. Returns the reason of each.
    """
    work = _Stopping(overdue)
    limits: dict[Any, list[Any]] = {}
    children = list(children)
    me = here()
    s = me.runtime.scheduler
    began = s.now_ns()
    pending = iter(children)
    while wave := list(islice(pending, WAVE)):
        for pid, shutdown in wave:
            work.waiting[monitor(pid)] = pid
            work.stopped[pid] = None
            if shutdown != "brutal_kill" and shutdown != "infinity":
                limits.setdefault(shutdown, []).append(pid)
            _signal(pid, shutdown)
        # A child without cleanup has ended within the signal: check now, while the mailbox is short.
        work.take_arrived()
    for seconds, pids in limits.items():
        late = [pid for pid in pids if pid not in work.reasons]
        if late:
            work.timers[start_timer(seconds, me, "kill")] = late
    while work.waiting:
        work.take(await receive(work.concerns))
        work.take_arrived()
    for timer in work.timers:
        cancel_timer(timer)
    for pid in work.stopped:
        unlink(pid)
    work.take_arrived()
    await wait_for_tasks(s, children, began)
    return {**work.reasons, **work.exits}


async def wait_for_tasks_of_children(me: Process) -> None:
    """Wait for the child tasks of children that ended earlier, so that they end with their supervisor."""
    s = me.runtime.scheduler
    end_found_tasks(s)
    await wait_for_tasks(s, [(p, None) for p, left in s.leftover.items() if left.parent is me])


class _Stopping:
    """The children still being waited for, and the messages received about them."""

    __slots__ = ("exits", "overdue", "reasons", "stopped", "timers", "waiting")

    def __init__(self, overdue: set[Any]) -> None:
        self.overdue = overdue
        self.waiting: dict[Any, Any] = {}  # ref of a monitor -> pid
        self.stopped: dict[Any, None] = {}
        self.reasons: dict[Any, Reason] = {}  # reasons of the monitors
        self.exits: dict[Any, Reason] = {}  # reasons of the links, which have precedence
        self.timers: dict[Any, list[Any]] = {}  # ref of a timer -> children it kills

    def concerns(self, message: Any) -> bool:
        kind = cast("Any", type(message))
        if kind is Down:
            return message.ref in self.waiting
        if kind is ExitSignal:
            return message.pid in self.stopped
        return kind is TimerFired and message.ref in self.timers

    def take(self, message: Any) -> None:
        kind = cast("Any", type(message))
        if kind is Down:
            self.reasons[self.waiting.pop(message.ref)] = message.reason
        elif kind is ExitSignal:
            self.exits[message.pid] = message.reason
        else:
            for pid in self.timers.pop(message.ref):
                if pid not in self.reasons:
                    exit_process(pid, "kill")
                    self.overdue.add(pid)

    def take_arrived(self) -> None:
        for message in _take_all(self.concerns):
            self.take(message)


def _take_all(matching: Callable[[Any], bool]) -> list[Any]:
    """Return all matching messages that have arrived, oldest first, in one pass over the mailbox."""
    me = here()
    merge_batch(me)
    mailbox = me.mailbox
    if not mailbox:
        return []
    taken: list[Any] = []
    kept: list[Any] = []
    for message in mailbox:
        (taken if matching(message) else kept).append(message)
    if taken:
        mailbox.clear()
        mailbox.extend(kept)
        if me.ext is not None:
            me.ext.mark = 0
    return taken
