"""Strangers and mistakes at real members: they get a clear error, and no member is lost."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest

import otp
from other_user import OtherUser, needs_root
from otp.cluster import Cluster, JoinRefused, MemberDown

COOKIE = secrets.token_hex(24)
STRANGERS = 500


class Echo(otp.GenServer[None]):
    """Returns what it is asked."""

    def init(self, arg: None) -> Any:
        return otp.Ok(None)

    def handle_call(self, request: Any, caller: Any, state: None) -> Any:
        return otp.Reply(request, state)


class Members:
    """Members that may not lose each other, with a server each; they know each other by addresses only."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    async def join(self, name: str, **options: Any) -> Cluster:
        node = await self._stack.enter_async_context(otp.Node(name))
        await node.start(Echo, None, name="echo")
        return await Cluster.join(node, **{"cookie": COOKIE, "discovery": None, "listen": "127.0.0.1:0"} | options)


async def ask(cluster: Cluster, to: str, request: Any) -> Any:
    """Call the server of another member from a process of a member."""
    done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def call() -> None:
        try:
            done.set_result(await otp.GenServer.call(("echo", to), request, timeout=20))
        except BaseException as error:
            done.set_exception(error)
            raise

    cluster.node.spawn(call)
    return await done


def with_two(test: Callable[[Members, Cluster, Cluster, int], Awaitable[None]]) -> None:
    """Run a test with two members and the port of the first; neither may lose the other."""

    async def main() -> None:
        lost: list[Any] = []

        async def watch(cluster: Cluster) -> None:
            cluster.monitor(), begun.set()
            while True:
                match await otp.receive():
                    case MemberDown(_, member, reason):
                        lost.append((member.name, reason))
                    case _:
                        pass

        async with AsyncExitStack() as stack:
            members = Members(stack)
            a = await members.join("a")
            address = a.members()[0].address or ""
            b = await members.join("b", connect=address)
            for cluster in (a, b):
                await cluster.wait_size(2)
                begun = asyncio.Event()
                cluster.node.spawn(watch, cluster)
                await begun.wait()
            await test(members, a, b, int(address.rpartition(":")[2]))
            assert [] == lost
            assert "hello" == await ask(a, "b", "hello") == await ask(b, "a", "hello")

    asyncio.run(asyncio.wait_for(main(), 60))


def test_five_hundred_connections_of_a_stranger_lose_no_member_and_another_one_joins() -> None:
    async def test(members: Members, a: Cluster, b: Cluster, port: int) -> None:
        async with AsyncExitStack() as stack:
            for number in range(STRANGERS):
                one = stack.enter_context(socket.socket())
                one.setblocking(False)
                await asyncio.get_running_loop().sock_connect(one, ("127.0.0.1", port))
                with suppress(OSError):  # more of them than may wait are refused
                    one.send(b"GET / HTTP/1.1\r\n" if number % 2 else b"\0\0")
                if number % 50 == 0:
                    assert number == await ask(b, "a", number)
            c = await members.join("c", connect=f"tcp/127.0.0.1:{port}", timeout=20)
            assert {"a", "b", "c"} == {member.name for member in await c.wait_size(3)}

    with_two(test)


FLOOD = """
import socket

def attack(port, count):
    sent = 0
    for number in range(count):
        with socket.create_connection(("127.0.0.1", port)) as one:
            try:
                for _ in range(20):
                    sent += one.send((1 << 24).to_bytes(4, "big") + b"x" * 60_000)
            except OSError:
                pass
    return sent > 0
"""


@needs_root
def test_another_user_who_floods_the_port_loses_no_member_and_delays_no_call() -> None:
    async def test(members: Members, a: Cluster, b: Cluster, port: int) -> None:
        flood = asyncio.get_running_loop().run_in_executor(None, stranger, port, STRANGERS)
        count = 0
        while not flood.done():
            count += 1
            assert count == await asyncio.wait_for(ask(b, "a", count), 2.0)
        assert await flood
        assert count > 5

    with OtherUser(FLOOD) as stranger:
        with_two(test)


def test_a_frame_of_17_mib_ends_its_link_only_and_a_term_of_17_mib_is_an_error(caplog: Any) -> None:
    async def test(members: Members, a: Cluster, b: Cluster, port: int) -> None:
        carrier: Any = b._carrier
        ((_, link),) = carrier._links.items()
        (told,) = a._carrier._links.values()  # pyright: ignore[reportAttributeAccessIssue]
        warned: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        told.warn = warned.set_result
        link._socket.send((17 << 20).to_bytes(4, "big"))
        assert "expected frames of at most 104" in await warned
        with pytest.raises(otp.BadArgument, match="expected a signal of at most 16777216 bytes, got 178"):
            await ask(b, "a", b"x" * (17 << 20))

    with caplog.at_level(logging.CRITICAL, "otp"):
        with_two(test)


def test_an_address_of_the_member_itself_is_refused_at_once_with_the_reason() -> None:
    async def test(members: Members, a: Cluster, b: Cluster, port: int) -> None:
        for address in (f"tcp/127.0.0.1:{port}", f"tcp/localhost:{port}"):
            with pytest.raises(JoinRefused, match=f"{address} leads to this node itself") as caught:
                await asyncio.wait_for(a.connect(address, timeout=30), 5)
            assert ("unreachable", (address,)) == caught.value.reason
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            own = free.getsockname()[1]
        with pytest.raises(JoinRefused, match="leads to this node itself"):
            await asyncio.wait_for(
                members.join("c", listen=f"127.0.0.1:{own}", connect=f"tcp/127.0.0.1:{own}", timeout=30), 5
            )
        d = await members.join(
            "d", connect=[f"tcp/127.0.0.1:{port}", f"tcp/localhost:{own}"]
        )  # one that works is enough
        await d.wait_size(3)

    with_two(test)


FULL = """
import asyncio, resource, signal, sys
import otp
from otp.cluster import Cluster

async def main():
    async with otp.Node("a") as node:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        try:
            await Cluster.join(node, cookie="x" * 40, incarnations=sys.argv[1])
        except Exception as error:
            print(type(error).__name__, error)

asyncio.run(main())
"""


@pytest.mark.program
def test_a_full_disk_is_named_with_the_file_that_could_not_be_written(tmp_path: Any) -> None:
    """A limit on files makes the system refuse to write as a full disk does."""
    kept = tmp_path / "incarnation"
    found = subprocess.run(
        [sys.executable, "-c", FULL, str(kept)], capture_output=True, text=True, timeout=60,
        env={"XDG_RUNTIME_DIR": str(tmp_path), "PATH": ""},
    )  # fmt: skip
    assert found.stdout.startswith(f"IncarnationError {kept}: expected a file that can be read and written, got ")
    assert found.stdout.endswith("; try again after freeing disk space\n")
    assert not kept.exists()
