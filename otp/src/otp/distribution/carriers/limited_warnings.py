"""Warnings that strangers can cause: logged once per interval, with the number of those left out."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

__all__ = ["LimitedWarnings"]

logger: Final = logging.getLogger("otp.distribution")

WARN_EVERY: Final = 10.0


class LimitedWarnings:
    """The warnings of one source, at most one every `WARN_EVERY` seconds.

    >>> import asyncio
    >>> async def main():
    ...     warnings = LimitedWarnings(asyncio.get_running_loop())
    ...     for number in range(3):
    ...         warnings.warn(f"warning {number}")
    ...     return warnings.left_out
    >>> asyncio.run(main())
    2
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._warned_at = float("-inf")
        self.left_out: int = 0
        """Number of warnings since the last one that was logged."""

    def warn(self, text: str) -> None:
        """Log a warning, or count it."""
        now = self._loop.time()
        if now < self._warned_at + WARN_EVERY:
            self.left_out += 1
            return
        more = f" ({self.left_out} earlier warnings were not logged)" if self.left_out else ""
        self._warned_at, self.left_out = now, 0
        logger.warning("%s%s", text, more)
