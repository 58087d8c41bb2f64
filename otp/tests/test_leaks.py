"""Ended processes leave nothing behind, and what is kept of them is small (design part 1 §2)."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import tracemalloc
import weakref
from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, Reply, impl
from otp.kernel.steps import drain
from otp.kernel.values.process import Process
from otp.testing import Scheduler, wait_all_idle


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disable the log: pytest would keep its records, and the objects in them."""
    monkeypatch.setattr(logging.getLogger("otp"), "disabled", True)


def living_processes() -> int:
    gc.collect()
    return sum(type(thing) is Process for thing in gc.get_objects())


class Server(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return Reply(request, state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return NoReply(state)


async def nothing() -> None:
    pass


async def waits(*_: Any) -> None:
    await otp.receive()


async def ends_by_itself(n: int) -> None:
    otp.spawn(nothing)


async def ends_with_links_and_monitors(n: int) -> None:
    pid = otp.spawn_link(waits)
    otp.monitor(pid)
    otp.register(("name", n), pid)
    otp.send_after(5, pid, "never")
    otp.exit(pid, "kill")


async def crashes(n: int) -> None:
    def crash() -> None:
        raise ValueError(n)

    otp.spawn(crash)


async def server_is_called_and_stops(n: int) -> None:
    server = await Server.start(n)
    GenServer.cast(server, n)
    await GenServer.call(server, n)
    await GenServer.stop(server)


async def start_fails(n: int) -> None:
    class Fails(Server):
        @impl
        def init(self, arg: Any) -> Any:
            return otp.Stop("no")

    try:
        await Fails.start(n)
    except otp.StartError:
        pass


async def call_times_out(n: int) -> None:
    async def deaf() -> None:
        await otp.receive(otp.Tag("never"))

    pid = otp.spawn(deaf)
    try:
        await GenServer.call(pid, n, timeout=0.001)
    except otp.CallTimeout:
        otp.exit(pid, "kill")


async def receive_times_out(n: int) -> None:
    async def impatient() -> None:
        try:
            await otp.receive(timeout=0.0001)
        except TimeoutError:
            pass

    otp.spawn(impatient)


LIVES = [
    ends_by_itself,
    ends_with_links_and_monitors,
    crashes,
    server_is_called_and_stops,
    start_fails,
    call_times_out,
    receive_times_out,
]


@pytest.mark.parametrize("life", LIVES)
def test_a_life_leaves_no_process_object_and_no_table_entry(life: Any) -> None:
    async def main() -> Any:
        node = otp.trace.node_of(otp.self())

        async def owner(n: int) -> None:
            otp.process_flag("trap_exit", True)
            await life(n)

        for n in range(5):
            await otp.wait_down(otp.spawn(owner, n))
        await asyncio.sleep(10)
        await wait_all_idle()
        before = living_processes()
        for n in range(50):
            await otp.wait_down(otp.spawn(owner, n))
        await asyncio.sleep(10)
        await wait_all_idle()
        return living_processes() - before, len(node.process_table), len(node.names)

    assert Scheduler(inline=True).run(main) == (0, 1, 0)


def test_200000_processes_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "LONG_DRAIN_NS", 10**12)  # events of long drains keep pids

    async def main() -> Any:
        async def child(to: otp.Pid, last: bool) -> None:
            if last:
                otp.send(to, "last")

        async def batch(size: int) -> None:
            me = otp.self()
            for n in range(size):
                otp.spawn(child, me, n == size - 1)
            await otp.receive()

        await batch(20_000)
        living = living_processes()
        tracemalloc.start()
        try:
            for _ in range(2):
                await batch(1_000)
            gc.collect()
            before, _ = tracemalloc.get_traced_memory()
            for _ in range(3):
                await batch(1_000)
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        for _ in range(10):
            await batch(20_000)
        return after - before, living_processes() - living, len(otp.processes())

    grown, living, known = otp.run(main)
    assert grown < 10_000
    assert living < 10  # some that are just ending
    assert known == 1


def test_a_dead_pid_that_is_kept_costs_about_200_bytes() -> None:
    async def main() -> Any:
        async def child() -> None:
            otp.process_flag("trap_exit", True)
            await otp.receive()

        kept = [otp.spawn(child) for _ in range(1000)]
        await asyncio.sleep(0)
        for pid in kept:
            otp.exit(pid, "kill")
        gc.collect()
        pid = kept[-1]
        slots = [getattr(pid, name, None) for cls in type(pid).__mro__ for name in getattr(cls, "__slots__", ())]
        own = sys.getsizeof(pid) + sum(sys.getsizeof(value) for value in slots if type(value) is int and value > 256)
        return own, [value for value in slots if value is not None and type(value) not in (int, bool, otp.Node)]

    size, referenced = otp.run(main)
    assert referenced == []
    assert size <= (200 if sys.version_info < (3, 12) else 204)  # docs/decisions/0013


def test_a_down_keeps_neither_frames_nor_state_nor_messages_alive() -> None:
    class Witness:
        pass

    witnesses: list[weakref.ref[Witness]] = []

    def witness() -> Witness:
        thing = Witness()
        witnesses.append(weakref.ref(thing))
        return thing

    async def crashes(thing: Any) -> None:
        local = witness()
        message = await otp.receive()
        raise ValueError("no") if local and message else None  # type: ignore[misc]

    class Crashes(Server):
        @impl
        def handle_cast(self, request: Any, state: Any) -> Any:
            local = witness()
            raise ExceptionGroup("two", [ValueError("no"), KeyError("no")]) if local else None  # type: ignore[misc]

    async def main() -> Any:
        downs = []
        pid, ref = otp.spawn_monitor(crashes, witness())
        otp.send(pid, witness())
        downs.append(await otp.receive(ref))
        server = await Crashes.start(witness())
        ref = otp.monitor(server)
        otp.send(server, witness())
        GenServer.cast(server, witness())
        downs.append(await otp.receive(ref))
        killed, ref = otp.spawn_monitor(waits, witness())
        otp.send_after(60, killed, "x")
        otp.exit(killed, "kill")
        downs.append(await otp.receive(ref))
        await asyncio.sleep(100)
        gc.collect()
        return len(downs), len(witnesses), [ref() for ref in witnesses if ref() is not None]

    assert Scheduler(inline=True).run(main) == (3, 8, [])


def test_an_idle_server_owns_no_mailbox_and_no_coroutine() -> None:
    async def main() -> Any:
        server: Any = await Server.start(1)
        for _ in range(3):
            GenServer.cast(server, 1)
        await GenServer.call(server, 1)
        return server.mailbox, server.coroutine, server.ext

    assert Scheduler(inline=True).run(main) == (None, None, None)


def test_casts_to_many_servers_leave_no_pile_of_spare_mailboxes() -> None:
    async def main() -> Any:
        servers = [await Server.start(n) for n in range(3000)]
        for server in servers:
            GenServer.cast(server, 1)
        for server in servers:
            await GenServer.call(server, 1)
        await asyncio.sleep(0)
        s: Any = otp.trace.node_of(otp.self()).scheduler  # type: ignore[attr-defined]
        return len(s.pool) <= 1500  # what one drain may add is trimmed at its end

    assert otp.run(main)


def test_a_node_that_is_closed_is_collected_with_its_loop() -> None:
    async def main() -> weakref.ref[otp.Node]:
        async with otp.Node("n") as node:
            server = await node.start(Server, 1)
            await GenServer.call(server, 1)
            return weakref.ref(node)

    node = asyncio.run(main())
    gc.collect()
    assert node() is None
