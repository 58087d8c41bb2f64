"""What the door looks at in a request: who comes, what it brings, and where on this host it wants to go."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, parse_qsl, quote, urlencode

from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope

from superlearner.web.errors import ApiError, in_envelope
from superlearner.web.guard import path_of

__all__ = ["Visit", "form_of", "ours"]

FOR_PROGRAMS: Final = ("/metrics", "/sign-in/")
LARGEST_FORM: Final = 16_384
OUR_PATH: Final = re.compile(r"/(?![/\\])[!-\[\]-~]*")
"""A path on this host: printable, no backslash, and not `//elsewhere`."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request or web socket.

    Attributes:
        connection: its headers, cookies and query.
        path: behind the prefix of a proxy.
        method: "" for a web socket.
        address: whose it is, as far as it is known.
    """

    connection: HTTPConnection
    path: str
    method: str
    address: str

    @classmethod
    def of(cls, scope: Scope) -> Visit:
        """The visit in this scope."""
        client = scope.get("client")
        return cls(HTTPConnection(scope), path_of(scope), scope.get("method", ""), client[0] if client else "")

    @property
    def is_page(self) -> bool:
        """Whether a person is looking: the answer is a page and no envelope."""
        return self.method in ("GET", "HEAD") and not in_envelope(self.path) and not self.path.startswith(FOR_PROGRAMS)

    @property
    def is_sent(self) -> bool:
        """Whether the browser says that the page of somebody else sent it here, which the person may not know of."""
        return self.connection.headers.get("sec-fetch-site") in ("cross-site", "same-site")

    @property
    def bearer(self) -> str | None:
        """The token in the header, if there is one; other schemes belong to somebody else, a proxy for instance.

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
        """Where it wants to go, without the code of a link."""
        path = quote(self.path, safe="/:@!$&'()*+,;=~-._")
        query: str = self.connection.scope["query_string"].decode("latin-1")
        if "token" in self.connection.query_params:
            query = urlencode([pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != "token"])
        return ours(f"{path}?{query}" if query else path)

    @property
    def next(self) -> str:
        """Where it wants to go once it has signed in, as the address of the sign-in page has it."""
        return ours(self.connection.query_params.get("next", "/"))


async def form_of(receive: Receive) -> dict[str, str]:
    """The fields of a small form; the guard has seen to its type.

    Raises:
        ApiError: it is not small, or no form.
    """
    body = b""
    more = True
    while more:
        message = await receive()
        more = message["type"] == "http.request" and message.get("more_body", False)
        body += message.get("body", b"")
        if len(body) > LARGEST_FORM:
            raise ApiError(413, "body_too_large", f"expected a form of at most {LARGEST_FORM} bytes, got more")
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    except ValueError:
        raise ApiError(400, "malformed_request", "expected a form with the field token") from None
    return {name: values[0] for name, values in fields.items()}


def ours(target: str) -> str:
    """`target` if it is a path on this host, else the front page: nobody is sent elsewhere from here.

    >>> ours("/supervisors?sort=name"), ours("//evil.example")
    ('/supervisors?sort=name', '/')
    """
    return target if OUR_PATH.fullmatch(target) else "/"
