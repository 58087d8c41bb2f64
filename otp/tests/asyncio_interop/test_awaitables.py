"""Whatever can be awaited in a task can be awaited in a process, even where the process is resumed with a message.

A task is only ever resumed with None. A process that passed its messages through `send` would depend on every
awaitable in between: some have no `send`, and `anext(iterator, default)` of CPython 3.11 takes a tuple apart.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Any

import pytest

import otp
from otp import GenServer
from otp.testing import Scheduler

VALUE = ("a", "tuple")

Wait = Callable[[], Awaitable[Any]]


class Refused(Exception):
    """Thrown into a generator."""


async def generate(wait: Wait) -> AsyncIterator[Any]:
    try:
        yield await wait()
        yield await wait()
    except Refused:
        yield await wait()


class Received:
    """An asynchronous iterator that is no generator."""

    def __init__(self, wait: Wait) -> None:
        self.wait = wait

    def __aiter__(self) -> Received:
        return self

    async def __anext__(self) -> Any:
        return await self.wait()


class WithGenerator(Received):
    def __await__(self) -> Generator[Any, Any, Any]:
        return (yield from self.wait().__await__())


class WithWrapper(Received):
    def __await__(self) -> Generator[Any, Any, Any]:
        return self.wait().__await__()


class Steps:
    """An iterator with `__next__` alone, as `__await__` may return it."""

    def __init__(self, inner: Iterator[Any]) -> None:
        self.inner = inner

    def __iter__(self) -> Steps:
        return self

    def __next__(self) -> Any:
        return next(self.inner)


class WithSteps(Received):
    def __await__(self) -> Any:
        return Steps(self.wait().__await__())


class WithChain(Received):
    """Its iterator is written in C and has no `send`."""

    def __await__(self) -> Any:
        return itertools.chain(self.wait().__await__())


@types.coroutine
def delegate(wait: Wait) -> Generator[Any, Any, Any]:
    return (yield from wait().__await__())


@types.coroutine
def step_by_hand(wait: Wait) -> Generator[Any, Any, Any]:
    steps = wait().__await__()
    while True:
        try:
            yield next(steps)
        except StopIteration as done:
            return done.value


async def thrown(wait: Wait) -> Any:
    generator = generate(wait)
    first = await anext(generator)
    return first, await generator.athrow(Refused())


async def sent(wait: Wait) -> Any:
    async def reply() -> AsyncIterator[Any]:
        got = yield await wait()
        yield got, await wait()

    generator = reply()
    return await generator.asend(None), await generator.asend(VALUE)


async def closed(wait: Wait) -> Any:
    got = []

    async def close() -> AsyncIterator[None]:
        try:
            yield
        finally:
            got.append(await wait())

    generator = close()
    await anext(generator, None)
    await generator.aclose()
    return got


async def entered(wait: Wait) -> Any:
    @contextlib.asynccontextmanager
    async def open_it() -> AsyncIterator[Any]:
        got = await wait()
        yield got
        await wait()

    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(wait)
        return await stack.enter_async_context(open_it())


async def comprehended(wait: Wait) -> Any:
    return [await wait() async for _ in generate(wait)]


async def within_a_limit(wait: Wait) -> Any:
    async with asyncio.timeout(60):
        return await anext(generate(wait), None)


AWAITABLES: dict[str, Callable[[Wait], Awaitable[Any]]] = {
    "anext": lambda wait: anext(generate(wait)),
    "anext with a default": lambda wait: anext(generate(wait), None),
    "anext of an iterator": lambda wait: anext(Received(wait)),
    "anext of an iterator with a default": lambda wait: anext(Received(wait), None),
    "nested anext with a default": lambda wait: anext(generate(lambda: anext(generate(wait), None)), None),
    "__anext__": lambda wait: generate(wait).__anext__(),
    "asend": sent,
    "athrow": thrown,
    "aclose": closed,
    "generator in __await__": WithGenerator,
    "coroutine's steps in __await__": WithWrapper,
    "iterator in __await__": WithSteps,
    "C iterator in __await__": WithChain,
    "types.coroutine": delegate,
    "types.coroutine that steps by hand": step_by_hand,
    "context managers": entered,
    "comprehension": comprehended,
    "timeout": within_a_limit,
}


def put_one_after_the_other(queue: asyncio.Queue[Any], seconds: float) -> None:
    for number in range(1, 5):
        asyncio.get_running_loop().call_later(number * seconds, queue.put_nowait, VALUE)


async def in_a_task(kind: str) -> Any:
    queue: asyncio.Queue[Any] = asyncio.Queue()

    async def body() -> Any:
        return await AWAITABLES[kind](queue.get)

    put_one_after_the_other(queue, 0.001)
    return await asyncio.create_task(body())


@pytest.mark.parametrize("kind", AWAITABLES)
def test_awaiting_a_message_gives_what_a_task_gets(run: Callable[..., Any], kind: str) -> None:
    async def body(parent: otp.Pid) -> None:
        result = await AWAITABLES[kind](otp.receive)
        otp.send(parent, ("result", result))

    async def main() -> Any:
        pid, ref = otp.spawn_monitor(body, otp.self())
        for seconds in range(1, 5):
            otp.send_after(seconds, pid, VALUE)
        return await otp.receive(otp.AnyOf(otp.Tag("result"), otp.Is(otp.Down, ref=ref)))

    assert ("result", asyncio.run(in_a_task(kind))) == run(main)


@pytest.mark.parametrize("kind", AWAITABLES)
def test_awaiting_a_future_gives_what_a_task_gets(run: Callable[..., Any], kind: str) -> None:
    async def body(parent: otp.Pid, queue: asyncio.Queue[Any]) -> None:
        otp.send(parent, ("result", await AWAITABLES[kind](queue.get)))

    async def main() -> Any:
        queue: asyncio.Queue[Any] = asyncio.Queue()
        _, ref = otp.spawn_monitor(body, otp.self(), queue)
        put_one_after_the_other(queue, 1)
        return await otp.receive(otp.AnyOf(otp.Tag("result"), otp.Is(otp.Down, ref=ref)))

    assert ("result", asyncio.run(in_a_task(kind))) == run(main)


class Echo(GenServer):
    """Replies later, with a tuple."""

    def init(self, arg: None) -> otp.Ok:
        return otp.Ok(arg)

    def handle_call(self, request: Any, caller: otp.From, state: Any) -> otp.NoReply:
        otp.send_after(1, self.pid, ("reply", caller))
        return otp.NoReply(state)

    def handle_info(self, message: Any, state: Any) -> otp.NoReply:
        GenServer.reply(message[1], VALUE)
        return otp.NoReply(state)


@pytest.mark.parametrize("kind", AWAITABLES)
def test_awaiting_a_reply_gives_what_a_task_gets(run: Callable[..., Any], kind: str) -> None:
    async def main() -> Any:
        server = await Echo.start_link(None)
        return await AWAITABLES[kind](lambda: GenServer.call(server, "value"))

    assert asyncio.run(in_a_task(kind)) == run(main)


@pytest.mark.parametrize("kind", AWAITABLES)
def test_a_selective_receive_gives_what_a_task_gets(kind: str) -> None:
    async def body(parent: otp.Pid) -> None:
        result = await AWAITABLES[kind](lambda: otp.receive(lambda message: message == VALUE, timeout=60))
        otp.send(parent, ("result", result))

    async def main() -> Any:
        pid, ref = otp.spawn_monitor(body, otp.self())
        for seconds in range(1, 5):
            otp.send_after(seconds, pid, "no match")
            otp.send_after(seconds, pid, VALUE)
        return await otp.receive(otp.AnyOf(otp.Tag("result"), otp.Is(otp.Down, ref=ref)))

    assert ("result", asyncio.run(in_a_task(kind))) == Scheduler().run(main)


class Breaking:
    """An iterator that raises as soon as it is resumed, and so takes no message."""

    def __await__(self) -> Iterator[Any]:
        yield from iter([next(otp.receive().__await__())])
        raise Refused


class Careless(GenServer):
    """Loses a message in an async callback, and goes on."""

    def init(self, arg: None) -> otp.Ok:
        return otp.Ok(arg)

    async def handle_call(self, request: str, caller: otp.From, state: None) -> otp.Reply:
        with contextlib.suppress(Refused):
            await Breaking()
        return otp.Reply("replied", state)


def test_a_message_that_a_broken_awaitable_loses_is_not_mistaken_for_another_value(run: Callable[..., Any]) -> None:
    async def main() -> Any:
        server = await Careless.start_link(None)
        otp.send_after(1, server, VALUE)
        first = await GenServer.call(server, "a")
        otp.send_after(1, server, VALUE)
        return first, await GenServer.call(server, "b"), otp.is_alive(server)

    assert run(main) == ("replied", "replied", True)


class Leaving(GenServer):
    """Loses a message in an async callback, and ends itself."""

    def init(self, arg: None) -> otp.Ok:
        return otp.Ok(arg)

    async def handle_call(self, request: str, caller: otp.From, state: None) -> otp.Reply:
        with contextlib.suppress(Refused):
            await Breaking()
        otp.exit(otp.self(), "boom")
        return otp.Reply("replied", state)


def test_a_server_that_lost_a_message_and_ends_itself_notifies_its_monitor(run: Callable[..., Any]) -> None:
    async def main() -> Any:
        server = await Leaving.start(None)
        ref = otp.monitor(server)
        otp.send_after(1, server, VALUE)
        try:
            await GenServer.call(server, "a")
        except otp.CallExit as failed:
            return failed.reason[0], (await otp.receive(ref)).reason

    assert run(main) == ("boom", "boom")
