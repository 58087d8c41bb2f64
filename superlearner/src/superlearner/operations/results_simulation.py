"""What the operations that simulate failures answer."""

from __future__ import annotations

from pydantic import BaseModel, Field

from superlearner.control.simulations import Kind

__all__ = ["SimulationLine"]

Pid = str


class SimulationLine(BaseModel):
    """A failure that is simulated."""

    id: str | None = Field(description="to cancel it by; null for one that is over already")
    kind: Kind
    target: Pid | None = Field(description="null for what is about the whole node")
    name: str | None = Field(description="of the target, or of the node")
    running: bool
    done: int = Field(description="processes ended, messages sent or met, callbacks slowed, or MiB taken, so far")
    words: str
