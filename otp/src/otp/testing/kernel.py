"""The scheduler of processes in a test, which records each step.

With a fixed order (`inline` True or False) the kernel's own drain runs, so a test executes what production executes.
Otherwise single steps are chosen: a step runs one process until it waits (a server: until its mailbox is empty), or
delivers one message in transit, or fires the next timer although something could run (`early_timers` only). The next
step is one number, taken from `Choices`, through which schedules can be explored.
"""

from __future__ import annotations

import asyncio
import random
from array import array
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from otp.kernel.steps.drain import LoopScheduler, blame, run_one
from otp.kernel.tables.child_tasks import adopt
from otp.kernel.tables.scheduler import BUDGET, find_scheduler
from otp.testing.post import Held, Post
from otp.testing.virtual_loop import VirtualLoop

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node
    from otp.kernel.values.pids import Pid
    from otp.kernel.values.process import Process
    from otp.testing.patience import Patience

__all__ = ["DELIVER", "FIRE", "RUN", "Choices", "TestingKernel", "step_name", "testing_kernel"]

RUN: Final = 0
DELIVER: Final = 1
FIRE: Final = 2
EARLY_NS: Final = 1_000_000_000
"""The most that early timers may move the clock while something waits to run, in ns."""
_BITS: Final = 30
_MASK: Final = (1 << _BITS) - 1


class Choices:
    """The free choices of a run: numbers below `n`, from the seed, or always 0, the oldest.

    `instead` replaces single choices by their number; all others follow the seed.
    """

    def __init__(self, seed: int | None, instead: dict[int, int] | None = None) -> None:
        self._random = None if seed is None else random.Random(f"schedule {seed}")
        self.instead: dict[int, int] = instead or {}
        self.made: int = 0

    def pick(self, n: int) -> int:
        """Choose one of `n` ≥ 2."""
        chosen = 0 if self._random is None else self._random.randrange(n)
        if self.instead:
            chosen = min(self.instead.get(self.made, chosen), n - 1)
        self.made += 1
        return chosen

    def coin(self) -> bool:
        """Return whether idle servers run on their caller's stack during the next step."""
        return self._random is not None and self._random.random() < 0.5


class _RecordedQueue(deque["Process"]):
    """The run queue of a run in a fixed order; records each entry that the production drain takes."""

    def __init__(self, kernel: TestingKernel) -> None:
        super().__init__()
        self._note: Callable[[Process], None] = kernel.note_run

    def popleft(self) -> Process:
        """Take the oldest entry."""
        p = super().popleft()
        self._note(p)
        return p


class TestingKernel(LoopScheduler):
    """The kernel's scheduler, with a schedule that can be chosen, recorded and stopped at any step."""

    __test__ = False  # its name begins with Test, but it is not one
    __slots__ = (
        "_busy_since",
        "_numbers",
        "after_step",
        "choices",
        "early_timers",
        "failure",
        "holding",
        "patience",
        "steps",
        "supervisors",
    )
    post: Post | None
    current: Process | None
    runq: deque[Process]
    drain: Callable[[], None]
    future_done: Callable[..., None]
    _append: Callable[[Process], None]
    credit: int
    drains: int
    handled: int
    switches: int

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        inline: bool | Literal["seeded"],
        rng: random.Random,
        choices: Choices,
        early_timers: bool = False,
        causal: bool = True,
    ) -> None:
        super().__init__(loop, inline=inline, rng=rng)
        self.choices: Choices = choices
        self.early_timers: bool = early_timers
        self.supervisors: dict[Node, asyncio.Future[Pid]] = {}
        self.failure: BaseException | None = None
        """An error that fails the run, whatever its program does."""
        self.holding: bool = True
        self.steps: array[int] = array("Q")
        self.after_step: Callable[[], bool] | None = None
        """Called after each step; True stops the loop there."""
        self.patience: Patience | None = None
        """Notified when the first process runs."""
        self._numbers: dict[Node, int] = {}
        self._busy_since = 0
        self.post = Post(self, hold=True, causal=causal) if inline == "seeded" else None
        self.future_done = partial(self._future_done, self.future_done)
        if isinstance(loop, VirtualLoop):
            loop.task_made = partial(adopt, self)
            self.reports_tasks = True
        if inline == "seeded" or early_timers:
            self.take_steps()
        else:
            self.runq = _RecordedQueue(self)
            self._append = self.runq.append

    def take_steps(self) -> None:
        """Take single steps from the next drain on, instead of running the production drain."""
        self.drain = self._drain_steps

    def note_run(self, p: Process) -> None:
        """Record that the production drain runs `p`."""
        self._write(RUN, None, p)
        self._renew_patience(p)

    def _future_done(
        self, go_on: Callable[[Process, asyncio.Future[Any]], None], p: Process, future: asyncio.Future[Any]
    ) -> None:
        """Resume after a future whose origin is unknown: deliver what was sent before."""
        if self.post is not None and self.post.count and self.post.causal:
            self.post.deliver_all()
        self._renew_patience(p)
        go_on(p, future)

    def _renew_patience(self, p: Process) -> None:
        patience = self.patience
        if patience is not None and p is patience.first:
            patience.renew()

    def drain_credit(self) -> int:
        """Return how many calls may run inline, none while a fault is active: they would bypass it."""
        return 0 if self.post is not None and self.post.faults else super().drain_credit()

    def wake(self) -> None:
        """Wake the loop as in production, and note when work began."""
        self._busy_since = self.now_ns()
        super().wake()

    def begin_drain(self, p: Process) -> None:
        """Run `p` now as in production; if the next step is chosen, queue it, so that it is one of the choices."""
        if self.drain == self._drain_steps:
            self.push(p)
        else:
            self._busy_since = self.now_ns()
            super().begin_drain(p)

    def open_post(self) -> Post:
        """Return the post, which faults need; created on demand if the order is fixed."""
        if self.post is None:
            self.post = Post(self, hold=False, causal=True)
            self.take_steps()
            for nodes in self.nodes.values():
                for node in nodes:
                    node.watched = True
        return self.post

    # Steps

    def _drain_steps(self) -> None:
        self.begin_work()
        self.drains += 1
        fired = False
        try:
            for _ in range(BUDGET):
                kind = self._step()
                if kind is None:
                    break
                if self.after_step is not None and self.after_step():
                    self.loop.stop()
                    break
                fired = kind == FIRE
                if fired or self._others_wait():
                    break
        except Exception as failure:
            blame(self, failure)
        finally:
            self.current = None
            self.credit = 0
            self.task_table.pop(self.loop, None)
            if not self.runq and not (self.post is not None and self.post.ready):
                self.rest()
            elif fired:  # the timers of that time precede the next step
                self.loop.call_soon(self._drain_soon, context=self.base_context)
            else:
                self.loop.call_soon(self.drain, context=self.base_context)

    def _drain_soon(self) -> None:
        self.loop.call_soon(self.drain, context=self.base_context)

    def _others_wait(self) -> bool:
        """Return whether asyncio has work: it gets a turn after each step, paused or not."""
        loop = self.loop
        if isinstance(loop, VirtualLoop):
            return loop.has_work()
        return True

    def _step(self) -> int | None:
        post = self.post
        ready: list[Held] = post.ready if post is not None else []
        runnable = len(self.runq)
        count = runnable + len(ready)
        if count == 0:
            return None
        early = self._early_timer() if self.early_timers else None
        choices = count + (early is not None)
        chosen = self.choices.pick(choices) if choices > 1 else 0
        if chosen < runnable:
            p = self.runq[chosen]
            del self.runq[chosen]
            self._write(RUN, None, p)
            self.switches += 1
            self._run(p)
            return RUN
        if chosen < count and post is not None:
            held = ready.pop(chosen - runnable)
            self._write(DELIVER, held.sender, held.dest)
            post.deliver(held)
            return DELIVER
        self._write(FIRE, None, None)
        if early is not None and isinstance(self.loop, VirtualLoop):
            self.loop.move_to(early)
        return FIRE

    def _run(self, p: Process) -> None:
        post = self.post
        inline = self.inline is True or (self.inline == "seeded" and self.choices.coin())
        if post is not None and (post.count or post.faults):  # an inline call would overtake, or escape faults
            inline = False
        self._renew_patience(p)
        self.holding = not inline
        self.credit = credit = BUDGET if inline and not self.watched else 0
        try:
            run_one(self, p)
        finally:
            self.handled += credit - self.credit
            self.holding = True

    def _early_timer(self) -> int | None:
        loop = self.loop
        if not isinstance(loop, VirtualLoop) or loop.somebody_waits_for_idle():
            return None
        due = loop.next_timer_ns()
        return due if due is not None and due - self._busy_since < EARLY_NS else None

    # The record

    def _write(self, kind: int, sender: Process | None, dest: Process | None) -> None:
        self.steps.append(kind << 2 * _BITS | self._number(sender) << _BITS | self._number(dest))

    def _number(self, p: Process | None) -> int:
        if p is None:
            return 0
        numbers = self._numbers
        node = numbers.get(p.runtime)
        if node is None:
            node = numbers[p.runtime] = len(numbers)
        return (node << 24 | p.number) & _MASK

    def label(self, p: Process) -> str:
        """Return a description of a process."""
        return p.runtime.label(p).rstrip(",")

    def ran(self, step: int) -> str | None:
        """Return the process that ran in a step; `None` for other steps, and for an ended process."""
        number = step & _MASK
        if step >> 2 * _BITS != RUN:
            return None
        for node, at in self._numbers.items():
            if at == number >> 24:
                p = node.process_table.get(number & 0xFFFFFF)
                return step_name(step).removeprefix("run ") if p is None else self.label(p)
        return None

    def offered(self) -> list[str]:
        """Return the possible next steps, in the order in which `Choices` counts."""
        ready = self.post.ready if self.post is not None else ()
        offered = [step_name(RUN << 2 * _BITS | self._number(p)) for p in self.runq]
        return offered + [
            step_name(DELIVER << 2 * _BITS | self._number(held.sender) << _BITS | self._number(held.dest))
            for held in ready
        ]


def step_name(step: int) -> str:
    """Return a description of a step.

    >>> step_name(1 << 60 | 3 << 30 | 2)
    'deliver <0.3.0> to <0.2.0>'
    """
    kind, sender, dest = step >> 2 * _BITS, step >> _BITS & _MASK, step & _MASK
    if kind == FIRE:
        return "fire the next timer"
    return f"run {_pid(dest)}" if kind == RUN else f"deliver {_pid(sender)} to {_pid(dest)}"


def _pid(number: int) -> str:
    node, id = number >> 24, number & 0xFFFFFF
    return f"<0.{id}.0>" if node == 0 else f"<0.{id}.0> on node {node + 1}"


def testing_kernel(what: str) -> TestingKernel:
    """Return the testing scheduler of the running loop; `what` names the caller in the error."""
    found = find_scheduler()
    if isinstance(found, TestingKernel):
        return found
    raise RuntimeError(
        f"{what}: expected a testing scheduler, got {'no scheduler' if found is None else 'one for production'}; "
        "try @pytest.mark.otp on the test, or otp.testing.Scheduler().run(test)"
    )
