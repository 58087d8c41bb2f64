"""The trial of new code: whether servers survive the messages that wait for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from otp.kernel.steps.calls import send_system, wait_outside
from otp.kernel.tables.callers import new_call, new_outside_caller
from otp.kernel.values.errors import CallExit
from otp.kernel.values.process import DEAD, EXITING, Process
from otp.kernel.values.reasons import is_clean

__all__ = ["first_crash"]

LEAST_S: Final = 0.001


async def first_crash(servers: Iterable[Process], seconds: float) -> tuple[Process, Any] | None:
    """Wait until all have handled their waiting messages, or time is up.

    Returns the first crash and its reason. A server that is too slow, or that ends normally, has not crashed.
    """
    asked: list[tuple[Process, Any]] = []
    for p in servers:  # after the waiting messages; a server that ends earlier fails it with the reason
        frm = new_call(new_outside_caller(p), ("resume",), p)
        send_system(p, frm)
        asked.append((p, frm))
    crashed: tuple[Process, Any] | None = None
    until = 0
    for p, frm in asked:
        s = p.runtime.scheduler
        until = until or s.now_ns() + round(seconds * 1e9)
        try:
            await wait_outside(frm, p, max(LEAST_S, (until - s.now_ns()) / 1e9), "system")
        except CallExit as failed:
            ended = p.status == DEAD or p.status == EXITING
            if crashed is None and ended and not is_clean(failed.cause_reason):
                crashed = p, failed.cause_reason
    return crashed
