"""A limit on concurrent starts, which would slow each other down."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

__all__ = ["Turns"]


class Turns:
    """A limit on concurrent work; the others wait in the order in which they came.

    Args:
        most: how many may work at a time.
        longest: seconds after which a turn ends in any case: its owner may never return.

    >>> async def main():
    ...     turns = Turns(1, longest=60)
    ...     over = await turns.begin()
    ...     next_one = asyncio.ensure_future(turns.begin())
    ...     done, _ = await asyncio.wait([next_one], timeout=0)
    ...     over()
    ...     return len(done), callable(await next_one)
    >>> asyncio.run(main())
    (0, True)
    """

    def __init__(self, most: int, longest: float) -> None:
        self._free = most
        self._longest = longest
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def begin(self) -> Callable[[], None]:
        """Wait for a turn; return a function that ends it, which may be called repeatedly."""
        loop = asyncio.get_running_loop()
        while not self._free:
            mine: asyncio.Future[None] = loop.create_future()
            self._waiting.append(mine)
            try:
                await mine
            except BaseException:  # its process was killed, perhaps just as its turn came
                mine.cancel()
                self._wake()
                raise
        self._free -= 1
        left = [1]

        def end() -> None:
            if left:
                self._free += left.pop()
                late.cancel()
                self._wake()

        late = loop.call_later(self._longest, end)
        return end

    def _wake(self) -> None:
        while self._free and self._waiting:
            first = self._waiting.popleft()
            if not first.done():
                first.set_result(None)
                return
