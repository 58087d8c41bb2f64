"""Functions for the tasks of the tests: with a late result, a result on request, or none at all."""

from __future__ import annotations

from typing import Any

import otp
from otp import Is


async def after(seconds: float, value: Any) -> Any:
    """The value, `seconds` of virtual time later."""
    await otp.receive(otp.start_timer(seconds, otp.self(), None))
    return value


async def nap(seconds: float) -> float:
    """As many seconds of virtual time; returns them."""
    return await after(seconds, seconds)


async def never(_: Any = None) -> None:
    await otp.receive(Is("never sent"))


async def on_go(value: Any) -> Any:
    await otp.receive(Is("go"))
    return value


def fail(error: BaseException) -> Any:
    raise error
