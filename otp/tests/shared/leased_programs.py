"""Programs with members that want one key of a registry in lease mode, and what they print."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

__all__ = ["LeasedProgram", "LeasedPrograms"]

PROGRAM = Path(__file__).with_name("leased_member.py")
LIMIT = 30.0


class LeasedProgram:
    """A program and its events."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.events: list[list[Any]] = []
        self._changed = asyncio.Condition()

    async def read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            async with self._changed:
                self.events.append(json.loads(line))
                self._changed.notify_all()

    async def until(self, *event: Any, after: int = 0) -> int:
        """Wait for an event that begins like this; return how many there are up to it."""
        wanted = list(event)

        def found() -> int:
            rows = enumerate(self.events[after:], after + 1)
            return next((number for number, row in rows if row[: len(wanted)] == wanted), 0)

        async with asyncio.timeout(LIMIT), self._changed:
            return await self._changed.wait_for(found)

    def handled(self, epoch: int) -> list[float]:
        """Return when its owner of an epoch has begun to handle messages."""
        return [event[1] for event in self.events if event[0] == "handles" and event[2] == epoch]


class LeasedPrograms:
    """Programs that join one cluster and one store of leases, killed at the end of an `async with` block.

    `kind`: what wants the lease, as `leased_member.py` takes it.
    """

    def __init__(self, folder: Path, url: str, ttl: float, kind: str = "owner") -> None:
        self._folder = folder
        self._arguments = (str(ttl), url, kind)
        self._environment = {**os.environ, "OTP_COOKIE": secrets.token_hex(16)}
        self._programs: list[LeasedProgram] = []
        self._readers: list[asyncio.Task[None]] = []

    async def start(self, name: str) -> LeasedProgram:
        process = await asyncio.create_subprocess_exec(
            sys.executable, PROGRAM, name, str(self._folder), *self._arguments,
            env=self._environment, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        program = LeasedProgram(process)
        self._programs.append(program)
        self._readers.append(asyncio.create_task(program.read()))
        return program

    async def __aenter__(self) -> LeasedPrograms:
        return self

    async def __aexit__(self, *_: object) -> None:
        for program in self._programs:
            if program.process.returncode is None:
                program.process.kill()
            await program.process.wait()
        await asyncio.gather(*self._readers)
