"""Result model of simulations."""

from __future__ import annotations

from pydantic import Field

from superlearner.control.simulations import Kind
from superlearner.operations.results import Pid
from superlearner.operations.results.result import ResultModel

__all__ = ["SimulationLine"]


class SimulationLine(ResultModel):
    """A simulated failure."""

    id: str | None = Field(description="pass it to simulation.cancel; null if it is over")
    kind: Kind
    target: Pid | None = Field(description="null for a simulation on the whole node")
    name: str | None = Field(description="name of the target or of the node")
    running: bool
    done: int = Field(
        description="processes killed, messages sent or matched, callbacks delayed, or MiB allocated so far"
    )
    words: str
