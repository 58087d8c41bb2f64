"""The job with real programs and a real database: members are killed, stopped and ended, and invoices are sent once."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tools.postgres import Postgres

JOB = Path(__file__).with_name("job.py")
TTL = "2"
LIMIT = 30

pytestmark = pytest.mark.program


async def read_epoch(member: asyncio.subprocess.Process, least: int) -> int:
    """Wait until a member sends an invoice of this epoch or a later one; return its epoch."""
    assert member.stdout is not None
    async with asyncio.timeout(LIMIT):
        async for line in member.stdout:
            found = int(line.split()[-1])
            if found >= least:
                return found
    raise AssertionError("the member has ended")


@asynccontextmanager
async def members(database: str, folder: Path) -> AsyncIterator[Callable[[str], Awaitable[asyncio.subprocess.Process]]]:
    """Return a function that starts a member."""
    secret = {"OTP_COOKIE": secrets.token_hex(16), "OTP_LEASES": database}
    environment = {**os.environ, **secret, "XDG_RUNTIME_DIR": str(folder)}
    async with AsyncExitStack() as stack:

        async def end(process: asyncio.subprocess.Process) -> None:
            if process.returncode is None:
                process.kill()
            await process.wait()

        async def start(name: str) -> asyncio.subprocess.Process:
            process = await asyncio.create_subprocess_exec(
                sys.executable, JOB, name, TTL, env=environment, stdout=asyncio.subprocess.PIPE
            )
            stack.push_async_callback(end, process)
            return process

        yield start


async def sent(database: str) -> list[tuple[Any, ...]]:
    """Return the senders and epochs of all invoices, in the order of their numbers."""
    connection = await asyncpg.connect(database)
    try:
        return [tuple(row) for row in await connection.fetch("SELECT sender, epoch FROM invoices ORDER BY number")]
    finally:
        await connection.close()


def test_invoices_are_sent_by_one_member_after_the_other(postgres: Postgres, tmp_path: Path) -> None:
    database = postgres.new_database()

    async def main() -> list[tuple[Any, ...]]:
        async with members(database, tmp_path) as start:
            a = await start("a")
            assert await read_epoch(a, 1) == 1
            b = await start("b")
            a.send_signal(signal.SIGSTOP)  # past its deadline: b takes over
            assert await read_epoch(b, 2) == 2
            a.send_signal(signal.SIGCONT)
            c = await start("c")
            b.kill()
            third = {asyncio.create_task(read_epoch(member, 3)): name for name, member in (("a", a), ("c", c))}
            done, waiting = await asyncio.wait(third, return_when=asyncio.FIRST_COMPLETED)
            assert [task.result() for task in done] == [3]
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            owner, other = (a, c) if third[done.pop()] == "a" else (c, a)
            owner.terminate()  # in order: the other one goes on at once
            assert await owner.wait() == 0
            assert await read_epoch(other, 4) == 4
            return await sent(database)

    rows = asyncio.run(main())
    assert rows == sorted(rows, key=lambda row: row[1])  # no invoice of an earlier epoch after one of a later epoch
    assert len(set(rows)) == 4  # each epoch has one sender


def test_a_send_that_began_before_the_lease_was_lost_is_refused_by_its_epoch(postgres: Postgres) -> None:
    database = postgres.new_database()

    async def main() -> None:
        from examples.invoices.job import TABLES, send_invoice

        connection = await asyncpg.connect(database)
        await connection.execute(TABLES)
        assert await send_invoice(connection, "a", 1) == 1
        assert await send_invoice(connection, "b", 2) == 2
        assert await send_invoice(connection, "a", 1) is None
        await connection.close()
        assert await sent(database) == [("a", 1), ("b", 2)]

    asyncio.run(main())
