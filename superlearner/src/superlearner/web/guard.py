"""The guard: checks the host, the origin and the body of every request.

A pure ASGI middleware. No CSRF token is needed: a foreign page cannot forge `Origin`, `Sec-Fetch-Site` or `Host`, and
browsers do not send a request that is neither "simple" nor allowed by us. So documented `curl` commands work as they
are.

- `Host` must be in the allow-list (against DNS rebinding); the health routes and the static files are open. A browser
  gets a page that explains it.
- For unsafe methods and web sockets, an `Origin` must be ours and a `Sec-Fetch-Site` must be `same-origin` or `none`,
  if present. For names of the allow-list `https` is ours, too, since a proxy with TLS may stand in front.
- A body must be `application/json`, at most `max_body` bytes long and in time, and all bodies together are limited;
  only the sign-in page sends a form, a small one. A body is read when the application asks for it, after the
  credential and the scope are checked.
- Every answer has the security headers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from superlearner.web.bodies import Bodies, BodyLimits
from superlearner.web.errors import ApiError

__all__ = ["CONTENT_SECURITY_POLICY", "OPEN_PATHS", "Guard", "path_of"]

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN_PATHS: Final = frozenset({"/health/live", "/health/ready"})
STATIC_FILES: Final = "/static/"
LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")
WEB_SOCKET_REFUSED: Final = 4403
LARGEST_FORM: Final = 16_384

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
)
SECURITY_HEADERS: Final = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Guard:
    """Passes on requests from our own pages and programs; refuses others.

    Args:
        app: the application behind the guard.
        allowed_hosts: names and addresses in addition to loopback, without port.
        limits: returns the current limits on bodies.
        form_paths: paths whose body is a form.
        host_page: returns the page for a browser whose host is not allowed.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        allowed_hosts: Iterable[str] = (),
        limits: Callable[[], BodyLimits] = BodyLimits,
        form_paths: Iterable[str] = (),
        host_page: Callable[[str], Response] | None = None,
    ) -> None:
        self.app = app
        self.bodies = Bodies(limits)
        self.forms = Bodies(lambda: replace(limits(), largest=LARGEST_FORM))
        self.form_paths = frozenset(form_paths)
        self.host_page = host_page
        self.allowed_hosts = frozenset(_bracketed(host.lower()) for host in (*LOOPBACK_NAMES, *allowed_hosts))
        self.proxied_hosts = self.allowed_hosts.difference(LOOPBACK_NAMES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or one web socket."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._web_socket(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        secured = _with_security_headers(send)
        headers = _Headers(scope)
        try:
            path = path_of(scope)
            if path not in OPEN_PATHS and not path.startswith(STATIC_FILES):
                self._check_host(headers)
            if scope["method"] not in SAFE_METHODS:
                self._check_origin(scope, headers)
            is_form = path in self.form_paths
            bodies = self.forms if is_form else self.bodies
            if headers.has_body:
                self._check_body(headers, FORM if is_form else JSON, bodies)
        except ApiError as error:
            answer = error.response()
            if error.code == "host_not_allowed" and self.host_page is not None and headers.accepts_html:
                answer = self.host_page(_without_port(headers.only("host"))[:100])
            await answer(scope, receive, secured)
            return
        if not headers.has_body:
            await self.app(scope, receive, secured)
            return
        body = bodies.body(receive)
        try:
            await self.app(scope, body.receive, secured)
        except ApiError as error:  # of the body, from an application without error handlers
            await error.response()(scope, receive, secured)
        finally:
            body.close()

    async def _web_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _Headers(scope)
        try:
            self._check_host(headers)
            self._check_origin(scope, headers)
        except ApiError as error:
            await receive()  # the client's `connect`; refusing it before it is accepted sends 403
            await send({"type": "websocket.close", "code": WEB_SOCKET_REFUSED, "reason": error.code})
            return
        await self.app(scope, receive, send)

    def _check_host(self, headers: _Headers) -> None:
        host = headers.only("host")
        if _without_port(host) in self.allowed_hosts:
            return
        raise ApiError(
            403,
            "host_not_allowed",
            f"the host {_quote(host)} is not allowed",
            hint="start with --allow-host NAME to be reached by that name",
        )

    def _check_origin(self, scope: Scope, headers: _Headers) -> None:
        scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
        host, origin = headers.only("host").lower(), headers.only("origin").lower()
        ours = {f"{scheme}://{host}"}
        if _without_port(host) in self.proxied_hosts:
            ours.add(f"https://{host}")
        if headers.has("origin") and origin not in ours:
            raise ApiError(
                403, "foreign_origin", f"the origin {_quote(origin)} is not allowed; open SuperLearner's own page"
            )
        site = headers.only("sec-fetch-site").lower()
        if headers.has("sec-fetch-site") and site not in ("same-origin", "none"):
            raise ApiError(403, "foreign_origin", f"a {_quote(site)} request must not change anything here")

    def _check_body(self, headers: _Headers, expected: str, bodies: Bodies) -> None:
        if headers.media_type != expected:
            raise ApiError(
                415,
                "unsupported_media_type",
                f"expected a body of {expected}, got {_quote(headers.media_type)}",
                hint=f"send the header Content-Type: {expected}",
            )
        if headers.chunked and headers.has("content-length"):
            raise ApiError(400, "malformed_request", "expected Content-Length or a chunked body, got both")
        bodies.check_length(headers.content_length)


class _Headers:
    """The request headers that the guard checks."""

    __slots__ = ("_all",)

    def __init__(self, scope: Scope) -> None:
        self._all: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            self._all.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1").strip())

    def only(self, name: str) -> str:
        """Return the value of a header that may occur once; "" if it is absent."""
        values = self._all.get(name, [])
        if len(values) > 1:
            raise ApiError(400, "malformed_request", f"expected one header {name}, got {len(values)}")
        return values[0] if values else ""

    def has(self, name: str) -> bool:
        return name in self._all

    @property
    def chunked(self) -> bool:
        return self.has("transfer-encoding")

    @property
    def content_length(self) -> int:
        text = self.only("content-length")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else (1 << 62 if text else 0)

    @property
    def has_body(self) -> bool:
        return self.chunked or self.content_length > 0

    @property
    def accepts_html(self) -> bool:
        return any("text/html" in value for value in self._all.get("accept", ()))

    @property
    def media_type(self) -> str:
        return self.only("content-type").partition(";")[0].strip().lower()


def path_of(scope: Scope) -> str:
    """Return the path without the prefix of a proxy."""
    return str(scope["path"]).removeprefix(scope.get("root_path", ""))


def _with_security_headers(send: Send) -> Send:
    async def secured(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers: list[Any] = list(message.get("headers", ()))
            present = {bytes(name).lower() for name, _ in headers}
            headers += [pair for pair in SECURITY_HEADERS if pair[0] not in present]
            message = {**message, "headers": headers}
        await send(message)

    return secured


def _without_port(host: str) -> str:
    host = host.lower()
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _bracketed(host: str) -> str:
    """Return an IPv6 address as written in a `Host` header."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _quote(text: str) -> str:
    return repr(text[:100]) if text else "none"
