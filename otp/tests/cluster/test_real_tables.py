"""Distributed registries and supervisors between real programs, one of which is killed."""

from __future__ import annotations

import asyncio
import secrets
import subprocess
import sys
from collections import Counter as Counts
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import cycle, pairwise
from pathlib import Path
from typing import Any

import pytest

import distributed_member
import otp
from distributed_children import Counter, Moving
from distributed_member import ALLOW, CHILDREN, SETTINGS, SETTLE
from otp import Children, GenServer, Supervisor
from otp.behaviours.registry.registry import AlreadyRegistered
from otp.cluster import Cluster, DistributedRegistry, DistributedSupervisor
from otp.cluster.cluster import membership_of
from otp.kernel.values.errors import CallExit, ReceiveTimeout

LIMIT = 30.0


class Programs:
    """Two members in programs of their own, `one` and `two`, and `here` in this one."""

    def __init__(
        self, cluster: Cluster, programs: dict[str, asyncio.subprocess.Process], start: Callable[[str], Awaitable[Any]]
    ) -> None:
        self.cluster = cluster
        self.start = start
        self.membership = membership_of(cluster)
        self.programs = programs

    async def on(self, fn: Any, *args: Any) -> Any:
        """Run a function in a process of `here`."""
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def run() -> None:
            try:
                result = fn(*args)
                done.set_result(await result if asyncio.iscoroutine(result) else result)
            except Exception as error:
                done.set_exception(error)

        self.cluster.node.spawn(run)
        return await asyncio.wait_for(done, LIMIT)


async def _start(name: str, cookie: str, folder: Path) -> asyncio.subprocess.Process:
    program = await asyncio.create_subprocess_exec(
        sys.executable, distributed_member.__file__, name, cookie, str(folder), stdout=subprocess.PIPE
    )
    assert program.stdout is not None
    assert b"ready\n" == await asyncio.wait_for(program.stdout.readline(), LIMIT)
    return program


@asynccontextmanager
async def programs(folder: Path) -> AsyncIterator[Programs]:
    cookie = secrets.token_hex(16)
    async with AsyncExitStack() as stack:
        started: dict[str, asyncio.subprocess.Process] = {}

        async def end() -> None:
            for program in started.values():
                if program.returncode is None:
                    program.kill()
                await program.wait()

        stack.push_async_callback(end)

        async def start(name: str) -> None:
            started[name] = await _start(name, cookie, folder)

        for name in ("one", "two"):
            await start(name)
        node = await stack.enter_async_context(otp.Node("here"))
        cluster = await Cluster.join(
            node, cookie=cookie, incarnations=folder / "here", settings=SETTINGS, settle=SETTLE, allow=ALLOW
        )
        await cluster.wait_size(3, timeout=LIMIT)
        yield Programs(cluster, started, start)


@pytest.mark.program
def test_three_programs_share_a_registry_and_a_killed_one_loses_its_entries(tmp_path: Path) -> None:
    async def try_taken() -> str:
        with pytest.raises(AlreadyRegistered) as taken:
            await DistributedRegistry.register("rooms", "room of one")
        return taken.value.pid.node

    async def main() -> None:
        async with programs(tmp_path) as p:
            registry = await p.cluster.node.start(DistributedRegistry, name="rooms")
            async with asyncio.timeout(LIMIT):
                while DistributedRegistry.count(registry) < 2:
                    await p.membership.changed()
            assert [7] == [entry.value for entry in await p.on(DistributedRegistry.lookup, "rooms", "room of two")]
            assert "one" == await p.on(try_taken)
            p.programs["one"].kill()
            async with asyncio.timeout(LIMIT):
                while DistributedRegistry.lookup(registry, "room of one"):
                    await p.membership.changed()
            assert ["room of two"] == [row.key for row in await p.on(DistributedRegistry.select, "rooms")]
            await p.on(DistributedRegistry.register, "rooms", "room of one")

    asyncio.run(main())


@pytest.mark.program
def test_children_of_a_killed_program_run_on_the_others_once(tmp_path: Path) -> None:
    async def start() -> None:
        for number in range(6):
            child = Counter.child_spec(0, id=f"w{number}")
            await DistributedSupervisor.start_child("workers", child, on="one" if number < 3 else "two")

    def places(supervisor: str = "workers") -> dict[str, str]:
        ids = ["lobby"] if supervisor == "lobby" else [f"w{number}" for number in range(6)]
        found = {id: DistributedSupervisor.whereis(supervisor, id) for id in ids}
        return {id: pid.node for id, pid in found.items() if pid is not None}

    async def main() -> None:
        async with programs(tmp_path) as p, asyncio.timeout(LIMIT):
            await p.cluster.node.start(Supervisor, Children(CHILDREN))
            await p.on(start)
            assert {"one": 3, "two": 3} == Counts(places().values())
            while not places("lobby"):
                await p.membership.changed()
            p.programs["one"].kill()
            while "one" in p.membership.up:
                await p.membership.changed()
            async with asyncio.timeout(SETTLE + 1):  # since its loss was detected
                while len(places()) < 6 or not places("lobby"):
                    await p.membership.changed()
            assert {"here", "two"} >= {*places().values(), *places("lobby").values()}
            assert 6 == len(await p.on(DistributedSupervisor.which_children, "workers"))
            moved = DistributedSupervisor.whereis("workers", "w0")
            assert [0, 1] == [await p.on(GenServer.call, moved, "next") for _ in range(2)]

    asyncio.run(main())


@pytest.mark.program
def test_a_rolling_restart_under_calls_keeps_each_child_and_its_state(tmp_path: Path) -> None:
    """Members are ended with SIGTERM, one after the other, while another one calls the children 100 times a second."""
    ids = [f"k{number}" for number in range(6)]
    answers: dict[str, list[tuple[float, int]]] = {id: [] for id in ids}
    reasons: Counts[Any] = Counts()
    answered = asyncio.Event()

    async def start() -> None:
        for id in ids:
            await DistributedSupervisor.start_child("workers", Moving.child_spec(0, id=id))

    async def ask(id: str) -> None:
        pid = DistributedSupervisor.whereis("workers", id)
        if pid is None:
            reasons["not there"] += 1
            return
        try:
            answers[id].append((otp.monotonic(), await GenServer.call(pid, "next")))
            answered.set()
        except CallExit as error:
            reasons[error.cause_reason] += 1

    async def call() -> None:
        for id in cycle(ids):
            otp.spawn(ask, id)
            with suppress(ReceiveTimeout):
                await otp.receive(timeout=0.01)

    async def main() -> None:
        async with programs(tmp_path) as p, asyncio.timeout(2 * LIMIT):
            await p.cluster.node.start(Supervisor, Children(CHILDREN))
            await p.on(start)
            p.cluster.node.spawn(call)
            for name in ("one", "two"):
                before = {id: len(found) for id, found in answers.items()}
                p.programs[name].terminate()
                assert 0 == await p.programs[name].wait()
                await p.start(name)
                await p.cluster.wait_size(3)
                await p.on(DistributedSupervisor.rebalance, "workers")
                while any(len(found) < before[id] + 10 for id, found in answers.items()):
                    answered.clear()
                    await answered.wait()

    asyncio.run(main())
    for found in answers.values():
        numbers = [number for _, number in found]
        assert numbers == sorted(set(numbers))
        gaps = [after - before for (before, _), (after, _) in pairwise(found)]
        assert 5 > max(gaps)
    documented = {("shutdown", "moved"), "noproc", "noconnection", ("nodedown", "one"), ("nodedown", "two")}
    assert documented | {"not there"} >= set(reasons)
    assert sum(reasons.values()) < sum(map(len, answers.values())) / 10
