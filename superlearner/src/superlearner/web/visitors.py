"""Who stands behind a request: the holder of a credential, or somebody on this machine."""

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
    """Somebody whom the door has recognised.

    Attributes:
        user: who, and what they may do.
        holder: `OWNERS`, or the number of their token; what a session or a link of theirs is opened with.
        keys: the token and the session by which they came; when one of them ends, their streams do.
        until: when that is at the latest, in seconds since 1970.
        by_cookie: whether it is a browser that has signed in, and can sign out.
    """

    user: User
    holder: str = ""
    keys: tuple[str, ...] = ()
    until: float | None = None
    by_cookie: bool = False


def recognise(scope: Scope, visitor: Visitor) -> None:
    """The door says who stands behind a request."""
    scope[VISITOR] = visitor


def user_of(request: HTTPConnection) -> User:
    """The user of a request or a web socket, as the door has recognised them; everybody is anonymous without a door."""
    visitor: Visitor | None = request.scope.get(VISITOR)
    return ANONYMOUS if visitor is None else visitor.user


def is_signed_in(request: HTTPConnection) -> bool:
    """Whether it is a browser that can sign out."""
    visitor: Visitor | None = request.scope.get(VISITOR)
    return visitor is not None and visitor.by_cookie
