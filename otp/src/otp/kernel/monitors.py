"""Monitors: notifications of the end of a process.

Most processes have no monitor or one, so `Process._mons` is `None`, one `Monitor`, or a dict of them; a dict for each
would cost more than everything else at the end of a process.
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otp.kernel.elsewhere import elsewhere
from otp.kernel.pids import Ref
from otp.kernel.process import Process
from otp.kernel.states import REMOTE

__all__ = ["Monitor", "forget_monitor", "monitors_of", "unwatch", "watch", "watch_anywhere", "watchers_of"]


class Monitor(Ref):
    """The reference of a monitor: its owner (a process or a runtime function), its target and the target's name."""

    __slots__ = ("_item", "_target", "_watcher")
    _item: Any
    _target: Process | None
    _watcher: Process | Callable[[Any], object]


def watch(p: Process, watcher: Process | Callable[[Any], object], item: Any = None) -> Monitor:
    """Notify `watcher` of the end of `p`, a local process: by a `Down`, or a call with the reason."""
    node = p._node
    n = node._next_ref
    node._next_ref = n + 1
    ref = Monitor(node, n)
    ref._watcher = watcher
    ref._target = p
    ref._item = item
    mons = p._mons
    if mons is None:
        p._mons = ref
    elif type(mons) is dict:
        mons[ref] = None
    else:
        p._mons = {mons: None, ref: None}
    return ref


def watch_anywhere(p: Process, watcher: Process | Callable[[Any], object], item: Any = None) -> Monitor:
    """Like `watch`, for a process that may be remote; a local one is not checked twice."""
    ref = watch(p, watcher, item)
    if p._st == REMOTE:
        elsewhere(p).monitor(ref)
    return ref


def unwatch(ref: Monitor) -> None:
    """Remove a monitor; no effect if its process has ended."""
    p = ref._target
    if p is not None:
        mons = p._mons  # like `forget_monitor`, without the call
        if mons is ref:
            p._mons = None
        elif type(mons) is dict:
            mons.pop(ref, None)
        if p._st == REMOTE:
            elsewhere(p).demonitor(ref)


def forget_monitor(p: Process, ref: Monitor) -> None:
    """Remove a monitor from the table of the process that it watches."""
    mons = p._mons
    if mons is ref:
        p._mons = None
    elif type(mons) is dict:
        mons.pop(ref, None)


def watchers_of(p: Process) -> tuple[Process, ...]:
    """Return the processes that monitor `p`, once per monitor; waits of the runtime are left out."""
    mons = p._mons
    if mons is None:
        return ()
    refs = tuple(mons) if type(mons) is dict else (mons,)
    return tuple(ref._watcher for ref in refs if isinstance(ref._watcher, Process))


def monitors_of(p: Process) -> tuple[Any, ...]:
    """Return the targets of the monitors of `p`, in order of creation: pids, or `(name, node)`."""
    x = p._x
    return () if x is None or not x.mrefs else tuple(ref._item for ref in x.mrefs)
