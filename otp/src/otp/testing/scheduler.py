"""A deterministic run: virtual time, one seed for every choice.

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
import functools
import random
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

from otp.kernel.errors import BadArgument, Exit
from otp.kernel.node import Node
from otp.kernel.scheduler import Scheduler as ProcessScheduler
from otp.kernel.signals import wait_down
from otp.kernel.states import STATE_NAMES
from otp.testing.virtual_loop import NS, VirtualLoop

__all__ = ["Scheduler"]

R = TypeVar("R")


class Scheduler:
    """Runs a program of processes on a virtual clock, as a pure function of the program and a seed.

    Args:
        seed: chooses, wherever the runtime is free to: who runs next, and whether an idle server runs on its
            caller's stack.  It also seeds `otp.random`.
        io: `"virtual"`: time jumps, sockets, threads and child processes are refused with `RealIONotSimulated`.
        inline: True or False fixes whether idle servers run on their caller's stack; the oldest process then runs
            first.  None leaves both to the seed.
    """

    def __init__(self, seed: int = 0, io: Literal["virtual"] = "virtual", inline: bool | None = None) -> None:
        if io != "virtual":
            raise BadArgument(f'io: expected "virtual", got {io!r}; try otp.run(fn) for real time')
        self.seed = seed
        self.inline = inline
        self._loop: VirtualLoop | None = None
        self._kernel: ProcessScheduler | None = None
        self._node: Node | None = None

    @property
    def node(self) -> Node:
        """The node `"test"` of the current or last run."""
        if self._node is None:
            raise RuntimeError("node: expected a run, got a scheduler that never ran; try scheduler.run(fn)")
        return self._node

    @property
    def nodes(self) -> list[Node]:
        """All nodes that live on this scheduler now, by name."""
        if self._kernel is None:
            return []
        return [node for name in sorted(self._kernel.nodes) for node in self._kernel.nodes[name]]

    @property
    def now(self) -> float:
        """Seconds of virtual time since the run began."""
        return 0.0 if self._loop is None else self._loop.now_ns / NS

    def run(self, fn: Callable[..., Awaitable[R]], *args: Any) -> R:
        """Run `fn(*args)` as the first process of a new node `"test"` and return its value.

        What the run leaves behind is stopped before this returns.  Each call starts anew, at time 0 and with the
        same seed.

        Raises what `fn` raised; `Exit(reason)` if a signal ended it; `Deadlock` if nothing could happen any more;
        `RealIONotSimulated` if anything asked for real I/O, even if the error was swallowed.
        """
        loop = VirtualLoop()
        kernel = ProcessScheduler(
            loop,
            inline="seeded" if self.inline is None else self.inline,
            rng=random.Random(self.seed),
            seeded_order=self.inline is None,
        )
        self._loop, self._kernel = loop, kernel
        loop.kernel_idle = lambda: kernel.idle
        loop.who_waits = self._who_waits
        try:
            result = loop.run_until_complete(self._first(kernel, fn, args))
        finally:
            _close(loop, kernel)
        if loop.refusal is not None:
            raise loop.refusal
        return result

    def _who_waits(self) -> list[str]:
        """All processes, and what they wait in."""
        return [f"{node.label(p)} {STATE_NAMES[p._st]}" for node in self.nodes for p in node._procs.values()]

    async def _first(self, kernel: ProcessScheduler, fn: Callable[..., Awaitable[R]], args: tuple[Any, ...]) -> R:
        value: list[R] = []
        raised: list[BaseException] = []

        @functools.wraps(fn)
        async def first() -> None:
            try:
                value.append(await fn(*args))
            except Exception as error:
                raised.append(error)
                raise

        async with Node("test", scheduler=kernel) as node:
            self._node = node
            reason = await wait_down(node.spawn(first))
        if value:
            return value[0]
        raise raised[0] if raised else Exit(reason)


def _close(loop: VirtualLoop, kernel: ProcessScheduler) -> None:
    """Cancel the tasks that are left, let them end, close the loop."""
    try:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        kernel.close()
        loop.close()
