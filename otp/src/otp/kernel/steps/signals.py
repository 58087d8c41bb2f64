"""Links, monitors and exit signals: the public functions.

Source: Erlang reference manual, Processes, "Links", "Monitors", "Sending exit signals".
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
from asyncio import CancelledError
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, TypeVar, cast, overload

from otp.kernel.ends.death import decide, exit_signal, forget_link
from otp.kernel.ends.mailbox import deliver
from otp.kernel.steps.calls import send_system
from otp.kernel.tables.callers import new_call
from otp.kernel.tables.child_tasks import watch_found_tasks
from otp.kernel.tables.names import is_name_and_node, not_a_pid, resolve, unknown_name
from otp.kernel.tables.scheduler import Timer, current_process, find_scheduler, nanoseconds, spend
from otp.kernel.values.elsewhere import elsewhere
from otp.kernel.values.errors import BadArgument, Error, Exit
from otp.kernel.values.exception_reasons import exit_reason
from otp.kernel.values.messages import (
    Down,
    ExitSignal,
    Monitor,
    forget_place,
    note_ref,
    since_of,
    unwatch,
    watch,
    watch_anywhere,
)
from otp.kernel.values.pids import Pid, Ref
from otp.kernel.values.process import DEAD, EXITING, OWNER, READY, RECV, REMOTE, Cancel, Process, mailbox_len
from otp.kernel.values.results import ABSENT

if TYPE_CHECKING:
    from otp.kernel.values.terms import Dest, Limit


# `otp.exit(reason)` in a child task: ends the process unless the task's exception is retrieved.
#
# asyncio leaves the exception in the task. It is checked a few turns of the loop after the task has ended, since a
# `TaskGroup`, a `gather` or an `await` has retrieved it by then.


TURNS: Final = 5

"""Turns of the loop until an exit counts as unretrieved; `asyncio.wait` and `wait_for` need two each."""


def note_exit() -> None:
    """Watch the running child task, and the tasks of its process that may wait for it."""
    p, s = OWNER.get(), find_scheduler()
    if p is None or s is None or p.runtime.scheduler is not s or p is p.runtime.outside or p.status == DEAD:
        return
    task = asyncio.current_task(s.loop)
    if isinstance(task, asyncio.Task):
        p.ensure_ext().task_table(p).watch(task)
        if not s.reports_tasks:
            watch_found_tasks(p)


def task_failed(p: Process, task: Any) -> None:
    """End the process of a child task that failed with an exit, unless its exception is retrieved."""
    reason = exit_reason(task._exception)
    if reason is not None and p.status not in (DEAD, EXITING):
        s = p.runtime.scheduler
        s.loop.call_soon(_look, p, task, reason[0], TURNS, context=s.base_context)


def _look(p: Process, task: Any, reason: Any, turns: int) -> None:
    if not getattr(task, "_log_traceback", False):
        return  # retrieved
    is_over = p.status in (DEAD, EXITING)
    if turns and not is_over:
        p.runtime.scheduler.loop.call_soon(_look, p, task, reason, turns - 1, context=p.runtime.scheduler.base_context)
        return
    task.exception()  # retrieved here, so that asyncio does not report it
    if is_over:
        return
    if p.callbacks is not None and p.ext is not None and p.ext.trap_exit:
        send_system(p, new_call(p.runtime.outside, ("terminate", reason), p))  # `terminate` is called
    else:
        decide(p, reason, p, 0, False)


T = TypeVar("T")


@overload
def send(dest: Pid, message: T) -> T: ...


@overload
def send(dest: Dest, message: T) -> T: ...


def send(dest: Any, message: Any) -> Any:
    """Send `message` to a pid, a name, `(name, node)` or `Registry.via(…)`.

    Returns the message. A dead pid drops it. Raises `BadArgument` for an unregistered name, like Erlang's `!`.
    """
    try:
        st = dest.status
        node = dest.runtime
        s = node.scheduler  # a class may be a name, and have a `status` and a `runtime` of its own
    except AttributeError:
        pass  # a name: resolved outside this block, so that its errors have no other context
    else:
        if st == RECV and not (node.watched or dest.traced):  # the hot case: straight to a waiting process
            dest.value = message
            dest.status = READY
            s.push(dest)
        else:
            deliver(dest, message)
        return message
    return _send_by_name(dest, message)


def _send_by_name(dest: Any, message: Any) -> Any:
    p = resolve(dest, "send(dest, message)")
    if p is None:
        raise unknown_name(dest, f"send: no process has the name {dest!r}; a cast would ignore that")
    deliver(p, message)
    return message


# Links


def link_processes(a: Process, b: Process) -> None:
    """Link two living processes. `links`: None, one process, or a dict; a single link needs no container."""
    links = a.links
    if links is None:
        a.links = b
    elif type(links) is dict:
        links[b] = None
    elif links is not b:
        a.links = {links: None, b: None}
    links = b.links  # written twice, without loop or function: a call is 3 % of a start
    if links is None:
        b.links = a
    elif type(links) is dict:
        links[a] = None
    elif links is not a:
        b.links = {links: None, a: None}
    if a.runtime.watched_links:
        a.runtime.tracer.notice("linked", a, {"other": b})


def link(pid: Pid) -> bool:
    """Link the calling process with `pid`: when one ends, the other gets an exit signal.

    If `pid` is dead, a process that traps exits gets `ExitSignal(pid, "noproc")`, another gets `Error("noproc")`.
    """
    me = current_process("link(pid)", "outside a process use otp.wait_down(pid)")
    p = _require_pid(pid, "link(pid)")
    _require_own_thread(me, p, "link(pid)")
    if p is me:
        return True
    if p.status in (DEAD, EXITING):
        x = me.ext
        if x is not None and x.trap_exit:
            deliver(me, ExitSignal(p, "noproc"))
            return True
        raise Error("noproc")
    if p.status == REMOTE:
        elsewhere(p).link(me, p)
    else:
        link_processes(me, p)
    return True


def unlink(pid: Pid) -> bool:
    """Remove the link between the calling process and `pid`; an exit message already in the mailbox stays."""
    me = current_process("unlink(pid)")
    p = _require_pid(pid, "unlink(pid)")
    if p.status == REMOTE:
        elsewhere(p).unlink(me, p)
    forget_link(me, p)
    forget_link(p, me)
    if me.runtime.watched_links:
        me.runtime.tracer.notice("unlinked", me, {"other": p})
    return True


def _require_pid(pid: Any, what: str) -> Process:
    if not isinstance(pid, Process):
        raise not_a_pid(what, pid, f"; try otp.whereis({pid!r})")
    return pid


def _require_own_thread(me: Process, p: Process, what: str) -> None:
    if p.runtime.scheduler is not me.runtime.scheduler:
        raise BadArgument(f"{what}: {p} is a process of another event loop, whose end would not reach this one")


# Monitors


def monitor(dest: Dest) -> Ref:
    """Monitor a process: its end puts `Down(ref, item, reason)` into the caller's mailbox, once.

    `item` is the pid, or `(name, node)` if `dest` is a name. If the process does not exist, `Down(…, "noproc")` arrives
    at once. Never raises for dead processes.

    >>> import otp
    >>> async def main():
    ...     pid, ref = otp.spawn_monitor(lambda: None)
    ...     return (await otp.receive(ref)).reason
    >>> otp.run(main)
    'normal'
    """
    me = current_process("monitor(dest)", "outside a process use otp.wait_down(pid)")
    if isinstance(dest, Process):
        _require_own_thread(me, dest, "monitor(pid)")
        return monitor_process(me, dest, dest)
    p = resolve(dest, "monitor(dest)")
    if p is not None:
        _require_own_thread(me, p, "monitor(dest)")
    if is_name_and_node(dest):
        name, node = cast("tuple[Any, Any]", dest)
        item: Any = (name, node if isinstance(node, str) else node.name)
    else:
        item = (dest, me.runtime.name)
    return monitor_process(me, p, item)


def monitor_process(me: Process, p: Process | None, item: Any) -> Ref:
    """Make `me` monitor `p`; `None` counts as dead."""
    if p is None or p.status <= DEAD:
        if p is None or p.status == DEAD:
            ref = me.runtime.make_ref()
            deliver(me, Down(ref, item, "noproc"))
            return ref
        ref = watch_anywhere(p, me, item)
    elif p is me:
        return me.runtime.make_ref()
    else:
        ref = watch(p, me, item)
    x = me.ensure_ext()
    if x.monitors is None:
        x.monitors = {ref: None}
    else:
        x.monitors[ref] = None
    if (me.mailbox or x.it is not None) and _keeps_mailbox(me):
        note_ref(x, ref, mailbox_len(me))
    if me.runtime.watched_links:
        me.runtime.tracer.notice("monitored", me, {"ref": ref, "item": item})
    return ref


def demonitor(ref: Ref, *, flush: bool = False, info: bool = False) -> bool:
    """End a monitor of the calling process.

    `flush` also removes its `Down` from the mailbox. Always true; with `info`, whether an active monitor was removed.
    """
    me = current_process("demonitor(ref)")
    if not isinstance(ref, Ref):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise BadArgument(f"demonitor(ref): expected a Ref, got {ref!r}")
    x = me.ext
    found = x is not None and x.monitors is not None and ref in x.monitors
    if found and isinstance(ref, Monitor):
        del x.monitors[ref]  # type: ignore[union-attr]
        unwatch(ref)
        if me.runtime.watched_links:
            me.runtime.tracer.notice("demonitored", me, {"ref": ref})
    elif flush:
        _flush_down(me, ref)
    return found if info else True


def _flush_down(me: Process, ref: Ref) -> None:
    from otp.kernel.ends.mailbox import merge_batch, messages_from

    merge_batch(me)
    waiting = me.mailbox
    if waiting:
        x = me.ensure_ext()
        since = since_of(x) if _keeps_mailbox(me) else None
        begin = 0 if since is None or not since.is_before(ref) else min(since.place, len(waiting))
        for i, message in enumerate(messages_from(waiting, begin, len(waiting)), begin):
            if type(message) is Down and message.ref is ref:
                del waiting[i]
                forget_place(x, since, i)
                return


def _keeps_mailbox(me: Process) -> bool:
    """Return whether only `receive` takes messages from it now; false for a server between async callbacks."""
    return me.step is not None


async def wait_down(pid: Pid, timeout: Limit = "infinity") -> Any:
    """Wait until `pid` has ended and return its exit reason.

    Returns `"noproc"` if it was already dead. Works in a process, in a child task and outside; needs no mailbox. Raises
    `TimeoutError`.
    """
    p = _require_pid(pid, "wait_down(pid)")
    if p.status == DEAD:
        await spend()
        return "noproc"
    limit = nanoseconds(timeout, "wait_down(timeout=…)", infinite=True)
    s = p.runtime.scheduler
    s.check_thread("wait_down(pid)", "node.call_from_thread(otp.wait_down(pid))")
    future = s.loop.create_future()

    def ended(reason: Any) -> None:
        if not future.done():
            future.set_result((reason,))

    ref = watch_anywhere(p, ended)
    timer: Timer | None = None
    if limit is not None:
        timer = s.call_at(s.now_ns() + limit, lambda _timer: future.done() or future.set_result(None))
    try:
        result = await future
    finally:
        if timer is not None:
            timer.fire = None
        unwatch(ref)
    if result is None:
        raise TimeoutError(f"process {p} is still alive after {timeout} s")
    return result[0]


# Exit signals


@overload
def exit(reason: Any, /) -> NoReturn: ...


@overload
def exit(pid: Dest, reason: Any, /) -> Literal[True]: ...


def exit(pid: Any, reason: Any = ABSENT, /) -> Literal[True]:
    """End the calling process, or send an exit signal to `pid`.

    `exit(pid, reason)` returns True. `exit(reason)` raises `Exit(reason)`. In a child task (`asyncio.create_task`),
    code that awaits the task gets the exception. If no code does, the process ends a few turns of the loop later, as by
    a signal from itself that it cannot trap; a server that traps exits calls `terminate` first.

    `"kill"` cannot be trapped; the exit reason is then `"killed"`. An untrapped signal to oneself takes effect here. A
    name stands for its pid (unlike in Erlang); raises `BadArgument` for an unregistered name.

    >>> import asyncio, otp
    >>> async def child():
    ...     otp.exit("lost the connection")
    >>> async def parent():
    ...     task = asyncio.create_task(child())
    ...     await otp.receive()
    >>> async def main():
    ...     return await otp.wait_down(otp.spawn(parent))
    >>> otp.run(main)
    'lost the connection'
    """
    if reason is ABSENT:
        note_exit()
        raise _end_of_caller(pid)
    if isinstance(pid, Process):
        p = pid
    else:
        p = resolve(pid, "exit(pid, reason)")
        if p is None:
            raise unknown_name(pid, f"exit(pid, reason): no process has the name {pid!r}")
    s = p.runtime.scheduler
    if not s.lock._is_owned():
        s.check_thread("exit(pid, reason)", "node.call_from_thread(f()), where `async def f()` does it")
    me = s.current
    sender = me if me is not None else OWNER.get()  # a child task signals for its process
    if sender is None or sender.status == DEAD:
        sender = p.runtime.outside
    exit_signal(p, sender, reason, False)
    if me is p and p.signal is not None and type(p.signal) is not Cancel:
        raise CancelledError  # unwinds; exactly this type, which asyncio's own cleanup checks for
    return True


def _end_of_caller(reason: Any) -> Exit:
    """Return the exception of `exit(reason)`; in a variable of the raising frame it would be a cycle."""
    ends = Exit(reason)
    if isinstance(reason, Process):
        ends.add_note(f"exit(pid) ended the caller, with the pid as its reason; try otp.exit({reason}, reason)")
    return ends


def process_flag(flag: Literal["trap_exit", "sensitive"], value: bool) -> bool:
    """Set a flag of the calling process and return its old value.

    `"trap_exit"` (bool): exit signals become `ExitSignal` messages. `"sensitive"` (bool): its state is hidden.
    """
    me = current_process("process_flag(flag, value)")
    x = me.ensure_ext()
    if flag not in ("trap_exit", "sensitive"):
        raise BadArgument(f'process_flag: unknown flag {flag!r}; there are "trap_exit" and "sensitive"')
    if not isinstance(value, bool):
        raise BadArgument(f'process_flag("{flag}", …): expected True or False, got {value!r}')
    if flag == "trap_exit":
        old, x.trap_exit = x.trap_exit, value
    else:
        old, x.sensitive = x.sensitive, value
    return old


# Hooks for tables that must be updated in the step in which a process ends
