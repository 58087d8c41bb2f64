"""The interface between the sandbox service and the operating system."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

import otp
from superlearner.sandbox.messages import Report
from superlearner.sandbox.record import ProgramFacts, Sandbox, Wall

__all__ = ["Launcher", "NotLaunched", "SandboxProgram", "wait_for_previous"]

LEFT_S: Final = 10.0
"""Seconds to wait for the end of the previous program with the same name."""


async def wait_for_previous(owner: otp.Pid) -> None:
    """Wait for a process of the previous program with the same name: its runner may have ended before it."""
    with suppress(TimeoutError):
        await otp.wait_down(owner, LEFT_S)


class NotLaunched(Exception):
    """A program did not start; `code` is an error code of an operation."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class SandboxProgram(Protocol):
    """A running program, and with it the node of a sandbox."""

    facts: ProgramFacts

    @property
    def complete(self) -> bool:
        """True if its last restarts were fetched before its end."""
        ...

    async def ended(self) -> str:
        """Wait for its end and return the reason, in words."""
        ...

    async def reload(self, text: str) -> Report:
        """Load another source; return the untrusted report, or a refusal."""
        ...

    def ask_to_stop(self) -> None:
        """Request an orderly end, from the leaves to the root."""
        ...

    async def kill(self, why: str) -> None:
        """End its whole process group, and wait for that."""
        ...

    def output(self) -> tuple[str, int]:
        """Return the latest output, and the number of bytes in all, as of the last `refresh`."""
        ...

    async def refresh(self, *, output: bool) -> None:
        """Fetch the memory of a program on another machine, and its output if asked."""
        ...

    @property
    def memory(self) -> int | None:
        """The bytes of memory of a program on another machine, as of the last `refresh`."""
        ...


class Launcher(Protocol):
    """Starts programs."""

    async def launch(self, sandbox: Sandbox, notice: Callable[[str], object]) -> SandboxProgram:
        """Start the program of a sandbox, linked to the caller, and wait for its tree.

        Args:
            sandbox: the sandbox it belongs to.
            notice: called in the loop with a sentence about each event inside.

        Raises:
            NotLaunched: it does not start, or a required isolation measure is missing.
        """
        ...

    def warm(self) -> None:
        """Keep programs ready for later starts."""
        ...

    def walls(self) -> tuple[Wall, ...]:
        """Return the isolation measures of this machine; blocks while they are probed."""
        ...

    def close(self) -> None:
        """Release the programs kept ready."""
        ...
