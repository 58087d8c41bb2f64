"""Recordings, users, tokens and changed settings: written when the call returns, found again by another program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from superlearner.store import NameTaken, Recording, SettingChange, Token, UserRow

WithStore = Callable[..., Any]


def test_a_recording_is_found_by_its_name_until_it_is_deleted(url: str, with_store: WithStore) -> None:
    async def test(running: Any) -> None:
        await running.store.sync()
        records = running.store.records
        first = await records.add_recording(Recording("monday", "trace", "recordings/1.otp", 1.0, about={"node": "n"}))
        second = await records.add_recording(Recording("tuesday", "trace", "recordings/2.otp", 2.0))
        assert await records.recordings() == [second, first]
        assert await records.recording("monday") == first
        assert await records.measured("monday", events=10, size=2**40)
        measured = await records.recording("monday")
        assert (measured.events, measured.size, measured.about) == (10, 2**40, {"node": "n"})
        with pytest.raises(NameTaken, match="'monday'"):
            await records.add_recording(Recording("monday", "trace", "recordings/3.otp", 3.0))
        assert await records.delete_recording("monday")
        assert not await records.delete_recording("monday")
        assert await records.recording("monday") is None
        assert not await records.measured("monday", events=1, size=1)

    with_store(url, test)


def test_a_revoked_user_takes_their_tokens_along(url: str, with_store: WithStore) -> None:
    async def test(running: Any) -> None:
        await running.store.sync()
        records = running.store.records
        await records.add_user(UserRow("ada", ("read", "code"), 1.0))
        await records.add_user(UserRow("bob", ("read",), 1.0))
        with pytest.raises(NameTaken):
            await records.add_user(UserRow("ada", (), 2.0))
        for name, user in (("laptop", "ada"), ("phone", "ada"), ("desk", "bob")):
            await records.add_token(Token(name, user, ("read",), f"hash of {name}", 2.0))
        assert await records.revoke_token("phone", 3.0)
        assert not await records.revoke_token("phone", 4.0)
        assert await records.revoke_user("ada", 5.0)
        assert not await records.revoke_user("ada", 6.0)
        assert {token.name: token.revoked for token in await records.tokens()} == {
            "laptop": 5.0,
            "phone": 3.0,
            "desk": None,
        }
        assert {user.name: (user.scopes, user.revoked) for user in await records.users()} == {
            "ada": (("read", "code"), 5.0),
            "bob": (("read",), None),
        }

    with_store(url, test)


def test_two_tokens_never_have_the_same_hash(url: str, with_store: WithStore) -> None:
    async def test(running: Any) -> None:
        await running.store.sync()
        records = running.store.records
        await records.add_token(Token("laptop", "ada", ("read",), "hash", 1.0))
        with pytest.raises(NameTaken):
            await records.add_token(Token("phone", "ada", ("read",), "hash", 1.0))

    with_store(url, test)


def test_changed_settings_are_listed_newest_first(url: str, with_store: WithStore) -> None:
    async def test(running: Any) -> None:
        store = running.store
        assert store.append_setting_change(SettingChange(1.0, "superlearner.toml", "log_level", "warning", "debug"))
        assert store.append_setting_change(SettingChange(2.0, "ada", "allow_host", [], ["shop.example"]))
        await store.sync()
        newest, _ = await store.setting_changes()
        assert (newest.source, newest.before, newest.after) == ("ada", [], ["shop.example"])
        assert [row.at for row in await store.setting_changes("log_level")] == [1.0]

    with_store(url, test)
