"""Members in programs of their own with leases on real servers: servers and members fail; no key has two owners."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tools.etcd import Etcd, etcd_cluster
from tools.postgres import NotInstalled, Postgres

from leased_programs import LeasedProgram, LeasedPrograms

pytestmark = pytest.mark.program

TTL = 2.0
LONG_TTLS = 4.0, 12.0
"""On a busy machine the store may stall for longer than the first; the test is then repeated with the second."""

Test = Callable[[LeasedProgram, LeasedProgram], Awaitable[None]]


class Lost(Exception):
    """The owner lost its key."""


class Postgresql:
    """PostgreSQL with an empty database."""

    def __init__(self, server: Postgres) -> None:
        self.server = server
        self.url = server.new_database()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop it during the block."""
        with self.server.stopped():
            yield

    async def trouble(self, live_on: Callable[[float], Awaitable[None]], ttl: float) -> None:
        """Stop it for less than the time in which owners end, and restart it as after a crash."""
        with self.server.stopped():
            await live_on(ttl / 3)
        await asyncio.to_thread(self.server.restart, "immediate")


class ThreeOfEtcd:
    """Three members of etcd, without keys."""

    def __init__(self, servers: list[Etcd]) -> None:
        self.servers = servers
        self.url = f"etcd:{','.join(server.endpoint for server in servers)}"

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop all of them during the block."""
        with ExitStack() as stack:
            for server in self.servers:
                stack.enter_context(server.stopped())
            yield

    async def trouble(self, live_on: Callable[[float], Awaitable[None]], ttl: float) -> None:
        """Stop each member of etcd in turn, and lose one of them."""
        for server in self.servers:
            with server.stopped():
                await live_on(ttl / 2)
            await live_on(ttl / 3)  # a renewal is answered before the next leader stands still
        self.servers[0].kill()


@pytest.fixture(params=["PostgreSQL", "etcd"])
def store(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A store on real servers."""
    try:
        if request.param == "etcd":
            with etcd_cluster(3) as servers:
                yield ThreeOfEtcd(servers)
        else:
            yield Postgresql(request.getfixturevalue("postgres"))
    except NotInstalled as missing:
        pytest.skip(str(missing))


@pytest.fixture
def members(store: Any, tmp_path: Path) -> Callable[..., None]:
    """Runs a test with two programs, of which the first owns the key."""

    def run(test: Test, ttl: float = TTL) -> None:
        async def main() -> None:
            async with LeasedPrograms(tmp_path, store.url, ttl) as programs:
                a = await programs.start("a")
                await a.until("handles")
                await test(a, await programs.start("b"))

        asyncio.run(main())

    return run


def first_handled(program: LeasedProgram, epoch: int) -> float:
    return min(program.handled(epoch))


def test_the_key_of_a_killed_member_is_taken_over(members: Any) -> None:
    async def test(a: LeasedProgram, b: LeasedProgram) -> None:
        a.process.kill()
        await b.until("began", 2)

    members(test)


def test_a_member_that_leaves_frees_its_key_before_it_ends(members: Any) -> None:
    async def test(a: LeasedProgram, b: LeasedProgram) -> None:
        a.process.terminate()
        assert 0 == await a.process.wait()
        await b.until("handles")
        assert max(a.handled(1)) < first_handled(b, 2)

    members(test)


def test_an_owner_that_was_stopped_past_its_deadline_handles_no_message_when_it_resumes(members: Any) -> None:
    async def test(a: LeasedProgram, b: LeasedProgram) -> None:
        a.process.send_signal(signal.SIGSTOP)
        await b.until("handles")
        a.process.send_signal(signal.SIGCONT)
        await a.until("ended", "lease_lost")
        assert max(a.handled(1)) < first_handled(b, 2)

    members(test)


def test_owners_end_while_the_store_stands_still_for_longer_than_ttl_and_begin_again_with_a_higher_epoch(
    members: Any, store: Any
) -> None:
    async def test(a: LeasedProgram, b: LeasedProgram) -> None:
        with store.stopped():
            ended = await a.until("ended", "lease_lost")
        again = [asyncio.create_task(program.until("handles", after=ended)) for program in (a, b)]
        await asyncio.wait(again, return_when=asyncio.FIRST_COMPLETED)
        for task in again:
            task.cancel()
        begun = sorted(event[1] for program in (a, b) for event in program.events if event[0] == "began")
        assert [1, 2] == begun
        assert max(a.handled(1)) < min(a.handled(2) + b.handled(2))

    members(test)


def test_an_owner_outlives_a_store_that_stands_still_for_less_than_ttl_restarts_or_loses_a_server(
    members: Any, store: Any
) -> None:
    async def test(ttl: float, a: LeasedProgram, b: LeasedProgram) -> None:
        epoch = a.events[0][1]

        async def live_on(seconds: float) -> None:
            last = a.handled(epoch)[-1]
            while a.handled(epoch)[-1] < last + seconds:
                await a.until(after=len(a.events))
                if any(event[0] == "ended" for event in a.events):
                    raise Lost

        await store.trouble(live_on, ttl)
        await live_on(ttl)
        assert ["began"] == [event[0] for event in (*a.events, *b.events) if event[0] != "handles"]

    short, long = LONG_TTLS
    try:
        members(partial(test, short), short)
    except Lost:
        members(partial(test, long), long)


def test_a_singleton_of_a_stopped_or_killed_member_runs_elsewhere_and_never_twice(
    postgres: Postgres, tmp_path: Path
) -> None:
    async def main() -> None:
        async with LeasedPrograms(tmp_path, postgres.new_database(), TTL, "child") as programs:
            a = await programs.start("a")
            await a.until("handles")
            b = await programs.start("b")
            await b.until("shares", 2)
            a.process.send_signal(signal.SIGSTOP)
            await b.until("handles")
            a.process.send_signal(signal.SIGCONT)
            ended = await a.until("ended", "lease_lost")
            b.process.kill()
            await a.until("handles", after=ended)
            assert [["began", 1], ["began", 3]] == [event for event in a.events if event[0] == "began"]
            assert max(a.handled(1)) < first_handled(b, 2)
            assert max(b.handled(2)) < first_handled(a, 3)

    asyncio.run(main())
