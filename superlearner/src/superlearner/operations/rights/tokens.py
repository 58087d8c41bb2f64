"""Tokens besides the owner's: users, scopes and expiry.

The store holds their hashes. They are read once, when the first token is presented; after that they work without the
store. A new, revoked or expired token takes effect with the next request.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from superlearner.base.forward_clock import ForwardClock
from superlearner.operations.rights.users import Grant
from superlearner.store import Store, StoreUnavailable, Token

__all__ = ["Tokens"]

SHAPE: Final = re.compile(r"sl_[A-Za-z0-9_-]{43}")
"""The form of a token: secret scanners can find one committed by mistake, and foreign strings are rejected early."""
USE_WRITTEN_EVERY_S: Final = 60.0
OPENING_S: Final = 3.0


class Tokens:
    """The tokens of one platform.

    Args:
        store: keeps them.
        clock: seconds since 1970; it does not go back, so that an expired token stays expired.

    >>> import otp, tempfile
    >>> from superlearner.store import StoreService
    >>> async def main(folder):
    ...     store = Store(f"sqlite:///{folder}/store.db")
    ...     await StoreService.start_link(store, name="store")
    ...     await store.sync()
    ...     tokens = Tokens(store)
    ...     token, secret = await tokens.create("laptop", "ada", ["read"])
    ...     found = await tokens.find(secret)
    ...     await tokens.revoke("laptop")
    ...     after = await tokens.find(secret)
    ...     await store.close()
    ...     return found.user, after
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     otp.run(main, folder)
    ('ada', None)
    """

    def __init__(self, store: Store, clock: ForwardClock | None = None) -> None:
        self._store = store
        self.clock = clock or ForwardClock()
        self._live: dict[int, Token] | None = None
        self._used: dict[int, float] = {}
        self._use_written: dict[int, float] = {}
        self._lock = asyncio.Lock()
        self._listeners: tuple[Callable[[Token], object], ...] = ()

    @property
    def is_stored(self) -> bool:
        """True if a store holds them."""
        return self._store.url is not None

    def listen(self, listener: Callable[[Token], object]) -> None:
        """Call `listener(token)` when a token is revoked."""
        self._listeners = (*self._listeners, listener)

    async def find(self, given: str) -> Token | None:
        """Return the token with this secret if it is valid. All hashes are compared, each in constant time.

        Raises:
            StoreUnavailable: it has the form of a token, and the tokens could not be read yet.
        """
        if SHAPE.fullmatch(given) is None:
            return None
        digest = _hash(given)
        matching = [token for token in (await self._known()).values() if hmac.compare_digest(token.hash, digest)]
        return await self._in_use(matching[0]) if matching else None

    async def by_id(self, number: int) -> Token | None:
        """Return the token with this `id` if it is valid, for sessions opened with it. Raises as `find`."""
        token = (await self._known()).get(number)
        return None if token is None else await self._in_use(token)

    async def create(
        self, name: str, user: str, scopes: Iterable[Grant], *, expires: float | None = None
    ) -> tuple[Token, str]:
        """Create a token and return it with its secret, which is not stored.

        Raises:
            NameTaken: there is, or was, one of this name.
            StoreUnavailable: it cannot be stored.
        """
        secret = f"sl_{secrets.token_urlsafe(32)}"
        live = await self._known()
        async with self._lock:
            row = Token(name, user, tuple(scopes), _hash(secret), self.clock(), expires=expires)
            made = await self._store.records.add_token(row)
            live[made.id] = made
        return made, secret

    async def revoke(self, name: str) -> bool:
        """Revoke a token; return whether there was an unrevoked one with this name.

        Raises:
            StoreUnavailable: not stored; the token is invalid only for this run of the platform.
        """
        live = await self._known()
        async with self._lock:
            found = [token for token in live.values() if token.name == name]
            for token in found:
                self._end(token)
            try:
                return await self._store.records.revoke_token(name, self.clock()) or bool(found)
            except StoreUnavailable as error:
                if not found:
                    raise
                why = f"the token {name} is revoked only until the platform restarts, not in the store: {error.why}"
                raise StoreUnavailable(why, "revoke it again when the store is available") from None

    def forget(self, user: str) -> None:
        """End the tokens of a removed user, which the store revokes."""
        for token in [token for token in (self._live or {}).values() if token.user == user]:
            self._end(token)

    async def all(self) -> list[Token]:
        """Return all tokens, revoked and expired ones included, newest first. Raises StoreUnavailable."""
        await self._known()
        rows = await self._store.records.tokens()
        return [replace(row, used=self._used.get(row.id, row.used)) for row in rows]

    async def has(self, name: str) -> bool:
        """Return whether there is an unrevoked token with this name. Raises StoreUnavailable."""
        if any(token.name == name for token in (await self._known()).values()):
            return True
        rows = await self._store.records.tokens()  # a revocation that was not stored is missing in `_live`
        return any(row.name == name and row.revoked is None for row in rows)

    async def user_of(self, name: str) -> str | None:
        """Return the user of an unrevoked token, as far as the tokens have been read. Raises StoreUnavailable."""
        return next((token.user for token in (await self._known()).values() if token.name == name), None)

    async def count(self, user: str) -> int:
        """Return the number of valid tokens of a user. Raises StoreUnavailable."""
        return sum(token.user == user and not self.has_expired(token) for token in (await self._known()).values())

    def users(self) -> set[str]:
        """Return the users with a valid token, as far as the tokens have been read."""
        return {token.user for token in (self._live or {}).values() if not self.has_expired(token)}

    def has_none(self, user: str) -> bool:
        """Return whether a user has no valid token; False as long as the tokens have not been read."""
        return self._live is not None and user not in self.users()

    def has_expired(self, token: Token) -> bool:
        """Return whether the token has expired."""
        return token.expires is not None and token.expires <= self.clock()

    def _end(self, token: Token) -> None:
        assert self._live is not None
        del self._live[token.id]
        for listener in self._listeners:
            listener(token)

    async def _known(self) -> dict[int, Token]:
        if self._live is None:
            async with self._lock:  # else a token revoked meanwhile would be valid again
                if self._live is None:
                    await self._store.sync(OPENING_S)  # right after a start the store may still be opening
                    rows = await self._store.records.tokens()
                    self.clock.at_least(max((row.used or row.at for row in rows), default=0.0))
                    self._live = {row.id: row for row in rows if row.revoked is None}
        return self._live

    async def _in_use(self, token: Token) -> Token | None:
        if self.has_expired(token):
            return None
        now = self.clock()
        self._used[token.id] = now
        if now - self._use_written.get(token.id, 0.0) >= USE_WRITTEN_EVERY_S and self._store.trouble is None:
            self._use_written[token.id] = now
            with suppress(StoreUnavailable):
                await self._store.records.used_token(token.name, now)
        return token


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
