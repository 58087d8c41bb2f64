"""Result models of source code."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from superlearner.operations.results import Pid
from superlearner.operations.results.result import ResultModel

__all__ = ["SourceCallback", "SourceView"]


class SourceCallback(ResultModel):
    """A function of the class of a process."""

    name: str
    line: int


class SourceView(ResultModel):
    """A function with syntax highlighting."""

    pid: Pid
    name: str | None
    what: str
    why: Literal["now", "crash", "class"] = Field(
        description="it is running, the predecessor crashed there, or it is a callback of the class"
    )
    reason: str | None = Field(description="reason of the crash")
    function: str | None = Field(description="null for lines outside of functions")
    file: str
    line: int | None = Field(description="the current line, or the line of the crash")
    first_line: int
    lines: list[list[list[str]]] = Field(description="the parts of each line: highlighting class and text")
    cut: bool = Field(description="the function is longer")
    callbacks: list[SourceCallback]
    crashed: bool = Field(description="the line of a crash is known")
    busy: bool
