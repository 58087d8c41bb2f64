"""Recordings, users and tokens: few, named, and written at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from superlearner.store.rows import Recording, Token, UserRow, json_text, stored_as

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
        }
        return _user(await self._opened().insert("users", values))

    async def users(self) -> list[UserRow]:
        """Return all users, including revoked ones, newest first."""
        return [_user(row) for row in await self._opened().rows("users")]

    async def revoke_user(self, name: str, at: float) -> bool:
        """Revoke a user with all tokens; return whether there was an active one."""
        return await self._opened().revoke_user(name, at)

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
    fields: dict[str, Any] = {**row, "scopes": tuple(row["scopes"].split())}
    return UserRow(**fields)


def _token(row: dict[str, Any]) -> Token:
    fields: dict[str, Any] = {**row, "scopes": tuple(row["scopes"].split())}
    return Token(**fields)
