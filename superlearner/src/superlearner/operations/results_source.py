"""What the operation on source answers."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from superlearner.operations.results import Pid

__all__ = ["SourceCallback", "SourceView"]


class SourceCallback(BaseModel):
    """A function of the class of a process."""

    name: str
    line: int


class SourceView(BaseModel):
    """A function of a program, in coloured words."""

    pid: Pid
    name: str | None
    what: str
    why: Literal["now", "crash", "class"] = Field(
        description="it runs just now, the process before crashed there, or it is one of its callbacks"
    )
    reason: str | None = Field(description="of the crash")
    function: str | None = Field(description="null for lines that are in no function")
    file: str
    line: int | None = Field(description="the line at which it stands, or crashed")
    first_line: int
    lines: list[list[list[str]]] = Field(description="of each line its parts: class of the highlighter, and text")
    cut: bool = Field(description="the function is longer")
    callbacks: list[SourceCallback]
    crashed: bool = Field(description="a crash is known whose place can be shown")
    busy: bool
