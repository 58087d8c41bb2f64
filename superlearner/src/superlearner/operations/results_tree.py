"""What the operations on trees and relations answer."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from superlearner.operations.results import RESTARTED_ALONG, RESTARTS

__all__ = ["Ancestors", "Below", "Circles", "Drawing", "RelatedTo", "Relation", "TreeChild", "TreeResult", "WaitLine"]

Pid = str
Cut = Literal["depth", "limit", "deadline", "starting"]


class TreeChild(BaseModel):
    """A place in a tree: a supervisor with its children, or another child. Its pid is null while it does not run."""

    id: str | None = Field(description="null for a root")
    pid: Pid | None
    name: str | None
    what: str
    type: Literal["supervisor", "worker"]
    status: str = Field(description="`running`, `restarting` or `stopped`")
    restart: str | None
    restarts: int = Field(description=RESTARTS)
    restarted_along: int = Field(description=RESTARTED_ALONG)
    last_exit: str | None
    strategy: str | None = None
    max_restarts: int | Literal["infinity"] | None = None
    max_seconds: float | Literal["infinity"] | None = None
    restarts_used: int | None = None
    more: int = Field(default=0, description="children that were left off")
    cut: Cut | None = Field(default=None, description="why")
    children: list[TreeChild] | None = None


class Drawing(BaseModel):
    """The tree as text."""

    format: Literal["text", "dot", "mermaid"]
    text: str


class TreeResult(BaseModel):
    """Supervision trees. `partial` says that something was left off, `why` for which reasons."""

    node: str
    size: int = Field(description="supervisors and children in it")
    partial: bool
    why: list[Cut]
    roots: list[TreeChild] | None = Field(default=None, description="with `format` json")
    drawing: Drawing | None = Field(default=None, description="with another `format`")


class RelatedTo(BaseModel):
    """A process that is related to another one."""

    pid: Pid | None
    name: str | None
    what: str | None = None


class Ancestors(BaseModel):
    """Who started a process, who started that one, and so on, the nearest first."""

    pid: Pid
    ancestors: list[RelatedTo]


class Below(RelatedTo):
    """A process below another one."""

    distance: int = Field(description="1: started by it")


class Relation(BaseModel):
    """What ties two processes. A link has no direction."""

    kind: Literal["supervises", "link", "monitor"]
    source: RelatedTo
    target: RelatedTo


class WaitLine(BaseModel):
    """`source` does nothing else until `target` has answered, or has started."""

    kind: Literal["call", "start"]
    source: RelatedTo
    target: RelatedTo
    request: str | None = Field(description="bounded, secrets hidden")


class Circles(BaseModel):
    """Open waits, and the circles among them: each is a deadlock until a call runs into its time-out."""

    deadlocks: int
    circles: list[list[WaitLine]]
    waits: list[WaitLine] = Field(description="at most 500")
    waits_count: int
    partial: bool = Field(description="more than 10,000 wait, and only so many were looked at")
