"""What the operations that simulate failures answer."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

__all__ = ["SimulationLine"]

Pid = str


class SimulationLine(BaseModel):
    """A failure that is simulated. `id` is its process, null for one that is over already."""

    id: Pid | None
    kind: Literal["crash", "slow", "flood", "chaos"]
    target: Pid
    name: str | None = Field(description="of the target")
    running: bool
    done: int = Field(description="processes ended, or messages sent, so far")
    words: str
