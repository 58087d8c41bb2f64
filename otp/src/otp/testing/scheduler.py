"""A deterministic run: virtual time, and one seed for all choices.

```python
>>> import otp
>>> async def main():
...     pid = otp.spawn(lambda: None)
...     return await otp.wait_down(pid), otp.monotonic()
>>> Scheduler(seed=7).run(main)
('normal', 0.0)

```
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from otp.kernel.steps.node import Node
from otp.kernel.values.coroutines import check_function
from otp.kernel.values.errors import BadArgument
from otp.testing.determinism import compare_runs
from otp.testing.kernel import Choices, TestingKernel, step_name
from otp.testing.patience import MAX_STEPS, checked_max_steps
from otp.testing.recording import recorder_of
from otp.testing.run import Run
from otp.testing.session import Session
from otp.testing.virtual_loop import VirtualLoop

__all__ = ["Scheduler"]

if TYPE_CHECKING:
    from typing import TypeVarTuple

    Ts = TypeVarTuple("Ts")

R = TypeVar("R")


class Scheduler:
    """A runner of programs on a virtual clock, as a pure function of the program and a seed.

    Args:
        seed: determines all free choices of the runtime: which process runs next, which message arrives next, and
            whether an idle server runs on its caller's stack. It also seeds `otp.random`.
        io: `"virtual"`: time jumps; sockets, threads and child processes are refused with `RealIONotSimulated`.
            `"real"`: real time, real sockets; such a run is not reproducible.
        inline: True or False fixes whether idle servers run on their caller's stack; the oldest process then runs
            first, and a message arrives when it is sent. None leaves both to the seed.
        early_timers: the seed may also fire the next timer although something could run, at most a second early.
        causal: with False, a message may overtake one that caused it (from another sender).
        record: a file; each run writes the events of its node there, and what `replay` needs to repeat it. Calls then
            go through mailboxes, so the order may differ from that of the same seed without it.
        max_steps: how many steps of processes (or turns of the loop) may happen while `fn` waits, in virtual time: a
            server that ticks forever would prolong the run forever. `Livelock` then names it. A wait with a limit
            (`advance`, `timeout=`, a sleep) may take more, as long as the clock moves.
    """

    def __init__(
        self,
        seed: int = 0,
        io: Literal["virtual", "real"] = "virtual",
        inline: bool | None = None,
        early_timers: bool = False,
        causal: bool = True,
        record: str | os.PathLike[str] | None = None,
        max_steps: int | Literal["infinity"] = MAX_STEPS,
    ) -> None:
        if io not in ("virtual", "real"):
            raise BadArgument(f'io: expected "virtual" or "real", got {io!r}')
        self.seed = seed
        self.io = io
        self.inline = inline
        self.early_timers = early_timers
        self.causal = causal
        self.record = record
        self.max_steps: int | Literal["infinity"] = checked_max_steps(max_steps)
        self._run: Run | None = None
        self._started = 0

    def __repr__(self) -> str:
        return f"<Scheduler seed={self.seed} io={self.io!r} inline={self.inline}>"

    @property
    def node(self) -> Node:
        """The node `"test"` of the current or last run."""
        return self._last("node").node

    @property
    def nodes(self) -> list[Node]:
        """All nodes on this scheduler now, by name."""
        if self._run is None:
            return []
        nodes = self._run.kernel.nodes
        return [node for name in sorted(nodes) for node in nodes[name]]

    @property
    def now(self) -> float:
        """Seconds of the run's clock since it began."""
        return 0.0 if self._run is None else (self._run.kernel.now_ns() - self._started) / 1e9

    @property
    def leaks(self) -> list[str]:
        """Descriptions of the processes that the last program left running."""
        return self._last("leaks").leaks

    def run(self, fn: Callable[[*Ts], Awaitable[R]], *args: *Ts) -> R:
        """Run `fn(*args)` as the first process of a new node `"test"` and return its value.

        At the end the first process ends with reason `"shutdown"`, together with what is linked to it; then children of
        `start_supervised` stop in reverse order, then all others. Each call starts again at time 0 with the same seed.

        Raises what `fn` raised; `Exit(reason)` if a signal ended it; `Deadlock` if nothing could happen any more,
        `Livelock` if it never ended (see `max_steps`); `RealIONotSimulated` if any code asked for real I/O, even if the
        error was caught; `RecordingError` if the file to `record` cannot be written.
        """
        __tracebackhide__ = True
        check_function(fn, "Scheduler.run")
        run = self.open()
        if self.record is not None:
            self.record_run(run, self.record, fn, args, {})
        try:
            return run.execute(fn, args, {})
        finally:
            run.close()

    def replay(self, fn: Callable[[*Ts], Awaitable[R]], *args: *Ts) -> R:
        """Run the program once more and compare it with the previous run, step by step.

        Raises `NotDeterministic` with the first step, or else the first event, in which they differ; otherwise
        returns or raises what `run` does.
        """
        before = self._last("replay")
        try:
            return self.run(fn, *args)
        finally:
            compare_runs(before, self._last("replay"))

    def session(self, fn: Callable[[*Ts], Awaitable[R]], *args: *Ts) -> Session[R]:
        """Return `fn(*args)` as `run` would run it, paused before its first step: see `Session`.

        Raises `BadArgument` with `io="real"`: real time does not wait.
        """
        if self.io == "real":
            raise BadArgument('session: expected io="virtual", got "real": real time does not wait')
        check_function(fn, "Scheduler.session")
        return Session(self, fn, args, record=self.record)

    def steps(self) -> list[str]:
        """Return descriptions of the steps of the current or last run."""
        return [step_name(step) for step in self._last("steps").kernel.steps]

    def open(self, instead: dict[int, int] | None = None, name: str = "test") -> Run:
        """Return the next run, with its node, before its first process.

        The caller closes it. `instead` maps the numbers of choices to replacements for the seed's choices; `name` is
        that of the node.
        """
        loop = VirtualLoop() if self.io == "virtual" else asyncio.new_event_loop()
        kernel = TestingKernel(
            loop,
            inline="seeded" if self.inline is None else self.inline,
            rng=random.Random(self.seed),
            choices=Choices(self.seed if self.inline is None else None, instead),
            early_timers=self.early_timers,
            causal=self.causal,
        )
        self._run = run = Run(loop, kernel, self.seed, self.max_steps, name)
        self._started = kernel.now_ns()
        return run

    def record_run(
        self,
        run: Run,
        path: str | os.PathLike[str],
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        instead: dict[int, int],
    ) -> None:
        """Begin to record a run that was just opened."""
        try:
            run.recorder = recorder_of(self, run.node, path, fn, args, instead)
        except BaseException:
            run.close()
            raise

    def _last(self, what: str) -> Run:
        if self._run is None:
            raise RuntimeError(f"{what}: expected a run, got a scheduler that never ran; try scheduler.run(fn)")
        return self._run
