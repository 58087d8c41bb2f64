"""Result models of trees and relations."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from superlearner.operations.results import RESTARTED_ALONG, RESTARTS, Pid, Related
from superlearner.operations.results.result import ResultModel

__all__ = ["Ancestors", "Below", "Circles", "Drawing", "Relation", "TreeChild", "TreeResult", "WaitLine"]

Cut = Literal["depth", "limit", "deadline", "starting"]


class TreeChild(ResultModel):
    """A node of a tree: a supervisor with its children, or a worker. Its pid is null while it is not running."""

    id: str | None = Field(description="null for a root")
    pid: Pid | None
    name: str | None
    what: str
    type: Literal["supervisor", "worker"]
    status: str = Field(description="`running`, `suspended`, `restarting` or `stopped`")
    restart: str | None
    restarts: int = Field(description=RESTARTS)
    restarted_along: int = Field(description=RESTARTED_ALONG)
    last_exit: str | None
    strategy: str | None = None
    max_restarts: int | Literal["infinity"] | None = None
    max_seconds: float | Literal["infinity"] | None = None
    restarts_used: int | None = None
    more: int = Field(default=0, description="omitted children")
    cut: Cut | None = Field(default=None, description="the reason for the omission")
    children: list[TreeChild] | None = None


class Drawing(ResultModel):
    """The tree as text."""

    format: Literal["text", "dot", "mermaid"]
    text: str
    processes: int = Field(description="living processes of the node, also those without a supervisor; see `whose`")
    besides: int = Field(default=0, description="processes in the drawing that are not counted: the playground")
    alone: int = Field(default=0, description="processes that are counted and not in the drawing: without a supervisor")
    left_out: bool = Field(description="true if the trees that the platform runs for itself are left out")


class TreeResult(ResultModel):
    """Supervision trees. If `partial` is true, children are omitted for the reasons in `why`."""

    node: str
    size: int = Field(description="number of supervisors and children shown, also of those that do not run")
    partial: bool
    why: list[Cut]
    roots: list[TreeChild] | None = Field(default=None, description="with `format` json")
    drawing: Drawing | None = Field(default=None, description="with another `format`")


class RelatedTo(Related):
    """A related process."""


class Ancestors(ResultModel):
    """The ancestors of a process, nearest first."""

    pid: Pid
    ancestors: list[RelatedTo]


class Below(RelatedTo):
    """A descendant of a process."""

    distance: int = Field(description="1: started by it")


class Relation(ResultModel):
    """A relation of two processes. A link has no direction."""

    kind: Literal["supervises", "link", "monitor"]
    source: RelatedTo
    target: RelatedTo


class WaitLine(ResultModel):
    """A wait: `source` is blocked until `target` has answered or started."""

    kind: Literal["call", "start"]
    source: RelatedTo
    target: RelatedTo
    request: str | None = Field(description="bounded, secrets redacted")


class Circles(ResultModel):
    """Open waits and the cycles among them. Each cycle is a deadlock until a call times out."""

    deadlocks: int
    circles: list[list[WaitLine]]
    waits: list[WaitLine] = Field(description="at most 500")
    waits_count: int
    partial: bool = Field(description="only the first 10,000 waits were examined")
