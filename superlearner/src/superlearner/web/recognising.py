"""Recognises visitors by their token or session, and limits failed attempts."""

from __future__ import annotations

import logging
import math
from typing import Final

from superlearner.access.credentials import OWNERS, Credentials, SignInSession
from superlearner.base.commands import command
from superlearner.base.throttle import Throttle
from superlearner.operations.rights.accounts import Accounts, LinkState, user_of
from superlearner.operations.rights.tokens import Tokens
from superlearner.operations.rights.users import ANONYMOUS, OWNER
from superlearner.store import StoreUnavailable, Token, UserRow
from superlearner.web.connections import is_local
from superlearner.web.errors import ApiError
from superlearner.web.visitors import Visit, WebVisitor

__all__ = ["CredentialRefused", "Recogniser", "session_key", "token_key", "unauthorized", "user_key"]

HINT: Final = (
    f"send the header Authorization: Bearer TOKEN; `{command('token')}` prints the owner's on the machine where the "
    "platform runs, and the file `token` of its data directory contains it"
)
USERS: Final = "u"
"""Begins the holder of sessions that a user has without a token."""
log: Final = logging.getLogger(__name__)


class CredentialRefused(Exception):
    """A visitor was refused.

    Args:
        error: the error for a program.
        problem: the text for a person; None for a visitor without a credential, who just has to sign in.
        wait: seconds until the next attempt is allowed.
        forget: delete the browser's cookie.
    """

    def __init__(self, error: ApiError, problem: str | None = None, *, wait: int = 0, forget: bool = False) -> None:
        super().__init__(error.message)
        self.error = error
        self.problem = problem
        self.wait = wait
        self.forget = forget


class Recogniser:
    """Identifies the owner and the holders of tokens.

    Args:
        credentials: the owner's token, links and sessions.
        tokens: those of other users; None if there are none.
        accounts: the other users; None if there are none.
        throttle: the limit on failed attempts.
        cookie: the name of the session cookie.
        required: whether a credential is required.
    """

    def __init__(
        self,
        credentials: Credentials,
        tokens: Tokens | None,
        accounts: Accounts | None,
        throttle: Throttle,
        cookie: str,
        *,
        required: bool,
    ) -> None:
        self.credentials = credentials
        self.tokens = tokens
        self.accounts = accounts
        self.throttle = throttle
        self.cookie = cookie
        self.required = required

    async def visitor(self, visit: Visit) -> WebVisitor:
        """Return the visitor; an anonymous one if no credential is required.

        Raises:
            Refused: a credential is wrong, or missing.
        """
        token = visit.bearer
        if token is not None:
            return await self.by_token(visit, token)
        try:
            found = await self.by_session(visit)
        except CredentialRefused:
            if self.required:
                raise
            found = None  # an outdated cookie; anonymous visitors are allowed here
        if found is None and self.required:
            raise CredentialRefused(unauthorized("expected a credential, got none"))
        return WebVisitor(ANONYMOUS) if found is None else found

    async def by_token(self, visit: Visit, given: str, problem: str | None = None) -> WebVisitor:
        """Return the holder of a token. Raises CredentialRefused; `problem` is for people."""
        self.refuse_if_blocked(visit)
        if self.credentials.is_token(given):
            return WebVisitor(OWNER, OWNERS)
        found = None
        if self.tokens is not None:
            try:
                token = await self.tokens.find(given)
                found = None if token is None else await self._by_stored(token, visit)
            except StoreUnavailable as error:
                raise _unknown_now(error) from None
        if found is None:
            raise self.wrong(visit, "the token is not valid on this platform, or has expired", problem)
        return found

    async def by_session(self, visit: Visit) -> WebVisitor | None:
        """Return the holder of the session in the cookie; None without a cookie.

        Raises:
            Refused: the session is not valid, or has ended.
        """
        cookie = visit.connection.cookies.get(self.cookie)
        if cookie is None:
            return None
        session = self.credentials.session(cookie)
        if session.worth == "wrong":
            message, problem = "the session is not of this platform", "Your session has ended."
            if not self.required:  # perhaps a cookie of another data directory on this port: it must not count
                raise CredentialRefused(unauthorized(message), problem, forget=True)  # as a failed attempt of its owner
            self.refuse_if_blocked(visit, forget=True)
            raise self.wrong(visit, message, problem, forget=True)
        found = await self._in(session, visit) if session.worth == "right" else None
        if found is None:
            raise CredentialRefused(unauthorized("the session has ended"), "Your session has ended.", forget=True)
        return found

    async def by_link(self, visit: Visit, code: str) -> WebVisitor | None:
        """Return the visitor that a link signs in; None if it is not valid."""
        holder = self.credentials.redeem(code)
        return None if holder is None else await self._of(holder, visit)

    async def link_state(self, visit: Visit, code: str) -> tuple[LinkState, WebVisitor | None]:
        """Return the state of a link and its user without using the link up; the user is None if unknown."""
        state = self.credentials.code_state(code)
        if state != "unknown" or self.accounts is None:
            return state, WebVisitor(OWNER, OWNERS) if state == "ready" else None
        try:
            state, row = await self.accounts.look_up(code)
        except StoreUnavailable as error:
            raise _unknown_now(error) from None
        return state, None if row is None else _by_row(row, visit)

    async def redeem(self, visit: Visit, code: str) -> tuple[LinkState, WebVisitor | None]:
        """Use a link up and return the same as `link_state`; of concurrent calls, only one gets "ready"."""
        state = self.credentials.code_state(code)
        if state == "ready":
            found = await self.by_link(visit, code)
            return ("used", None) if found is None else (state, found)
        if state != "unknown" or self.accounts is None:
            return state, None
        try:
            state, row = await self.accounts.redeem(code)
        except StoreUnavailable as error:
            raise _unknown_now(error) from None
        return state, None if row is None else _by_row(row, visit)

    def refuse_if_blocked(self, visit: Visit, *, forget: bool = False) -> None:
        """Raise Refused for an address with too many failed attempts."""
        left = math.ceil(self.throttle.wait(visit.address))
        if left == 0:
            return
        message = f"too many wrong credentials came from this address; try again in {left} s"
        error = ApiError(429, "rate_limited", message, hint="the Retry-After header gives the seconds")
        problem = f"Too many wrong tries came from your address. Try again in {left} seconds."
        raise CredentialRefused(error, problem, wait=left, forget=forget)

    def wrong(
        self, visit: Visit, message: str, problem: str | None, *, forget: bool = False, counts: bool = True
    ) -> CredentialRefused:
        """Count a wrong credential, and return the refusal to raise.

        Requests that another site caused do not count: its pages could contain a hundred wrong links as pictures and
        lock out their reader.
        """
        if counts:
            self.throttle.count(visit.address)
        if counts and self.throttle.wait(visit.address) > 0:
            log.warning("too many wrong credentials from %r: further attempts are delayed", visit.address[:100])
        return CredentialRefused(unauthorized(message), problem, forget=forget)

    async def _in(self, session: SignInSession, visit: Visit) -> WebVisitor | None:
        found = await self._of(session.holder, visit)
        if found is None:
            return None
        until = session.until if found.until is None else min(session.until, found.until)
        keys = (*found.keys, session_key(session))
        return WebVisitor(found.user, found.holder, keys, until, by_cookie=True, generation=found.generation)

    async def _of(self, holder: str, visit: Visit) -> WebVisitor | None:
        """Return the holder of a session or a link; None if no longer valid."""
        if holder == OWNERS:
            return WebVisitor(OWNER, OWNERS)
        if self.tokens is None or self.accounts is None:
            return None
        number, _, generation = holder.removeprefix(USERS).partition("-")  # sessions of older versions have none
        try:
            if holder.startswith(USERS):
                row = await self.accounts.by_id(int(number))
                found = None if row is None else _by_row(row, visit)
                if row is not None:
                    await self.accounts.saw(row)
            else:
                token = await self.tokens.by_id(int(number))
                found = None if token is None else await self._by_stored(token, visit)
        except StoreUnavailable as error:
            raise _unknown_now(error) from None
        return None if found is None or found.generation != int(generation or 0) else found

    async def _by_stored(self, token: Token, visit: Visit) -> WebVisitor | None:
        """Return the holder of a stored token; None if the user was removed."""
        row = None if self.accounts is None else await self.accounts.of_token(token)
        if row is None or self.accounts is None:
            return None
        await self.accounts.saw(row)
        user = user_of(row, local=is_local(visit.address), token=token)
        keys = (token_key(token), user_key(row))
        return WebVisitor(user, f"{token.id}-{row.generation}", keys, token.expires, generation=row.generation)


def _by_row(row: UserRow, visit: Visit) -> WebVisitor:
    user = user_of(row, local=is_local(visit.address))
    return WebVisitor(user, f"{USERS}{row.id}-{row.generation}", (user_key(row),), generation=row.generation)


def session_key(session: SignInSession) -> str:
    """Return the key of a session's streams."""
    return f"session {session.name}"


def token_key(token: Token) -> str:
    """Return the key of a token's streams."""
    return f"token {token.id}"


def user_key(row: UserRow) -> str:
    """Return the key of a user's streams."""
    return f"user {row.id}"


def unauthorized(message: str) -> ApiError:
    """Return the error for a missing or wrong credential."""
    return ApiError(401, "unauthorized", message, hint=HINT)


def _unknown_now(error: StoreUnavailable) -> CredentialRefused:
    message = f"tokens cannot be looked up at the moment ({error.why}); the owner's token works"
    return CredentialRefused(
        ApiError(503, "store_unavailable", message), "Your token cannot be looked up at the moment.", wait=2
    )
