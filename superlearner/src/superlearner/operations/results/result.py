"""The base of the result models."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["ResultModel"]


class ResultModel(BaseModel):
    """A result of an operation, or a part of one. Its validator is built on first use, which shortens the start."""

    model_config = ConfigDict(defer_build=True)
