"""Connections that outlive the process that opened them: handed over, in use elsewhere, or left to the loop."""

from __future__ import annotations

import asyncio
import ssl
from contextvars import Context
from pathlib import Path
from typing import Any

import pytest
from tools.certificate_authority import Authority

import otp
from openers import (
    HERE,
    LIMIT,
    Peer,
    end,
    in_a_process,
    in_init,
)
from otp.tests.shared.loops import WITH_UVLOOP, turns

pytestmark = [
    pytest.mark.usefixtures("collect_unclosed"),
    pytest.mark.parametrize("loop", WITH_UVLOOP),
    pytest.mark.filterwarnings("ignore:unclosed <StreamWriter:ResourceWarning"),  # of a variable that is dropped first
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # how pytest reports it
]


def test_a_connection_that_was_handed_over_ends_with_the_other_process(loop: str) -> None:
    async def main() -> Any:
        me = otp.self()
        async with Peer() as peer:

            async def opens() -> None:
                reader, writer = await peer.connect()
                otp.controlling_process(writer, me)
                otp.send(me, (reader, writer))
                with pytest.raises(otp.Error, match="not_owner"):
                    otp.controlling_process(writer, me)

            first = await in_a_process(opens)
            _, writer = await otp.receive()
            await end(first, "kill")
            await turns(20)
            writer.write(b"survived")
            await writer.drain()

            async def takes() -> None:
                await otp.receive()

            second = otp.spawn(takes)
            otp.controlling_process(writer, second)
            await end(second, "kill")
            return await peer.lost()

    assert WITH_UVLOOP[loop](main) == b"survived"


def test_a_connection_that_is_handed_over_may_have_been_encrypted_later(loop: str, tmp_path: Path) -> None:
    tls = Authority(tmp_path).member("peer")
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(tls.cert, tls.key)
    client_side = ssl.create_default_context(cafile=tls.ca)
    client_side.verify_flags &= ~ssl.VERIFY_X509_STRICT  # the default since Python 3.13

    async def main() -> Any:
        me = otp.self()
        got = asyncio.get_running_loop().create_future()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"hello\n")
            await writer.start_tls(server_side)
            got.set_result(await reader.read())
            writer.close()

        server = await asyncio.start_server(serve, HERE, 0)

        async def opens() -> None:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            await reader.readline()
            await writer.start_tls(client_side, server_hostname=HERE)
            otp.controlling_process(writer, me)
            otp.send(me, writer)

        first = await in_a_process(opens)
        writer = await otp.receive()
        await end(first, "kill")
        await turns(20)
        writer.write(b"survived")
        writer.close()
        read = await asyncio.wait_for(got, LIMIT)
        server.close()
        return read

    assert WITH_UVLOOP[loop](main) == b"survived"


def test_an_accepted_connection_can_be_handed_over(loop: str) -> None:
    async def main() -> Any:
        me = otp.self()

        async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            otp.controlling_process(writer, me)
            otp.send(me, writer)

        async def opens() -> Any:
            server = await asyncio.start_server(greet, HERE, 0)
            otp.send(me, server.sockets[0].getsockname())
            return server

        pid = await in_init(opens)
        reader, mine = await asyncio.open_connection(*await otp.receive())
        writer = await otp.receive()
        await end(pid, "kill")
        await turns(20)
        writer.write(b"survived")
        writer.close()
        read = await asyncio.wait_for(reader.read(), LIMIT)
        mine.close()
        return read

    assert WITH_UVLOOP[loop](main) == b"survived"


@pytest.mark.parametrize("sees", ["waits", "writes"])
def test_a_connection_that_a_task_without_a_process_uses_survives(sees: str, loop: str) -> None:
    async def main() -> Any:
        tasks: list[Any] = []
        more: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        async with Peer() as peer:

            async def use(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                if sees == "waits":
                    await asyncio.wait([asyncio.ensure_future(reader.read()), more], return_when="FIRST_COMPLETED")
                else:
                    await more
                writer.write(b"survived")
                writer.close()

            async def opens() -> None:
                tasks.append(asyncio.create_task(use(*await peer.connect()), context=Context()))

            await end(await in_a_process(opens), "kill")
            await turns(20)
            more.set_result(None)
            return await peer.lost()

    assert WITH_UVLOOP[loop](main) == b"survived"


def test_a_connection_from_which_another_process_reads_survives(loop: str) -> None:
    async def main() -> Any:
        me = otp.self()

        async def send_later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            otp.send(me, writer)
            await reader.read()
            writer.close()

        async with await asyncio.start_server(send_later, HERE, 0) as server:

            async def reads(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
                otp.send(me, await reader.readline())

            async def opens() -> Any:
                reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
                otp.spawn(reads, reader, writer)
                return reader, writer

            pid = await in_init(opens)
            theirs = await otp.receive()
            await turns()
            await end(pid, "kill")
            await turns(20)
            theirs.write(b"survived\n")
            return await otp.receive(timeout=LIMIT)

    assert WITH_UVLOOP[loop](main) == b"survived\n"


def test_a_process_that_returns_leaves_its_connection_to_the_loop(loop: str) -> None:
    async def main() -> Any:
        kept: list[Any] = []
        async with Peer() as peer:

            async def opens() -> None:
                kept.append(await peer.connect())

            assert await otp.wait_down(otp.spawn(opens)) == "normal"
            await turns(20)
            kept[0][1].write(b"survived")
            kept[0][1].close()
            return await peer.lost()

    assert WITH_UVLOOP[loop](main) == b"survived"


def test_what_code_outside_processes_opens_stays_open_and_the_loop_gets_its_methods_back(loop: str) -> None:
    async def main() -> Any:
        async with Peer() as peer:
            async with otp.Node("guest") as node:
                during = set(vars(asyncio.get_running_loop()))
                connected = await asyncio.create_task(peer.connect(), context=Context())

                async def ends() -> None:
                    raise RuntimeError("crash")

                await otp.wait_down(node.spawn(ends))
            await turns(20)
            connected[1].write(b"survived")
            connected[1].close()
            return await peer.lost(), "create_connection" in during

    assert WITH_UVLOOP[loop](main) == (b"survived", True)


def test_a_loop_has_its_own_methods_when_its_nodes_are_closed(loop: str) -> None:
    async def program() -> Any:
        events = asyncio.get_running_loop()
        before = dict(vars(events))
        async with otp.Node("guest"):
            pass
        return {name for name in before.keys() | vars(events).keys() if before.get(name) != vars(events).get(name)}

    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop if "uvloop" in loop else None) as runner:
        assert runner.run(program()) == set()
