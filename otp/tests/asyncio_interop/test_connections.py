"""Servers of asyncio that a process opens: listeners and connections end with it, in a loop with real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

import otp
from otp import Children, From, GenServer, Ok, Pid, Reply, Supervisor
from otp.tests.shared.loops import LOOPS, REAL_LOOPS, turns

pytestmark = pytest.mark.parametrize("loop", REAL_LOOPS)
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Listener(GenServer[Any]):
    """Opens a server in `init`, keeps it as state and answers with its address; it never closes it."""

    async def init(self, arg: tuple[Handler, int]) -> Any:
        return Ok(await asyncio.start_server(arg[0], "127.0.0.1", arg[1]))

    def handle_call(self, request: str, caller: From, state: Any) -> Reply[Any]:
        if request == "crash":
            raise RuntimeError("crash")
        return Reply(state.sockets[0].getsockname(), state)


async def a_server(handler: Handler) -> tuple[Pid, Any]:
    pid = await Listener.start((handler, 0))
    return pid, await GenServer.call(pid, "address")


async def a_process(handler: Handler) -> tuple[Pid, Any]:
    address: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def listens() -> None:
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        address.set_result(server.sockets[0].getsockname())
        await otp.receive()

    return otp.spawn(listens), await address


PLACES = {place.__name__: place for place in (a_server, a_process)}


async def end(pid: Pid, how: str) -> None:
    ref = otp.monitor(pid)
    otp.exit(pid, how)
    await otp.receive(ref)
    await turns()  # a loop that is not ours is searched in its next turn


@asynccontextmanager
async def connection(address: Any) -> AsyncGenerator[asyncio.StreamReader]:
    reader, writer = await asyncio.open_connection(*address)
    try:
        yield reader
    finally:
        writer.close()


@pytest.mark.parametrize("how", ["kill", "shutdown"])
@pytest.mark.parametrize("place", PLACES)
def test_a_listener_is_closed_when_its_process_ends(place: str, how: str, loop: str) -> None:
    async def handler(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def main() -> None:
        pid, address = await PLACES[place](handler)
        async with connection(address) as reader:
            await reader.read()
        await end(pid, how)
        with socket.socket() as free, pytest.raises(ConnectionRefusedError):
            free.connect(address)

    LOOPS[loop](main)


@pytest.mark.parametrize("how", ["kill", "crash"])
def test_the_successor_of_a_listener_gets_its_port(how: str, loop: str) -> None:
    async def handler(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    class Tree(Supervisor):
        def init(self, arg: Any) -> Children:
            return Children([Listener.child_spec((handler, arg), name="listener")], strategy="one_for_one")

    async def main() -> Any:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        tree = await Tree.start_link(port)
        before = otp.whereis("listener")
        if how == "kill":
            otp.exit("listener", "kill")
        else:
            with pytest.raises(otp.CallExit):
                await GenServer.call("listener", "crash")
        await Supervisor.which_children(tree)
        async with connection(("127.0.0.1", port)) as reader:
            return otp.whereis("listener") is before, await reader.read()

    assert LOOPS[loop](main) == (False, b"hello")


@pytest.mark.parametrize("how", ["kill", "shutdown"])
@pytest.mark.parametrize("place", PLACES)
def test_a_connection_ends_with_its_process_and_asyncio_logs_nothing(
    place: str, how: str, loop: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> Any:
        owner: asyncio.Future[Pid] = asyncio.get_running_loop().create_future()

        async def handler(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            owner.set_result(otp.self())
            await reader.read()

        pid, address = await PLACES[place](handler)
        async with connection(address) as reader:
            found = await asyncio.wait_for(owner, 5)
            await end(pid, how)
            return found is pid, await asyncio.wait_for(reader.read(), 5)

    assert LOOPS[loop](main) == (True, b"")
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


class Echo(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


@pytest.mark.parametrize("how", ["kill", "shutdown"])
def test_a_connection_with_a_protocol_ends_with_the_process_that_listens(how: str, loop: str) -> None:
    async def main() -> Any:
        address: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def listens() -> None:
            server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
            address.set_result(server.sockets[0].getsockname())
            await otp.receive()

        pid = otp.spawn(listens)
        reader, writer = await asyncio.open_connection(*await address)
        writer.write(b"hello")
        answer = await reader.read(5)
        await end(pid, how)
        rest = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        return answer, rest

    assert LOOPS[loop](main) == (b"hello", b"")


@pytest.mark.parametrize("turn", range(1, 6))
@pytest.mark.parametrize("how", ["kill", "shutdown"])
def test_a_connection_that_is_accepted_when_its_process_ends_is_not_served(how: str, turn: int, loop: str) -> None:
    """Regression: its handler was born after the end of the process, and served beside that of the successor."""

    async def main() -> Any:
        served: list[bool] = []

        async def handler(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await asyncio.Event().wait()
                served.append(True)
            finally:
                writer.close()

        pid, address = await a_server(handler)
        with socket.create_connection(address) as client:
            client.setblocking(False)
            await turns(turn)
            await end(pid, how)
            await turns(20)
            handlers = [task for task in asyncio.all_tasks() if "handler" in repr(task.get_coro())]
            return served, handlers, await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 1), 5)

    assert LOOPS[loop](main) == ([], [], b"")


def test_a_process_that_returns_leaves_its_listener_to_the_loop(loop: str) -> None:
    async def handler(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    async def main() -> bytes:
        opened: list[asyncio.Server] = []

        async def opens() -> None:
            opened.append(await asyncio.start_server(handler, "127.0.0.1", 0))

        assert await otp.wait_down(otp.spawn(opens)) == "normal"
        async with opened[0] as server, connection(server.sockets[0].getsockname()) as reader:
            return await reader.read()

    assert LOOPS[loop](main) == b"hello"
