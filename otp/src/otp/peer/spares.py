"""Warm spares: guards with preloaded modules that wait for their order."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from otp.kernel.values.errors import BadArgument
from otp.peer.launch import Launched, Nursery

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Spares"]

MOST: Final = 64
LOG: Final = logging.getLogger("otp.peer")


class Spares:
    """Guards in reserve. A spare runs no program, and becomes one peer.

    Args:
        count: how many are kept ready.
        preload: modules that they have imported; one program imports them, and each guard is a fork of it.
        ours: they write to the standard output and standard error of this program; see `PeerSpec`.

    Fill it in the thread of the event loop, and close it at the end: a spare ends with the program, but its entry in
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
        self._nursery: Nursery | None = None
        self._closed = False
        self.refill()

    def __len__(self) -> int:
        return len(self._ready)

    def __enter__(self) -> Spares:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def take(self) -> Launched | None:
        """Return a live guard, a new one if none is ready; None from a reserve of size 0.

        Call `refill` when there is time. Raises `OSError` if the machine has no room for a new one.
        """
        while self._ready:
            spare = self._ready.pop(0)
            if spare.is_alive():
                return spare
            spare.close()
        return None if self._closed or self.count == 0 else self._new()

    def refill(self) -> None:
        """Fork as many as are missing; retry later if the machine has no room for them."""
        try:
            while not self._closed and len(self._ready) < self.count:
                self._ready.append(self._new())
        except OSError as error:  # nothing waits for a spare: the next `take` tries again and raises
            LOG.warning("no spare for the next peer: %s", error)

    def close(self) -> None:
        """End the reserve for good; peers made from it end, too."""
        self._closed = True
        while self._ready:
            self._ready.pop().close()
        if self._nursery is not None:
            self._nursery.close()
            self._nursery = None

    def _new(self) -> Launched:
        """Return a new guard. Raises `OSError`."""
        if self._nursery is not None:
            try:
                return self._nursery.launch()
            except ConnectionError:  # it was killed
                self._nursery.close()
                self._nursery = None
        self._nursery = Nursery(self.preload, ours=self.ours)
        return self._nursery.launch()
