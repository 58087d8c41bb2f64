"""Who stands behind a request: the holder of a credential, or somebody on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from superlearner.arsenal.users import ANONYMOUS, OWNER, User

if TYPE_CHECKING:
    from superlearner.running import Platform

__all__ = ["user_of"]


def user_of(request: Request) -> User:
    """The user of a request. Where the platform asks for credentials, only their holders get this far."""
    platform: Any = request.app.state.platform
    known: Platform = platform
    if known.settings.asks_for_credentials:
        return OWNER
    if known.credentials is not None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and known.credentials.is_token(given.strip()):
            return OWNER
    return ANONYMOUS
