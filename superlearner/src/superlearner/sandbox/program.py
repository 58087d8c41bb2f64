"""The program of a sandbox, as the runner has it: the seam between the service and the operating system."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from superlearner.sandbox.record import Facts, Sandbox, Wall
from superlearner.sandbox.told import Report

__all__ = ["Launcher", "NotLaunched", "Program"]


class NotLaunched(Exception):
    """A program did not start; nothing of it is left. `code` is one of an operation's."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Program(Protocol):
    """A program that runs, and with it the node of a sandbox."""

    facts: Facts

    async def ended(self) -> str:
        """Wait for its end; why, in words."""
        ...

    async def reload(self, text: str) -> Report:
        """Put another source in; what came of it, or why nothing did. What it says is not to be believed."""
        ...

    def ask_to_stop(self) -> None:
        """Ask it to end in order, from the leaves to the root."""
        ...

    async def kill(self, why: str) -> None:
        """End its whole process group, and wait for that."""
        ...

    def output(self) -> tuple[str, int]:
        """The newest of what it wrote to its standard output and error, and how many bytes that were in all."""
        ...


class Launcher(Protocol):
    """Starts programs."""

    async def launch(self, sandbox: Sandbox, notice: Callable[[str], object]) -> Program:
        """Start the program of a sandbox, linked with the calling process; answers when its tree runs.

        Args:
            sandbox: whose program it is.
            notice: called in the loop with words about what happens inside.

        Raises:
            NotLaunched: it does not start, or a wall is missing.
        """
        ...

    def warm(self) -> None:
        """Keep programs ready for those to come."""
        ...

    def walls(self) -> tuple[Wall, ...]:
        """The walls that this machine has; blocks while they are tried."""
        ...

    def close(self) -> None:
        """Give back what was kept ready."""
        ...
