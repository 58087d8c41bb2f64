"""Blocks of different processes and tasks, executed in numbered order.

```python
>>> import asyncio
>>> from otp.testing import Scheduler, Sequencer
>>> async def main():
...     order, said = Sequencer(), []
...     async def one():
...         async with order(0):
...             said.append("first")
...         async with order(2):
...             said.append("third")
...     async def two():
...         async with order(1):
...             said.append("second")
...     await asyncio.gather(one(), two())
...     return said
>>> Scheduler(seed=3).run(main)
['first', 'second', 'third']

```

Source: trio's `trio.testing.Sequencer`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager

from otp.kernel.tables.scheduler import find_scheduler

__all__ = ["Sequencer"]


class Sequencer:
    """A sequence: `async with sequencer(n)` runs its block after blocks 0 … n-1, each number once.

    What was sent in a block has arrived before the next one begins. Cancelling a wait breaks the sequence: waiters for
    a later number get a `RuntimeError`.
    """

    def __init__(self) -> None:
        self._next = 0
        self._claimed: set[int] = set()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._broken = False

    def __call__(self, position: int) -> AbstractAsyncContextManager[None]:
        """Return the block with this number, from 0.

        Raises `RuntimeError` if the number was used before, or the sequence is broken.
        """
        return self._block(position)

    @contextlib.asynccontextmanager
    async def _block(self, position: int) -> AsyncGenerator[None, None]:
        if position in self._claimed:
            raise RuntimeError(f"Sequencer: expected each number once, got {position} twice; try the next free one")
        if self._broken:
            raise RuntimeError(f"Sequencer: block {position} can never come: an earlier one was cancelled")
        self._claimed.add(position)
        if position != self._next:
            turn = self._waiting[position] = asyncio.get_running_loop().create_future()
            try:
                await turn
            except asyncio.CancelledError:
                self._break()
                raise
            finally:
                self._waiting.pop(position, None)
        try:
            yield
        finally:
            _everything_arrives()
            self._next = position + 1
            following = self._waiting.get(self._next)
            if following is not None and not following.done():
                following.set_result(None)

    def _break(self) -> None:
        self._broken = True
        for position, turn in sorted(self._waiting.items()):
            if not turn.done():
                turn.set_exception(
                    RuntimeError(f"Sequencer: block {position} can never come: an earlier one was cancelled")
                )


def _everything_arrives() -> None:
    kernel = find_scheduler()
    if kernel is not None and kernel.post is not None:
        kernel.post.deliver_all()
