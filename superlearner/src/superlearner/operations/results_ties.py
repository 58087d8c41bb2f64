"""What the operation on the ties of a process answers."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from superlearner.operations.results import Pid
from superlearner.operations.results_processes import Related

__all__ = ["OpenWait", "Tie", "Ties"]


class Tie(Related):
    """One process that is tied to another, and what it feels when that one dies."""

    kind: Literal["supervisor", "child", "link", "monitored_by", "monitors"]
    traps: bool | None = Field(description="whether it gets exit signals as messages; null if it has no pid")
    fate: Literal["dies", "told", "restarts", "nothing"]
    effect: str = Field(description="what happens to it, in words that go on from its name")


class OpenWait(Related):
    """A call that has no answer yet, or a start that is not through."""

    kind: Literal["call", "start"]
    request: str | None = Field(description="what was asked, bounded")


class Ties(BaseModel):
    """Who is tied to a process: supervisor first, then children and links, who watches it, whom it watches."""

    pid: Pid
    name: str | None
    what: str
    traps: bool
    ties: list[Tie]
    more: int = Field(description="links and monitors beyond the first 200 of each")
    waits_for: OpenWait | None
    waited_for_by: list[OpenWait] = Field(description="the first 50")
