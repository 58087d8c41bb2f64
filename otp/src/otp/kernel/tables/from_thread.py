"""Access to a node from other threads: `call_from_thread`, `cast_from_thread` and `send_from_thread`.

Processes belong to the thread of their event loop. A request from another thread goes into the loop's queue, and the
thread waits for a future. A call ends with the wait of its caller and with the node: cancelling the wait cancels the
task that runs the call, and a node that closes ends the calls in progress.
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import logging
from asyncio import _get_running_loop as running_loop  # pyright: ignore[reportPrivateUsage]
from asyncio import _set_running_loop as set_running_loop  # pyright: ignore[reportPrivateUsage]
from concurrent.futures import Future
from contextvars import Context, ContextVar, copy_context
from inspect import iscoroutine
from threading import TIMEOUT_MAX
from typing import TYPE_CHECKING, Any, Final, TypeVar

from otp.kernel.tables.names import check_name, is_name_and_node, resolve
from otp.kernel.tables.scheduler import here, last_scheduler, nanoseconds, thread
from otp.kernel.values.bounded import text
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.process import CAST_TAG, DEAD, OWNER, Process
from otp.kernel.values.sentences import say

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from otp.kernel.steps.node import Node
    from otp.kernel.tables.scheduler import Scheduler

T = TypeVar("T")

IMPORTING: Final[ContextVar[bool]] = ContextVar("otp importing", default=False)
"""True in the code of a module while a running program imports it."""

GRACE: Final = 0.05
"""Seconds that calls have to notice that their server has just ended, before the node ends them."""


class ThreadCall:
    """A coroutine submitted by another thread, and the future on which that thread waits."""

    __slots__ = ("context", "coroutine", "done", "node", "task")

    def __init__(self, node: Node, coroutine: Coroutine[Any, Any, Any], context: Context) -> None:
        self.node: Node = node
        self.coroutine: Coroutine[Any, Any, Any] = coroutine
        self.context: Context = context
        self.done: Future[Any] = Future()
        self.task: asyncio.Task[Any] | None = None

    def begin(self) -> None:
        """Run the coroutine in the loop, unless its caller has stopped waiting."""
        if self.done.cancelled() or self.node.life == "closed":  # it closed in the meantime
            self.done.cancel()
            self._forget()
        else:
            self.task = self.node.scheduler.loop.create_task(self.coroutine, context=self.context)
            self.task.add_done_callback(self._ended)

    def give_up(self) -> None:
        """Cancel the call in the loop: its caller has stopped waiting."""
        if self.task is None:
            self.done.cancel()
            self._forget()
        else:
            self.task.cancel()

    def _forget(self) -> None:
        self.node.thread_calls.discard(self)
        self.coroutine.close()  # else Python warns that it was never awaited

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self.node.thread_calls.discard(self)
        if task.cancelled():
            self.done.cancel()
        elif (error := task.exception()) is not None:
            self.done.set_exception(error)
        else:
            self.done.set_result(task.result())


def call_from_thread(node: Node, coroutine: Any, timeout: Any) -> Any:
    """Run a coroutine from another thread; see `Node.call_from_thread`."""
    what = "node.call_from_thread(coroutine)"
    if not iscoroutine(coroutine):
        raise TypeError(
            f"{what}: expected a coroutine, got {coroutine!r:.200}; "
            "try node.call_from_thread(GenServer.call(server, request))"
        )
    call = None
    try:
        limit = nanoseconds(timeout, "call_from_thread(timeout=…)", infinite=True)
        _check(node, what, "await it", waits=True)
        call = ThreadCall(node, coroutine, _context(node))
        node.thread_calls.add(call)
        _in_the_loop(node, what, call.begin, call.context)
    except BaseException:
        if call is not None:
            node.thread_calls.discard(call)
        coroutine.close()
        raise
    try:
        return call.done.result(None if limit is None else min(limit / 1e9, TIMEOUT_MAX))
    except BaseException as error:
        if call.done.done():  # its own failure, which may also be a TimeoutError
            raise
        _in_the_loop(node, what, call.give_up, call.context)
        if isinstance(error, TimeoutError):
            raise TimeoutError(f"{what}: no result within {timeout} s; the call is cancelled") from None
        raise


def send_from_thread(node: Node, dest: Any, message: Any) -> None:
    """Send a message from another thread; see `Node.send_from_thread`."""
    what = "node.send_from_thread(dest, message)"
    _check(node, what, "write otp.send(dest, message)")
    _hand_over(node, what, dest, message)


def cast_from_thread(node: Node, dest: Any, request: Any) -> str:
    """Cast from another thread; see `Node.cast_from_thread`."""
    what = "node.cast_from_thread(dest, request)"
    _check(node, what, "write GenServer.cast(dest, request)")
    _hand_over(node, what, dest, (CAST_TAG, request))
    return "ok"


def _hand_over(node: Node, what: str, dest: Any, message: Any) -> None:
    if isinstance(dest, Process):
        if dest.runtime.scheduler is not node.scheduler:
            raise BadArgument(f"{what}: {dest} is a process of another event loop; use its own node")
    elif not is_name_and_node(dest) and not hasattr(dest, "whereis"):
        check_name(dest, what)
        dest = (dest, node)
    context = _context(node)
    _in_the_loop(node, what, lambda: _deliver(node, dest, message), context)


def _deliver(node: Node, dest: Any, message: Any) -> None:
    try:
        to = resolve(dest)
    except BadArgument:  # the node or registry does not exist
        to = None
    if to is not None:
        node.scheduler.send(to, message)
    elif type(message) is not tuple or not message or message[0] is not CAST_TAG:  # a cast ignores a missing process
        name = dest[0] if type(dest) is tuple and dest[1] is node else dest
        say(logging.WARNING, "node.send_from_thread(%s, …) of node %s: no process has the name", text(name), node.name)


def _check(node: Node, what: str, instead: str, *, waits: bool = False) -> None:
    if node.life == "new" or node.life == "closed":
        node.check_life(what)
    s = node.scheduler
    s.check_os_process(what)
    if thread.by_loop.get(s.loop) is s:
        as_in_a_thread = s.virtual and running_loop() is None
        if as_in_a_thread and waits:
            raise BadArgument(
                f"{what}: in virtual time Task.run_blocking runs its function in the thread of the event loop, which "
                "would wait for itself; try node.send_from_thread, or Scheduler(io='real')"
            )
        if not as_in_a_thread:
            raise BadArgument(f"{what}: expected another thread, got that of the node's event loop; there {instead}")


def _context(node: Node) -> Context:
    """Return the thread's context; calls without a process belong to the node, which also resolves names."""
    context = copy_context()
    owner = context.get(OWNER)
    if owner is None or owner.status == DEAD or owner.runtime is not node:
        context.run(OWNER.set, node.outside)
    return context


def _in_the_loop(node: Node, what: str, function: Any, context: Context) -> None:
    try:
        node.scheduler.loop.call_soon_threadsafe(function, context=context)
    except RuntimeError as error:
        if not node.scheduler.loop.is_closed():
            raise
        raise BadArgument(f"{what}: the event loop of node {node.name!r} is closed") from error


def run_import(function: Callable[[], T]) -> T:
    """Run a function that imports a user's module, as if no event loop were running.

    So `asyncio.run` at the top level of the module works, as it does where the module is a program.
    """
    loop = running_loop()
    if loop is None:
        return function()

    def importing() -> T:
        IMPORTING.set(True)
        OWNER.set(None)
        return function()

    last, here.last = last_scheduler(), None  # its `current` stays: a watchdog names the process that imports
    set_running_loop(None)
    try:
        return copy_context().run(importing)
    finally:
        set_running_loop(loop)
        here.last = last


def run_as_in_a_thread(s: Scheduler, function: Callable[[], T]) -> T:
    """Run a function in the loop's thread as if in another one: without a process or a running loop."""
    current, s.current = s.current, None
    last, here.last = last_scheduler(), None
    loop = running_loop()
    set_running_loop(None)
    try:
        return copy_context().run(function)
    finally:
        set_running_loop(loop)
        here.last = last
        s.current = current


async def end_calls(node: Node, timeout: float) -> None:
    """End the calls of a closed node: threads that wait for one get a `CancelledError`."""
    calls = tuple(node.thread_calls)  # in any order, like threads
    begun = [call.task for call in calls if call.task is not None]
    if begun:
        await asyncio.wait(begun, timeout=GRACE)
    calls = tuple(node.thread_calls)  # in any order
    for call in calls:
        call.give_up()
    tasks = [call.task for call in calls if call.task is not None]
    if tasks:
        await asyncio.wait(tasks, timeout=timeout)
