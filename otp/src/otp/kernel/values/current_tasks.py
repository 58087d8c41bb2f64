"""asyncio's table of current tasks, in which the scheduler enters the running process.

`asyncio.timeout`, `TaskGroup` and libraries look up the current task and cancel it. A task for each process would cost
an allocation at its start and a hundred bytes, so the process itself is entered (decision 0005). Without the entry they
raise: test_asyncio_timeout_works_around_every_kind_of_wait.
"""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop, tasks
from typing import Any


class _SwappedTasks:
    """Access to `asyncio`'s current task where it is not a writable dictionary."""

    __slots__ = ("_swap",)

    def __init__(self) -> None:
        self._swap: Any = vars(tasks)["_swap_current_task"]  # private, and missing in its type stub

    def __setitem__(self, loop: AbstractEventLoop, task: Any) -> None:
        self._swap(loop, task)

    def __getitem__(self, loop: AbstractEventLoop) -> Any:
        return asyncio.current_task(loop)

    def get(self, loop: AbstractEventLoop, default: Any = None) -> Any:
        return asyncio.current_task(loop)

    def pop(self, loop: AbstractEventLoop, default: Any = None) -> None:
        self._swap(loop, None)


def current_task_table(loop: AbstractEventLoop) -> Any:
    """Return asyncio's table of current tasks, after a test that `current_task` reads it."""
    table: Any = vars(tasks)["_current_tasks"]
    probe = object()
    before = table.get(loop)
    table[loop] = probe
    try:
        works = asyncio.current_task(loop) is probe
    finally:
        if before is None:
            table.pop(loop, None)
        else:
            table[loop] = before
    return table if works else _SwappedTasks()
