"""Blocking calls in threads with a time limit, and what threads have for the loop."""

from __future__ import annotations

import asyncio
import atexit
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final, Generic, TypeVar

__all__ = ["Inbox", "begin", "in_background"]

T = TypeVar("T")

AT_ONCE: Final = 512
"""Items handled before the loop may do something else."""


LAST_WAIT: Final = 3.0
"""Seconds that the end of the program waits for these threads: one that it catches in foreign code aborts it."""

SETTLE_S: Final = 0.3
"""Seconds after the last of these threads, in which those of foreign code may leave a callback that was under way."""

_running: set[threading.Thread] = set()
_ended: Final = deque([float("-inf")], maxlen=1)
"""The time at which the last of them ended."""


def begin(function: Callable[[], object]) -> None:
    """Run a function in a thread of its own, for which the end of the program waits at most `LAST_WAIT` seconds."""

    def run() -> None:
        try:
            function()
        finally:
            _ended.append(time.monotonic())
            _running.discard(thread)

    thread = threading.Thread(target=run, daemon=True)
    _running.add(thread)
    thread.start()


@atexit.register
def _wait() -> None:
    until = time.monotonic() + LAST_WAIT
    for thread in list(_running):
        thread.join(max(0.0, until - time.monotonic()))
    left = _ended[-1] + SETTLE_S - time.monotonic()
    if left > 0:
        threading.Event().wait(left)


async def in_background(function: Callable[[], T], seconds: float, undo: Callable[[T], object] | None = None) -> T:
    """Return `function()`, run as `begin` does.

    Raises `TimeoutError` after `seconds`. A result that comes later is passed to `undo`.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def finish(result: T | None, error: BaseException | None) -> None:
        if done.done():
            if error is None and undo is not None:
                begin(partial(undo, result))  # pyright: ignore[reportArgumentType]
        elif error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # pyright: ignore[reportArgumentType]

    def run() -> None:
        result = error = None
        try:
            result = function()
        except BaseException as raised:
            error = raised
        try:
            loop.call_soon_threadsafe(finish, result, error)
        except RuntimeError:  # the loop is closed
            if error is None and undo is not None:
                undo(result)  # pyright: ignore[reportArgumentType]

    begin(run)
    return await asyncio.wait_for(done, seconds)


class Inbox(Generic[T]):
    """Items of any thread, handled on the loop in order; one wake-up serves all that came meanwhile.

    While `limit` bytes wait, items with a size are dropped. After `close`, and on a closed loop, all are.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, handle: Callable[[T], object], limit: int) -> None:
        self._loop = loop
        self._handle = handle
        self._limit = limit
        self._items: deque[tuple[T, int]] = deque()
        self._size = 0
        self._lock = threading.Lock()
        self._awake = False
        self._closed = False

    def put(self, item: T, size: int = 0) -> None:
        """Hand over an item; from any thread."""
        with self._lock:
            if self._closed or (size and self._size + size > self._limit):
                return
            self._size += size
            self._items.append((item, size))
            if self._awake:
                return
            self._awake = True
            try:
                self._loop.call_soon_threadsafe(self._drain)
            except RuntimeError:
                self._closed = True

    def close(self) -> None:
        """Drop all items, now and from now on."""
        with self._lock:
            self._closed = True
            self._items.clear()

    def _drain(self) -> None:
        with self._lock:
            batch = [self._items.popleft() for _ in range(min(AT_ONCE, len(self._items)))]
            self._size -= sum(size for _, size in batch)
            self._awake = bool(self._items)
            if self._awake:
                self._loop.call_soon(self._drain)
        for item, _ in batch:
            if self._closed:
                return
            try:
                self._handle(item)
            except Exception as error:
                text = f"expected a carrier's events to be handled, got {error!r}"
                self._loop.call_exception_handler({"message": text, "exception": error})
