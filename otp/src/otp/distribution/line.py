"""The path of frames from one node to another, which delays, loses or holds them, always in order."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from otp.distribution.faults import Cut, Delay, Drop, Heal, Hold

__all__ = ["Line"]

T = TypeVar("T")


class Line(Generic[T]):
    """A direction between two nodes; frames that come out are passed to `deliver`.

    A frame takes `least` to `most` seconds; without a delay, and with nothing before it, it is delivered at once.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, source: random.Random, deliver: Callable[[T], None],
        least: float = 0.0, most: float = 0.0,
    ) -> None:  # fmt: skip
        self._loop = loop
        self._random = source
        self._deliver = deliver
        self._usual = self._time = (least, most)
        self._share = 0.0
        self._cut = self._held = False
        self._frames: deque[T] = deque()
        self._arrival = 0.0
        self._late = 0  # frames that are due while the line is held

    @property
    def waiting(self) -> int:
        """The frames that have not come out yet."""
        return len(self._frames)

    @property
    def is_cut(self) -> bool:
        """True while nothing comes out."""
        return self._cut or self._held or self._share == 1

    def put(self, frame: T) -> bool:
        """Send a frame; return False if it is lost."""
        if self._cut or (self._share and self._random.random() < self._share):
            return False
        least, most = self._time
        if not most and not self._frames and not self._held:
            self._deliver(frame)
            return True
        # Timers of the same time need not fire in order, so each one takes the first frame.
        self._frames.append(frame)
        self._arrival = max(self._arrival, self._loop.time() + self._random.uniform(least, most))
        self._loop.call_at(self._arrival, self._arrive)
        return True

    def _arrive(self) -> None:
        if self._held:
            self._late += 1
        else:
            self._deliver(self._frames.popleft())

    def apply(self, fault: Cut | Drop | Delay | Hold | Heal) -> None:
        """Apply a fault, or heal."""
        match fault:
            case Cut():
                self._cut = True
            case Drop(share=share):
                self._share = share
            case Delay(least=least, most=most):
                self._time = (self._usual[0] + least, self._usual[1] + most)
            case Hold():
                self._held = True
            case Heal():
                self._cut = self._held = False
                self._share, self._time = 0.0, self._usual
                late, self._late = self._late, 0
                for _ in range(late):
                    self._deliver(self._frames.popleft())
