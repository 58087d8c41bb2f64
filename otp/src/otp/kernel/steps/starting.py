"""Starting processes: `spawn` for coroutine processes, `start_server` for behaviours.

A behaviour starts on its starter's stack if possible: a plain `init` needs no switch, and the starter has the pid or
the error before anything else runs.
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from contextvars import Context, copy_context
from sys import exception as handled_exception
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final

from otp.kernel.ends.death import exit_signal, forget_link
from otp.kernel.ends.mailbox import refuse_to_wait
from otp.kernel.steps.callbacks import Starting, settle
from otp.kernel.steps.calls import call_from_outside, wait_for_reply
from otp.kernel.steps.drain import blame
from otp.kernel.steps.grants import Claim, Granting, claim_of, is_pending
from otp.kernel.steps.outcomes import Raised, apply
from otp.kernel.steps.signals import demonitor, link_processes, monitor_process
from otp.kernel.tables.callers import From, new_call
from otp.kernel.tables.message_events import report_callback_begun, report_callback_ended
from otp.kernel.tables.names import check_name, enter_name, is_name_and_node, node_here, take_name
from otp.kernel.tables.scheduler import BUDGET, FAILED_START, current_process, here, spend, thread_current
from otp.kernel.values.bounded import text
from otp.kernel.values.coroutines import ASYNC, coroutine_of
from otp.kernel.values.errors import AlreadyStarted, BadArgument, CallExit, CallTimeout, StartError
from otp.kernel.values.exception_reasons import reason_of
from otp.kernel.values.messages import watch
from otp.kernel.values.pids import Pid, Ref
from otp.kernel.values.process import DEAD, EXITING, IDLE, OWNER, READY, RUN, Process, new_process, own_context
from otp.kernel.values.reasons import is_clean
from otp.kernel.values.results import Ignore, Ok, callbacks_of, unawaited
from otp.kernel.values.sentences import say

if TYPE_CHECKING:
    from typing import ParamSpec

    from otp.kernel.steps.node import Node

    P = ParamSpec("P")


MAX_DEPTH: Final = 40  # starts nested on one stack; deeper ones go through the run queue


def _report_spawned(node: Node, by: Process | None, p: Process, name: Any, what: str) -> None:
    trace = node.tracer
    seq = trace.emit("spawned", p, {"parent": p.parent, "name": name, "what": what}, trace.cause_of(by))
    if trace.causes is not None:
        trace.causes.handles(p, seq)  # the cause of what it does first


def spawn_on(node: Node, parent: Process | None, fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Process:
    """Start a coroutine process on `node`; it is already in the run queue."""
    kind = type(fn)
    if (kind is FunctionType or kind is MethodType) and fn.__code__.co_flags & ASYNC:
        coro: Any = fn(*args, **kwargs)
    else:
        coro = coroutine_of(fn, args, kwargs)
    p = new_process(node, parent)
    p.step = coro.send
    p.context = context = copy_context()
    s = node.scheduler
    if not s.tells_owners or OWNER.get() is not None:
        context.run(OWNER.set, p)
    if node.watched_life:
        _report_spawned(node, parent, p, None, getattr(fn, "__qualname__", repr(fn)))
    s.push(p)
    return p


def spawn(fn: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> Pid:
    """Start a process that runs `fn(*args, **kwargs)`.

    `fn` is any callable; an awaitable result is awaited, otherwise the process ends `"normal"` with the call. Works
    outside a process too, if exactly one node lives in this loop.

    >>> import otp
    >>> async def main():
    ...     me = otp.self()
    ...     otp.spawn(lambda: otp.send(me, "hello"))
    ...     return await otp.receive()
    >>> otp.run(main)
    'hello'
    """
    me = thread_current()
    if me is not None:
        return spawn_on(me.runtime, me, fn, args, kwargs)
    return spawn_on(node_here("spawn(fn)"), OWNER.get(), fn, args, kwargs)


def spawn_link(fn: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> Pid:
    """Start a process like `spawn`, linked with the calling process from its first moment."""
    me = current_process("spawn_link(fn)", "outside a process use otp.spawn or node.start")
    p = spawn_on(me.runtime, me, fn, args, kwargs)
    link_processes(me, p)
    return p


def spawn_monitor(fn: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> tuple[Pid, Ref]:
    """Start a process like `spawn`, monitored by the caller from its first moment; return (pid, ref)."""
    me = current_process("spawn_monitor(fn)", "outside a process use otp.spawn and otp.wait_down")
    p = spawn_on(me.runtime, me, fn, args, kwargs)
    return p, monitor_process(me, p, p)


async def start_server(
    cls: type,
    arg: Any,
    *,
    name: Any = None,
    link: bool = False,
    monitor: bool = False,
    timeout: Any = "infinity",
    handler: Any = None,
    node: Node | None = None,
) -> Any:
    """Start a callback process of `cls` and wait for its `init`.

    Returns the pid, `(pid, ref)` with `monitor`, or `Ignore()`. Raises `StartError(reason)` where Erlang has
    `{error, reason}`: `AlreadyStarted(pid)` for a taken name, `"timeout"` if `init` takes longer than `timeout` s.

    Source: Erlang/OTP, `gen_server:start_link/4`, `proc_lib:start_link/5`.
    """
    try:
        started = begin_server(cls, arg, name, link, monitor, handler, node)
    except Exception:
        await spend(FAILED_START)
        raise
    if type(started) is Process:
        if started.runtime.scheduler.credit < -BUDGET:
            await spend(0)
    elif type(started) is Begun:
        return await wait_for_start(started, timeout)
    else:
        await spend()
    return started


class Begun:
    """A start whose `init` has not finished; `wait_for_start` waits for its result.

    An exiting starter gets one without a process: it cannot start anything, and gets the error when it waits.
    """

    __slots__ = ("link", "me", "p", "ref")

    def __init__(self, me: Process | None, p: Process, ref: Ref | None, link: bool) -> None:
        self.me: Process | None = me
        self.p: Process = p
        self.ref: Ref | None = ref
        self.link: bool = link


def _outside(cls: Any) -> str:
    return (
        f"outside a process use node.start({cls.__name__}, arg) in `async with otp.Node(name) as node:`, "
        "or begin the program with otp.run(main)"
    )


def begin_server(
    cls: Any,
    arg: Any,
    name: Any = None,
    link: bool = False,
    monitor: bool = False,
    handler: Any = None,
    node: Node | None = None,
    me: Process | None = None,
) -> Any:
    """Begin `start_server` without suspending.

    Returns its result, or a `Begun` to wait for `init`. `me` is the starter, if the caller knows it better than the
    thread.
    """
    is_own = True  # the running context is that of the starter, not of one of its tasks
    if me is None:
        try:
            me = here.last.current  # like `thread_current`, without the call
        except AttributeError:
            me = None
        if me is None:
            is_own = False
            if link or monitor:
                me = current_process(f"{cls.__name__}.start_link", _outside(cls))
        elif me.step is not None and me.runtime.scheduler.eager:
            is_own = me.runtime.scheduler.on_main(me)
    if me is not None:
        if me.status == EXITING:
            return Begun(me, me, None, link)  # no process: `wait_for_start` raises the error
        if node is None:
            node = me.runtime
    elif node is None:
        node = node_here(f"{cls.__name__}.start")
    try:
        vt = cls.__otp_callbacks__  # like `callbacks_of`
        if vt.cls is not cls or (handler is not None and vt.handler is not handler):
            vt = None
    except AttributeError:
        vt = None
    if vt is None:  # not inside `except`, which would become the context of the error
        vt = callbacks_of(handler, cls)
    via: Any = None
    taken: Any = None
    if name is not None:
        if type(name) is str and name != "undefined":
            taken = node.names.get(name)
        else:
            via = name if type(name) is not str and hasattr(name, "register") and hasattr(name, "whereis") else None
            taken = via.whereis() if via is not None else node.names.get(_node_name(name))
        if taken is not None and taken.status != DEAD:
            raise AlreadyStarted(taken, name)
    s = node.scheduler
    parent = me if link or monitor else None
    p = new_process(node, parent)
    p.callbacks = vt
    context = None
    if not vt.shared_context:
        p.context = context = copy_context() if is_own else _context_for(me, node)
        if not s.tells_owners or OWNER.get() is not None:
            context.run(OWNER.set if s.reports_tasks else own_context, p)
    if name is not None:
        claim: Claim | None = None
        try:
            if via is None:
                if taken is None:
                    enter_name(node, name, p)
                else:  # the holder is dead, but its end is not finished yet
                    take_name(name, p)
            else:
                if hasattr(via, "grant"):
                    claim = claim_of(via)
                if via.register(p) is False:
                    raise AlreadyStarted(via.whereis(), name)
        except BaseException:
            _discard(p)
            raise
        if claim is not None:
            return _begin_granting(p, cls, arg, claim, me, link, monitor)
    ref = None
    if parent is not None:
        if link:
            link_processes(parent, p)
        if monitor:
            ref = monitor_process(parent, p, p)
    if node.watched_life:
        _report_spawned(node, me, p, name, cls.__qualname__)
    depth = s.depth
    if (
        depth < MAX_DEPTH
        and handled_exception() is None  # in an `except` block `init` would see its exception
        and (s.inline is True or (s.inline == "seeded" and s.random.random() < 0.5))
    ):
        if node.watched:
            _notify_post(p, me)
            report_callback_begun(p, "init")
        before = s.current
        credit = s.credit
        s.current = p
        s.depth = depth + 1
        p.status = RUN
        try:
            result = vt.init(arg) if context is None else context.run(vt.init, arg)
        except BaseException as error:
            result = Raised(error)
        if type(result) is Ok and p.signal is None:  # `_not_plain` does the same in the general way
            p.state = result.state
            s.depth = depth
            s.current = before
            s.credit = credit - 1  # charged here; callers that can wait yield for it
            if p.mailbox:
                p.status = READY
                s.push(p)
            else:
                p.status = IDLE
            if not node.watched:
                return p if ref is None else (p, ref)
            failed = None
        else:
            failed = _not_plain(p, result, before, credit)
            result = None  # this frame must not keep an exception alive
        if node.watched and p.step is None:
            report_callback_ended(p)
            if s.post is not None:
                s.post.started(p, me)
        if failed is None:
            return p if ref is None else (p, ref)
        if failed is not _WAITS:
            if ref is not None:
                demonitor(ref, flush=True)
            if failed is _IGNORED:
                return Ignore()
            raise StartError(failed[0])
    else:
        if node.watched:
            _notify_post(p, me)
        p.value = Starting(arg)
        s.push(p)
    return Begun(me, p, ref, link)


def _context_for(me: Process | None, node: Node) -> Context:
    """Return the context of a server that a task or other code outside a process starts.

    It outlives the task and serves others, so it gets the context of the process that owns the task, or of the node.
    """
    owner = OWNER.get() if me is None else me
    if owner is None or owner.status == DEAD or owner.context is None or owner.runtime.scheduler is not node.scheduler:
        return node.context.copy()
    return owner.context.copy()


def _begin_granting(
    p: Process, cls: Any, arg: Any, claim: Claim, me: Process | None, link: bool, monitor: bool
) -> Begun:
    """Begin a start whose name must be granted: in the process itself, from the run queue."""
    node = p.runtime
    claim.attach(p)
    ref = None
    if me is not None:
        if link:
            link_processes(me, p)
        if monitor:
            ref = monitor_process(me, p, p)
    if node.watched_life:
        _report_spawned(node, me, p, claim.via, cls.__qualname__)
    if node.watched:
        _notify_post(p, me)
    p.value = Granting(arg, claim)
    node.scheduler.push(p)
    return Begun(me, p, ref, link)


def _node_name(name: Any) -> Any:
    if type(name) is not str or name == "undefined":
        try:
            check_name(name, "name=…")
        except BadArgument:
            if is_name_and_node(name):  # its error says what is wrong
                raise
            name_is_one = False
        else:
            name_is_one = not isinstance(name, Process)
        if not name_is_one:
            raise BadArgument(f"name=…: expected a name or Registry.via(…), {unawaited(name) or f'got {name!r}'}")
    return name


def _notify_post(p: Process, starter: Process | None) -> None:
    """Report to the post of a testing scheduler which process started which."""
    post = p.runtime.scheduler.post
    if post is not None and starter is not None:
        post.born(p, starter)


def _discard(p: Process) -> None:
    """Remove a process that could not get its name, without a trace."""
    p.runtime.release_name(p)
    p.runtime.process_table.pop(p.number, None)
    p.status = DEAD


class _Outcome:
    __slots__ = ()


_WAITS: Final = _Outcome()

_IGNORED: Final = _Outcome()


def _not_plain(p: Process, result: Any, before: Process | None, credit: int) -> Any:
    """Apply what `init` returned or raised on this stack. `None`: started; a 1-tuple: the reason why not."""
    s = p.runtime.scheduler
    try:
        x = p.ensure_ext()
        if p.context is None:
            apply(p, "init", None, None, result)
        else:
            p.context.run(apply, p, "init", None, None, result)
        result = None
        state: Any = p.status
        s.current = before
        if state == DEAD:
            if x.callback == "ignored":
                return _IGNORED
            return x.stop_reason if x.callback == "failed" else x.reason  # failed, or ended by a signal
        if state == RUN:
            settle(p)
        return _WAITS if x.callback == "init" else None
    except BaseException as failure:
        s.current = p
        blame(s, failure)
        return (reason_of(failure),)
    finally:
        s.depth -= 1
        s.current = before
        s.credit = credit - 1


async def wait_for_start(begun: Begun, timeout: Any = "infinity") -> Any:
    """Wait for the result of an `init` that has not finished."""
    me, p, ref, link = begun.me, begun.p, begun.ref, begun.link
    if p is me:
        await refuse_to_wait(p)
    s = p.runtime.scheduler
    limit = "infinity" if timeout is None else timeout
    try:
        if me is not None and s.current is me and s.on_main(me):
            frm = new_call(me, "start", p)
            p.ensure_ext().ack = frm
            verdict, reason = await wait_for_reply(me, frm, limit, p, "start")
        else:

            def acknowledge(frm: From) -> None:
                p.ensure_ext().ack = frm

            verdict, reason = await call_from_outside(p, p, "start", limit, acknowledge, "start")
    except CallExit as failed:
        verdict, reason = "error", failed.cause_reason
        if isinstance(failed, CallTimeout):
            _give_up(p, me, link)
    except BaseException:
        if me is None or me.status not in (
            DEAD,
            EXITING,
        ):  # its starter has no pid of it: nothing could end it
            _give_up(p, me, link)
            if ref is not None:
                demonitor(ref, flush=True)
        elif is_pending(p):
            _give_up(p, me, link)
        raise
    if verdict == "ok":
        return p if ref is None else (p, ref)
    if ref is not None:
        demonitor(ref, flush=True)
    if verdict == "ignore":
        return Ignore()
    if verdict == "refused":
        try:
            raise reason
        finally:
            del reason  # else error, traceback and frame would form a cycle
    raise StartError(reason)


def _give_up(p: Process, me: Process | None, link: bool) -> None:
    """Give up a start that its starter no longer waits for."""
    if p.status != DEAD:
        if link and me is not None:
            forget_link(me, p)
            forget_link(p, me)
        exit_signal(p, me, "kill", False)


# Processes that a node owns: started from outside any process, stopped when the node closes.


async def start_owned(node: Node, cls: Any, arg: Any, name: Any, options: dict[str, Any]) -> Any:
    """Start `cls` on `node` without a parent; log its abnormal end."""
    hook = getattr(cls, "__otp_start_on__", None)
    if hook is not None:
        pid = await hook(node, arg, name=name, **options)
    elif inspect.isclass(cls):
        pid = await start_server(cls, arg, name=name, node=node, **options)
    else:
        raise TypeError(f"node.start(cls, arg): expected a behaviour's class, got {cls!r}")
    if isinstance(pid, Process):
        node.owned.append(pid)
        label = node.label(pid)

        def ended(reason: Any) -> None:
            if pid not in node.owned:  # the node was killed, as in a simulated cluster
                return
            node.owned.remove(pid)
            if not is_clean(reason):
                say(logging.ERROR, "%s owned by node %s ended: %s", label, node.name, text(reason, length=500))

        watch(pid, ended)
    return pid
