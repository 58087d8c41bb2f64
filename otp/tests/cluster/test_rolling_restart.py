"""Members that are restarted one after the other while all call each other."""

from __future__ import annotations

import asyncio
import secrets
import signal
from pathlib import Path
from typing import Any

import pytest

from member_programs import MemberPrograms

pytestmark = [pytest.mark.program]

NAMES = ["a", "b", "c"]
BUSY = Path(__file__).parents[1] / "shared" / "busy_member_program.py"
CLEAR = {"nodedown", "noproc", "noconnection", "shutdown"}
"""The errors of calls to a member that ends."""


class Rolling:
    """Busy members by name; each start is another incarnation."""

    def __init__(self, programs: MemberPrograms) -> None:
        self.programs = programs
        self.cookie = secrets.token_hex(16)
        self.here: dict[str, str] = {}

    async def start(self, *names: str) -> None:
        """Start members; all others see them, and have many answers from them."""
        for name in names:
            others = [other for other in NAMES if other != name]
            await self.programs.start(name, others=others, cookie=self.cookie)
        running = self.programs.programs
        await self.programs.until(lambda: all(running[name].events for name in names), "all are ready")
        for name in names:
            assert "ready" == running[name].events[0][0]
            self.here[name] = running[name].events[0][1]
        expected = sorted(self.here.values())

        def settled(name: str) -> bool:
            answered = [["answered", member] for other, member in self.here.items() if other != name]
            return sorted(running[name].view) == expected and all(event in running[name].events for event in answered)

        await self.programs.until(lambda: all(map(settled, running)), expected)

    async def end(self, name: str, number: signal.Signals) -> list[Any]:
        """End a member; return the last event."""
        program = self.programs.programs.pop(name)
        program.signal(number)
        await program.process.wait()
        await program.read
        return program.events[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)])
def test_a_member_that_returns_gets_nothing_of_its_predecessor(tmp_path: Path, number: signal.Signals) -> None:
    async def main() -> list[list[Any]]:
        async with MemberPrograms(tmp_path, {"heartbeat": 0.25, "dead": 1.5}, BUSY) as programs:
            r = Rolling(programs)
            await r.start(*NAMES)
            said: list[list[Any]] = []
            for name in NAMES:
                before = r.here[name]
                said.append(await r.end(name, number))
                await r.start(name)
                assert before != r.here[name]
            return [*said, *[await r.end(name, signal.SIGTERM) for name in NAMES]]

    said = asyncio.run(main())
    counts = [event[1:] for event in said if event[0] == "counts"]
    assert len(said) - (3 if number == signal.SIGKILL else 0) == len(counts)
    for answers, errors, wrong in counts:
        assert [] == wrong
        assert 0 < answers
        assert CLEAR >= set(errors)
