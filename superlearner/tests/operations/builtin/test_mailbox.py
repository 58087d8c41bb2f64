"""Mailboxes over HTTP: messages are listed, and dropped ones not delivered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import GenServer
from superlearner.control.listing import count_processes

Inside = Callable[..., Any]
AT = "/api/v1/processes/counter_1"


async def flood(platform: Any) -> None:
    """Send five messages to a suspended counter."""
    await platform.client.post(f"{AT}/suspend")
    for message in (["add", 1], "reset", ["add", 20]):
        await platform.client.post(f"{AT}/message", json={"message": message, "message_type": "cast"})
    for message in ({"password": "hunter2"}, 7):
        await platform.client.post(f"{AT}/message", json={"message": message})


async def value(platform: Any) -> Any:
    await platform.client.post(f"{AT}/resume")
    body = {"message": "get_value", "message_type": "call"}
    return (await platform.client.post(f"{AT}/message", json=body)).json()["data"]["reply"]


@pytest.mark.operation("mailbox.peek", "mailbox.search", "mailbox.count", "mailbox.patterns")
def test_waiting_messages_are_listed_counted_searched_and_grouped(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async def listed(path: str) -> Any:
            return (await platform.get(f"{AT}/mailbox{path}"))["data"]

        assert await listed("") == []
        await flood(platform)
        assert [(one["kind"], one["tag"], one["text"]) for one in await listed("")] == [
            ("cast", "add", "('add', 1)"), ("cast", "reset", "'reset'"), ("cast", "add", "('add', 20)"),
            ("info", "dict", "{'password': ***}"), ("info", "int", "7"),
        ]  # fmt: skip
        assert [one["position"] for one in await listed("?per_page=2&page=2")] == [2, 3]
        assert [one["position"] for one in await listed("?kind=info")] == [3, 4]
        assert [one["position"] for one in await listed("/search?tag=add&text=20")] == [2]
        assert await listed("/search?text=hunter2") == []
        counted = await listed("/count")
        assert (counted["count"], counted["by_kind"]) == (5, {"call": 0, "cast": 3, "info": 2, "system": 0})
        first = (await listed("/patterns"))[0]
        assert (first["tag"], first["count"], first["oldest"], first["example"]) == ("add", 2, 0, "('add', 1)")

    inside(test)


@pytest.mark.operation("mailbox.drop")
def test_dropped_messages_are_not_delivered(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await flood(platform)
        dry = await platform.client.post(f"{AT}/mailbox/drop?dry_run=true", json={"tag": "reset"})
        assert dry.json()["data"]["would"].startswith("drop messages of tag 'reset' in the mailbox of counter_1")
        dropped = (await platform.client.post(f"{AT}/mailbox/drop", json={"tag": "add", "limit": 1})).json()["data"]
        assert (dropped["name"], dropped["dropped"], dropped["message_queue_len"]) == ("counter_1", 1, 4)
        await platform.client.post(f"{AT}/mailbox/drop", json={"kind": "cast", "text": "{reset}"})
        assert await value(platform) == 20
        nothing = await platform.client.post(f"{AT}/mailbox/drop", json={})
        assert (nothing.status_code, nothing.json()["error"]["code"]) == (422, "validation_error")

    inside(test)


@pytest.mark.operation("mailbox.flush")
def test_a_mailbox_is_emptied_and_callers_are_notified(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await flood(platform)
        began = asyncio.Event()

        async def ask() -> Any:
            began.set()
            with pytest.raises(otp.CallExit) as failed:
                await GenServer.call(("counter_1", platform.node), "get_value", "infinity")
            return failed.value.cause_reason

        asked = asyncio.ensure_future(ask())
        await began.wait()
        dropped = (await platform.client.delete(f"{AT}/mailbox")).json()["data"]
        assert (dropped["dropped"], dropped["message_queue_len"]) == (6, 0)
        assert await asked == "dropped"
        assert await value(platform) == 0

    inside(test)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("demo_one_for_one", (409, "conflict")), ("live", (403, "critical_process_protection"))],
)
def test_mailboxes_of_supervisors_and_critical_processes_are_protected(
    inside: Inside, name: str, expected: tuple[int, str]
) -> None:
    async def test(platform: Any) -> None:
        answer = await platform.client.delete(f"/api/v1/processes/{name}/mailbox")
        assert (answer.status_code, answer.json()["error"]["code"]) == expected

    inside(test)


@pytest.mark.everywhere
@pytest.mark.operation("mailbox.stats")
def test_the_fullest_mailbox_comes_first(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await flood(platform)
        answer = await platform.get("/api/v1/mailboxes?per_page=1")
        (first,) = answer["data"]
        assert (first["name"], first["message_queue_len"], first["status"]) == ("counter_1", 5, "suspended")
        assert answer["meta"]["total"] == count_processes(platform.node).yours

    inside(test)
