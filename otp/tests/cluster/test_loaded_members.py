"""Members that are under load, far apart, or stopped for a while: none is lost, and none waits too long."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tools.certificate_authority import Authority
from tools.delaying_forwarder import forwarding

from member_programs import MemberProgram, MemberPrograms
from stopped_programs import continue_all, stop_all

pytestmark = pytest.mark.program

PROGRAM = Path(__file__).parents[1] / "shared" / "loaded_member_program.py"
MIB = 1024 * 1024


async def result(members: MemberPrograms, program: MemberProgram, *order: Any) -> list[Any]:
    """Give an order, and return what it prints."""
    assert program.process.stdin is not None
    program.process.stdin.write(json.dumps(order).encode() + b"\n")
    return await printed(members, program, order[0])


async def printed(members: MemberPrograms, program: MemberProgram, kind: str) -> list[Any]:
    def found() -> list[list[Any]]:
        return [event for event in program.events if event[0] == kind]

    await members.until(lambda: bool(found()), kind)
    event = found()[0]
    program.events.remove(event)
    return event[1:]


def with_two(
    folder: Path,
    settings: dict[str, float],
    test: Callable[[MemberPrograms, MemberProgram, MemberProgram], Awaitable[Any]],
) -> None:
    """Run a test with the members `a` and `b`; neither of them may be lost."""

    async def main() -> None:
        async with MemberPrograms(folder, settings, PROGRAM) as members:
            cookie = secrets.token_hex(16)
            a, b = [await members.start(name, cookie=cookie) for name in "ab"]
            await members.agree("ab")
            await test(members, a, b)
            assert [] == [event for program in (a, b) for event in program.events if event[0] in ("down", "failed")]

    asyncio.run(main())


def test_six_calls_of_12_mib_at_once_and_100000_casts_in_one_loop_lose_nobody(tmp_path: Path) -> None:
    async def test(members: MemberPrograms, a: MemberProgram, b: MemberProgram) -> None:
        await result(members, a, "calls", "b", 6, 12 * MIB)
        count, grown = await result(members, a, "casts", "b", 100_000, 1_000)
        assert 100_000 == count
        assert grown < 256 * MIB

    with_two(tmp_path, {}, test)


def test_a_loop_that_casts_for_longer_than_dead_loses_nobody(tmp_path: Path) -> None:
    async def test(members: MemberPrograms, a: MemberProgram, b: MemberProgram) -> None:
        sent, arrived = await result(members, a, "casting", "b", 4.0, 1_000)
        assert sent == arrived > 1_000

    with_two(tmp_path, {"heartbeat": 0.5, "dead": 2.0}, test)


def test_a_small_call_does_not_wait_for_large_ones(tmp_path: Path) -> None:
    async def test(members: MemberPrograms, a: MemberProgram, b: MemberProgram) -> None:
        (times,) = await result(members, a, "beside", "b", 4, 12 * MIB)
        print("small calls", len(times), [round(1000 * times[int(len(times) * at)], 2) for at in (0, 0.5, 0.9, 0.99)])
        assert len(times) > 5
        assert times[len(times) // 2] < 0.1  # a large one takes several times as long

    with_two(tmp_path, {"heartbeat": 0.5, "dead": 4.0}, test)


def test_a_member_that_is_stopped_for_less_than_dead_stays_and_answers_then(tmp_path: Path) -> None:
    async def test(members: MemberPrograms, a: MemberProgram, b: MemberProgram) -> None:
        stop_all([b.process.pid])
        calls = asyncio.ensure_future(result(members, a, "calls", "b", 6, 12 * MIB))
        await members.unchanged(3.0)  # thirty heartbeats
        assert not calls.done()
        continue_all([b.process.pid])
        await calls

    with_two(tmp_path, {"heartbeat": 0.1, "dead": 30.0}, test)


@pytest.mark.slow
def test_a_stop_of_ten_seconds_loses_nobody_with_a_longer_dead(tmp_path: Path) -> None:
    async def test(members: MemberPrograms, a: MemberProgram, b: MemberProgram) -> None:
        stop_all([b.process.pid])
        await members.unchanged(10.0)
        continue_all([b.process.pid])
        await result(members, a, "calls", "b", 1, MIB)

    with_two(tmp_path, {"dead": 30.0}, test)


def test_a_megabyte_at_a_round_trip_of_200_ms_costs_few_round_trips(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def main() -> None:
        async with MemberPrograms(tmp_path, {"heartbeat": 0.5, "dead": 4.0}, PROGRAM) as members:
            given = {"cookie": secrets.token_hex(16), "discovery": None}
            tls = {name: authority.member(name) for name in "ab"}
            a, b = [{"listen": "127.0.0.1:0", "tls": [one.ca, one.cert, one.key], **given} for one in tls.values()]
            first = await members.start("a@127.0.0.1", **a)
            (address,) = await printed(members, first, "ready")
            async with forwarding(address.rpartition(":")[2], 0.1) as port:
                second = await members.start("b@127.0.0.1", connect=f"tls/127.0.0.1:{port}", **b)
                await members.agree(["a@127.0.0.1", "b@127.0.0.1"])
                for program, to in ((first, "b@127.0.0.1"), (second, "a@127.0.0.1")):
                    (took,) = await result(members, program, "calls", to, 1, MIB)
                    print("1 MiB echo", took)
                    assert 0.2 <= took <= 1.5

    asyncio.run(main())
