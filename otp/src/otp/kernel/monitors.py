"""Monitors: who is told of a process's end.

The usual process is watched by nobody or once, so `Process._mons` is `None`, one `Monitor`, or a dict of them; a
dict for each watched process would cost more than all the rest of its end.
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
    """The reference of a monitor: who watches (a process, or a function of the runtime), whom, and by what name."""

    __slots__ = ("_item", "_target", "_watcher")
    _item: Any
    _target: Process | None
    _watcher: Process | Callable[[Any], object]


def watch(p: Process, watcher: Process | Callable[[Any], object], item: Any = None) -> Monitor:
    """Let `watcher` be told of the end of `p`, a process of this runtime: by a `Down`, or a call with the reason."""
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
    """As `watch`, for a process that may be elsewhere: the usual one is not, and needs not be asked."""
    ref = watch(p, watcher, item)
    if p._st == REMOTE:
        elsewhere(p).monitor(ref)
    return ref


def unwatch(ref: Monitor) -> None:
    """Take a monitor back; nothing if its process has ended."""
    p = ref._target
    if p is not None:
        mons = p._mons  # as `forget_monitor`, without the call
        if mons is ref:
            p._mons = None
        elif type(mons) is dict:
            mons.pop(ref, None)
        if p._st == REMOTE:
            elsewhere(p).demonitor(ref)


def forget_monitor(p: Process, ref: Monitor) -> None:
    """Take a monitor out of the table of the process that it watches."""
    mons = p._mons
    if mons is ref:
        p._mons = None
    elif type(mons) is dict:
        mons.pop(ref, None)


def watchers_of(p: Process) -> tuple[Process, ...]:
    """The processes that watch `p`, once for each monitor; waits of the runtime itself are left out."""
    mons = p._mons
    if mons is None:
        return ()
    refs = tuple(mons) if type(mons) is dict else (mons,)
    return tuple(ref._watcher for ref in refs if isinstance(ref._watcher, Process))


def monitors_of(p: Process) -> tuple[Any, ...]:
    """What `p` watches, in order of making: pids, or `(name, node)` for a monitor by name."""
    x = p._x
    return () if x is None or not x.mrefs else tuple(ref._item for ref in x.mrefs)
