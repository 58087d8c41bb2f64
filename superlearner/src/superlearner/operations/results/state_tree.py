"""Result models of states as trees."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from superlearner.operations.results import Pid
from superlearner.operations.results.result import ResultModel

__all__ = ["LeftOut", "StateForm", "StateTree", "TermNode"]


class TermNode(ResultModel):
    """A value: its type, a bounded text, and the requested members."""

    label: str = Field(description="its key, field or index in the parent; empty in a set")
    type: str
    text: str = Field(description="bounded, secrets redacted")
    size: int | None = Field(description="number of members; length of text and bytes")
    start: int = Field(description="position of the first of `members`")
    members: list[TermNode]
    hidden: bool = Field(description="it is a redacted secret")
    cut: bool = Field(description="`text` is incomplete")


class LeftOut(ResultModel):
    """A part of a state that cannot be edited as JSON."""

    key: str
    why: str


class StateForm(ResultModel):
    """A state as JSON that can be edited and sent back.

    `how` names the operation: `state.update` takes parts of it, `state.set` all of it; with `none` it cannot be edited.
    """

    how: Literal["update", "set", "none"]
    value: Any = Field(description="the JSON; null with `none`")
    left_out: list[LeftOut] = Field(description="keys that cannot be edited; with `none` the reason")
    tuples: list[str] = Field(description="keys whose tuples are lists here; with `set`, the empty key is the state")


class StateTree(ResultModel):
    """A state, or a part of it, as a tree of terms."""

    pid: Pid
    name: str | None
    what: str
    status: str
    path: list[int]
    term: TermNode | None = Field(description="null for a plain function and for a process that hides its state")
    sensitive: bool
    state_note: str | None = Field(None, description="why there is no state to show; null if there is")
    form: StateForm | None = Field(description="null unless `form` is true")
    redacted: bool
