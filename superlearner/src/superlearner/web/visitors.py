"""Visitors: the holder of a credential, or an anonymous user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import Scope

from superlearner.operations.users import ANONYMOUS, User

__all__ = ["Visitor", "is_signed_in", "recognise", "user_of"]

VISITOR: Final = "superlearner.visitor"


@dataclass(frozen=True, slots=True)
class Visitor:
    """An identified visitor.

    Attributes:
        user: their name and scopes.
        holder: `OWNERS`, or the id of their token; their sessions and links belong to it.
        keys: the token and the session of the request; when one of them ends, its streams are closed.
        until: the latest end of these, in seconds since 1970.
        by_cookie: whether it is a browser that has signed in, and can sign out.
    """

    user: User
    holder: str = ""
    keys: tuple[str, ...] = ()
    until: float | None = None
    by_cookie: bool = False


def recognise(scope: Scope, visitor: Visitor) -> None:
    """Attach the visitor to a request."""
    scope[VISITOR] = visitor


def user_of(request: HTTPConnection) -> User:
    """Return the user of a request; without sign-in, users are anonymous."""
    visitor: Visitor | None = request.scope.get(VISITOR)
    return ANONYMOUS if visitor is None else visitor.user


def is_signed_in(request: HTTPConnection) -> bool:
    """Return whether the request comes from a browser that can sign out."""
    visitor: Visitor | None = request.scope.get(VISITOR)
    return visitor is not None and visitor.by_cookie
