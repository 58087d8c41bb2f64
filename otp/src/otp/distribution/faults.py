"""Faults to inject into a transport, for every carrier: frames are lost, delayed or held.

Nodes are given by name, so that a fault outlives a restart of the node. A fault stays until `Heal` removes it.

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
    """A fault: no frame passes, in one direction or in both, as with a disconnected cable."""

    node: str
    direction: Direction = "both"


@dataclass(frozen=True, slots=True)
class Drop:
    """A fault: a `share` of the frames (0.0 to 1.0) is lost."""

    node: str
    share: float
    direction: Direction = "both"


@dataclass(frozen=True, slots=True)
class Delay:
    """A fault: each frame takes `least` to `most` seconds longer, and none overtakes another."""

    node: str
    least: float
    most: float
    direction: Direction = "both"


@dataclass(frozen=True, slots=True)
class Hold:
    """A fault: frames are held until it heals, as after a short interruption under TCP."""

    node: str
    direction: Direction = "both"


@dataclass(frozen=True, slots=True)
class Heal:
    """The end of `Cut`, `Drop`, `Delay` and `Hold` of `node`; None stands for every node."""

    node: str | None = None


@dataclass(frozen=True, slots=True)
class Stall:
    """A fault: this node stops, as under SIGSTOP: it sends nothing, its timers wait, arriving frames are kept."""


@dataclass(frozen=True, slots=True)
class Resume:
    """The end of `Stall`, like SIGCONT: kept frames arrive now, in order."""


Fault = Cut | Drop | Delay | Hold | Heal | Stall | Resume
