"""Running a function in a process of a member, for code outside all processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

__all__ = ["run_into"]


async def run_into(done: asyncio.Future[Any], fn: Callable[..., Any], *args: Any, **options: Any) -> None:
    """Run a function, which may be `async`, and put its value or its error into a future that may be cancelled.

    >>> async def main():
    ...     done = asyncio.get_running_loop().create_future()
    ...     await run_into(done, divmod, 7, 2)
    ...     return done.result()
    >>> asyncio.run(main())
    (3, 1)
    """
    try:
        result = fn(*args, **options)
        if asyncio.iscoroutine(result):
            result = await result
    except Exception as error:
        if not done.done():
            done.set_exception(error)
    else:
        if not done.done():
            done.set_result(result)
