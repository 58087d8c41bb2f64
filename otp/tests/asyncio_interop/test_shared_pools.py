"""Pools that others than their process have opened connections in: web handlers, or other processes."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextvars import Context
from typing import Any

import asyncpg
import pytest
from tools.postgres import NotInstalled, Postgres, postgres_server

import otp
from otp import GenServer, Pid
from otp.tests.asyncio_interop.test_pools import Backend, Holder, http, kill, web_client
from otp.tests.shared.loops import WITH_UVLOOP, turns

pytestmark = [
    pytest.mark.parametrize("loop", WITH_UVLOOP),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),  # of clients that their process leaves open
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # how pytest reports it
]
LIMIT = 10
AT_ONCE = 4

shared: Any = None
"""A client of this module."""


@pytest.fixture(autouse=True)
def collect_unclosed() -> Iterator[None]:
    """Collect here what is left open on purpose, not in another test, where its warning would be an error."""
    yield
    global shared
    shared = None
    gc.collect()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    try:
        with postgres_server() as server:
            yield server
    except NotInstalled as missing:
        pytest.skip(str(missing))


def outside(coro: Any) -> asyncio.Task[Any]:
    """Run a coroutine outside any process, as a web framework runs its handlers."""
    return asyncio.get_running_loop().create_task(coro, context=Context())


@pytest.mark.parametrize("min_size", [0, 2])
@pytest.mark.parametrize("when", ["idle", "busy"])
def test_connections_that_handlers_opened_in_a_pool_end_with_the_process_that_made_it(
    when: str, min_size: int, loop: str, postgres: Postgres
) -> None:
    """A handler that uses one just then ends its work before."""

    async def main() -> list[int]:
        url = f"postgresql://ada:secret@127.0.0.1:{postgres.port}/postgres"
        closed = asyncio.Semaphore(0)

        async def make() -> Any:
            return await asyncpg.create_pool(url, min_size=min_size, max_size=AT_ONCE, init=watch)

        async def watch(connection: Any) -> None:
            connection.add_termination_listener(lambda _: closed.release())

        pid = await Holder.start((make, None))
        go = asyncio.Event()
        ready = asyncio.Semaphore(0)

        async def handle(pid: Pid) -> int:
            pool = await GenServer.call(pid, "client")
            async with pool.acquire() as connection:
                await connection.execute("select 1")
                ready.release()
                await go.wait()
                return await connection.fetchval("select 7")

        handlers = [outside(handle(pid)) for _ in range(AT_ONCE)]
        for _ in handlers:
            await ready.acquire()
        if when == "idle":
            go.set()
            await asyncio.wait(handlers)
        await kill(pid)
        await turns(20)
        go.set()
        answers = await asyncio.gather(*handlers)
        async with asyncio.timeout(LIMIT):
            for _ in handlers:
                await closed.acquire()
        return answers

    assert WITH_UVLOOP[loop](main) == [7] * AT_ONCE


async def get(client: Any, backend: Backend) -> str:
    return (await client.get(f"http://127.0.0.1:{backend.port}/")).text


@pytest.mark.parametrize("user", ["handler", "process"])
def test_the_connections_of_a_web_client_end_with_its_process_whoever_opened_them(user: str, loop: str) -> None:
    async def main() -> int:
        async with http() as backend:
            pid = await Holder.start((web_client, None))
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

            async def use() -> None:
                assert await get(await GenServer.call(pid, "client"), backend) == "ok"
                done.set_result(None)

            async def live() -> None:
                await use()
                await otp.receive()

            other = otp.spawn(live) if user == "process" else outside(use())
            await done
            await kill(pid)
            gc.collect()  # the request and its response refer to each other and to the client
            await asyncio.wait_for(backend.lost.wait(), LIMIT)
            if isinstance(other, Pid):
                await kill(other)
            return backend.connections

    assert WITH_UVLOOP[loop](main) == 1


@pytest.mark.parametrize("home", ["task", "module", "process"])
def test_a_pool_of_others_outlives_a_process_that_has_it_in_its_state(home: str, loop: str) -> None:
    async def main() -> tuple[str, int]:
        global shared
        async with http() as backend:
            found: list[Any] = []
            ready, go = asyncio.Event(), asyncio.Event()

            async def given() -> Any:
                await ready.wait()
                return found[0]

            async def live() -> str:
                client = await web_client()
                await get(client, backend)
                found.append(client)
                ready.set()
                await go.wait()
                return await get(client, backend)

            task = outside(live())
            workers = [await Holder.start((given, None)) for _ in range(2)]
            if home == "module":
                shared = found[0]
            found.clear()
            if home == "process":
                keeper = workers.pop()
            for pid in workers:
                await kill(pid)
            await turns(60)
            if home != "task":
                task.cancel()
                await turns(60)
                client = shared if home == "module" else await GenServer.call(keeper, "client")
                return await get(client, backend), backend.connections
            go.set()
            return await task, backend.connections

    assert WITH_UVLOOP[loop](main) == ("ok", 1)
