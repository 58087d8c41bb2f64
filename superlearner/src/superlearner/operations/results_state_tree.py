"""What unfolding a state answers."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from superlearner.operations.results import Pid

__all__ = ["LeftOut", "StateForm", "StateTree", "TermNode"]


class TermNode(BaseModel):
    """A value: its type, a bounded text, and the members that were asked for."""

    label: str = Field(description="where it stands in the value around it: key, field or index; of a set nothing")
    type: str
    text: str = Field(description="bounded; what is not hidden of it")
    size: int | None = Field(description="how many members; of text and bytes, how long")
    start: int = Field(description="position of the first of `members`")
    members: list[TermNode]
    hidden: bool = Field(description="a secret")
    cut: bool = Field(description="`text` is not all of it")


class LeftOut(BaseModel):
    """A part of a state that cannot be edited as JSON."""

    key: str
    why: str


class StateForm(BaseModel):
    """A state as JSON that can be edited and sent back.

    With `update` a part of it goes to `state.update`, with `set` all of it to `state.set`, with `none` neither can.
    """

    how: Literal["update", "set", "none"]
    value: Any = Field(description="the JSON; null with `none`")
    left_out: list[LeftOut] = Field(description="keys that stay as they are; with `none` why it cannot be edited")
    tuples: list[str] = Field(description="keys whose tuples are lists here; with `set` the empty key is the whole")


class StateTree(BaseModel):
    """A state, or a part of it, as a tree of terms."""

    pid: Pid
    name: str | None
    what: str
    status: str
    path: list[int]
    term: TermNode | None = Field(description="null for a plain function, and for a process that hides its state")
    sensitive: bool
    form: StateForm | None = Field(description="null if it was not asked for")
    redacted: bool
