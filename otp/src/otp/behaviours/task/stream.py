"""Streams of tasks: a function applied to many items concurrently, each in its own process.

>>> import asyncio, otp
>>> from otp import Task, TaskOk
>>> async def double(n):
...     await asyncio.sleep(0.001)
...     return n * 2
>>> async def main():
...     found = []
...     async with Task.async_stream([1, 2, 3], double, max_concurrency=2) as results:
...         async for result in results:
...             match result:
...                 case TaskOk(value):
...                     found.append(value)
...     return found
>>> otp.run(main)
[2, 4, 6]

The next item is taken, and its task started, only when a result is requested and fewer than `max_concurrency` tasks
run: the source may be endless, and a slow reader slows it down.

The tasks are linked to a process that is linked to the reader, so a task that crashes ends the reader with its reason,
and the end of the reader ends the tasks. A reader that traps exits gets `TaskExit(reason)` instead of the result.
Results and ends do not use the reader's mailbox.

Source: Elixir's `Task.async_stream/3`, `Task.Supervisor.async_stream_nolink/4`; `task/supervised.ex`.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from types import TracebackType
from typing import Any, Generic, Literal, Self, TypeAlias, TypedDict, TypeVar

from otp.behaviours.task._run import OnTimeout, Run, StreamOptions
from otp.behaviours.task._work import TaskExit, TaskOk, check_function

__all__ = ["Source", "StreamKeywords", "TaskStream"]

T_co = TypeVar("T_co", covariant=True)
Item = TypeVar("Item")

Source: TypeAlias = Iterable[Item] | AsyncIterable[Item]


class StreamKeywords(TypedDict, total=False):
    """The options of `Task.async_stream`."""

    max_concurrency: int
    ordered: bool
    timeout: float | Literal["infinity"] | None
    on_timeout: OnTimeout
    zip_input_on_exit: bool


class TaskStream(AsyncIterator[TaskOk[T_co] | TaskExit], Generic[T_co]):
    """The results of `Task.async_stream` and its variants: an async iterator and context manager.

    Leaving the `async with` kills the tasks still running before the next statement. Without it they are killed soon
    after the iterator is dropped. It is for one pass; the tasks are linked to the process that requests the first
    result.
    """

    __slots__ = ("__weakref__", "_args", "_fn", "_items", "_options", "_run")

    def __init__(
        self, what: str, items: Source[Any], fn: Callable[..., Any], args: tuple[Any, ...], options: StreamOptions
    ) -> None:
        self._run: Run | None = None
        check_function(fn, f"{what}(items, fn)")
        if not isinstance(items, Iterable | AsyncIterable) and not hasattr(items, "__getitem__"):
            raise TypeError(f"{what}(items, fn): expected an iterable, sync or async, got {items!r:.200}")
        self._items = items
        self._fn = fn
        self._args = args
        self._options = options.checked(what)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> TaskOk[T_co] | TaskExit:
        """Return the next result.

        Raises:
            Exit: a task took longer than `timeout` seconds and `on_timeout` is `"exit"`:
                `.reason` is `("timeout", ("Task", "async_stream", [timeout]))`.
            StartError: the supervisor is full (`"max_children"`).
        """
        return await self._begun().next()

    async def __aenter__(self) -> Self:
        self._begun()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._begun().close()

    def _begun(self) -> Run:
        run = self._run
        if run is None:
            run = self._run = Run(self._items, self._fn, self._args, self._options)
        return run

    def __del__(self) -> None:
        run = self._run
        if run is not None and not run.closed:
            loop = run.s.loop
            if not loop.is_closed():  # not here: the collector may call this in the middle of anything
                loop.call_soon_threadsafe(run.close, context=run.s.base_context)
