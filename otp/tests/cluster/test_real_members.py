"""Members over the real carrier: two nodes of one program, and programs that are stopped and killed."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

import otp
from otp.cluster import Cluster, JoinRefused
from otp.distribution import Settings

SETTINGS = Settings(heartbeat=0.25, dead=1.5)
LIMIT = 20.0

PROGRAM = """
import asyncio, json, sys
import otp
from otp.cluster import Cluster, JoinRefused, MemberDown, MemberUp
from otp.distribution import Settings

name, cookie, kept, address = sys.argv[1:]

def say(*event):
    print(json.dumps(event), flush=True)

async def main():
    async with otp.Node(name) as node:
        try:
            cluster = await Cluster.join(
                node, cookie=cookie, incarnations=kept, settings=Settings(heartbeat=0.25, dead=1.5),
                **({"connect": address, "discovery": None} if address else {}),
            )
        except JoinRefused as error:
            say("refused", error.reason)
            return
        ended = asyncio.Event()

        async def watch():
            cluster.monitor()
            while True:
                match await otp.receive():
                    case MemberUp(_, member):
                        say("up", member.name, member.incarnation)
                    case MemberDown(_, member, reason):
                        say("down", member.name, reason)
                        if member.name == name:
                            ended.set()

        node.spawn(watch)
        loop = asyncio.get_running_loop()
        line = loop.run_in_executor(None, sys.stdin.readline)
        await asyncio.wait([asyncio.ensure_future(ended.wait()), line], return_when=asyncio.FIRST_COMPLETED)
        await cluster.leave()
    say("end")

asyncio.run(main())
"""


class Program:
    """A member in a program of its own; the events that it prints."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.seen: list[Any] = []

    async def until(self, *event: Any) -> list[Any]:
        """Read until an event that begins like this."""
        assert self.process.stdout is not None
        async with asyncio.timeout(LIMIT):
            async for line in self.process.stdout:
                self.seen.append(json.loads(line))
                if self.seen[-1][: len(event)] == list(event):
                    return self.seen[-1]
        raise AssertionError(f"expected {event}, got {self.seen}")

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    async def leave(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"leave\n")
        await self.process.stdin.drain()


class Real:
    """Real members with a cookie of their own."""

    def __init__(self, stack: AsyncExitStack, folder: Path) -> None:
        self.stack = stack
        self.folder = folder
        self.cookie = secrets.token_hex(16)

    async def join(self, name: str, **options: Any) -> Cluster:
        node = await self.stack.enter_async_context(otp.Node(name))
        options = {"cookie": self.cookie, "settings": SETTINGS, "incarnations": self.folder / name} | options
        return await Cluster.join(node, **options)

    async def start(self, name: str, address: str = "") -> Program:
        arguments = [name, self.cookie, str(self.folder / name), address]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PROGRAM, *arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

        async def end() -> None:
            if process.returncode is None:
                with suppress(ProcessLookupError):  # it has ended, and the loop has not yet heard of it
                    os.kill(process.pid, signal.SIGKILL)
            await process.wait()

        self.stack.push_async_callback(end)
        return Program(process)


@pytest.fixture
def real(tmp_path: Path) -> Any:
    @asynccontextmanager
    async def members() -> AsyncIterator[Real]:
        async with AsyncExitStack() as stack:
            yield Real(stack, tmp_path)

    def run(test: Any) -> None:
        async def main() -> None:
            async with members() as found:
                await test(found)

        asyncio.run(main())

    return run


def names(cluster: Cluster) -> set[str]:
    return {member.name for member in cluster.members()}


def test_real_members_find_each_other_and_strangers_do_not(real: Any) -> None:
    async def main(r: Real) -> None:
        a, b = await r.join("a"), await r.join("b")
        stranger = await r.join("c", cookie=secrets.token_hex(16))
        await a.wait_size(2)
        await b.wait_size(2)
        assert {"c"} == names(stranger)
        assert {"a", "b"} == names(a)
        assert a.members()[1].address == b.members()[0].address
        assert not a.members()[1].simulated

    real(main)


def test_a_member_that_restarts_within_a_second_has_another_incarnation(
    real: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    async def main(r: Real) -> None:
        found: list[int] = []
        for cookie in (r.cookie, r.cookie, secrets.token_hex(16)):
            cluster = await r.join("a", incarnations=None, clock=lambda: 1000.0, cookie=cookie)
            found.append(cluster.members()[0].incarnation)
            await cluster.node.close()
        assert [1000, 1001, 1000] == found  # the last one is in another cluster

    real(main)


def test_one_real_address_is_enough(real: Any) -> None:
    async def main(r: Real) -> None:
        a = await r.join("a", discovery=None)
        b = await r.join("b", discovery=None, connect=a.members()[0].address)
        c = await r.join("c", discovery=None)
        assert {"c"} == names(c)
        await c.connect(str(b.members()[0].address))
        for cluster in (a, b, c):
            assert {"a", "b", "c"} == {member.name for member in await cluster.wait_size(3)}

    real(main)


def test_a_wrong_cookie_at_a_real_address_is_told_on_both_sides(real: Any) -> None:
    async def main(r: Real) -> None:
        a = await r.join("a")
        with pytest.raises(JoinRefused) as caught:
            await r.join("b", cookie="guessed", discovery=None, connect=a.members()[0].address)
        assert ("wrong_cookie", "a") == caught.value.reason
        assert [("b", ("wrong_cookie", "b"))] == [refusal[1:3] for refusal in a.refused()]
        c = await r.join("c", cookie="guessed", discovery=None)
        with pytest.raises(JoinRefused) as caught:
            await c.connect(str(a.members()[0].address))
        assert ("wrong_cookie", "a") == caught.value.reason

    real(main)


def test_a_real_address_that_is_in_use_or_beyond_this_machine_is_refused(real: Any) -> None:
    async def main(r: Real) -> None:
        a = await r.join("a")
        address = str(a.members()[0].address)
        with pytest.raises(JoinRefused) as caught:
            await r.join("b", listen=address)
        assert ("address_in_use", address) == caught.value.reason
        with pytest.raises(JoinRefused) as caught:
            await r.join("b", listen="0.0.0.0")
        assert ("tls_required", "0.0.0.0") == caught.value.reason
        with pytest.raises(JoinRefused) as caught:
            await r.join("b", discovery=None, connect="127.0.0.1:9", timeout=1)
        assert ("unreachable", ("127.0.0.1:9",)) == caught.value.reason
        assert {"a"} == names(a)

    real(main)


@pytest.mark.program
def test_programs_that_are_killed_stopped_and_leave(real: Any) -> None:
    async def main(r: Real) -> None:
        a = await r.start("a")
        await a.until("up", "a")
        killed, stopped, leaves = [await r.start(name) for name in ("killed", "stopped", "leaves")]
        while len({event[1] for event in a.seen}) < 4:
            await a.until("up")
        await leaves.until("up", "a")
        await leaves.leave()
        await a.until("down", "leaves", "left")
        killed.signal(signal.SIGKILL)
        await a.until("down", "killed", "connection_lost")
        stopped.signal(signal.SIGSTOP)
        await a.until("down", "stopped", "timeout")
        stopped.signal(signal.SIGCONT)
        await a.until("up", "stopped")

    real(main)


@pytest.mark.program
def test_a_second_program_with_one_name(real: Any) -> None:
    async def main(r: Real) -> None:
        a, first = await r.start("a"), await r.start("b")
        await a.until("up", "b")
        await first.until("up", "a")

        alive = await r.start("b")
        assert ["refused", ["name_taken", "b"]] == await alive.until("refused")
        assert "down" not in {event[0] for event in a.seen}

        first.signal(signal.SIGSTOP)
        stalled = await r.start("b")
        second = await stalled.until("up", "b")
        await a.until("down", "b", "timeout")
        assert second == await a.until("up", "b")
        first.signal(signal.SIGCONT)
        await first.until("down", "b")
        await first.until("end")

        stalled.signal(signal.SIGKILL)
        again = await r.start("b")
        third = await again.until("up", "b")
        await a.until("down", "b", "connection_lost")
        assert third == await a.until("up", "b")
        assert second[2] < third[2]

    real(main)


def watched(cluster: Cluster) -> tuple[Any, asyncio.Queue[str], asyncio.Queue[Any]]:
    """Return the links of a member, the names of those that it links with, and the ends of its connections."""
    membership = cluster._membership
    carrier, linked, ended = membership._carrier, asyncio.Queue[str](), asyncio.Queue[Any]()
    establish, end = carrier._establish, membership.ended
    carrier._establish = lambda begun, node, *rest: (establish(begun, node, *rest), linked.put_nowait(node.name))
    membership.ended = lambda node, reason: (end(node, reason), ended.put_nowait((node.name, reason)))
    return carrier._links, linked, ended


@pytest.mark.program
@pytest.mark.parametrize("name", ["a", "z"], ids=["dials", "is dialled"])
def test_a_killed_program_of_this_machine_is_down_long_before_a_probe_would_tell(real: Any, name: str) -> None:
    async def main(r: Real) -> None:
        m = await r.join("m", settings=Settings(heartbeat=10.0, dead=30.0))
        _, linked, ended = watched(m)
        killed = await r.start(name)
        await killed.until("up", "m")
        assert name == await linked.get()
        await m.wait_size(2)
        killed.signal(signal.SIGKILL)
        async with asyncio.timeout(5.0):  # a probe takes a heartbeat, of ten seconds
            assert (name, "hint") == await ended.get()
        assert {"m"} == names(m)

    real(main)


@pytest.mark.program
def test_members_whose_link_breaks_or_that_are_stopped_for_a_moment_stay(real: Any) -> None:
    async def main(r: Real) -> None:
        m = await r.join("m")
        links, linked, ended = watched(m)
        for name in ("a", "z"):
            program = await r.start(name)
            await program.until("up", "m")
            assert name == await linked.get()
            await m.wait_size(2 if name == "a" else 3)
            node = next(node for node in links if node.name == name)
            program.signal(signal.SIGSTOP)
            links[node]._socket.shutdown(socket.SHUT_RDWR)
            program.signal(signal.SIGCONT)
            assert name == await linked.get()
        assert ended.empty()
        assert {"m", "a", "z"} == names(m)

    real(main)
