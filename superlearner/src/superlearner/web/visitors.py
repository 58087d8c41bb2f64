"""Requests as sign-in sees them: client, credentials, target, and the user behind them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, parse_qsl, quote, urlencode

from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope

from superlearner.operations.rights.users import ANONYMOUS, User
from superlearner.web.errors import ApiError, in_envelope
from superlearner.web.guard import path_of

__all__ = [
    "Visit",
    "WebVisitor",
    "credential_kind_of",
    "dead_link_of",
    "form_of",
    "is_signed_in",
    "ours",
    "recognise",
    "user_of",
]

VISITOR: Final = "superlearner.visitor"
DEAD_LINK: Final = "superlearner.dead_link"
FOR_PROGRAMS: Final = ("/metrics", "/sign-in/link")
OUR_PATH: Final = re.compile(r"/(?![/\\])[!-\[\]-~]*")
"""A path on this host: printable, no backslash, and not `//elsewhere`."""


@dataclass(frozen=True, slots=True)
class WebVisitor:
    """An identified visitor.

    Attributes:
        user: their name and scopes.
        holder: `OWNERS`, or the id of their token or user; their sessions and links belong to it.
        keys: the token, the user and the session of the request; when one of them ends, its streams are closed.
        until: the latest end of these, in seconds since 1970.
        by_cookie: whether it is a browser that has signed in, and can sign out.
        generation: the number of times that all sessions of the user were ended.
    """

    user: User
    holder: str = ""
    keys: tuple[str, ...] = ()
    until: float | None = None
    by_cookie: bool = False
    generation: int = 0

    @property
    def door(self) -> str:
        """Return how the visitor came in: by a `session`, by a `token`, or over `loopback` without a credential."""
        return "session" if self.by_cookie else "token" if self.holder else "loopback"


def recognise(scope: Scope, visitor: WebVisitor, dead_link: str | None = None) -> None:
    """Attach the visitor to a request, and the state of the link that did not sign them in."""
    scope[VISITOR] = visitor
    scope[DEAD_LINK] = dead_link


def dead_link_of(request: HTTPConnection) -> str | None:
    """Return the state of the link that led here without signing in; None without one."""
    found: str | None = request.scope.get(DEAD_LINK)
    return found


def user_of(request: HTTPConnection) -> User:
    """Return the user of a request; without sign-in, users are anonymous."""
    visitor: WebVisitor | None = request.scope.get(VISITOR)
    return ANONYMOUS if visitor is None else visitor.user


def credential_kind_of(request: HTTPConnection) -> str:
    """Return how a request came in, see `WebVisitor.door`."""
    visitor: WebVisitor | None = request.scope.get(VISITOR)
    return "loopback" if visitor is None else visitor.door


def is_signed_in(request: HTTPConnection) -> bool:
    """Return whether the request comes from a browser that can sign out."""
    visitor: WebVisitor | None = request.scope.get(VISITOR)
    return visitor is not None and visitor.by_cookie


@dataclass(frozen=True, slots=True)
class Visit:
    """A request or a web socket.

    Attributes:
        connection: its headers, cookies and query.
        path: without the prefix of a proxy.
        method: "" for a web socket.
        address: the client's address, as far as it is known.
    """

    connection: HTTPConnection
    path: str
    method: str
    address: str

    @classmethod
    def of(cls, scope: Scope) -> Visit:
        """Return the visit in this scope."""
        client = scope.get("client")
        return cls(HTTPConnection(scope), path_of(scope), scope.get("method", ""), client[0] if client else "")

    @property
    def is_page(self) -> bool:
        """Return whether the answer is for a person: a page, and not JSON in the envelope."""
        return self.method in ("GET", "HEAD") and not in_envelope(self.path) and not self.path.startswith(FOR_PROGRAMS)

    @property
    def is_sent(self) -> bool:
        """Return whether a page of another site caused the request."""
        return self.connection.headers.get("sec-fetch-site") in ("cross-site", "same-site")

    @property
    def bearer(self) -> str | None:
        """Return the token in the header, if any; other schemes are ignored.

        Raises:
            ApiError: there are two such headers.
        """
        values = self.connection.headers.getlist("authorization")
        if len(values) > 1:
            raise ApiError(400, "malformed_request", f"expected one header authorization, got {len(values)}")
        scheme, _, token = values[0].partition(" ") if values else ("", "", "")
        return token.strip() if scheme.lower() == "bearer" else None

    @property
    def target(self) -> str:
        """Return the requested address without its link code."""
        path = quote(self.path, safe="/:@!$&'()*+,;=~-._")
        query: str = self.connection.scope["query_string"].decode("latin-1")
        if "token" in self.connection.query_params:
            query = urlencode([pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != "token"])
        return ours(f"{path}?{query}" if query else path)

    @property
    def next(self) -> str:
        """Return the address to go to after sign-in, from the query of the sign-in page."""
        return ours(self.connection.query_params.get("next", "/"))


async def form_of(receive: Receive) -> dict[str, str]:
    """Return the fields of a form; the guard has checked its type and limits its size.

    Raises:
        ApiError: it is too large or too slow, or not a form.
    """
    body = b""
    more = True
    while more:
        message = await receive()
        more = message["type"] == "http.request" and message.get("more_body", False)
        body += message.get("body", b"")
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    except ValueError:
        raise ApiError(400, "malformed_request", "expected a form with the field token") from None
    return {name: values[0] for name, values in fields.items()}


def ours(target: str) -> str:
    """Return `target` if it is a path on this host, else the front page.

    >>> ours("/supervisors?sort=name"), ours("//evil.example")
    ('/supervisors?sort=name', '/')
    """
    return target if OUR_PATH.fullmatch(target) else "/"
