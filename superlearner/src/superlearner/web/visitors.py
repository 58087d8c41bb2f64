"""Who stands behind a request: the holder of a credential, or somebody on this machine."""

from __future__ import annotations

from starlette.requests import Request

from superlearner.arsenal.users import ANONYMOUS, OWNER, User
from superlearner.web.sign_in import is_owner

__all__ = ["user_of"]


def user_of(request: Request) -> User:
    """The user of a request, as the door has recognised them."""
    return OWNER if is_owner(request.scope) else ANONYMOUS
