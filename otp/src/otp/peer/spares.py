"""Warm spares: guards that have imported what a peer will need, and wait to be told which one they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from otp.kernel.errors import BadArgument
from otp.peer.launch import Launched, launch

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Spares"]

MOST: Final = 64


class Spares:
    """Some guards in reserve. A spare runs nothing of anybody's program, and becomes one peer.

    Args:
        count: how many are kept ready.
        preload: modules that they import; a peer made of one has them without a look at the disk.
        ours: they write to the standard output and standard error of this program; see `PeerSpec`.

    Fill it in the thread of the event loop, and close it in the end: a spare dies with the program, but its entry in
    the process table stays until it is waited for.

    >>> with Spares(1) as spares:
    ...     len(spares)
    1
    """

    def __init__(self, count: int = 1, preload: Sequence[str] = (), *, ours: bool = False) -> None:
        if not 0 <= count <= MOST:
            raise BadArgument(f"Spares(count): expected 0 to {MOST}, got {count!r}")
        self.count = count
        self.preload: tuple[str, ...] = tuple(preload)
        self.ours = ours
        self._ready: list[Launched] = []
        self._closed = False
        self.refill()

    def __len__(self) -> int:
        return len(self._ready)

    def __enter__(self) -> Spares:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def take(self) -> Launched | None:
        """One that lives, out of the reserve, or None; call `refill` when there is time."""
        while self._ready:
            spare = self._ready.pop(0)
            if spare.program.poll() is None:
                return spare
            spare.close()
        return None

    def refill(self) -> None:
        """Start as many as are missing, which takes some ms each; they import while we go on."""
        while not self._closed and len(self._ready) < self.count:
            self._ready.append(launch(self.preload, ours=self.ours))

    def close(self) -> None:
        """End the reserve, and fill it no more."""
        self._closed = True
        while self._ready:
            self._ready.pop().close()
