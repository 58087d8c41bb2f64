"""A pool of connections: checkout and return, a queue of those who wait, overflow, and borrowers that die."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Any

import pytest

import otp
from otp import Down, DynamicSupervisor, From, GenServer, NoReply, Ok, Ref, Reply, Request, Supervisor, impl
from otp.testing import assert_receive, start_supervised, wait_all_idle

SEEDS = (0, 1, 2)


class Connection(GenServer[int]):
    """Stands for a socket: it counts the queries it has answered."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok(0)

    @impl
    def handle_call(self, request: Any, caller: From, answered: int) -> Any:
        match request:
            case ("query", "drop the line"):
                otp.exit("connection lost")
            case ("query", text):
                return Reply(f"{text}: ok", answered + 1)


class Checkout(Request[otp.Pid]):
    pass


class Status(Request[tuple[int, int, int]]):
    """(idle, lent, waiting)"""


@dataclass(frozen=True)
class State:
    size: int
    overflow: int
    idle: tuple[otp.Pid, ...] = ()
    lent: tuple[tuple[Ref, otp.Pid], ...] = ()
    waiting: tuple[From, ...] = ()


class Pool(GenServer[State]):
    @impl
    async def init(self, sizes: tuple[int, int]) -> Any:
        size, overflow = sizes
        return Ok(State(size, overflow, tuple([await self.connect() for _ in range(size)])))

    async def connect(self) -> otp.Pid:
        connection = await DynamicSupervisor.start_child("connections", Connection.child_spec(restart="temporary"))
        otp.monitor(connection)
        return connection

    @impl
    async def handle_call(self, request: Any, caller: From, state: State) -> Any:
        match request:
            case Checkout() if state.idle:
                connection, *rest = state.idle
                return Reply(connection, self.lend(connection, caller, replace(state, idle=tuple(rest))))
            case Checkout() if len(state.lent) < state.size + state.overflow:
                connection = await self.connect()
                return Reply(connection, self.lend(connection, caller, state))
            case Checkout():
                return NoReply(replace(state, waiting=(*state.waiting, caller)))
            case Status():
                return Reply((len(state.idle), len(state.lent), len(state.waiting)), state)

    @impl
    async def handle_cast(self, request: Any, state: State) -> Any:
        match request:
            case ("return", connection):
                return NoReply(await self.give_back(connection, state))

    @impl
    async def handle_info(self, message: Any, state: State) -> Any:
        match message:
            case Down(ref=ref) if ref in dict(state.lent):  # the borrower died with it
                return NoReply(await self.give_back(dict(state.lent)[ref], state))
            case Down(item=connection) if connection in state.idle:
                rest = tuple(pid for pid in state.idle if pid != connection)
                return NoReply(replace(state, idle=(*rest, await self.connect())))
            case Down(item=connection) if connection in dict(state.lent).values():
                return NoReply(await self.give_back(connection, state))
            case Down():
                return NoReply(state)

    def lend(self, connection: otp.Pid, caller: From, state: State) -> State:
        return replace(state, lent=(*state.lent, (otp.monitor(caller.pid), connection)))

    async def give_back(self, connection: otp.Pid, state: State) -> State:
        """A returned connection goes to a waiter, else to the pool; overflow connections are closed."""
        for ref, pid in state.lent:
            if pid == connection:
                otp.demonitor(ref, flush=True)
        state = replace(state, lent=tuple(entry for entry in state.lent if entry[1] != connection))
        waiting = deque(state.waiting)
        if waiting:
            caller = waiting.popleft()
            if not otp.is_alive(connection):
                connection = await self.connect()
            GenServer.reply(caller, connection)
            return self.lend(connection, caller, replace(state, waiting=tuple(waiting)))
        if len(state.idle) + len(state.lent) >= state.size:
            if otp.is_alive(connection):
                await DynamicSupervisor.terminate_child("connections", connection)
            return state
        if not otp.is_alive(connection):
            connection = await self.connect()
        return replace(state, idle=(*state.idle, connection))


class Database(Supervisor):
    @impl
    def init(self, sizes: tuple[int, int]) -> Any:
        return otp.Children(
            [DynamicSupervisor.child_spec(name="connections"), Pool.child_spec(sizes, name="pool")],
            strategy="one_for_all",
        )


async def borrower(report_to: otp.Pid) -> None:
    """Takes a connection, reports it, and returns it on request."""
    connection = await GenServer.call("pool", Checkout(), timeout=60)
    otp.send(report_to, ("got", otp.self(), connection))
    await otp.receive(otp.Is("done"))
    GenServer.cast("pool", ("return", connection))


@pytest.mark.otp(seed=SEEDS)
async def test_a_connection_is_lent_once_and_comes_back() -> None:
    await start_supervised((Database, (1, 0)))
    connection = await GenServer.call("pool", Checkout())
    assert await GenServer.call(connection, ("query", "select 1")) == "select 1: ok"
    assert await GenServer.call("pool", Status()) == (0, 1, 0)
    GenServer.cast("pool", ("return", connection))
    assert await GenServer.call("pool", Status()) == (1, 0, 0)
    assert await GenServer.call("pool", Checkout()) == connection


@pytest.mark.otp(seed=SEEDS)
async def test_who_comes_too_late_waits_and_is_served_in_turn() -> None:
    await start_supervised((Database, (1, 0)))
    first = otp.spawn_link(borrower, otp.self())
    _, _, connection = await assert_receive(otp.Tag("got", first))
    second = otp.spawn_link(borrower, otp.self())
    await wait_all_idle()
    third = otp.spawn_link(borrower, otp.self())
    await wait_all_idle()
    assert await GenServer.call("pool", Status()) == (0, 1, 2)
    otp.send(first, "done")
    assert await assert_receive(otp.Tag("got")) == ("got", second, connection)
    otp.send(second, "done")
    assert await assert_receive(otp.Tag("got")) == ("got", third, connection)


@pytest.mark.otp(seed=SEEDS)
async def test_overflow_connections_are_closed_when_they_come_back() -> None:
    await start_supervised((Database, (1, 1)))
    pids = [await GenServer.call("pool", Checkout()) for _ in range(2)]
    assert (await DynamicSupervisor.count_children("connections")).active == 2
    for pid in pids:
        GenServer.cast("pool", ("return", pid))
    assert await GenServer.call("pool", Status()) == (1, 0, 0)
    assert (await DynamicSupervisor.count_children("connections")).active == 1


@pytest.mark.otp(seed=SEEDS)
async def test_the_connection_of_a_borrower_that_dies_comes_back() -> None:
    await start_supervised((Database, (1, 0)))
    victim = otp.spawn(borrower, otp.self())
    await assert_receive(otp.Tag("got"))
    otp.exit(victim, "kill")
    await wait_all_idle()
    assert await GenServer.call("pool", Status()) == (1, 0, 0)


@pytest.mark.otp(seed=SEEDS)
async def test_a_connection_that_breaks_is_replaced_for_those_who_wait() -> None:
    await start_supervised((Database, (1, 0)))
    connection = await GenServer.call("pool", Checkout())
    waiting = otp.spawn_link(borrower, otp.self())
    await wait_all_idle()
    with pytest.raises(otp.ServerDown) as down:
        await GenServer.call(connection, ("query", "drop the line"))
    assert down.value.cause_reason == "connection lost"
    _, _, fresh = await assert_receive(otp.Tag("got", waiting))
    assert fresh != connection
    assert await GenServer.call(fresh, ("query", "select 1")) == "select 1: ok"
