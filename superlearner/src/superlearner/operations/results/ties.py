"""Result models of the relations of a process."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from superlearner.operations.results import Pid, Related
from superlearner.operations.results.result import ResultModel

__all__ = ["OpenWait", "Tie", "Ties"]


class Tie(Related):
    """A related process, and the effect on it when the other one exits."""

    kind: Literal["supervisor", "child", "link", "monitored_by", "monitors"]
    traps: bool | None = Field(description="it traps exits; null if it has no pid")
    fate: Literal["dies", "told", "restarts", "nothing"]
    effect: str = Field(description="the effect in words that continue its name")


class OpenWait(Related):
    """A pending call or start."""

    kind: Literal["call", "start"]
    request: str | None = Field(description="the request, bounded")


class Ties(ResultModel):
    """The relations of a process: its supervisor, children and links, monitors of it, and its own monitors."""

    pid: Pid
    name: str | None
    what: str
    traps: bool
    ties: list[Tie]
    more: int = Field(description="links and monitors beyond the first 200 of each")
    waits_for: OpenWait | None
    waited_for_by: list[OpenWait] = Field(description="the first 50")
