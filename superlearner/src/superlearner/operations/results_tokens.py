"""What the operations about tokens answer."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from superlearner.operations.users import Grant

__all__ = ["TokenLine", "TokenMade", "TokenRevoked"]


class TokenLine(BaseModel):
    """A token, without its secret. Times are seconds of the wall clock."""

    name: str
    user: str = Field(description="who the audit log names")
    scopes: list[Grant]
    state: Literal["live", "expired", "revoked"]
    created_at: float
    expires_at: float | None = Field(description="null for one that does not expire")
    used_at: float | None = Field(description="when it was last shown; null for never")
    revoked_at: float | None


class TokenMade(TokenLine):
    """A new token."""

    secret: str = Field(description="what its holder shows; it is shown this once, and only its hash is kept")


class TokenRevoked(BaseModel):
    """A token that opens nothing any more."""

    name: str
    revoked: Literal[True] = True
