"""Sign-in: checks credentials, identifies visitors, starts sessions.

A pure ASGI middleware behind the guard. The health routes, the static files and `/sign-in` are open. If the platform
requires credentials, everything else, including web sockets before they are accepted, needs one of

- `Authorization: Bearer TOKEN`, for programs;
- the session cookie, which a browser gets from a one-time sign-in link (`/sign-in/CODE` for users, `/?token=CODE` for
  the owner's browser), or from the form of `/sign-in`, and gives up at `/sign-out`.

Opening `/sign-in/CODE` shows a page, and its button signs in: programs that preview links in chats use no link up. If
the link no longer works, a browser that is already signed in as its user is redirected and gets no error page.

If it does not (on loopback), everyone is let in and visitors with a credential are identified: the `code` scope always
requires one. Operations check their scopes themselves; everything else (pages, live feed, event stream, metrics) needs
`read`, which is checked here; `own` is enough for pages and live feeds, which then show only the user's own things.

After too many wrong credentials an address has to wait: it gets 429 and nothing that it sends is checked, except a
valid session; otherwise anyone who shares an address with a user could lock that user out.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from superlearner.access.credentials import Credentials
from superlearner.base.throttle import Throttle
from superlearner.operations import PREFIX
from superlearner.operations.engine.audit import AuditLog
from superlearner.operations.rights.accounts import Accounts, LinkState, UserChange
from superlearner.operations.rights.tokens import Tokens
from superlearner.store import UserRow
from superlearner.web.connections import is_local
from superlearner.web.envelope import timestamp
from superlearner.web.errors import ApiError
from superlearner.web.guard import OPEN_PATHS, path_of
from superlearner.web.pacing import Pacing
from superlearner.web.page_templates import render_page
from superlearner.web.pages import PAGES, START, is_of_own
from superlearner.web.presence import CHANGED, LESSON_OVER, SIGNED_OUT, Presence
from superlearner.web.recognising import (
    CredentialRefused,
    Recogniser,
    session_key,
    token_key,
    unauthorized,
    user_key,
)
from superlearner.web.refusals import record_refusal
from superlearner.web.visitors import Visit, WebVisitor, dead_link_of, form_of, ours, recognise

__all__ = ["NEW_LINK", "SIGN_IN", "SIGN_OUT", "SignIn"]

SIGN_IN: Final = "/sign-in"
NEW_LINK: Final = "/sign-in/link"
LINKS: Final = "/sign-in/"
COURSE: Final = "/learn"
"""The page on which learners start."""
SIGN_OUT: Final = "/sign-out"
WEB_SOCKET_REFUSED: Final = 4401
WEB_SOCKET_ANSWER: Final = "websocket.http.response"
DEAD_LINKS: Final[dict[LinkState, tuple[str, str]]] = {
    "used": (
        "This link was used already",
        "Each link signs in once. If you did not open it yourself, tell the sender.",
    ),
    "replaced": ("There is a newer link", "This one no longer works. If you do not have the new one, ask the sender."),
    "lesson_over": (
        "The lesson is over",
        "This link ended with it. Your code and progress are kept.",
    ),
    "expired": ("This link has expired", "Links are valid for a limited time."),
    "unknown": ("This link is not valid", "It may be incomplete, or its user was signed out or removed."),
}
OF_OPERATIONS: Final = f"{PREFIX}/"
DEAD_LINK_S: Final = 60
"""Time within which the page that an invalid link leads to says so."""


class SignIn:
    """Lets in visitors with a credential, or everyone, and identifies them.

    Args:
        app: the application behind it.
        credentials: the owner's token, links and sessions.
        port: our port; it is part of the cookie's name, since browsers share cookies between ports.
        root_path: path prefix when behind a proxy.
        version: the version that the page shows.
        throttle: the limit on failed attempts.
        required: whether a credential is required.
        tokens: those of other users than the owner.
        accounts: the other users.
        audit: gets an entry for each page and feed that a user was refused; None without an audit log.
        pacing: the limits on requests; None for no limit.
        cli: how commands begin, as visitors on this machine see it.
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
        tokens: Tokens | None = None,
        accounts: Accounts | None = None,
        audit: AuditLog | None = None,
        pacing: Pacing | None = None,
        cli: str = "superlearner",
    ) -> None:
        self.app = app
        self.credentials = credentials
        self.cookie = f"superlearner-{port}"
        self.link_cookie = f"superlearner-{port}-link"
        self.root_path = root_path
        self.version = version
        self.required = required
        self.audit = audit
        self.pacing = pacing or Pacing()
        self.cli = cli
        self.recogniser = Recogniser(
            credentials, tokens, accounts, throttle or Throttle(), self.cookie, required=required
        )
        self.presence = Presence(credentials.now)
        if tokens is not None:
            tokens.listen(lambda token: self.presence.end(token_key(token)))
        if accounts is not None:
            accounts.listen(self._changed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or one web socket."""
        kind = scope["type"]
        if kind == "lifespan" or (kind == "http" and _is_open(path_of(scope))):
            await self.app(scope, receive, send)
            return
        answer = await self._answer(scope, receive)
        if isinstance(answer, WebVisitor):
            if kind == "websocket":
                receive = self.pacing.paced(answer, receive, send)
            else:
                send = self.pacing.charged(answer, self._forgetting(scope, send))
            with self.pacing.opened(answer.user.name):
                if answer.keys:
                    await self.presence.serve(self.app, answer, scope, receive, send)
                else:
                    await self.app(scope, receive, send)
            return
        if kind == "websocket":
            await receive()  # the client's `connect`
        if kind == "http" or WEB_SOCKET_ANSWER in scope.get("extensions", ()):
            await answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": WEB_SOCKET_REFUSED, "reason": "unauthorized"})

    async def _answer(self, scope: Scope, receive: Receive) -> Response | WebVisitor:
        """Return the visitor if they are let in; else the answer to send."""
        visit = Visit.of(scope)
        try:
            if visit.path == SIGN_IN and scope["type"] == "http":
                return await self._sign_in(visit, receive)
            if visit.path == SIGN_OUT and visit.method == "POST":
                return await self._sign_out(visit)
            if visit.path == NEW_LINK and visit.method == "POST":
                return await self._new_link(visit)
            if visit.path.startswith(LINKS) and visit.path != NEW_LINK and scope["type"] == "http":
                return await self._link(visit)
            if visit.is_page and visit.method == "GET" and "token" in visit.connection.query_params:
                return await self._by_link(visit)
            visitor = await self.recogniser.visitor(visit)
            await self.pacing.count(visit, visitor)
            dead = visit.connection.cookies.get(self.link_cookie)
            recognise(scope, visitor, dead if visit.is_page and dead in DEAD_LINKS and not visitor.holder else None)
            if not _may_read(visit, visitor):
                refused = self._not_allowed(visit, visitor)
                if visit.is_page and "own" in visitor.user.scopes:
                    return self._for_teachers(visit, visitor.user.display_name)
                raise refused
        except CredentialRefused as refused:
            return self._refusal(visit, refused)
        except ApiError as error:
            return error.response({"cache-control": "no-store"})
        return visitor

    def _not_allowed(self, visit: Visit, visitor: WebVisitor) -> CredentialRefused:
        """Return the refusal of a visitor who lacks the scope `read`, and record it."""
        if self.audit is not None:
            of_socket = visit.connection.scope["type"] == "websocket"
            record_refusal(self.audit, visit.connection, "web.live" if of_socket else "web.open", visit.path)
        name = visitor.user.display_name
        return CredentialRefused(
            ApiError(403, "missing_scope", f"{visit.path[:200]} needs the scope read, which {name} lacks"),
            f"{name} may not open this page: it needs the scope read.",
        )

    def _changed(self, row: UserRow, change: UserChange) -> None:
        codes = {"changed": CHANGED, "lesson_over": LESSON_OVER}
        self.presence.end(user_key(row), codes.get(change, SIGNED_OUT))

    # -- sessions of browsers --------------------------------------------------------------------------------

    async def _by_link(self, visit: Visit) -> Response:
        """Sign in by a one-time link, and remove its code from the address bar."""
        if "prefetch" in visit.connection.headers.get("sec-purpose", ""):  # not a click yet
            return Response(status_code=503, headers={"cache-control": "no-store"})
        try:
            before = await self.recogniser.by_session(visit) if self._has_right_session(visit) else None
        except CredentialRefused:
            before = None
        if before is None:
            self.recogniser.refuse_if_blocked(visit)
        visitor = await self.recogniser.by_link(visit, visit.connection.query_params["token"]) or before
        if visitor is None:
            state = self.recogniser.credentials.code_state(visit.connection.query_params["token"])
            problem = (
                "This link has expired."
                if state == "expired"
                else "This link was used before, or belongs to an earlier start of the platform."
            )
            refused = self.recogniser.wrong(visit, "the link was used before", problem, counts=not visit.is_sent)
            if self.required:
                raise refused
            return self._to_page_of(visit, state)
        return self._welcome(visit, visit.target, visitor)

    async def _link(self, visit: Visit) -> Response:
        """Show the page of a one-time link, or sign in by its button."""
        if visit.method not in ("GET", "HEAD", "POST"):
            raise ApiError(405, "method_not_allowed", f"a sign-in link does not take {visit.method[:20]}")
        self.recogniser.refuse_if_blocked(visit)
        code = visit.path.removeprefix(LINKS)
        uses = visit.method == "POST"
        state, visitor = await (self.recogniser.redeem if uses else self.recogniser.link_state)(visit, code)
        ready = state == "ready"
        target = COURSE if visitor is not None and visitor.user.role == "learner" else "/"
        if visitor is not None and ready and uses:
            return self._welcome(visit, target, visitor)
        if state == "unknown":
            self.recogniser.wrong(visit, "the link is not valid", None, counts=not visit.is_sent)
        heading, why = DEAD_LINKS.get(state, ("", ""))
        before = None
        with suppress(CredentialRefused):
            before = await self.recogniser.by_session(visit) if self._has_right_session(visit) else None
        known = visitor is not None and not ready
        if visitor is not None and known and before is not None and before.user.id == visitor.user.id:
            return self._to(target)  # already signed in as this user
        from_elsewhere = visit.connection.headers.get("sec-fetch-site") not in ("none", "same-origin", "same-site")
        again = known and not uses and from_elsewhere and "again" not in visit.connection.query_params  # see `_page`
        html = self._render(
            "sign_in_link.html",
            visit,
            title="Sign in" if ready else heading,
            action=f"{LINKS}{code}",
            user=visitor.user if visitor is not None and ready else None,
            again=f"{self.root_path}{LINKS}{code}?again" if again else None,
            before=None if before is None else before.user.display_name,
            heading=heading,
            why=why,
        )
        return HTMLResponse(html, 200 if ready else 410, headers={"cache-control": "no-store"})

    def _has_right_session(self, visit: Visit) -> bool:
        cookie = visit.connection.cookies.get(self.cookie)
        return cookie is not None and self.credentials.session(cookie).worth == "right"

    async def _sign_in(self, visit: Visit, receive: Receive) -> Response:
        """Show the form, or handle it."""
        if visit.method in ("GET", "HEAD"):
            target = visit.next
            signed_in = await self.recogniser.by_session(visit) is not None
            return self._to(target) if signed_in else self._page(visit, 200, target)
        if visit.method != "POST":
            raise ApiError(405, "method_not_allowed", f"{SIGN_IN} does not take {visit.method[:20]}")
        form = await form_of(receive)
        token = form.get("token", "").strip()
        target = ours(form.get("next", "/"))
        if not token:
            return self._page(visit, 401, target, "Enter the token.")
        try:
            problem = "That is not the token of this platform."
            visitor = await self.recogniser.by_token(visit, token, problem)
        except CredentialRefused as refused:
            return self._page(visit, refused.error.status, target, refused.problem, wait=refused.wait)
        return self._welcome(visit, target, visitor)

    async def _sign_out(self, visit: Visit) -> Response:
        """End the session in every browser that has its cookie, and close its streams."""
        cookie = visit.connection.cookies.get(self.cookie)
        session = None if cookie is None else self.credentials.session(cookie)
        if session is not None and session.worth == "right":
            self.credentials.end_session(session)
            self.presence.end(session_key(session))
        response = self._to(SIGN_IN if self.required else "/")
        response.delete_cookie(self.cookie, **self._cookie_options(visit))
        return response

    async def _new_link(self, visit: Visit) -> Response:
        """Return the code of a new link, for the holder of a token."""
        if visit.bearer is None:
            raise CredentialRefused(unauthorized("expected a token, got none"))
        visitor = await self.recogniser.visitor(visit)
        await self.pacing.count(visit, visitor)
        code = self.credentials.new_code(visitor.holder)
        body = {"data": {"code": code}, "success": True, "timestamp": timestamp()}
        return JSONResponse(body, headers={"cache-control": "no-store"})

    # -- answers ---------------------------------------------------------------------------------------------

    def _welcome(self, visit: Visit, target: str, visitor: WebVisitor) -> Response:
        response = self._to(target)
        session = self.credentials.new_session(visitor.holder, until=visitor.until)
        response.set_cookie(self.cookie, session, **self._cookie_options(visit))
        return response

    def _to_page_of(self, visit: Visit, state: LinkState) -> Response:
        """Go to the page of an invalid link; a cookie tells that page why it failed."""
        response = self._to(visit.target)
        options = self._cookie_options(visit)
        options["samesite"] = "lax"  # a link in a chat comes from another site
        response.set_cookie(self.link_cookie, state, max_age=DEAD_LINK_S, **options)
        return response

    def _forgetting(self, scope: Scope, send: Send) -> Send:
        """Delete the cookie about an invalid link with the answer that says it."""
        visit = Visit.of(scope)
        if dead_link_of(visit.connection) is None:
            return send
        deletion = Response()
        deletion.delete_cookie(self.link_cookie, **self._cookie_options(visit))

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                cookies = [header for header in deletion.raw_headers if header[0] == b"set-cookie"]
                message = {**message, "headers": [*message.get("headers", ()), *cookies]}
            await send(message)

        return answer

    def _to(self, target: str) -> Response:
        return RedirectResponse(f"{self.root_path}{target}", 303, headers={"cache-control": "no-store"})

    def _refusal(self, visit: Visit, refused: CredentialRefused) -> Response:
        status = refused.error.status
        if visit.is_page:
            target = visit.next if visit.path == SIGN_IN else visit.target
            response = self._page(visit, status, target, refused.problem, wait=refused.wait)
        else:
            error = refused.error.for_terminal(self.cli) if is_local(visit.address) else refused.error
            response = error.response({"cache-control": "no-store", **_headers(status, refused.wait)})
        if refused.forget:
            response.delete_cookie(self.cookie, **self._cookie_options(visit))
        return response

    def _page(self, visit: Visit, status: int, target: str, problem: str | None = None, *, wait: int = 0) -> Response:
        """Return the page with the form.

        A browser that comes from another site does not send a `SameSite=Strict` cookie, even if it is signed in. Such a
        visit is repeated from this page, which is on our site. (Browsers report the origin of a visit only over https
        and on loopback.)
        """
        from_elsewhere = visit.connection.headers.get("sec-fetch-site") not in ("none", "same-origin", "same-site")
        again = status == 401 and problem is None and from_elsewhere and visit.path != SIGN_IN
        html = self._render(
            "sign_in.html",
            visit,
            title="Sign in",
            action=SIGN_IN,
            next=target,
            again=f"{self.root_path}{SIGN_IN}?{urlencode({'next': target})}" if again else None,
            problem=problem,
        )
        return HTMLResponse(html, status, headers={"cache-control": "no-store", **_headers(status, wait)})

    def _for_teachers(self, visit: Visit, name: str) -> Response:
        """Return the page that tells a learner who the requested page is for, and what they may open."""
        what = next((page.label for page in PAGES if page.path == visit.path), None)
        html = self._render(
            "for_teachers.html",
            visit,
            title="There is no such page" if what is None else "For teachers",
            what=what,
            path=visit.path[:200],
            name=name,
            pages=[page for page in PAGES if page.of_own],
            places=[page for page in PAGES if page.of_own and (page.id == START or page.is_place)],
        )
        return HTMLResponse(html, 404 if what is None else 403, headers={"cache-control": "no-store"})

    def _render(self, template: str, visit: Visit, **values: Any) -> str:
        cli = self.cli if is_local(visit.address) else "superlearner"
        always = {"root": self.root_path, "cli": cli, "version": self.version, "pages": (), "page": "sign-in"}
        return render_page(template, always | values)

    def _cookie_options(self, visit: Visit) -> dict[str, Any]:
        secure = visit.connection.scope["scheme"] in ("https", "wss")
        return {"path": self.root_path or "/", "httponly": True, "samesite": "strict", "secure": secure}


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith("/static/")


def _may_read(visit: Visit, visitor: WebVisitor) -> bool:
    """Return whether a visitor has `read`, or requests only operations and pages about their own things."""
    user = visitor.user
    return visit.path.startswith(OF_OPERATIONS) or user.may("read") or ("own" in user.scopes and is_of_own(visit.path))


def _headers(status: int, wait: int) -> dict[str, str]:
    headers = {"retry-after": str(wait)} if wait else {}
    if status == 401:
        headers["www-authenticate"] = 'Bearer realm="SuperLearner"'
    return headers
