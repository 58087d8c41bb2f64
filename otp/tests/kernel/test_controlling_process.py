"""`controlling_process`: who may hand over what, and to whom."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

import otp
from otp import BadArgument, Error, NotAProcess
from otp.tests.shared.loops import turns


async def close_after_the_peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()
    await writer.wait_closed()


@asynccontextmanager
async def connection() -> AsyncGenerator[tuple[asyncio.Server, asyncio.StreamWriter]]:
    async with await asyncio.start_server(close_after_the_peer, "127.0.0.1", 0) as server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        yield server, writer
        writer.close()
        await turns()


async def receives() -> None:
    await otp.receive()


def test_only_the_owner_hands_a_connection_over() -> None:
    async def main() -> Any:
        async with connection() as (_, writer):
            ends: list[Any] = []

            async def other() -> None:
                with pytest.raises(Error) as caught:
                    otp.controlling_process(writer, otp.self())
                ends.append(caught.value.reason)

            await otp.wait_down(otp.spawn(other))
            child = otp.spawn(receives)
            otp.controlling_process(writer.transport, child)
            with pytest.raises(Error) as caught:
                otp.controlling_process(writer, child)
            otp.exit(child, "kill")
            return [*ends, caught.value.reason]

    assert otp.run(main) == ["not_owner", "not_owner"]


def test_a_connection_is_not_handed_over_to_a_dead_process() -> None:
    async def main() -> Any:
        async with connection() as (_, writer):
            dead = otp.spawn(lambda: None)
            await otp.wait_down(dead)
            with pytest.raises(Error) as caught:
                otp.controlling_process(writer, dead)
            otp.controlling_process(writer, otp.self())  # it was kept
            return caught.value.reason

    assert otp.run(main) == "noproc"


def test_a_closed_connection_is_not_handed_over() -> None:
    async def main() -> Any:
        async with connection() as (_, writer):
            writer.close()
            with pytest.raises(Error) as caught:
                otp.controlling_process(writer, otp.self())
            return caught.value.reason

    assert otp.run(main) == "closed"


def test_a_program_is_handed_over() -> None:
    async def main() -> int:
        program = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE)
        child = otp.spawn(receives)
        otp.controlling_process(program, child)
        otp.exit(child, "kill")
        return await program.wait()

    assert otp.run(main) == -9


def test_what_is_no_connection_is_refused() -> None:
    async def main() -> None:
        async with connection() as (server, writer):
            for given in (server, "socket", None):
                with pytest.raises(BadArgument, match="expected a StreamWriter, a transport or a program"):
                    otp.controlling_process(given, otp.self())  # type: ignore[arg-type]
            for pid in ("name", None):
                with pytest.raises(BadArgument, match="expected a process of this event loop"):
                    otp.controlling_process(writer, pid)  # type: ignore[arg-type]

    otp.run(main)


def test_code_outside_processes_hands_nothing_over() -> None:
    async def main() -> None:
        async with otp.Node("guest") as node, connection() as (_, writer):
            with pytest.raises(NotAProcess):
                otp.controlling_process(writer, node.spawn(receives))

    asyncio.run(main())
