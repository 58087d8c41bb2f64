"""A run of a program in a test: loop, scheduler and node, from the first process to the cleanup."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
from collections.abc import Callable, Generator
from typing import Any

from otp.bounded import text
from otp.kernel.steps.node import Node
from otp.kernel.steps.signals import wait_down
from otp.kernel.tables.scheduler import here, last_scheduler
from otp.kernel.values.errors import Exit
from otp.kernel.values.exception_reasons import stack_of
from otp.kernel.values.process import DEAD, EXITING, STATE_NAMES, Process
from otp.kernel.values.tracebacks import cut_our_frames, note_places, own_stack
from otp.testing.faults import warn_of_unmatched
from otp.testing.idle import settle
from otp.testing.kernel import TestingKernel
from otp.testing.library import Library
from otp.testing.patience import MAX_STEPS, Livelock, Patience
from otp.testing.supervised import stop_supervisor_of
from otp.testing.virtual_loop import Deadlock, VirtualLoop
from otp.trace import Recorder

__all__ = ["Run"]

_ENDED_FROM_OUTSIDE = (asyncio.CancelledError, GeneratorExit)


class Run:
    """A loop with a node for one program.

    `leaks` describes, after the program, the processes that nothing would have stopped.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        kernel: TestingKernel,
        seed: int,
        max_steps: Any = MAX_STEPS,
        name: str = "test",
    ) -> None:
        self.loop = loop
        self.io = "virtual" if isinstance(loop, VirtualLoop) else "real"
        self.library: Library = Library(kernel.now_ns, seed)
        self.kernel = kernel
        self.node: Node = Node(name, scheduler=kernel)
        self.leaks: list[str] = []
        self.recorder: Recorder | None = None
        self.outcome: str = "closed before its end"
        self._shutdown: BaseException | None = None
        self._ended: Exit | None = None
        self.node.on_shutdown = self._shut_down
        if isinstance(loop, VirtualLoop):
            loop.kernel_idle = lambda: kernel.idle
            loop.who_waits = self._describe_waiting
            kernel.patience = Patience(loop, kernel, max_steps)
            loop.look = kernel.patience.look

    def execute(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run `fn` as the first process, stop what it started, and return its value or raise its error."""
        __tracebackhide__ = True
        try:
            with self.surroundings():
                result = self.loop.run_until_complete(self.main(fn, args, kwargs))
        except BaseException as error:
            if error is self._ended or isinstance(error, (Deadlock, Livelock)):
                error.__traceback__ = None  # its frames are those of the loop or of a waiter, not of the user
            cut_our_frames(error)
            failure = self.kernel.failure
            self._report_faults(failure or error)
            if failure is None or failure is error:
                raise
            raise failure from error
        self.check()
        return result

    @contextlib.contextmanager
    def surroundings(self) -> Generator[None, None, None]:
        """Make this thread's scheduler ours during the block, and in virtual time its standard library too."""
        outer, here.last = last_scheduler(), self.kernel
        try:
            with self.library.in_force() if self.io == "virtual" else contextlib.nullcontext():
                yield
        finally:
            here.last = outer

    def check(self) -> None:
        """Raise the error that fails the run although its program did not fail."""
        __tracebackhide__ = True
        failure = self.kernel.failure or getattr(self.loop, "refusal", None) or self.library.refusal
        self._report_faults(failure)
        if failure is not None:
            raise failure

    def _report_faults(self, failure: BaseException | None) -> None:
        post = self.kernel.post
        if post is not None:
            injected, post.injected = post.injected, []
            warn_of_unmatched(injected, failure)

    def close(self) -> None:
        """Stop the node, cancel remaining tasks, close the loop."""
        try:
            for task in sorted(asyncio.all_tasks(self.loop), key=lambda task: task.get_name()):
                task.cancel()
            with self.surroundings():
                self.loop.run_until_complete(self._end())
        finally:
            self.kernel.close()
            if self.recorder is not None:
                failure = self.kernel.failure
                self.recorder.note(outcome=self.outcome if failure is None else text(failure))
                self.recorder.close()
            _close_collected(self.loop)
            self.loop.close()

    async def _end(self) -> None:
        await self._others_end()
        await self.node.close()
        await self.loop.shutdown_asyncgens()
        await asyncio.sleep(0)  # a generator that was just garbage-collected becomes a task in this turn
        await self._others_end()

    async def _others_end(self) -> None:
        left = asyncio.all_tasks(self.loop) - {asyncio.current_task()}
        if left:
            await asyncio.wait(left)

    async def main(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the program: its first process, then the ordered end."""
        __tracebackhide__ = True
        try:
            result = await self._main(fn, args, kwargs)
        except BaseException as error:
            if not isinstance(error, _ENDED_FROM_OUTSIDE):
                self.outcome = text(error)
            raise
        self.outcome = text(result)
        return result

    async def _main(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        __tracebackhide__ = True
        value: list[Any] = []
        raised: list[BaseException] = []
        where: list[Any] = []

        @functools.wraps(fn)
        async def first() -> None:
            try:
                result = fn(*args, **kwargs)
                value.append(await result if inspect.isawaitable(result) else result)
            except _ENDED_FROM_OUTSIDE as unwound:
                where[:] = own_stack(stack_of(unwound.__traceback__))
                raise
            except BaseException as error:
                raised.append(error)
            raise Exit("shutdown")  # processes linked to a test end with it, as in ExUnit

        try:
            test = self.node.spawn(first)
            if self.kernel.patience is not None and isinstance(test, Process):
                self.kernel.patience.first = test
            reason = await wait_down(test)
            await settle()
            await stop_supervisor_of(self.node)
            self.leaks = self._leaks()
        finally:
            await self.node.close()
        if self._shutdown is not None:
            raise self._shutdown
        if raised:
            raise raised[0]
        if value:
            return value[0]
        self._ended = ended = Exit(reason)
        ended.add_note(
            "the first process was ended by an exit signal with this reason: a linked process ended, "
            'for example by a failed start_link; try start_supervised, start, or otp.process_flag("trap_exit", True)'
        )
        note_places(ended, where)
        raise ended

    def _shut_down(self, error: BaseException) -> None:
        """End the program for `KeyboardInterrupt` or `SystemExit` in a process; its caller gets the error."""
        self._shutdown = error
        self.node.begin_close()

    def _leaks(self) -> list[str]:
        node = self.node
        return [node.label(p).rstrip(",") for p in node.process_table.values() if not self._will_be_stopped(p)]

    def _will_be_stopped(self, p: Process | None) -> bool:
        """Return whether something stops it: the node owns it, or an ancestor is about to end."""
        while p is not None and p.status != DEAD:
            if p.status == EXITING or p in self.node.owned:
                return True
            p = p.parent
        return False

    def _describe_waiting(self) -> list[str]:
        """Return all processes, and the lines where they wait."""
        nodes = [node for name in sorted(self.kernel.nodes) for node in self.kernel.nodes[name]]
        return [f"{node.label(p)} {STATE_NAMES[p.status]}" for node in nodes for p in node.process_table.values()]


def _close_collected(loop: Any) -> None:
    """Close generators that were garbage-collected in the last turn, before the loop reports them."""
    ready: Any = getattr(loop, "_ready", ())  # uvloop does not show them
    for handle in tuple(ready):
        for argument in handle._args or ():
            close = getattr(argument, "close", None)
            if close is not None and inspect.isawaitable(argument):
                close()
