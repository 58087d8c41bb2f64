"""The type of a name that others must grant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from otp.kernel.pids import Pid

__all__ = ["GrantedName"]


class GrantedName(Protocol):
    """A name that others must grant: for `name=` of a start, with a table that is shared with other programs.

    A start calls `register`, creates the process and awaits `grant` in it; then `init` runs. The starter waits for
    both. If the grant is refused, fails or takes longer than 5 seconds, or if the process or its starter ends before,
    the start fails, `grant` is cancelled, and `unregister` is called in the step in which the process ends.

    A process that was granted its name keeps it until it ends; the object takes it back then, as `Registry.via` does.

    >>> import asyncio, otp
    >>> from otp import GenServer, Ok, impl
    >>> owners = {}
    >>> class Shared:
    ...     def __init__(self, key):
    ...         self.key = key
    ...
    ...     def whereis(self):
    ...         return owners.get(self.key)
    ...
    ...     def register(self, pid):
    ...         return True  # nothing to do here before the others have answered
    ...
    ...     def unregister(self, pid):
    ...         if owners.get(self.key) == pid:
    ...             del owners[self.key]
    ...
    ...     async def grant(self, pid):
    ...         await asyncio.sleep(0.01)  # stands for a question to the others
    ...         return owners.setdefault(self.key, pid) == pid
    >>> class Lobby(GenServer):
    ...     @impl
    ...     def init(self, arg):
    ...         return Ok(arg)
    >>> async def main():
    ...     starts = [Lobby.start(name=Shared("lobby")) for _ in range(2)]
    ...     first, second = await asyncio.gather(*starts, return_exceptions=True)
    ...     return first == owners["lobby"] == second.pid, type(second).__name__
    >>> otp.run(main)
    (True, 'AlreadyStarted')
    """

    def whereis(self) -> Pid | None:
        """Return the process, or None."""
        ...

    def register(self, pid: Pid) -> bool:
        """Claim the name for `pid` as far as this is possible at once; False if it is taken."""
        ...

    def unregister(self, pid: Pid) -> object:
        """Take back what `pid` has claimed, also what a cancelled `grant` may still get; it may have claimed nothing.

        May be called more than once.
        """

    async def grant(self, pid: Pid) -> bool:
        """Return True if `pid` has the name from now on, False if another process has it.

        Runs in the process `pid`. False fails the start with `AlreadyStarted(whereis())`, a raised `StartError` with
        that error. Any other exception is a crash of the process; its reason is that of the failed start.
        """
        ...
