"""What a transport can be told to do wrong, on every carrier alike: frames are lost, late or kept back on their way.

Nodes are named by name, so that a fault outlives a restart of the node.  A fault stays until `Heal` takes it away.

>>> from otp.distribution.faults import Cut, Heal
>>> Cut("b"), Heal("b")
(Cut(node='b', direction='both'), Heal(node='b'))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Cut", "Delay", "Direction", "Drop", "Fault", "Heal", "Hold", "Resume", "Stall"]

Direction = Literal["both", "to", "from"]
"""Frames to the other node, frames from it, or both."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Nothing passes any more: the cable to `node` is pulled, in one direction or in both."""

    node: str
    direction: Direction = "both"


@dataclass(frozen=True, slots=True)
class Drop:
    """A `share` of the frames (0.0 to 1.0) is lost."""

    node: str
    share: float
    direction: Direction = "both"


@dataclass(frozen=True, slots=True)
class Delay:
    """Each frame takes between `least` and `most` seconds longer, and none overtakes another."""

    node: str
    least: float
    most: float
    direction: Direction = "both"


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing passes, and nothing is lost: what was sent arrives when it heals, as after a short cut under TCP."""

    node: str
    direction: Direction = "both"


@dataclass(frozen=True, slots=True)
class Heal:
    """`Cut`, `Drop`, `Delay` and `Hold` of `node` end; None stands for every node."""

    node: str | None = None


@dataclass(frozen=True, slots=True)
class Stall:
    """This node stands still as under SIGSTOP: it sends nothing, its timers wait, what arrives is kept for later."""


@dataclass(frozen=True, slots=True)
class Resume:
    """The end of `Stall`, as SIGCONT: what was kept arrives now, in its order."""


Fault = Cut | Drop | Delay | Hold | Heal | Stall | Resume
