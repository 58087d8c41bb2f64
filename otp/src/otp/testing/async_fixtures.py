"""Async fixtures of a test: its first process sets them up before the test and finishes them after it.

So what a fixture starts is on the test's node, and linked to the test if it uses `start_link`. A plain fixture that
uses an async one is set up there, too.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, Final

__all__ = ["PendingFixture", "is_async_function", "with_fixtures"]


END: Final = object()


def is_async_function(function: Any) -> bool:
    """Return whether a function is `async def`, with or without `yield`."""
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


class PendingFixture:
    """The value of a fixture during pytest's setup, before the test's process has called its function."""

    def __init__(self, name: str, function: Callable[..., Any], arguments: dict[str, Any]) -> None:
        self.name: str = name
        self.function: Callable[..., Any] = function
        self.arguments: dict[str, Any] = arguments

    def __repr__(self) -> str:
        return f"<fixture {self.name}, not set up yet>"

    async def use(self, arguments: dict[str, Any], rest: Callable[[Any], Awaitable[Any]]) -> Any:
        """Call the fixture function, then `rest` with its value, then the code after its `yield`."""
        __tracebackhide__ = True
        made = self.function(**arguments)
        if inspect.isasyncgen(made):
            step = functools.partial(_next_async, made)
        elif inspect.isgenerator(made):
            step = functools.partial(_next, made)
        else:
            return await rest(await made if inspect.iscoroutine(made) else made)
        value = await step()
        if value is END:
            raise RuntimeError(f"fixture {self.name}: expected one yield, got none")
        try:
            return await rest(value)
        finally:
            if await step() is not END:
                raise RuntimeError(f"fixture {self.name}: expected one yield, got a second one")


async def _next(generator: Iterator[Any]) -> Any:
    return next(generator, END)


async def _next_async(generator: AsyncIterator[Any]) -> Any:
    try:  # CPython 3.11 passes no value through `anext(generator, END)`
        return await anext(generator)
    except StopAsyncIteration:
        return END


def with_fixtures(
    test: Callable[..., Awaitable[Any]], fixtures: Sequence[PendingFixture], instead: dict[int, Any]
) -> Callable[..., Awaitable[Any]]:
    """Return `test` wrapped in the setup and teardown of its fixtures.

    `instead` has replacements for other arguments, by the `id` of the original.
    """
    if not fixtures and not instead:
        return test

    @functools.wraps(test)
    async def around(*args: Any, **arguments: Any) -> Any:
        __tracebackhide__ = True
        values = dict(instead)

        def ready(given: dict[str, Any]) -> dict[str, Any]:
            return {name: values.get(id(value), value) for name, value in given.items()}

        async def use_from(number: int) -> Any:
            __tracebackhide__ = True
            if number == len(fixtures):
                return await test(*args, **ready(arguments))
            fixture = fixtures[number]

            async def rest(value: Any) -> Any:
                __tracebackhide__ = True
                values[id(fixture)] = value
                return await use_from(number + 1)

            return await fixture.use(ready(fixture.arguments), rest)

        return await use_from(0)

    return around
