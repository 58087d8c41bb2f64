"""Credit for what fails at once: no awaitable of ours may complete for ever without letting others run.

Messages are charged where they are handled. A call to a dead server, `receive(timeout=0)` or a start that fails has
none, so a loop that tries again would never give way.
"""

from __future__ import annotations

import types
from collections.abc import Generator
from typing import Final

from otp.kernel.scheduler import BUDGET, find_scheduler

__all__ = ["FAILED_START", "spend"]

FAILED_START: Final = 25  # messages: what a start that fails, and its report, cost at least


@types.coroutine
def spend(messages: int = 1) -> Generator[None, None, None]:
    """Charge the running code with as much as these messages would cost; it yields when its credit is used up."""
    s = find_scheduler()
    if s is None:
        return
    s.credit = credit = s.credit - messages
    if s.current is not None:
        s.handled -= messages  # spent, and no message
    if credit < -BUDGET:
        yield
        if s.current is None:  # plain asyncio code: no drain renews its credit
            s.credit = 0
