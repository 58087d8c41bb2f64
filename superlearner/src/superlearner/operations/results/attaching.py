"""Result models of attached services."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from superlearner.operations.results.result import ResultModel

__all__ = ["AttachedNode", "DetachedNode"]


class AttachedNode(ResultModel):
    """An attached service."""

    name: str = Field(description="the node's name on this platform")
    node: str = Field(description="the node's own name")
    address: str = Field(description="its socket, `host:port` or name, as given, but with the current process id")
    state: Literal["connecting", "attached", "looked_for", "given_up"] = Field(
        description="looked_for: it has ended, and the platform tries to reattach; given_up: it did not come back"
    )
    permissions: list[str] = Field(description="actions that the service permits")
    pages: bool = Field(description="all pages and operations work on it; false: only its counts")
    can_do: str
    tries: int = Field(description="attempts to reattach since it ended")
    why: str | None = Field(description="why it is absent or does not answer")
    os_pid: int
    python: str
    processes: int | None = Field(description="null if it does not answer")
    supervisors: int | None


class DetachedNode(ResultModel):
    """A detached service."""

    name: str
    detached: Literal[True]
