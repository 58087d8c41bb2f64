"""Recordings, users, tokens and links: few, and written at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from superlearner.store.rows import Recording, SignInLink, Token, UserRow, json_text, stored_as

if TYPE_CHECKING:
    from superlearner.store.database import Database

__all__ = ["Records"]


class Records:
    """The records of one store. Each method raises `StoreUnavailable` while the database cannot be used.

    Args:
        opened: returns the open database.
    """

    def __init__(self, opened: Callable[[], Database]) -> None:
        self._opened = opened

    async def add_recording(self, recording: Recording) -> Recording:
        """Add a recording and return it with its id. Raises NameTaken."""
        values = {
            "name": stored_as("name", recording.name),
            "kind": stored_as("kind", recording.kind),
            "path": stored_as("path", recording.path),
            "at": recording.at,
            "events": recording.events,
            "size": recording.size,
            "about": json_text(recording.about),
            "owner": stored_as("user", recording.owner),
        }
        return _recording(await self._opened().insert("recordings", values))

    async def recordings(self) -> list[Recording]:
        """Return all recordings, newest first."""
        return [_recording(row) for row in await self._opened().rows("recordings")]

    async def recording(self, name: str) -> Recording | None:
        """Return the recording of this name, if there is one."""
        found = await self._opened().rows("recordings", {"name": name})
        return _recording(found[0]) if found else None

    async def measured(self, name: str, *, events: int, size: int) -> bool:
        """Set the size of a finished recording; return whether it exists."""
        return await self._opened().update("recordings", {"name": name}, {"events": events, "size": size}) > 0

    async def delete_recording(self, name: str) -> bool:
        """Remove the record of a recording, not its file; return whether it existed."""
        return await self._opened().delete("recordings", {"name": name}) > 0

    async def add_user(self, user: UserRow) -> UserRow:
        """Add a user and return them with their id. Raises NameTaken."""
        values = {
            "name": stored_as("name", user.name),
            "scopes": _words(user.scopes),
            "at": user.at,
            "revoked": user.revoked,
            "key": stored_as("name", user.key or user.name),
            "role": user.role,
            "seen": user.seen,
            "generation": user.generation,
            "implied": int(user.implied),
            "quota": json_text(user.quota),
            "shown": user.shown,
        }
        return _user(await self._opened().insert("users", values))

    async def users(self) -> list[UserRow]:
        """Return all users, including revoked ones, newest first."""
        return [_user(row) for row in await self._opened().rows("users")]

    async def revoke_user(self, name: str, at: float) -> bool:
        """Revoke a user with all tokens and links; return whether there was an active one."""
        return await self._opened().revoke_user(name, at)

    async def change_user(self, user: UserRow) -> bool:
        """Store the fields of a user that may change; return whether the user exists."""
        values: dict[str, Any] = {"role": user.role, "scopes": _words(user.scopes), "shown": user.shown}
        values |= {"generation": user.generation, "implied": int(user.implied), "quota": json_text(user.quota)}
        return await self._opened().update("users", {"id": user.id, "revoked": None}, values) > 0

    async def saw_user(self, number: int, at: float) -> bool:
        """Set the time of a user's last request; return whether the user exists."""
        return await self._opened().update("users", {"id": number}, {"seen": at}) > 0

    async def add_link(self, link: SignInLink) -> SignInLink:
        """Add a link by the hash of its code and return it with its id."""
        values = {"hash": link.hash, "user": link.user, "at": link.at, "expires": link.expires, "used": link.used}
        return SignInLink(**await self._opened().insert("sign_in_links", values))

    async def link(self, hash: str) -> SignInLink | None:
        """Return the link whose code has this hash, if there is one."""
        found = await self._opened().rows("sign_in_links", {"hash": hash})
        return SignInLink(**found[0]) if found else None

    async def links_of(self, user: int) -> list[SignInLink]:
        """Return the links of a user, newest first."""
        return [SignInLink(**row) for row in await self._opened().rows("sign_in_links", {"user": user})]

    async def end_links(self, ids: list[int], at: float) -> None:
        """Set the expiry of the unused ones of these links."""
        await self._opened().update("sign_in_links", {"id": ids, "used": None}, {"expires": at})

    async def use_link(self, hash: str, at: float) -> bool:
        """Mark a link as used; return whether it was unused. Of concurrent calls, one gets True."""
        return await self._opened().update("sign_in_links", {"hash": hash, "used": None}, {"used": at}) > 0

    async def delete_links(self, user: int) -> int:
        """Delete the links of a user; return their number."""
        return await self._opened().delete("sign_in_links", {"user": user})

    async def forget_links(self, before: float) -> int:
        """Delete links that expired before a time, a thousand at a time; return their number."""
        return await self._opened().delete_oldest("sign_in_links", {"expired": before}, 1000)

    async def add_token(self, token: Token) -> Token:
        """Add a token by its hash and return it with its id. Raises NameTaken."""
        values = {
            "name": stored_as("name", token.name),
            "user": stored_as("user", token.user),
            "scopes": _words(token.scopes),
            "hash": stored_as("hash", token.hash),
            "at": token.at,
            "revoked": token.revoked,
            "expires": token.expires,
            "used": token.used,
        }
        return _token(await self._opened().insert("tokens", values))

    async def tokens(self) -> list[Token]:
        """Return all tokens, including revoked ones, newest first."""
        return [_token(row) for row in await self._opened().rows("tokens")]

    async def revoke_token(self, name: str, at: float) -> bool:
        """Revoke a token; return whether an active token of this name existed."""
        return await self._opened().update("tokens", {"name": name, "revoked": None}, {"revoked": at}) > 0

    async def used_token(self, name: str, at: float) -> bool:
        """Set the time a token was last used; return whether it exists."""
        return await self._opened().update("tokens", {"name": name}, {"used": at}) > 0


def _words(scopes: Iterable[str]) -> str:
    return " ".join(scopes)


def _recording(row: dict[str, Any]) -> Recording:
    return Recording(**{**row, "about": json.loads(row["about"])})


def _user(row: dict[str, Any]) -> UserRow:
    fields: dict[str, Any] = {**row, "scopes": tuple(row["scopes"].split()), "implied": bool(row["implied"])}
    fields["quota"] = json.loads(row["quota"])
    return UserRow(**fields)


def _token(row: dict[str, Any]) -> Token:
    fields: dict[str, Any] = {**row, "scopes": tuple(row["scopes"].split())}
    return Token(**fields)
