"""Callbacks of the event loop that a process registers: what they do is done as that process, in each loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from inspect import isawaitable
from itertools import product
from typing import Any

import pytest

import otp
from otp import From, GenServer, Ok, Pid, Reply
from otp.tests.shared.loops import LOOPS, REAL_LOOPS


def soon(callback: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_soon(callback)


def later(callback: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(0.001, callback)


def at(callback: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    loop.call_at(loop.time() + 0.001, callback)


def threadsafe(callback: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_soon_threadsafe(callback)


def when_readable(callback: Callable[[], None]) -> None:
    _when_ready(callback, "reader")


def when_writable(callback: Callable[[], None]) -> None:
    _when_ready(callback, "writer")


def _when_ready(callback: Callable[[], None], kind: str) -> None:
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.send(b"x")

    def ready() -> None:
        getattr(loop, f"remove_{kind}")(ours)
        ours.close()
        theirs.close()
        callback()

    getattr(loop, f"add_{kind}")(ours, ready)


WAYS = {"call_soon": soon, "call_later": later, "call_at": at, "call_soon_threadsafe": threadsafe}
SOCKET_WAYS = {"add_reader": when_readable, "add_writer": when_writable}


async def result_of(function: Callable[[], Any]) -> None:
    result = function()
    if isawaitable(result):
        await result


class PlainCallback(GenServer[None]):
    def init(self, arg: Any) -> Any:
        return Ok(None)

    def handle_call(self, request: Callable[[], Any], caller: From, state: None) -> Reply[None]:
        request()
        return Reply("done", state)


class AsyncCallback(PlainCallback):
    async def handle_call(self, request: Callable[[], Any], caller: From, state: None) -> Reply[None]:
        await result_of(request)
        return Reply("done", state)


class AsyncInit(GenServer[None]):
    async def init(self, arg: Callable[[], Any]) -> Any:
        await result_of(arg)
        return Ok(None)


async def in_a_process(function: Callable[[], Any]) -> Pid:
    async def process() -> None:
        await result_of(function)
        await otp.receive()

    return otp.spawn(process)


async def in_a_plain_callback(function: Callable[[], None]) -> Pid:
    server = await PlainCallback.start(None)
    await GenServer.call(server, function)
    return server


async def in_an_async_callback(function: Callable[[], Any]) -> Pid:
    server = await AsyncCallback.start(None)
    await GenServer.call(server, function)
    return server


async def in_an_async_init(function: Callable[[], Any]) -> Pid:
    return await AsyncInit.start(function)


ASYNC_PLACES = {place.__name__: place for place in (in_a_process, in_an_async_callback, in_an_async_init)}
PLACES = {"in_a_plain_callback": in_a_plain_callback, **ASYNC_PLACES}


async def owner_and_end_of_a_task_born_in_a_callback(
    register: Callable[[Callable[[], None]], None], place: Callable[[Callable[[], None]], Any]
) -> tuple[bool, str]:
    loop = asyncio.get_running_loop()
    owner: asyncio.Future[Pid] = loop.create_future()
    ended: asyncio.Future[str] = loop.create_future()
    tasks: list[asyncio.Task[None]] = []

    async def works() -> None:
        try:
            owner.set_result(otp.self())
            await loop.create_future()
        except BaseException as error:
            ended.set_result(type(error).__name__)
            raise

    pid = await place(lambda: register(lambda: tasks.append(loop.create_task(works()))))
    found = await asyncio.wait_for(owner, 5)
    otp.exit(pid, "kill")
    return found is pid, await asyncio.wait_for(ended, 5)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("way", "loop"), [*product(WAYS, LOOPS), *product(SOCKET_WAYS, REAL_LOOPS)])
def test_a_task_born_in_a_callback_of_the_loop_ends_with_its_process(way: str, loop: str, place: str) -> None:
    async def main() -> Any:
        return await owner_and_end_of_a_task_born_in_a_callback({**WAYS, **SOCKET_WAYS}[way], PLACES[place])

    assert LOOPS[loop](main) == (True, "CancelledError")
