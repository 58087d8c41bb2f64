"""The users besides the owner: roles, one-time sign-in links, sessions, last seen.

The store holds them. They are read once, when the first one is needed; after that they work without the store. A
change takes effect with the next request, and listeners end the streams of the user.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Final, Literal

from superlearner.base.forward_clock import ForwardClock
from superlearner.operations.rights.tokens import OPENING_S, USE_WRITTEN_EVERY_S, Tokens
from superlearner.operations.rights.users import ROLE_SCOPES, ROLES, Grant, Role, User, in_order, key_of, role_for
from superlearner.store import SignInLink, Store, StoreUnavailable, Token, UserRow

__all__ = ["Accounts", "LinkState", "UserChange", "role_of", "scopes_of", "standing_of", "user_of"]

LinkState = Literal["ready", "used", "replaced", "lesson_over", "expired", "unknown"]
UserChange = Literal["changed", "signed_out", "lesson_over", "removed"]

CODE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
LINKS_KEPT_S: Final = 30 * 24 * 3600
"""Time for which an expired link is kept, so that its page can say so."""


def role_of(row: UserRow) -> Role:
    """Return the role of a user; that with the fewest rights for a word that is no role."""
    known: dict[str, Role] = {role: role for role in ROLES}
    return known.get(row.role, "viewer")


def scopes_of(row: UserRow) -> frozenset[Grant]:
    """Return the scopes of a user: those of the role, or the part that was chosen."""
    granted = ROLE_SCOPES[role_of(row)]
    return granted.intersection(in_order(row.scopes)) if row.scopes else granted


def standing_of(row: UserRow) -> Role:
    """Return the role that decides the quotas of a user and the users who manage them.

    It is the role, except for a teacher whose scopes let them change nothing of others: that is a learner or viewer.
    """
    role, scopes = role_of(row), scopes_of(row)
    if role != "teacher" or not scopes.isdisjoint(("operate", "code")):
        return role
    return "learner" if "own" in scopes else "viewer"


def user_of(row: UserRow, *, local: bool, token: Token | None = None) -> User:
    """Return the user of a request; with a token, only its scopes."""
    scopes = scopes_of(row)
    if token is not None:
        scopes = scopes.intersection(in_order(token.scopes))
    return User(row.name, scopes, local, row.id or None, role_of(row), row.shown)


class Accounts:
    """The users of one platform.

    Args:
        store: keeps them.
        tokens: their tokens, and the clock.

    >>> import otp, tempfile
    >>> from superlearner.store import StoreService
    >>> async def main(folder):
    ...     store = Store(f"sqlite:///{folder}/store.db")
    ...     await StoreService.start_link(store, name="store")
    ...     accounts = Accounts(store, Tokens(store))
    ...     ada = await accounts.add("ada", "learner")
    ...     code, _, _ = await accounts.new_link(ada, 600)
    ...     first, second = await accounts.redeem(code), await accounts.redeem(code)
    ...     await store.close()
    ...     return first[0], first[1].name, second[0]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     otp.run(main, folder)
    ('ready', 'ada', 'used')
    """

    def __init__(self, store: Store, tokens: Tokens) -> None:
        self._store = store
        self._tokens = tokens
        self.clock: ForwardClock = tokens.clock
        self._all: dict[int, UserRow] | None = None
        self._by_key: dict[str, int] = {}
        self._seen: dict[int, float] = {}
        self._unstored: set[int] = set()
        self._signed_out: dict[int, tuple[float, str]] = {}
        self._lock = asyncio.Lock()
        self._listeners: tuple[Callable[[UserRow, UserChange], object], ...] = ()

    def listen(self, listener: Callable[[UserRow, UserChange], object]) -> None:
        """Call `listener(user, change)` after a user was changed, signed out everywhere, or removed."""
        self._listeners = (*self._listeners, listener)

    async def find(self, name: str) -> UserRow | None:
        """Return the user with this name in any case, also a removed one. Raises StoreUnavailable."""
        users = await self._known()
        number = self._by_key.get(key_of(name))
        return None if number is None else users[number]

    async def by_id(self, number: int) -> UserRow | None:
        """Return the user with this `id`, unless removed. Raises StoreUnavailable."""
        row = (await self._known()).get(number)
        return None if row is None or row.revoked is not None else row

    async def of_token(self, token: Token) -> UserRow | None:
        """Return the user of a valid token; None if the user was removed. Raises StoreUnavailable."""
        row = await self.find(token.user)
        if row is None:  # a token from before there were users, restored from a backup
            return _implied(token.user, token.scopes, token.at)
        return None if row.revoked is not None else row

    async def all(self) -> list[UserRow]:
        """Return all users, also removed ones, newest first. Raises StoreUnavailable."""
        users = await self._known()
        return [replace(row, seen=self._seen.get(row.id, row.seen)) for _, row in sorted(users.items(), reverse=True)]

    def is_implied(self, name: str) -> bool:
        """Return whether a user goes with the last token, as far as the users have been read."""
        number = self._by_key.get(key_of(name))
        return number is None or self._all is None or self._all[number].implied

    def has_left(self, name: str) -> bool:
        """Return whether a user was removed, or was added with a token and has none now."""
        number = self._by_key.get(key_of(name))
        if self._all is None or number is None:
            return False
        row = self._all[number]
        return row.revoked is not None or (row.implied and self._tokens.has_none(row.name))

    async def add(
        self, name: str, role: Role, scopes: Iterable[Grant] = (), *, implied: bool = False, shown: str = ""
    ) -> UserRow:
        """Add a user; `shown` is the name as typed.

        Raises:
            NameTaken: there is, or was, one of this name.
            StoreUnavailable: it cannot be stored.
        """
        await self._known()
        row = UserRow(name, tuple(scopes), self.clock(), key=key_of(name), role=role, implied=implied, shown=shown)
        async with self._lock:
            return self._put(await self._store.records.add_user(row))

    async def add_for_token(self, name: str, scopes: Iterable[Grant]) -> UserRow:
        """Add the user of a new token, with the lowest role that has its scopes. Raises as `add`."""
        chosen = tuple(scopes)
        return await self.add(name, role_for(chosen), chosen, implied=True)

    async def change(
        self, row: UserRow, *, role: Role | None = None, scopes: Iterable[Grant] = (), implied: bool = False
    ) -> UserRow:
        """Change role and scopes of a user; open pages and streams end, and their clients connect again.

        Raises:
            StoreUnavailable: not stored, and not changed.
        """
        async with self._lock:
            row = self._current(row)
            changed = replace(row, role=role or row.role, scopes=tuple(scopes), implied=implied)
            await self._store.records.change_user(changed)
            self._put(changed)
        self._notify_listeners(changed, "changed")
        return changed

    async def show_as(self, row: UserRow, shown: str) -> UserRow:
        """Set the name that pages show for a user. Raises StoreUnavailable."""
        async with self._lock:
            changed = replace(self._current(row), shown=shown)
            await self._store.records.change_user(changed)
            return self._put(changed)

    async def set_quota(self, row: UserRow, quota: Mapping[str, int], *, reset: bool = False) -> UserRow:
        """Set quotas of a user, and with `reset` give the others back to the role. Raises StoreUnavailable."""
        async with self._lock:
            row = self._current(row)
            changed = replace(row, quota={**({} if reset else row.quota), **quota})
            await self._store.records.change_user(changed)
            return self._put(changed)

    async def sign_out(self, row: UserRow, why: Literal["signed_out", "lesson_over"] = "signed_out") -> None:
        """End all sessions and links of a user. Raises StoreUnavailable: only for this run of the platform.

        The links that end with a lesson are kept, so that their page can say so.
        """
        async with self._lock:
            row = self._current(row)
            changed = replace(row, generation=row.generation + 1)
            self._put(changed)
            self._signed_out[row.id] = self.clock(), why
            self._notify_listeners(changed, why)
            with _until_restart(f"{row.name} is signed out"):
                await self._store.records.change_user(changed)
                if why == "signed_out":
                    await self._store.records.delete_links(row.id)
                    return
                for link in await self._store.records.links_of(row.id):
                    if link.used is None and link.expires > self.clock():
                        await self._store.records.end_links([link.id], link.at)  # see `look_up`

    async def remove(self, row: UserRow) -> None:
        """Remove a user with all tokens, links and sessions.

        Raises:
            StoreUnavailable: not stored; the user is removed only for this run of the platform.
        """
        async with self._lock:
            removed = replace(self._current(row), revoked=self.clock())
            self._put(removed)
            self._tokens.forget(row.name)
            self._notify_listeners(removed, "removed")
            self._unstored.add(row.id)
            with _until_restart(f"the user {row.name} is removed"):
                await self._store.records.revoke_user(row.name, self.clock())
            self._unstored.discard(row.id)

    def is_removed(self, row: UserRow) -> bool:
        """Return whether a user is removed, and the store knows."""
        return row.revoked is not None and row.id not in self._unstored

    async def saw(self, row: UserRow) -> None:
        """Record a request of a user; the store gets the time at most once a minute."""
        now = self.clock()
        if row.id == 0 or now - self._seen.get(row.id, 0.0) < USE_WRITTEN_EVERY_S or self._store.trouble is not None:
            return
        self._seen[row.id] = now
        with suppress(StoreUnavailable):
            await self._store.records.saw_user(row.id, now)

    async def new_link(self, row: UserRow, seconds: float) -> tuple[str, float, bool]:
        """Create a link that signs a user in once, in place of one that was not used.

        Returns:
            its code, which is not stored; its expiry; and whether it replaced one.

        Raises:
            StoreUnavailable: it cannot be stored.
        """
        code, now = secrets.token_urlsafe(32), self.clock()
        await self._store.records.forget_links(now - LINKS_KEPT_S)
        old = await self._store.records.links_of(row.id)
        ready = [one.id for one in old if one.used is None and one.expires > now]
        if ready:
            await self._store.records.end_links(ready, now)
        await self._store.records.add_link(SignInLink(_hash(code), row.id, now, now + seconds))
        return code, now + seconds, bool(ready)

    async def look_up(self, code: str) -> tuple[LinkState, UserRow | None]:
        """Return the state of a link and its user; the user of an unknown link is None. Raises StoreUnavailable."""
        if CODE.fullmatch(code) is None:
            return "unknown", None
        await self._known()  # sets the clock
        found = await self._store.records.link(_hash(code))
        row = None if found is None else await self.by_id(found.user)
        if found is None or row is None:
            return "unknown", None
        at, why = self._signed_out.get(row.id, (0.0, "signed_out"))
        ended = found.at <= at
        if ended and why == "signed_out":
            return "unknown", None
        self.clock.at_least(found.used or found.at)
        if found.used is not None:
            return "used", row
        if any(one.id > found.id for one in await self._store.records.links_of(row.id)):
            return "replaced", row
        if ended or found.expires <= found.at:  # no other link expires when it is made
            return "lesson_over", row
        return ("expired" if found.expires <= self.clock() else "ready"), row

    async def redeem(self, code: str) -> tuple[LinkState, UserRow | None]:
        """Use a link up and return the same as `look_up`; of concurrent calls, only one gets "ready".

        Raises StoreUnavailable.
        """
        state, row = await self.look_up(code)
        if state == "ready" and not await self._store.records.use_link(_hash(code), self.clock()):
            return "used", row
        return state, row

    def _current(self, row: UserRow) -> UserRow:
        """Return the row as it is now; another change may have come between."""
        assert self._all is not None
        return self._all[row.id]

    def _put(self, row: UserRow) -> UserRow:
        assert self._all is not None
        self._all[row.id] = row
        self._by_key[row.key] = row.id
        return row

    def _notify_listeners(self, row: UserRow, change: UserChange) -> None:
        for listener in self._listeners:
            listener(row, change)

    async def _known(self) -> dict[int, UserRow]:
        if self._all is None:
            async with self._lock:
                if self._all is None:
                    await self._store.sync(OPENING_S)  # right after a start the store may still be opening
                    rows = await self._store.records.users()
                    self.clock.at_least(max((row.seen or row.at for row in rows), default=0.0))
                    self._by_key = {row.key: row.id for row in rows}
                    self._all = {row.id: row for row in rows}
        return self._all


@contextmanager
def _until_restart(what: str) -> Generator[None]:
    """Say that a change holds only for this run of the platform if it cannot be stored."""
    try:
        yield
    except StoreUnavailable as error:
        why = f"{what} only until the platform restarts, not in the store: {error.why}"
        raise StoreUnavailable(why, "repeat it when the store is available") from None


def _implied(name: str, scopes: Iterable[str], at: float) -> UserRow:
    granted = in_order(scopes)
    return UserRow(name, granted, at, key=key_of(name), role=role_for(granted), implied=True)


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
