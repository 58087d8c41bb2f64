"""Members in programs of their own: their views of the cluster, when all of a group had the same, and other events.

A program gets its arguments as JSON, and prints events as JSON lists. `["view", time, names]` are the members that it
sees, at a time of the clock that all programs of a machine share; `["down", name, reason]` says why one has gone;
`["child started"]` is printed by the child of a supervisor, `["refused", reason]` by one that cannot join.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

__all__ = ["MemberProgram", "MemberPrograms"]

PROGRAM: Final = Path(__file__).with_name("member_program.py")
LIMIT: Final = 60.0


class MemberProgram:
    """A program: its latest view of the cluster with the time of it, and its other events."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.at = 0.0
        self.view: list[str] = []
        self.events: list[list[Any]] = []
        self.read: asyncio.Task[None]
        """Ends when the program has closed its output."""

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def waited(self) -> float:
        """Return the seconds in which it could have gone on and other programs had all cores; 0 if it has ended."""
        try:
            return int(Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[1]) / 1e9
        except OSError:
            return 0.0


class MemberPrograms:
    """Programs by name, within an `async with` block; those that still run at its end are killed."""

    def __init__(self, folder: Path, settings: dict[str, float], program: Path = PROGRAM) -> None:
        self._program = program
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        self.kept = folder / "incarnations"
        self.kept.mkdir()
        self.settings = settings
        self.programs: dict[str, MemberProgram] = {}
        self._changed = asyncio.Condition()
        self._readers: list[asyncio.Task[None]] = []
        self._begun: list[asyncio.subprocess.Process] = []

    async def __aenter__(self) -> MemberPrograms:
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in self._begun:
            if process.returncode is None:
                process.kill()
        for process in self._begun:
            await process.wait()
        await asyncio.gather(*self._readers)

    async def start(
        self, name: str, inside: Callable[..., list[str]] = lambda *words: [*words], **arguments: Any
    ) -> MemberProgram:
        """Start a member; `inside` turns its command into one that runs it in a namespace."""
        given = {"name": name, "settings": self.settings, "incarnations": str(self.kept / name)} | arguments
        process = await asyncio.create_subprocess_exec(
            *inside(sys.executable, str(self._program), json.dumps(given)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(self.scratch), "XDG_RUNTIME_DIR": str(self.scratch)},
        )  # fmt: skip
        self._begun.append(process)
        program = self.programs[name] = MemberProgram(process)
        program.read = asyncio.create_task(self._read(program))
        self._readers.append(program.read)
        return program

    async def _read(self, program: MemberProgram) -> None:
        assert program.process.stdout is not None
        async for line in program.process.stdout:
            match json.loads(line):
                case ["view", _, view] if view == program.view:
                    continue  # at first, a member is notified of each one that is present
                case ["view", at, view]:
                    program.at, program.view = at, view
                case event:
                    program.events.append(event)
            async with self._changed:
                self._changed.notify_all()

    async def until(self, done: Callable[[], bool], what: object) -> None:
        """Wait until something holds that depends on what programs have printed."""
        try:
            async with asyncio.timeout(LIMIT), self._changed:
                await self._changed.wait_for(done)
        except TimeoutError:
            seen = {name: (program.view, program.events[-5:]) for name, program in self.programs.items()}
            raise AssertionError(f"expected {what}, got {seen}") from None

    async def agree(self, *groups: Collection[str]) -> float:
        """Wait until all programs of each group see that group; return the time when the last one did."""

        def done() -> bool:
            return all(sorted(self.programs[name].view) == sorted(group) for group in groups for name in group)

        await self.until(done, groups)
        return max(self.programs[name].at for group in groups for name in group)

    async def unchanged(self, seconds: float) -> None:
        """Expect that no program sees a member come or go for a time."""

        def views() -> dict[str, tuple[float, list[str]]]:
            return {name: (program.at, program.view) for name, program in self.programs.items()}

        before = views()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: views() != before)
        assert before == views()

    async def kill(self, name: str) -> None:
        """Kill a program, and forget it."""
        program = self.programs.pop(name)
        program.signal(signal.SIGKILL)
        await program.process.wait()

    async def leave(self, names: Sequence[str]) -> list[int | None]:
        """Let members leave, all at once; return the exit codes."""
        gone = [self.programs.pop(name).process for name in names]
        for process in gone:
            assert process.stdin is not None
            process.stdin.close()
        return [await process.wait() for process in gone]
