"""Waiting until nothing can run, and advancing the virtual clock.

```python
>>> import otp
>>> from otp.testing import Scheduler, advance, wait_all_idle
>>> async def main():
...     otp.send_after(60, otp.self(), "tick")
...     await wait_all_idle()                       # nothing can run, and the clock stands still
...     before = otp.process_info(otp.self(), "message_queue_len")
...     await advance(60)
...     return before, await otp.receive()
>>> Scheduler().run(main)
(0, 'tick')

```
"""

from __future__ import annotations

import asyncio

from otp.kernel.tables.scheduler import find_scheduler, nanoseconds
from otp.kernel.values.errors import BadArgument
from otp.testing.real_idle import RealIdle
from otp.testing.virtual_loop import VirtualLoop

__all__ = ["advance", "settle", "wait_all_idle"]


async def wait_all_idle() -> None:
    """Wait until no process can run and no message is undelivered at this instant.

    Works inside and outside processes; any number of tasks and processes may wait, and all are woken at the same
    moment. The clock never moves. A process or task that sleeps or waits for a message, a reply, a timer or an asyncio
    future counts as idle; timers that are due now fire first.

    It works in virtual time, and in real time under `otp.run` and beside an `otp.Node`. It does not wait for what a
    thread, a socket or a timer brings a moment later. Processes that never stop running prolong a wait in real time
    without end; use `asyncio.timeout`.

    Raises `RuntimeError` in an event loop without a node.

    >>> import otp
    >>> async def main():
    ...     me = otp.self()
    ...     echo = otp.spawn(lambda: otp.send(me, "hello"))
    ...     await wait_all_idle()
    ...     return otp.is_alive(echo), otp.process_info(me, "message_queue_len")
    >>> otp.run(main)
    (False, 1)
    """
    loop = asyncio.get_running_loop()
    if isinstance(loop, VirtualLoop):
        await loop.when_idle()
        return
    s = find_scheduler()
    if s is None:
        raise _no_virtual_loop("wait_all_idle", ", or otp.run(fn), which makes a node in real time")
    if s.idle_watch is None:
        s.idle_watch = RealIdle(s)
    await s.idle_watch.wait()


async def advance(seconds: float) -> None:
    """Let `seconds` (≥ 0) of virtual time pass: fire everything due by then, in order.

    Between two instants everything runs until idle, so each timer finds the system as it would in reality. If nothing
    is due, only the clock moves.

    Raises `BadArgument` for a negative or infinite time, `RuntimeError` outside a virtual-time loop.
    """
    loop = _virtual_loop("advance")
    step = nanoseconds(seconds, "advance")
    if step is None:
        raise BadArgument(f"advance: expected a time in seconds, got {seconds!r}")
    await loop.when_idle(loop.now_ns + step)


async def settle() -> None:
    """Let everything run until idle in virtual time; in real time do nothing."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, VirtualLoop):
        await loop.when_idle()


def _virtual_loop(function: str) -> VirtualLoop:
    loop = asyncio.get_running_loop()
    if isinstance(loop, VirtualLoop):
        return loop
    raise _no_virtual_loop(function)


def _no_virtual_loop(function: str, hint: str = "") -> RuntimeError:
    return RuntimeError(
        f"{function}: expected the virtual clock of otp.testing.Scheduler, got "
        f"{type(asyncio.get_running_loop()).__name__}; try otp.testing.Scheduler().run(fn), which has "
        f'io="virtual"{hint}'
    )
