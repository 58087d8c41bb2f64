"""Credit for operations that fail at once, so a loop of them lets other processes run.

Messages are charged where they are handled. A call to a dead server, `receive(timeout=0)` or a start that fails is not
a message, so a loop that retries would never yield.
"""

from __future__ import annotations

import types
from collections.abc import Generator
from typing import Final

from otp.kernel.scheduler import BUDGET, find_scheduler

__all__ = ["FAILED_START", "spend"]

FAILED_START: Final = 25  # messages: the least that a failed start and its report cost


@types.coroutine
def spend(messages: int = 1) -> Generator[None, None, None]:
    """Charge the running code for `messages`; yield when its credit is used up."""
    s = find_scheduler()
    if s is None:
        return
    s.credit = credit = s.credit - messages
    if s.current is not None:
        s.handled -= messages  # spent, but no message
    if credit < -BUDGET:
        yield
        if s.current is None:  # plain asyncio code: no drain renews its credit
            s.credit = 0
