"""Owners: in the loop of `otp.run`, tasks and callbacks belong to the process that creates them.

They inherit the context variable `OWNER`. Setting it in each process would take 5 % of a spawn and a quarter of the
memory of an idle server. The loop therefore sets it, in the context of the process, when the process first uses the
loop.
"""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import BaseEventLoop
from collections.abc import Callable
from contextvars import Context, copy_context
from types import CoroutineType
from typing import Any, Final

from otp.kernel.tables.child_tasks import adopt, close_when_cancelled, refuse
from otp.kernel.tables.scheduler import Scheduler
from otp.kernel.values.process import CUT_SHORT, DEAD, OWNER

_ASKED: Final = ("_call_soon", "call_at", "create_future", "_add_reader", "_add_writer", "add_signal_handler")
"""The methods of a loop that lead to a callback in the running context; others call these or create tasks."""


def own_tasks_and_callbacks(s: Scheduler) -> None:
    """Make the loop of a scheduler attribute tasks and callbacks to the process that creates them.

    Our task factory calls the one that the program sets later, such as `asyncio.eager_task_factory`. In a loop that
    asyncio does not implement (uvloop), each process carries the variable from its start.
    """
    loop: Any = s.loop
    install = loop.set_task_factory
    chosen: Any = None

    def owned(function: Callable[..., Any]) -> Callable[..., Any]:
        def by_owner(*args: Any, **options: Any) -> Any:
            p = s.current
            if p is not None and OWNER.get() is not p:
                if p.context is None:  # `context = "shared"`: the running context is not its own
                    return copy_context().run(_as_owner, p, function, *args, **options)
                OWNER.set(p)
            return function(*args, **options)

        return by_owner

    owned_new_task = owned(_new_task)

    def make(loop: asyncio.AbstractEventLoop, coro: Any, context: Context | None = None, **options: Any) -> Any:
        if context is not None and not context:  # `Context()`: the task is meant to outlive its process
            return _new_task(chosen, loop, coro, context, options)
        if options.get("eager_start"):
            s.eager = True
        if s.current is None:
            if _is_late(s, coro):
                coro = _refused(coro)
            task = _new_task(chosen, loop, coro, context, options)
        else:
            if context is not None:
                with contextlib.suppress(RuntimeError):  # it is entered: the context of the running process
                    context.run(OWNER.set, s.current)
            task = owned_new_task(chosen, loop, coro, context, options)
        adopt(s, task)
        return task

    def choose(factory: Any) -> None:
        nonlocal chosen
        if factory is not None and not callable(factory):
            raise TypeError("task factory must be a callable or None")
        chosen = factory
        s.eager = True

    try:
        loop.set_task_factory, loop.get_task_factory = choose, lambda: chosen
    except AttributeError:
        return
    install(make)
    s.reports_tasks = True
    s.eager = False
    if not isinstance(loop, BaseEventLoop):
        return
    for name in _ASKED:
        if hasattr(loop, name):
            setattr(loop, name, owned(getattr(loop, name)))
    _skip_outside_processes(s, loop)
    s.tells_owners = True


def _is_late(s: Scheduler, coro: Any) -> bool:
    """Return whether a callback creates a task after its process has ended; cleanup may create some."""
    p = OWNER.get()
    return (
        p is not None
        and p.status == DEAD
        and p.state is CUT_SHORT
        and s.task_table.get(s.loop) is None
        and type(coro) is CoroutineType  # not the closing of an async generator
    )


async def _refused(coro: Any) -> None:
    """Stand for a task created after the end of its process, such as the handler of a connection."""
    refuse(coro)
    coro.close()
    await asyncio.sleep(0)  # asyncio adds a callback to the task of a handler after creating it
    close_when_cancelled(asyncio.current_task())
    raise asyncio.CancelledError


def _skip_outside_processes(s: Scheduler, loop: Any) -> None:
    """Keep the two methods that every asyncio task uses as fast as before, outside processes.

    Calling asyncio's own method would cost an eighth of a turn of a task, so its work is written inline.
    """
    kind: Any = loop.__class__
    asyncio_kind: Any = BaseEventLoop
    new_handle: Any = asyncio.Handle
    new_future: Any = asyncio.Future
    ready = loop._ready

    if kind._call_soon is asyncio_kind._call_soon:
        owned_call_soon = loop._call_soon

        def call_soon(callback: Any, args: Any, context: Context | None) -> Any:
            if context is None and s.current is not None:
                return owned_call_soon(callback, args, context)
            handle = new_handle(callback, args, loop, context)
            if handle._source_traceback:
                del handle._source_traceback[-1]
            ready.append(handle)
            return handle

        loop._call_soon = call_soon

    if kind.create_future is asyncio_kind.create_future:
        owned_create_future = loop.create_future

        def create_future() -> asyncio.Future[Any]:
            return new_future(loop=loop) if s.current is None else owned_create_future()

        loop.create_future = create_future


def _as_owner(p: Any, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    OWNER.set(p)
    return function(*args, **options)


def _new_task(factory: Any, loop: Any, coro: Any, context: Context | None, options: dict[str, Any]) -> Any:
    if factory is None:
        return asyncio.Task(coro, loop=loop, context=context, **options)
    return factory(loop, coro, **options) if context is None else factory(loop, coro, context=context, **options)
