"""Pools of clients: closed with the process that made them, not with the first process that used them."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import redis.asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from tools.postgres import Postgres

import otp
from otp import From, GenServer, Ok, Pid, Reply
from otp.tests.shared.loops import WITH_UVLOOP, turns

IN_ALL_LOOPS = pytest.mark.parametrize("loop", WITH_UVLOOP)
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),  # of clients that their process leaves open
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # how pytest reports it
]
LIMIT = 10
KILLS = 10
AT_ONCE = 12  # connections of a pool: ten pools have more than the 100 that PostgreSQL accepts

lazy: Any = None
"""A client of this module, made by the first process that uses it."""


@pytest.fixture(autouse=True)
def collect_unclosed() -> Iterator[None]:
    """Collect here what is left open on purpose, not in another test, where its warning would be an error."""
    yield
    global lazy
    lazy = None
    gc.collect()


class Holder(GenServer[Any]):
    """Makes a client in `init`, uses it on request, and never closes it."""

    async def init(self, arg: Any) -> Any:
        make, use = arg
        return Ok((await make(), use))

    async def handle_call(self, request: str, caller: From, state: Any) -> Reply[Any]:
        client, use = state
        return Reply(client if request == "client" else await use(client), state)


async def in_a_process(make: Any, use: Any) -> Pid:
    me = otp.self()

    async def holds() -> None:
        client = await make()
        otp.send(me, await use(client))
        await otp.receive()
        await use(client)

    pid = otp.spawn(holds)
    await otp.receive(timeout=LIMIT)
    return pid


async def in_a_server(make: Any, use: Any) -> Pid:
    pid = await Holder.start((make, use))
    await GenServer.call(pid, "use")
    return pid


async def kill(pid: Pid) -> None:
    ref = otp.monitor(pid)
    otp.exit(pid, "kill")
    await otp.receive(ref)


class Backend:
    """A server that answers each line of its protocol and counts its connections."""

    def __init__(self, answer: bytes, end: bytes) -> None:
        self.answer, self.end = answer, end
        self.connections = 0
        self.lost = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                await reader.readuntil(self.end)
                writer.write(self.answer)
        except (asyncio.IncompleteReadError, OSError):
            self.lost.set()
        finally:
            writer.close()

    async def __aenter__(self) -> Backend:
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port: int = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()


def http() -> Backend:
    return Backend(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", b"\r\n\r\n")


async def web_client() -> Any:
    return httpx.AsyncClient(trust_env=False, timeout=LIMIT)


@IN_ALL_LOOPS
@pytest.mark.parametrize("place", ["server", "process"])
@pytest.mark.parametrize("library", ["httpx", "redis"])
def test_the_connections_of_a_client_end_with_the_process_that_made_it(library: str, place: str, loop: str) -> None:
    async def main() -> int:
        async with http() if library == "httpx" else Backend(b"+PONG\r\n", b"PING\r\n") as backend:

            async def make() -> Any:
                return await web_client() if library == "httpx" else _redis(backend.port)

            async def use(client: Any) -> Any:
                if library == "httpx":
                    return (await client.get(f"http://127.0.0.1:{backend.port}/")).text
                return await client.execute_command("PING")

            await kill(await (in_a_server if place == "server" else in_a_process)(make, use))
            await asyncio.wait_for(backend.lost.wait(), LIMIT)
            return backend.connections

    assert WITH_UVLOOP[loop](main) == 1


def _redis(port: int) -> Any:
    return redis.asyncio.Redis(port=port, protocol=2, driver_info=None)


async def _made_by_main(make: Any) -> Any:
    client = await make()

    async def given() -> Any:
        return client

    return given


async def _of_the_module(make: Any) -> Any:
    async def found() -> Any:
        global lazy
        if lazy is None:
            lazy = await make()
        return lazy

    return found


async def _of_another_process(make: Any) -> Any:
    async def use(_client: Any) -> None:
        return None

    pid = await Holder.start((make, use))

    async def asked() -> Any:
        return await GenServer.call(pid, "client")

    return asked


HOMES = {"main": _made_by_main, "module": _of_the_module, "process": _of_another_process}


async def use_twice(find: Any, use: Any) -> tuple[Any, Any]:
    """Use a client in a process, kill it, and use the client again in another one."""
    me = otp.self()

    async def user() -> None:
        otp.send(me, await use(await find()))
        await otp.receive()

    first = otp.spawn(user)
    one = await otp.receive(timeout=LIMIT)
    await kill(first)
    await turns(60)
    second = otp.spawn(user)
    two = await otp.receive(timeout=LIMIT)
    otp.exit(second, "kill")
    return one, two


@IN_ALL_LOOPS
@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("library", ["httpx", "redis"])
def test_the_end_of_its_first_user_leaves_a_shared_client_its_connection(library: str, home: str, loop: str) -> None:
    async def main() -> Any:
        async with http() if library == "httpx" else Backend(b"+PONG\r\n", b"PING\r\n") as backend:

            async def make() -> Any:
                return await web_client() if library == "httpx" else _redis(backend.port)

            async def use(client: Any) -> Any:
                if library == "httpx":
                    return (await client.get(f"http://127.0.0.1:{backend.port}/")).text
                return await client.execute_command("PING")

            find = await HOMES[home](make)
            used = await use_twice(find, use)
            await (await find()).aclose()
            return used, backend.connections

    answer = "ok" if library == "httpx" else True
    assert WITH_UVLOOP[loop](main) == ((answer, answer), 1)


@IN_ALL_LOOPS
def test_a_connection_that_another_process_opened_in_a_pool_ends_with_the_process_that_holds_the_pool(
    loop: str,
) -> None:
    async def main() -> int:
        me = otp.self()
        async with http() as backend:

            async def use(client: Any) -> str:
                return (await client.get(f"http://127.0.0.1:{backend.port}/")).text

            pid = await Holder.start((web_client, use))

            async def user() -> None:
                otp.send(me, await use(await GenServer.call(pid, "client")))
                await otp.receive()

            first = otp.spawn(user)
            await otp.receive()
            await kill(first)
            await turns(60)
            assert not backend.lost.is_set()
            await kill(pid)
            await asyncio.wait_for(backend.lost.wait(), LIMIT)
            return backend.connections

    assert WITH_UVLOOP[loop](main) == 1


async def select(engine: Any) -> Any:
    async with engine.connect() as connection:
        return (await connection.execute(text("select 7"))).scalar()


@IN_ALL_LOOPS
@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("driver", ["asyncpg", "aiosqlite"])
def test_the_end_of_its_first_user_leaves_a_shared_engine_usable(
    driver: str, home: str, loop: str, postgres: Postgres, tmp_path: Path
) -> None:
    url = _database(postgres).replace("postgresql:", "postgresql+asyncpg:")

    async def make() -> Any:
        return create_async_engine(url if driver == "asyncpg" else f"sqlite+aiosqlite:///{tmp_path / 'db'}")

    async def main() -> Any:
        find = await HOMES[home](make)
        used = await use_twice(find, select)
        await (await find()).dispose()
        return used

    assert WITH_UVLOOP[loop](main) == (7, 7)


def _database(postgres: Postgres) -> str:
    return f"postgresql://ada:secret@127.0.0.1:{postgres.port}/postgres"


@pytest.mark.parametrize(
    ("place", "loop"), list(zip(["server", "process", "process", "server"], WITH_UVLOOP, strict=True))
)
def test_pools_of_killed_processes_do_not_use_up_the_connections_of_a_database(
    place: str, loop: str, postgres: Postgres
) -> None:
    async def make() -> Any:
        return await asyncpg.create_pool(_database(postgres), min_size=AT_ONCE, max_size=AT_ONCE)

    async def use(pool: Any) -> Any:
        return await pool.fetchval("select 7")

    async def main() -> None:
        for _ in range(KILLS):
            await kill(await (in_a_server if place == "server" else in_a_process)(make, use))

    WITH_UVLOOP[loop](main)


@IN_ALL_LOOPS
def test_the_connections_of_an_engine_end_with_the_process_that_made_it(loop: str, postgres: Postgres) -> None:
    lock = "select pg_advisory_lock(7)"  # PostgreSQL releases it when the connection is closed

    async def make() -> Any:
        return create_async_engine(_database(postgres).replace("postgresql:", "postgresql+asyncpg:"))

    async def use(engine: Any) -> None:
        async with engine.connect() as connection:
            await connection.execute(text(lock))

    async def main() -> None:
        pid = await in_a_server(make, use)
        mine = await asyncpg.connect(_database(postgres))
        await kill(pid)
        await asyncio.wait_for(mine.execute(lock), LIMIT)
        await mine.close()

    WITH_UVLOOP[loop](main)
