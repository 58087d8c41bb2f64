"""What an evaluation inside a node answers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

__all__ = ["EvaluationResult"]


class EvaluationResult(BaseModel):
    """The value of the last line, bounded; none if that is no expression."""

    node: str
    type: str
    text: str = Field(description="the value as Python writes it, secrets hidden")
    value: Any = Field(description="the same in the types of JSON")
    printed: str = Field(description="what `print` wrote, the beginning of it")
