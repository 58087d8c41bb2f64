"""Members in programs of their own with leases in PostgreSQL: server and members fail, and no key has two owners."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tools.postgres import Postgres

from leased_programs import LeasedProgram, LeasedPrograms

pytestmark = pytest.mark.program

TTL = 1.5

Test = Callable[[LeasedPrograms, LeasedProgram, LeasedProgram], Awaitable[None]]


@pytest.fixture
def members(postgres: Postgres, tmp_path: Path) -> Callable[..., None]:
    """Runs a test with two programs, of which the first owns the key."""

    def run(test: Test, ttl: float = TTL) -> None:
        async def main() -> None:
            async with LeasedPrograms(tmp_path, postgres.new_database(), ttl) as programs:
                a = await programs.start("a")
                await a.until("handles")
                await test(programs, a, await programs.start("b"))

        asyncio.run(main())

    return run


def first_handled(program: LeasedProgram, epoch: int) -> float:
    return min(program.handled(epoch))


def test_the_key_of_a_killed_member_is_taken_over(members: Any) -> None:
    async def test(_: Any, a: LeasedProgram, b: LeasedProgram) -> None:
        a.process.kill()
        await b.until("began", 2)

    members(test)


def test_a_member_that_leaves_frees_its_key_before_it_ends(members: Any) -> None:
    async def test(_: Any, a: LeasedProgram, b: LeasedProgram) -> None:
        a.process.terminate()
        assert 0 == await a.process.wait()
        await b.until("handles")
        assert max(a.handled(1)) < first_handled(b, 2)

    members(test)


def test_an_owner_that_was_stopped_past_its_deadline_handles_no_message_when_it_resumes(members: Any) -> None:
    async def test(_: Any, a: LeasedProgram, b: LeasedProgram) -> None:
        a.process.send_signal(signal.SIGSTOP)
        await b.until("handles")
        a.process.send_signal(signal.SIGCONT)
        await a.until("ended", "lease_lost")
        assert max(a.handled(1)) < first_handled(b, 2)

    members(test)


def test_owners_end_while_the_server_stands_still_for_longer_than_ttl_and_begin_again_with_a_higher_epoch(
    members: Any, postgres: Postgres
) -> None:
    async def test(_: Any, a: LeasedProgram, b: LeasedProgram) -> None:
        with postgres.stopped():
            ended = await a.until("ended", "lease_lost")
        again = [asyncio.create_task(program.until("handles", after=ended)) for program in (a, b)]
        await asyncio.wait(again, return_when=asyncio.FIRST_COMPLETED)
        for task in again:
            task.cancel()
        begun = sorted(event[1] for program in (a, b) for event in program.events if event[0] == "began")
        assert [1, 2] == begun
        assert max(a.handled(1)) < min(a.handled(2) + b.handled(2))

    members(test)


def test_an_owner_outlives_a_server_that_stands_still_for_less_than_ttl_or_restarts(
    members: Any, postgres: Postgres
) -> None:
    ttl = 4.0

    async def run_on(a: LeasedProgram, seconds: float) -> None:
        last = a.handled(1)[-1]
        while a.handled(1)[-1] < last + seconds:
            await a.until("handles", after=len(a.events))

    async def test(_: Any, a: LeasedProgram, b: LeasedProgram) -> None:
        with postgres.stopped():
            await run_on(a, ttl / 3)
        await asyncio.to_thread(postgres.restart, "immediate")
        await run_on(a, ttl)
        assert ["began"] == [event[0] for event in (*a.events, *b.events) if event[0] != "handles"]

    members(test, ttl)
