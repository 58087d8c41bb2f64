"""Result model of evaluations."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from superlearner.operations.results.result import ResultModel

__all__ = ["EvaluationResult"]


class EvaluationResult(ResultModel):
    """The value of the last line, bounded; `None` if it is not an expression."""

    node: str
    type: str
    text: str = Field(description="the value's repr, secrets redacted")
    value: Any = Field(description="the same as JSON")
    printed: str = Field(description="the beginning of the output of `print`")
