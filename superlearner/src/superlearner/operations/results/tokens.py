"""Result models of tokens."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from superlearner.operations.results.result import ResultModel
from superlearner.operations.rights.users import Grant

__all__ = ["TokenLine", "TokenMade", "TokenRevoked"]


class TokenLine(ResultModel):
    """A token without its secret. Times are in seconds since 1970."""

    name: str
    user: str = Field(description="the user in the audit log")
    scopes: list[Grant]
    state: Literal["live", "expired", "revoked"]
    created_at: float
    expires_at: float | None = Field(description="null if it does not expire")
    used_at: float | None = Field(description="last use; null: never")
    revoked_at: float | None


class TokenMade(TokenLine):
    """A new token."""

    secret: str = Field(description="the credential; only this result shows it, the store has its hash")


class TokenRevoked(ResultModel):
    """A revoked token."""

    name: str
    revoked: Literal[True]
