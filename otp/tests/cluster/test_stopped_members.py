"""Members that are stopped together, as on a suspended machine, stay connected; one that is stopped alone is lost."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import pytest

from member_programs import MemberPrograms
from stopped_programs import continue_all, pass_time, stop_all

pytestmark = pytest.mark.program

DEAD_S = 0.6
LIMITS = {"heartbeat": 0.1, "dead": DEAD_S}


def test_members_that_were_stopped_together_lose_nobody_and_one_that_was_stopped_alone_loses_no_other(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with MemberPrograms(tmp_path, LIMITS) as members:
            cookie = secrets.token_hex(16)
            a, b, c = [await members.start(name, cookie=cookie) for name in "abc"]
            await members.agree("abc")
            pids = [program.process.pid for program in (a, b, c)]

            stop_all(pids)
            pass_time(2 * DEAD_S)
            continue_all(pids)
            stop_all(pids[2:])
            await members.agree("ab")  # by then a and b would have lost each other too, had they counted the standstill
            continue_all(pids[2:])
            await members.agree("abc")

            lost_c = [["child started"], ["down", "c", "timeout"]]
            assert (lost_c, lost_c) == (a.events, b.events)
            cut_off = [["down", name, "connection_lost"] for name in "ab"]  # by the others: it has not timed out any
            assert [["child started"], *cut_off] == [c.events[0], *sorted(c.events[1:])]

    asyncio.run(main())
