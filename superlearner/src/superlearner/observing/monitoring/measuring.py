"""Short measurements of a node's messages. They slow the node down."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import otp
from otp import Node, Pid
from otp.trace import Event

__all__ = ["Measuring", "Work", "measure", "talk"]

MOST_EVENTS: Final = 200_000
NS: Final = 1_000_000_000


@dataclass(slots=True)
class Work:
    """Work of a process during the measurement."""

    pid: Pid
    messages: int = 0
    callbacks: int = 0
    time: int = 0
    longest: int = 0
    begun: int = 0


@dataclass(slots=True)
class Measuring:
    """Measurements over `seconds`; `complete` is false if the event limit was reached."""

    seconds: float = 0.0
    messages: int = 0
    complete: bool = True
    work: dict[Pid, Work] = field(default_factory=dict[Pid, Work])

    def of(self, pid: Pid) -> tuple[float, float]:
        """Return the messages per second of a process and its time in callbacks (percent)."""
        work = self.work.get(pid)
        if work is None or not self.seconds:
            return 0.0, 0.0
        return work.messages / self.seconds, min(100.0, work.time / NS / self.seconds * 100)

    def busy(self) -> Iterable[Pid]:
        """Return the processes that were active."""
        return self.work.keys()

    def on_event(self, event: Event) -> None:
        """Count an event."""
        pid = event.pid
        if pid is None:
            return
        work = self.work.get(pid)
        if work is None:
            work = self.work[pid] = Work(pid)
        if event.kind == "received":
            work.messages += 1
            self.messages += 1
        elif event.kind == "callback_begun":
            work.begun = event.at
        elif work.begun:
            took = event.at - work.begun
            work.begun = 0
            work.callbacks += 1
            work.time += took
            work.longest = max(work.longest, took)


async def measure(node: Node, seconds: float) -> Measuring:
    """Measure for `seconds`, or until there were 200,000 events."""
    seen = Measuring()
    begun = otp.monotonic()
    delivered = await _watch(node, seconds, seen.on_event, ("received", "callback_begun", "callback_ended"))
    seen.seconds = round(otp.monotonic() - begun, 3)
    seen.complete = delivered < MOST_EVENTS
    return seen


async def talk(node: Node, seconds: float) -> dict[tuple[Pid | None, Pid], int]:
    """Count messages per pair of sender and receiver for `seconds`; at most 200,000."""
    seen: dict[tuple[Pid | None, Pid], int] = {}

    def on_event(event: Event) -> None:
        target = event.data.get("to")
        if isinstance(target, Pid):
            pair = event.pid, target
            seen[pair] = seen.get(pair, 0) + 1

    await _watch(node, seconds, on_event, ("sent",))
    return seen


async def _watch(node: Node, seconds: float, on_event: Any, kinds: Iterable[str]) -> int:
    """Collect events up to the limit and return their number."""
    full = asyncio.Event()

    def counted(event: Event) -> None:
        on_event(event)
        if subscription.delivered >= MOST_EVENTS:
            full.set()

    subscription = otp.trace.subscribe(node, counted, kinds=kinds, limit=MOST_EVENTS)
    try:
        async with asyncio.timeout(seconds):
            await full.wait()
    except TimeoutError:
        pass
    finally:
        subscription.close()
    return subscription.delivered
