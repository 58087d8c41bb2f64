"""A run that can be paused and inspected: step by step, to a condition, backwards, and with other choices.

```python
>>> import otp
>>> from otp.testing import Scheduler
>>> async def main():
...     me = otp.self()
...     for name in ("a", "b"):
...         otp.spawn(lambda name=name: otp.send(me, name))
...     return await otp.receive(), await otp.receive()
>>> with Scheduler(seed=1, inline=False).session(main) as session:
...     session.step(), session.offered(), session.step(), session.position
('run <0.2.0>', ['run <0.3.0>', 'run <0.4.0>'], 'run <0.3.0>', 2)

```

A step runs one process until it waits, or delivers one message. Going back means running again from the start: a run is
a function of program and seed, and costs some microseconds per step.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from array import array
from asyncio import events
from collections.abc import Awaitable, Callable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from otp.kernel.steps.node import Node
from otp.kernel.values.errors import BadArgument
from otp.testing.determinism import compare_steps
from otp.testing.kernel import step_name
from otp.trace._recorder import ALL_KINDS

if TYPE_CHECKING:
    from otp.testing.run import Run
    from otp.testing.scheduler import Scheduler

__all__ = ["Session"]

R = TypeVar("R")


class Session(Generic[R]):
    """A program under a testing scheduler, paused before its first step.

    Created by `Scheduler.session`. Works inside a running event loop too (such as that of a page). Close it, or use it
    in a `with` statement.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        fn: Callable[..., Awaitable[R]],
        args: tuple[Any, ...],
        instead: dict[int, int] | None = None,
        record: str | os.PathLike[str] | None = None,
    ) -> None:
        self._scheduler = scheduler
        self._record = record
        self._fn = fn
        self._args = args
        self._instead = instead or {}
        self._open()

    def _open(self) -> None:
        self._run: Run = self._scheduler.open(self._instead)
        self._run.kernel.take_steps()
        if self._record is not None:
            self._scheduler.record_run(self._run, self._record, self._fn, self._args, self._instead)
        elif self._scheduler.record is not None:  # recorded like its origin: readers of messages change the order
            self._run.node.subscribe(lambda event: None, kinds=ALL_KINDS)
        loop = self._run.loop
        self._task: asyncio.Task[R] = loop.create_task(self._run.main(self._fn, self._args, {}), name="main")
        self._task.add_done_callback(self._ended)
        with (
            _no_loop_runs(),
            self._run.surroundings(),
        ):  # one turn: the first process is created
            loop.call_soon(loop.stop)
            loop.run_forever()

    def __repr__(self) -> str:
        state = "ended" if self.done else f"at {self.now} s"
        return f"<Session of {self._scheduler!r}, {state}, after {self.position} steps>"

    # Inspecting

    @property
    def node(self) -> Node:
        """The node of the program; observe it with `otp.observer` and `otp.trace`."""
        return self._run.node

    @property
    def now(self) -> float:
        """Seconds of virtual time."""
        return self._run.kernel.now_ns() / 1e9

    @property
    def position(self) -> int:
        """Return how many steps have been taken."""
        return len(self._run.kernel.steps)

    @property
    def done(self) -> bool:
        """Return whether the program has ended."""
        return self._task.done()

    def steps(self) -> list[str]:
        """Return descriptions of the steps taken."""
        return [step_name(step) for step in self._run.kernel.steps]

    def offered(self) -> list[str]:
        """Return the possible next steps; `fork(choose=i)` takes the i-th.

        It is empty while all processes wait for a time, and after the end.
        """
        return self._run.kernel.offered()

    # Running

    def step(self, count: int = 1) -> str | None:
        """Take `count` steps.

        Returns a description of the last one, None if the program had ended before.

        Raises `Deadlock` if nothing more can happen.
        """
        if count < 1:
            raise BadArgument(f"step(count): expected a number of at least 1, got {count!r}; try back({-count})")
        target = self.position + count
        self._go(lambda: self.position >= target)
        return step_name(self._run.kernel.steps[-1]) if self.position == target else None

    def run_until(self, predicate: Callable[[Session[R]], object]) -> bool:
        """Run until `predicate(session)` holds after a step.

        Returns False if the program ended first.

        Raises what the predicate raises, with the program at that point: `lambda session: session.now > 10`.
        """
        self._go(lambda: bool(predicate(self)))
        return not self.done

    def run(self) -> R:
        """Run to the end; return the program's value or raise its error, like `Scheduler.run`."""
        if not self.done:
            self._go(None)
        self._run.check()
        return self._task.result()

    def back(self, count: int = 1) -> None:
        """Take `count` steps back.

        Raises `BadArgument` before the beginning, `NotDeterministic` if the program did not repeat itself.
        """
        position = self.position - count
        if count < 0 or position < 0:
            raise BadArgument(f"back(count): expected a number from 0 to {self.position}, got {count!r}")
        before = self._run.kernel.steps[:position]
        self.close()
        self._open()
        self._go_to(before)

    def fork(self, choose: int | None = None, record: str | os.PathLike[str] | None = None) -> Session[R]:
        """Return a second session at the same point.

        With `choose`, its next step is `offered()[choose]`. All later choices are the seed's again. With a scheduler
        that records, a fork may `record` into its own file. Raises `NotDeterministic` like `back`.
        """
        instead = dict(self._instead)
        if choose is not None:
            offered = len(self.offered())
            if not offered:
                now = "has ended" if self.done else "waits for a time; take a step"
                raise BadArgument(f"fork(choose): expected a choice at this point, got none: the program {now}")
            if not 0 <= choose < offered:
                raise BadArgument(f"fork(choose): expected a number below {offered}, got {choose!r}; see offered()")
            if offered > 1:
                instead[self._run.kernel.choices.made] = choose
        if record is not None and self._scheduler.record is None:
            raise BadArgument(
                "fork(record): expected a session that records, got one that does not; try Scheduler(record)"
            )
        other = Session(self._scheduler, self._fn, self._args, instead, record)
        try:
            other._go_to(self._run.kernel.steps[:])
        except BaseException:
            other.close()
            raise
        return other

    def _go_to(self, steps: array[int]) -> None:
        if steps:
            self._go(lambda: self.position >= len(steps))
        compare_steps(steps, self._run.kernel.steps)

    def _go(self, stop: Callable[[], bool] | None) -> None:
        if self.done:
            return
        raised: list[BaseException] = []

        def asked() -> bool:
            try:
                return stop is not None and stop()
            except BaseException as error:  # not in the drain, which would report a bug of the runtime
                raised.append(error)
                return True

        self._run.kernel.after_step = None if stop is None else asked
        if self._run.kernel.patience is not None:  # the user of a session can end an endless run
            self._run.kernel.patience.renew()
        try:
            with _no_loop_runs(), self._run.surroundings():
                self._run.loop.run_forever()
        finally:
            self._run.kernel.after_step = None
        if raised:
            raise raised[0]

    # Ending

    def _ended(self, _task: asyncio.Task[Any]) -> None:
        self._run.loop.stop()

    def close(self) -> None:
        """End the program at its current step. Calling it twice has no effect."""
        if self._run.loop.is_closed():
            return
        self._task.remove_done_callback(self._ended)  # nothing may stop the loop before the node is closed
        with _no_loop_runs():
            self._run.close()
        if self._task.done() and not self._task.cancelled():
            self._task.exception()  # retrieved, so that it is not logged

    def __enter__(self) -> Session[R]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


@contextlib.contextmanager
def _no_loop_runs() -> Generator[None, None, None]:
    """Allow a loop to run inside the step of another."""
    outer = events._get_running_loop()
    events._set_running_loop(None)
    try:
        yield
    finally:
        events._set_running_loop(outer)
