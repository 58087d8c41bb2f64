"""The door of a platform: who is let in, who is recognised, and how a browser gets its session.

A pure ASGI middleware behind the guard. Open are the health routes, the static files and `/sign-in`. Where the platform
asks for a credential, all else, web sockets before they are accepted included, needs one of

- `Authorization: Bearer TOKEN`, for programs;
- the session cookie, which a browser gets by a link that signs in once (`/?token=CODE`) or by the form of `/sign-in`.

Where it does not ask (on loopback), everybody is let in, and who brings one of them is recognised as the owner: what
needs the scope `code` is the owner's everywhere.

Who brings something wrong too often has to wait: 429, and nothing it brings is looked at, but for a session that is
right; otherwise whoever shares an address with the person at work could lock that person out.
"""

from __future__ import annotations

import logging
import math
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from superlearner.web.credentials import Credentials
from superlearner.web.envelope import timestamp
from superlearner.web.errors import ApiError
from superlearner.web.guard import OPEN_PATHS, path_of
from superlearner.web.pages import make_templates
from superlearner.web.throttle import Throttle
from superlearner.web.visit import Visit, form_of, ours

__all__ = ["NEW_LINK", "SIGN_IN", "SignIn", "is_owner"]

SIGN_IN: Final = "/sign-in"
NEW_LINK: Final = "/sign-in/link"
OWNER: Final = "superlearner.owner"
WEB_SOCKET_REFUSED: Final = 4401
WEB_SOCKET_ANSWER: Final = "websocket.http.response"
HINT: Final = (
    "send the header Authorization: Bearer TOKEN; `superlearner token` prints it on the machine where the platform "
    "runs, and it lies in the file `token` of its data directory"
)
log: Final = logging.getLogger(__name__)


class Refused(Exception):
    """Not let in.

    Args:
        error: what a program is told.
        problem: what a person is told; None for one who brought nothing, and only has to sign in.
        wait: seconds until the next try.
        forget: the browser shall forget its cookie, so that it does not bring it again.
    """

    def __init__(self, error: ApiError, problem: str | None = None, *, wait: int = 0, forget: bool = False) -> None:
        super().__init__(error.message)
        self.error = error
        self.problem = problem
        self.wait = wait
        self.forget = forget


def is_owner(scope: Scope) -> bool:
    """Whether who stands behind a request has shown a credential at the door."""
    return bool(scope.get(OWNER, False))


class SignIn:
    """Lets in who has a credential, or everybody, and knows the owner.

    Args:
        app: what is behind the door.
        credentials: who may come in.
        port: our port; browsers do not tell the cookies of two ports apart, so it is part of the cookie's name.
        root_path: path prefix when behind a proxy.
        version: what the page shows.
        throttle: how often somebody may be wrong.
        required: whether who has no credential stays outside.
    """

    def __init__(
        self,
        app: ASGIApp,
        credentials: Credentials,
        *,
        port: int,
        root_path: str = "",
        version: str = "",
        throttle: Throttle | None = None,
        required: bool = True,
    ) -> None:
        self.app = app
        self.credentials = credentials
        self.cookie = f"superlearner-{port}"
        self.root_path = root_path
        self.version = version
        self.throttle = throttle or Throttle()
        self.required = required
        self._template = make_templates().get_template("sign_in.html")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or one web socket."""
        kind = scope["type"]
        if kind == "lifespan" or (kind == "http" and _is_open(path_of(scope))):
            await self.app(scope, receive, send)
            return
        answer = await self._answer(scope, receive)
        if answer is None:
            await self.app(scope, receive, send)
            return
        if kind == "websocket":
            await receive()  # the client's `connect`
        if kind == "http" or WEB_SOCKET_ANSWER in scope.get("extensions", ()):
            await answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": WEB_SOCKET_REFUSED, "reason": "unauthorized"})

    async def _answer(self, scope: Scope, receive: Receive) -> Response | None:
        """What this visit gets instead of what it asked for; None if it is let in."""
        visit = Visit.of(scope)
        try:
            if visit.path == SIGN_IN and scope["type"] == "http":
                return await self._sign_in(visit, receive)
            if visit.path == NEW_LINK and visit.method == "POST":
                return self._new_link(visit)
            if visit.is_page and visit.method == "GET" and "token" in visit.connection.query_params:
                return self._by_link(visit)
            scope[OWNER] = self._check(visit)
        except Refused as refused:
            return self._refusal(visit, refused)
        except ApiError as error:
            return error.response({"cache-control": "no-store"})
        return None

    # -- who is let in ---------------------------------------------------------------------------------------

    def _check(self, visit: Visit) -> bool:
        """Whether a right credential came with the visit; without one it is refused where one is required."""
        token = visit.bearer
        if token is not None:
            self._only_if_it_may_try(visit)
            if not self.credentials.is_token(token):
                raise self._wrong(visit, "the token is not the token of this platform", None)
            return True
        try:
            if self._has_session(visit):
                return True
        except Refused:
            if self.required:
                raise
            return False  # an old cookie; whoever it is may look and operate here without one
        if self.required:
            raise Refused(_unauthorized("expected a credential, got none"))
        return False

    def _has_session(self, visit: Visit) -> bool:
        """Whether the cookie is right; False without a cookie.

        Raises:
            Refused: it is not, or not any more.
        """
        cookie = visit.connection.cookies.get(self.cookie)
        if cookie is None:
            return False
        worth = self.credentials.session(cookie)
        if worth == "right":
            return True
        if worth == "expired":
            raise Refused(_unauthorized("the session has ended"), "Your session has ended.", forget=True)
        self._only_if_it_may_try(visit, forget=True)
        raise self._wrong(visit, "the session is not one of this platform", "Your session has ended.", forget=True)

    def _only_if_it_may_try(self, visit: Visit, *, forget: bool = False) -> None:
        left = math.ceil(self.throttle.wait(visit.address))
        if left == 0:
            return
        message = f"too many wrong credentials came from this address; try again in {left} s"
        error = ApiError(429, "rate_limited", message, hint="the header Retry-After has the seconds")
        problem = f"Too many wrong tries came from your address. Try again in {left} seconds."
        raise Refused(error, problem, wait=left, forget=forget)

    def _wrong(self, visit: Visit, message: str, problem: str | None, *, forget: bool = False) -> Refused:
        """Counts a wrong credential, and answers what to say."""
        self.throttle.wrong(visit.address)
        if self.throttle.wait(visit.address) > 0:
            log.warning("too many wrong credentials from %r: it has to wait now", visit.address[:100])
        return Refused(_unauthorized(message), problem, forget=forget)

    # -- how a browser gets its session ----------------------------------------------------------------------

    def _by_link(self, visit: Visit) -> Response:
        """A link that signs in once. Its code leaves the address bar at once."""
        if "prefetch" in visit.connection.headers.get("sec-purpose", ""):  # a guess of the browser's, not a visit
            return Response(status_code=503, headers={"cache-control": "no-store"})
        cookie = visit.connection.cookies.get(self.cookie)
        signed_in = cookie is not None and self.credentials.session(cookie) == "right"
        if not signed_in:
            self._only_if_it_may_try(visit)
        if not self.credentials.redeem(visit.connection.query_params["token"]) and not signed_in:
            problem = "This link was used before, or belongs to an earlier start of the platform."
            refused = self._wrong(visit, "the link was used before", problem)
            if self.required:
                raise refused
            return self._to(visit.target)  # the link of another day leads to the page all the same
        return self._welcome(visit, visit.target)

    async def _sign_in(self, visit: Visit, receive: Receive) -> Response:
        """The form, and what it sends."""
        if visit.method in ("GET", "HEAD"):
            target = visit.next
            return self._to(target) if self._has_session(visit) else self._page(visit, 200, target)
        if visit.method != "POST":
            raise ApiError(405, "method_not_allowed", f"{SIGN_IN} does not take {visit.method[:20]}")
        form = await form_of(receive)
        token = form.get("token", "").strip()
        target = ours(form.get("next", "/"))
        if not token:
            return self._page(visit, 401, target, "Enter the token.")
        try:
            self._only_if_it_may_try(visit)
            if not self.credentials.is_token(token):
                raise self._wrong(visit, "the token is wrong", "That is not the token of this platform.")
        except Refused as refused:
            return self._page(visit, refused.error.status, target, refused.problem, wait=refused.wait)
        return self._welcome(visit, target)

    def _new_link(self, visit: Visit) -> Response:
        """The code of a fresh link, for the owner's command line; a session is not enough."""
        if visit.bearer is None:
            raise Refused(_unauthorized("expected a token, got none"))
        self._check(visit)
        body = {"data": {"code": self.credentials.new_code()}, "success": True, "timestamp": timestamp()}
        return JSONResponse(body, headers={"cache-control": "no-store"})

    # -- answers ---------------------------------------------------------------------------------------------

    def _welcome(self, visit: Visit, target: str) -> Response:
        response = self._to(target)
        response.set_cookie(self.cookie, self.credentials.new_session(), **self._cookie_options(visit))
        return response

    def _to(self, target: str) -> Response:
        return RedirectResponse(f"{self.root_path}{target}", 303, headers={"cache-control": "no-store"})

    def _refusal(self, visit: Visit, refused: Refused) -> Response:
        status = refused.error.status
        if visit.is_page:
            target = visit.next if visit.path == SIGN_IN else visit.target
            response = self._page(visit, status, target, refused.problem, wait=refused.wait)
        else:
            response = refused.error.response({"cache-control": "no-store", **_headers(status, refused.wait)})
        if refused.forget:
            response.delete_cookie(self.cookie, **self._cookie_options(visit))
        return response

    def _page(self, visit: Visit, status: int, target: str, problem: str | None = None, *, wait: int = 0) -> Response:
        """The page with the form.

        A browser that comes from another site does not bring a `SameSite=Strict` cookie, signed in or not. Such a visit
        begins anew from this page, which is ours. (Where a visit comes from, browsers say only over https and on
        loopback.)
        """
        from_elsewhere = visit.connection.headers.get("sec-fetch-site") not in ("none", "same-origin", "same-site")
        again = status == 401 and problem is None and from_elsewhere and visit.path != SIGN_IN
        html = self._template.render(
            root=self.root_path,
            version=self.version,
            pages=(),
            page="sign-in",
            title="Sign in",
            action=SIGN_IN,
            next=target,
            again=f"{self.root_path}{SIGN_IN}?{urlencode({'next': target})}" if again else None,
            problem=problem,
        )
        return HTMLResponse(html, status, headers={"cache-control": "no-store", **_headers(status, wait)})

    def _cookie_options(self, visit: Visit) -> dict[str, Any]:
        secure = visit.connection.scope["scheme"] in ("https", "wss")
        return {"path": self.root_path or "/", "httponly": True, "samesite": "strict", "secure": secure}


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith("/static/")


def _unauthorized(message: str) -> ApiError:
    return ApiError(401, "unauthorized", message, hint=HINT)


def _headers(status: int, wait: int) -> dict[str, str]:
    headers = {"retry-after": str(wait)} if wait else {}
    if status == 401:
        headers["www-authenticate"] = 'Bearer realm="SuperLearner"'
    return headers
